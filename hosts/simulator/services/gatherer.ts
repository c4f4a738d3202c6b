// SPDX-License-Identifier: Apache-2.0
/**
 * What is to be published soon, gathered: each thing once, however often it changed, and not all of them at once.
 *
 * Pure: it learns the time when it is told that it is due.
 */
import type { Task } from "../broker/agenda.js";

/** ms for which changes are gathered. */
export const GATHER_TIME = 1_000;
/** Things published in one go, and the ms between two: a bridge has room for so many that wait. */
const BATCH = 100;
const BATCH_INTERVAL = 100;

export class Gatherer implements Task {
	/** Told when the deadline has become earlier. */
	onDue: (() => void) | undefined;
	readonly #publish: (thing: string) => void;
	readonly #things = new Set<string>();
	/** Monotonic ms; 0: at once, to learn the time. */
	#deadline = Infinity;

	constructor(publish: (thing: string) => void) {
		this.#publish = publish;
	}

	get deadline(): number { return this.#deadline; }

	add(thing: string): void {
		this.#things.add(thing);
		if (this.#deadline !== Infinity) return;
		this.#deadline = 0;
		this.onDue?.();
	}

	expire(now: number): void {
		if (now < this.#deadline) return;
		if (this.#deadline === 0) {
			this.#deadline = now + GATHER_TIME;
			return;
		}
		let room = BATCH;
		for (const thing of this.#things) {
			if (room-- === 0) break;
			this.#things.delete(thing);
			this.#publish(thing);
		}
		this.#deadline = this.#things.size > 0 ? now + BATCH_INTERVAL : Infinity;
	}
}
