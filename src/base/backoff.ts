// SPDX-License-Identifier: Apache-2.0
/**
 * How long to wait before trying again: exponential backoff with full jitter, as a pure function.
 *
 * Full jitter (a uniform choice between zero and the exponential bound) spreads a fleet that lost its
 * broker at one instant better than a fixed delay with a little noise does, and needs no memory.
 */

export interface Backoff {
	/** Upper bound of the first delay, ms. */
	readonly base: number;
	/** Upper bound of all delays, ms. */
	readonly cap: number;
}

export const RECONNECT: Backoff = Object.freeze({ base: 1_000, cap: 120_000 });
/** After a peer that answered and refused: the same question asked at once gets the same answer. */
export const REFUSED: Backoff = Object.freeze({ base: 30_000, cap: 600_000 });

/**
 * @param attempt failures so far, from 0
 * @param fraction a random number, at least 0 and below 1
 * @returns ms, a whole number from 0 to the bound of this attempt
 */
export function backoffDelay(backoff: Backoff, attempt: number, fraction: number): number {
	// 2 ** 30 is beyond every cap and keeps the product exact.
	const bound = Math.min(backoff.cap, backoff.base * 2 ** Math.min(attempt, 30));
	return Math.floor(fraction * (bound + 1));
}
