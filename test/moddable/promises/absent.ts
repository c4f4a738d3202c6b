// SPDX-License-Identifier: Apache-2.0
/** Stands for `node:test` in the simulator, where the promises are tried one by one instead. */
export function describe(): void {}
export function it(): void {}
