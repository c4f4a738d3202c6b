// SPDX-License-Identifier: Apache-2.0
/**
 * Random cases from a seed, and the seed with each failure.
 *
 * `SEED=n` in the environment, where there is one, or `globalThis.SEED` plays one seed alone.
 */
import { test } from "node:test";

/** A generator of 32 bits of state (mulberry32): small, even enough, and the same on every engine. */
export class Random {
	#state: number;

	constructor(seed: number) {
		this.#state = seed | 0;
	}

	/** At least 0 and below 1. */
	fraction(): number {
		this.#state = (this.#state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
		mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	}

	/** A whole number from 0 to below `limit`. */
	below(limit: number): number {
		return Math.floor(this.fraction() * limit);
	}

	/** True in one of `odds` cases. */
	once(odds: number): boolean {
		return this.below(odds) === 0;
	}

	pick<Item>(items: readonly Item[]): Item {
		return items[this.below(items.length)]!;
	}

	/** Up to `maximum` items. */
	list<Item>(maximum: number, make: () => Item): Item[] {
		const items: Item[] = [];
		for (let count = this.below(maximum + 1); count > 0; count--) items.push(make());
		return items;
	}
}

export function chosenSeed(): number | undefined {
	const { SEED, process } = globalThis as { SEED?: number; process?: { env: Record<string, string | undefined> } };
	const seed = SEED ?? process?.env["SEED"];
	return seed === undefined ? undefined : Number(seed);
}

/** Runs `check` with the seeds from 1 to `count`, or with the one that was chosen. */
export function property(name: string, count: number, check: (random: Random) => void): void {
	test(name, () => {
		const chosen = chosenSeed();
		const first = chosen ?? 1;
		for (let seed = first; seed < (chosen === undefined ? first + count : first + 1); seed++) {
			try {
				check(new Random(seed));
			} catch (error) {
				throw new Error(`SEED=${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
			}
		}
	});
}
