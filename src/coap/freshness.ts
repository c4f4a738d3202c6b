// SPDX-License-Identifier: Apache-2.0
/**
 * Which notification is the newest, and how long it counts.
 *
 * Spec: RFC 7641 §3.3.1, §3.4; RFC 8323 §7.1: a stream keeps their order by itself.
 */
import { MAX_AGE } from "./constants.js";

/** Half of the 24 bits that sequence numbers have. */
const HALF = 0x80_0000;
/** ms after which any notification is newer: a server cannot have counted half around in that time. */
const ROUND = 128_000;
const SECOND = 1_000;

export class Freshness {
	/** Until the newest counts, monotonic ms. */
	until = Infinity;
	/** Of the newest; -1 before the first. */
	#number = -1;
	#at = 0;

	/** Whether a notification with this number is newer than the newest so far; if so, it is the newest now. */
	isNewer(number: number, now: number, isOrdered: boolean): boolean {
		const last = this.#number;
		const isNewer = isOrdered || last < 0 || now > this.#at + ROUND
			|| (last < number && number - last < HALF) || (last > number && last - number > HALF);
		if (isNewer) {
			this.#number = number;
			this.#at = now;
		}
		return isNewer;
	}

	/** @param maxAge seconds, as the response says; `undefined` where it does not */
	renew(maxAge: number | undefined, now: number): void {
		this.until = now + (maxAge ?? MAX_AGE) * SECOND;
	}
}
