// SPDX-License-Identifier: Apache-2.0
/**
 * Bytes that may be spent a minute. No minute, wherever it begins, sees more than were set: half of them can be spent
 * at once, and the other half comes back over the minute.
 */

const MINUTE = 60_000;

export class Allowance {
	/** The most that is there, which comes back within a minute. */
	readonly #most: number;
	#left: number;
	/** When that was: monotonic ms. */
	#at: number;

	/** @param perMinute bytes */
	constructor(perMinute: number, now: number) {
		this.#most = perMinute / 2;
		this.#left = this.#most;
		this.#at = now;
	}

	/** Whether so many can be spent now. */
	has(bytes: number, now: number): boolean {
		const passed = now - this.#at;
		if (passed > 0) {
			this.#at = now;
			this.#left = Math.min(this.#most, this.#left + passed * this.#most / MINUTE);
		}
		return this.#left >= bytes;
	}

	/** Monotonic ms from which on so many can be spent, if nobody spends any before; 0: they could have been. */
	availableAt(bytes: number): number {
		const lacking = bytes - this.#left;
		return lacking <= 0 ? 0 : this.#at + Math.ceil(lacking * MINUTE / this.#most);
	}

	spend(bytes: number): void {
		this.#left -= bytes;
	}
}
