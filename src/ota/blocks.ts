// SPDX-License-Identifier: Apache-2.0
/**
 * Which blocks of a file are here: they come in any order, twice or not at all.
 *
 * A bit for each block and no object: a file of 24 MB in blocks of 4 KB takes 768 bytes.
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
	readonly #present: Uint8Array;
	/** No block before this one is missing. */
	#first = 0;

	/** @throws DeviceError `too-large`, `argument` */
	constructor(length: number, blockLength: number) {
		inRange("blockLength", blockLength, BLOCK_MINIMUM, BLOCK_MAXIMUM);
		if (length > FILE_MAXIMUM) throw new DeviceError("too-large", `a file of ${length} bytes`);
		this.length = inRange("length", length, 1, FILE_MAXIMUM);
		this.blockLength = blockLength;
		this.count = this.missing = Math.ceil(length / blockLength);
		this.#present = new Uint8Array(Math.ceil(this.count / 8));
	}

	/** Bytes of a block: the last one may be short. 0 where there is none. */
	lengthOf(index: number): number {
		if (!Number.isInteger(index) || index < 0 || index >= this.count) return 0;
		return Math.min(this.blockLength, this.length - index * this.blockLength);
	}

	has(index: number): boolean {
		return (this.#present[index >> 3]! & 1 << (index & 7)) !== 0;
	}

	/** Notes that a block of the file is here. @returns false when it was before */
	add(index: number): boolean {
		if (this.has(index)) return false;
		this.#present[index >> 3]! |= 1 << (index & 7);
		this.missing--;
		while (this.#first < this.count && this.has(this.#first)) this.#first++;
		return true;
	}

	/**
	 * The first blocks that are missing.
	 * @param maximum of blocks to ask for
	 * @returns `undefined` when all are here
	 */
	next(maximum: number): BlockRange | undefined {
		if (this.missing === 0) return undefined;
		const offset = this.#first;
		const limit = Math.min(this.count, offset + SPAN_MAXIMUM);
		let wanted = 0;
		let end = offset;
		for (let index = offset; index < limit && wanted < maximum; index++) {
			if (this.has(index)) continue;
			wanted++;
			end = index + 1;
		}
		const count = end - offset;
		return { offset, count, wanted, bitmap: wanted === count ? undefined : this.bitmap(offset, count) };
	}

	private bitmap(offset: number, count: number): Uint8Array {
		const bits = new Uint8Array(Math.ceil(count / 8));
		for (let bit = 0; bit < count; bit++) {
			if (!this.has(offset + bit)) bits[bit >> 3]! |= 1 << (bit & 7);
		}
		return bits;
	}
}
