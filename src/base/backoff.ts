// SPDX-License-Identifier: Apache-2.0
/**
 * How long to wait before trying again: exponential backoff with decorrelated jitter, as a pure function.
 *
 * Each delay is drawn between the base and three times the delay before it. A fleet that lost its broker at one
 * instant spreads further with every attempt, and all that one needs to remember is its last delay.
 */

export interface Backoff {
	/** The shortest delay, ms. */
	readonly base: number;
	/** The longest delay, ms. */
	readonly cap: number;
}

export const RECONNECT: Backoff = Object.freeze({ base: 1_000, cap: 120_000 });
/** After a peer that answered and refused: the same question asked at once gets the same answer. */
export const REFUSED: Backoff = Object.freeze({ base: 30_000, cap: 600_000 });

const GROWTH = 3;

/**
 * @param previous the delay before this one, ms; 0 for the first
 * @param fraction a random number, at least 0 and below 1
 * @returns ms, a whole number from the base to three times `previous` or the base, and never above the cap
 */
export function backoffDelay({ base, cap }: Backoff, previous: number, fraction: number): number {
	const longest = GROWTH * Math.max(base, Math.min(previous, cap));
	return Math.min(cap, base + Math.floor(fraction * (longest - base + 1)));
}
