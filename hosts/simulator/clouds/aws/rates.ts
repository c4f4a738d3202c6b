// SPDX-License-Identifier: Apache-2.0
/** So many events a second for each name. Pure. */
import { Rate } from "../../broker/rate.js";

/** Names that are counted; those that were quiet make room, and where none was, the oldest does. */
const NAMES_MAXIMUM = 10_000;

export class Rates {
	readonly #perSecond: number;
	readonly #rates = new Map<string, Rate>();

	/** @param perSecond `Infinity` for no limit */
	constructor(perSecond: number) {
		this.#perSecond = perSecond;
	}

	/** @returns false when there were too many of that name */
	take(name: string, now: number): boolean {
		if (this.#perSecond === Infinity) return true;
		let rate = this.#rates.get(name);
		if (!rate) {
			if (this.#rates.size >= NAMES_MAXIMUM) this.#makeRoom(now);
			rate = new Rate(this.#perSecond);
			this.#rates.set(name, rate);
		}
		return rate.take(now);
	}

	#makeRoom(now: number): void {
		for (const [name, rate] of this.#rates) if (rate.isFull(now)) this.#rates.delete(name);
		const [oldest] = this.#rates.keys();
		if (oldest !== undefined && this.#rates.size >= NAMES_MAXIMUM) this.#rates.delete(oldest);
	}
}
