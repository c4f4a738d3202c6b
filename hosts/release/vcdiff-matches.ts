// SPDX-License-Identifier: Apache-2.0
/**
 * Finds where bytes occur in content: chains of the places that have the same first bytes, newest first.
 *
 * The longest match of a chain is looked for to a limit, so that content of one value throughout costs no more than any
 * other. What is looked at depends on the bytes alone: the same content gives the same patch, always.
 */

/** Bytes that decide on a chain: below that, a copy from far away saves nothing. */
const SEED = 6;
/** Places of a chain that are looked at. */
const PROBES = 48;
/** A match of this length is good enough. */
const GOOD = 512;

export class Matches {
	/** Where the match that was found begins, and its length. */
	offset = 0;
	length = 0;
	readonly #bytes: Uint8Array;
	readonly #shift: number;
	readonly #heads: Int32Array;
	readonly #before: Int32Array;
	#added = 0;

	constructor(bytes: Uint8Array) {
		const bits = Math.min(Math.max(Math.ceil(Math.log2(bytes.length + 1)), 8), 22);
		this.#bytes = bytes;
		this.#shift = 32 - bits;
		this.#heads = new Int32Array(2 ** bits).fill(-1);
		this.#before = new Int32Array(bytes.length);
	}

	/** Makes all places up to `end` known. */
	add(end: number): void {
		const last = end - SEED;
		for (; this.#added <= last; this.#added++) {
			const hash = this.#hash(this.#bytes, this.#added);
			this.#before[this.#added] = this.#heads[hash]!;
			this.#heads[hash] = this.#added;
		}
	}

	/**
	 * Looks for what begins as `target[at, end)` does; of equally long matches the one nearest to `expected`.
	 * @param limit the known content's end
	 * @returns whether there is any
	 */
	find(target: Uint8Array, at: number, end: number, limit: number, expected: number): boolean {
		this.length = 0;
		if (at + SEED > end) return false;
		const bytes = this.#bytes;
		let place = this.#heads[this.#hash(target, at)]!;
		for (let probes = 0; place >= 0 && probes < PROBES; probes++, place = this.#before[place]!) {
			const best = this.length;
			if (best > 0 && bytes[place + best - 1] !== target[at + best - 1]) continue;
			const length = matchLength(bytes, place, limit, target, at, end);
			if (length < SEED || length < best) continue;
			if (length === best && Math.abs(place - expected) >= Math.abs(this.offset - expected)) continue;
			this.offset = place;
			this.length = length;
			if (length >= GOOD) break;
		}
		return this.length > 0;
	}

	#hash(bytes: Uint8Array, at: number): number {
		const low = bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24;
		const high = bytes[at + 4]! | bytes[at + 5]! << 8;
		return Math.imul(Math.imul(low, 0x9e37_79b1) ^ high, 0x85eb_ca6b) >>> this.#shift;
	}
}

/** How many bytes of `bytes[from, limit)` are the same as those of `target[at, end)`. */
export function matchLength(
	bytes: Uint8Array, from: number, limit: number, target: Uint8Array, at: number, end: number,
): number {
	const most = Math.min(limit - from, end - at);
	let length = 0;
	while (length < most && bytes[from + length] === target[at + length]) length++;
	return length;
}
