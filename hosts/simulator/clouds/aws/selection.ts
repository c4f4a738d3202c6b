// SPDX-License-Identifier: Apache-2.0
/** Which blocks of a streamed file a request is answered with, and what can happen to them on the way. */
import type { Random } from "../../../world/random.js";

export interface Selection {
	/** Index of the first block. */
	offset: number;
	/** At most so many; without it and without a bitmap, as many as one request is answered with. */
	count: number | undefined;
	/** Bit 0 of byte 0 is the block at the offset. */
	bitmap: Uint8Array | undefined;
}

/** Bytes of file that one request is answered with; what is beyond is not sent. */
const REQUEST_MAXIMUM = 131_072;

/** Indices, in ascending order; what lies beyond the file's end is left out. */
export function blocksOf(selection: Selection, byteLength: number, blockSize: number): number[] {
	const { offset, count = Infinity, bitmap } = selection, blocks: number[] = [], total = Math.ceil(byteLength / blockSize);
	const end = Math.min(total, bitmap === undefined ? offset + count : offset + bitmap.byteLength * 8);
	let room = REQUEST_MAXIMUM;
	for (let index = offset; index < end && blocks.length < count; index++) {
		if (bitmap !== undefined && !isSet(bitmap, index - offset)) continue;
		room -= Math.min(blockSize, byteLength - index * blockSize);
		if (room < 0) break;
		blocks.push(index);
	}
	return blocks;
}

/** Loses, repeats and shuffles blocks as often as said, the same for the same seed. Probabilities from 0 to 1. */
export function disturbance(random: Random, odds: { drop?: number; duplicate?: number; reorder?: number }): (blocks: number[]) => number[] {
	const { drop = 0, duplicate = 0, reorder = 0 } = odds;
	return blocks => {
		const sent = blocks.flatMap(block => random.chance(drop) ? [] : random.chance(duplicate) ? [block, block] : [block]);
		for (let index = sent.length - 1; index > 0; index--) {
			if (!random.chance(reorder)) continue;
			const other = random.between(0, index), block = sent[index]!;
			sent[index] = sent[other]!;
			sent[other] = block;
		}
		return sent;
	};
}

function isSet(bitmap: Uint8Array, bit: number): boolean {
	return (bitmap[bit >> 3]! >> (bit & 7) & 1) === 1;
}
