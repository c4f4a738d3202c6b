// SPDX-License-Identifier: Apache-2.0
/** How fast publications may follow each other on one connection. Pure. */
import type { BrokerLimits } from "./limits.js";
import { Rate } from "./rate.js";

export class Pace {
	/** When something that had to wait may go on; `Infinity` when nothing had to. */
	readyAt = Infinity;
	/** Both ways. */
	readonly #all: Rate;
	/** Of those to the client that waited while it was away. */
	readonly #drained: Rate;

	constructor({ publicationsPerSecond, drainedPerSecond }: BrokerLimits) {
		this.#all = new Rate(publicationsPerSecond);
		this.#drained = new Rate(drainedPerSecond, 1);
	}

	/** Counts one more. @returns false when it is too early for one, and `readyAt` says when no longer */
	take(hasWaited: boolean, now: number): boolean {
		const readyAt = Math.max(this.#all.readyAt(now), hasWaited ? this.#drained.readyAt(now) : now);
		if (readyAt > now) {
			this.readyAt = Math.min(this.readyAt, readyAt);
			return false;
		}
		return this.#all.take(now) && (!hasWaited || this.#drained.take(now));
	}
}
