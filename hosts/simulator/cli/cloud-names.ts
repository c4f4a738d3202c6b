// SPDX-License-Identifier: Apache-2.0
/** Apart from the clouds themselves: who asks for help need not wait for one to load. */

export const CLOUDS = Object.freeze(["private", "aws", "golioth"] as const);
export type CloudName = typeof CLOUDS[number];
