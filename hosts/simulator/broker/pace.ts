// SPDX-License-Identifier: Apache-2.0
/** How fast publications, and bytes, may follow each other on one connection. Pure. */
import type { BrokerLimits } from "./limits.js";
import { Rate } from "./rate.js";

export class Pace {
	/** When something that had to wait may go on; `Infinity` when nothing had to. */
	readyAt = Infinity;
	/** Both ways. */
	readonly #all: Rate;
	readonly #bytes: Rate;
	/** Of those to the client that waited while it was away. */
	readonly #drained: Rate;

	constructor({ publicationsPerSecond, bytesPerSecond, drainedPerSecond }: BrokerLimits) {
		this.#bytes = new Rate(bytesPerSecond);
		this.#all = new Rate(publicationsPerSecond);
		this.#drained = new Rate(drainedPerSecond, 1);
	}

	/** Counts bytes that came or go; however many, they are not held back, but what comes after them is. */
	count(bytes: number, now: number): void { this.#bytes.owe(bytes, now); }

	/** @returns false when there were so many bytes that more must wait, and `readyAt` says until when */
	hasRoom(now: number): boolean { return this.#isReady(this.#bytes.readyAt(now), now); }

	/** Counts one more publication. @returns false when it is too early for one, and `readyAt` says when no longer */
	take(hasWaited: boolean, now: number): boolean {
		const readyAt = Math.max(this.#all.readyAt(now), hasWaited ? this.#drained.readyAt(now) : now);
		return this.#isReady(readyAt, now) && this.#all.take(now) && (!hasWaited || this.#drained.take(now));
	}

	#isReady(at: number, now: number): boolean {
		if (at <= now) return true;
		this.readyAt = Math.min(this.readyAt, at);
		return false;
	}
}
