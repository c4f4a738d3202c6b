// SPDX-License-Identifier: Apache-2.0
/** What is another one in each release, and whose releases this product takes. */

/** As in `moorline release --version`: what calls itself otherwise is left again. */
export const version: string = "1.0.0";

/** `moorline keygen` prints what belongs here. Without a key no release is taken. */
export const keys: readonly string[] = [];

/** ms for which the lamp stays as it is when it blinks. @param done times that it was switched over */
export function blinkTime(_done: number): number {
	return 200;
}
