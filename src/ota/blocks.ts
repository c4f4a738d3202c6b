// SPDX-License-Identifier: Apache-2.0
/**
 * Which blocks of a file are here, and which were asked for: they come in any order, twice or not at all.
 *
 * A bit for each block and no object: a file of 24 MB in blocks of 4 KB takes 768 bytes. As long as blocks come in
 * order, there are no bits either: whoever takes them in no other order needs no memory for them.
 */
import { DeviceError } from "../base/error.js";
import { inRange } from "../base/range.js";

/** Bytes of the largest file. */
export const FILE_MAXIMUM = 24 * 1024 * 1024;
export const BLOCK_MINIMUM = 256;
export const BLOCK_MAXIMUM = 131_072;
/** Blocks that one request looks over: its bitmap has a bit for each. */
const SPAN_MAXIMUM = 1_024;

/** Blocks to be asked for. */
export interface BlockRange {
	/** Index of the first. */
	readonly offset: number;
	/** Blocks from there on, or bits in the bitmap. */
	readonly count: number;
	/** Blocks that are asked for. */
	readonly wanted: number;
	/** Which of them, bit 0 of the first byte being `offset`; absent for all. */
	readonly bitmap: Uint8Array | undefined;
}

export class Blocks {
	/** Bytes of the file. */
	readonly length: number;
	readonly blockLength: number;
	/** Blocks of the file. */
	readonly count: number;
	/** Blocks that are not here. */
	missing: number;
	/** Of these, those that were asked for. */
	outstanding = 0;
	/** Absent as long as blocks came in order. */
	#present: Uint8Array | undefined;
	/** No block before this one is missing. */
	#first: number;
	/** Nothing from here on was asked for; missing, unless it is the end. */
	#asked: number;

	/**
	 * @param first that is wanted; those before count as here
	 * @throws DeviceError `too-large`, `argument`
	 */
	constructor(length: number, blockLength: number, first = 0) {
		inRange("blockLength", blockLength, BLOCK_MINIMUM, BLOCK_MAXIMUM);
		if (length > FILE_MAXIMUM) throw new DeviceError("too-large", `a file of ${length} bytes`);
		this.length = inRange("length", length, 1, FILE_MAXIMUM);
		this.blockLength = blockLength;
		this.count = Math.ceil(length / blockLength);
		this.#first = this.#asked = inRange("first", first, 0, this.count - 1);
		this.missing = this.count - first;
	}

	/** There are missing blocks that were not asked for. */
	get more(): boolean {
		return this.#asked < this.count;
	}

	/** Bytes of a block: the last one may be short. 0 where there is none. */
	lengthOf(index: number): number {
		if (!Number.isInteger(index) || index < 0 || index >= this.count) return 0;
		return Math.min(this.blockLength, this.length - index * this.blockLength);
	}

	has(index: number): boolean {
		if (index < this.#first) return true;
		const present = this.#present;
		return present !== undefined && (present[index >> 3]! & 1 << (index & 7)) !== 0;
	}

	/** Notes that a block of the file is here. @returns false when it was before */
	add(index: number): boolean {
		if (this.has(index)) return false;
		this.missing--;
		if (index < this.#asked) this.outstanding--;
		if (index === this.#first) this.#first++;
		else this.note(index);
		while (this.#first < this.count && this.has(this.#first)) this.#first++;
		this.skip(this.#asked);
		return true;
	}

	/**
	 * The next blocks to ask for, which count as asked for from then on.
	 * @param maximum of blocks
	 * @returns `undefined` when there are none
	 */
	next(maximum: number): BlockRange | undefined {
		const offset = this.#asked;
		const limit = Math.min(this.count, offset + SPAN_MAXIMUM);
		let wanted = 0;
		let end = offset;
		for (let index = offset; index < limit && wanted < maximum; index++) {
			if (this.has(index)) continue;
			wanted++;
			end = index + 1;
		}
		if (wanted === 0) return undefined;
		const count = end - offset;
		const bitmap = wanted === count ? undefined : this.bitmap(offset, count);
		this.outstanding += wanted;
		this.skip(end);
		return { offset, count, wanted, bitmap };
	}

	/** What was asked for and is missing will not come: `next` begins with the first that is missing. */
	rewind(): void {
		this.outstanding = 0;
		this.#asked = this.#first;
	}

	private note(index: number): void {
		const present = this.#present ??= new Uint8Array(Math.ceil(this.count / 8));
		present[index >> 3]! |= 1 << (index & 7);
	}

	/** Moves to the first missing block from there on. */
	private skip(asked: number): void {
		while (asked < this.count && this.has(asked)) asked++;
		this.#asked = asked;
	}

	private bitmap(offset: number, count: number): Uint8Array {
		const bits = new Uint8Array(Math.ceil(count / 8));
		for (let bit = 0; bit < count; bit++) {
			if (!this.has(offset + bit)) bits[bit >> 3]! |= 1 << (bit & 7);
		}
		return bits;
	}
}
