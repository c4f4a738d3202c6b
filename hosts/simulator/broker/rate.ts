// SPDX-License-Identifier: Apache-2.0
/** So many events a second: a token bucket. Pure. */

export class Rate {
	readonly #perSecond: number;
	readonly #burst: number;
	#tokens: number;
	#at = 0;

	/** @param perSecond `Infinity` for no limit @param burst how many may come at once after a pause */
	constructor(perSecond: number, burst: number = perSecond) {
		this.#perSecond = perSecond;
		this.#burst = burst;
		this.#tokens = burst;
	}

	/** @returns false when it is too early for one more */
	take(now: number): boolean {
		if (this.#perSecond === Infinity) return true;
		this.#fill(now);
		if (this.#tokens < 1) return false;
		this.#tokens--;
		return true;
	}

	/** Takes as many as there were, even more than there are: what is owed must be filled up first. */
	owe(count: number, now: number): void {
		if (this.#perSecond === Infinity) return;
		this.#fill(now);
		this.#tokens -= count;
	}

	/** When `take` will succeed again. */
	readyAt(now: number): number {
		if (this.#perSecond === Infinity) return now;
		this.#fill(now);
		return this.#tokens >= 1 ? now : Math.ceil(now + (1 - this.#tokens) * 1000 / this.#perSecond);
	}

	/** True when nothing is known any more that a new one would not know. */
	isFull(now: number): boolean {
		this.#fill(now);
		return this.#tokens >= this.#burst;
	}

	#fill(now: number): void {
		this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#at) * this.#perSecond / 1000);
		this.#at = now;
	}
}
