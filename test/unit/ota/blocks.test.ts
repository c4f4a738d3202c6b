// SPDX-License-Identifier: Apache-2.0
/** Blocks: what is here and what to ask for next, held against a plain list of booleans. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Blocks, FILE_MAXIMUM } from "../../../src/ota/blocks.js";
import { Random } from "../../property/random.js";
import { codeOf } from "../failure.js";
import { toHex } from "../hex.js";

test("Blocks: a file's blocks are as long as said, and the last one as long as what is left", () => {
	const blocks = new Blocks(1_000, 256);
	assert.equal(blocks.count, 4);
	assert.deepEqual([-1, 0, 1, 2, 3, 4, 0.5, NaN].map((index) => blocks.lengthOf(index)), [0, 256, 256, 256, 232, 0, 0, 0]);
	assert.equal(new Blocks(512, 256).count, 2);
	assert.equal(new Blocks(1, 256).lengthOf(0), 1);
	assert.equal(new Blocks(FILE_MAXIMUM, 256).count, 98_304);
});

test("Blocks refuses files and blocks that no cloud has", () => {
	assert.equal(codeOf(() => new Blocks(FILE_MAXIMUM + 1, 4_096)), "too-large");
	for (const length of [0, -1, 1.5, NaN]) assert.equal(codeOf(() => new Blocks(length, 4_096)), "argument");
	for (const blockLength of [0, 255, 131_073, 256.5]) assert.equal(codeOf(() => new Blocks(1_000, blockLength)), "argument");
});

test("Blocks asks for what is missing, by count where it lies together and by bitmap where it does not", () => {
	const blocks = new Blocks(48 * 256, 256);
	assert.deepEqual(blocks.next(8), { offset: 0, count: 8, wanted: 8, bitmap: undefined });
	for (let index = 0; index < 48; index++) if (![20, 21, 24, 43].includes(index)) assert.ok(blocks.add(index));
	assert.equal(blocks.add(0), false);
	assert.equal(blocks.missing, 4);
	const { bitmap, ...range } = blocks.next(8)!;
	assert.deepEqual(range, { offset: 20, count: 24, wanted: 4 });
	assert.equal(toHex(bitmap!), "130080");
	blocks.rewind();
	assert.deepEqual(blocks.next(2), { offset: 20, count: 2, wanted: 2, bitmap: undefined });
	for (const index of [43, 20, 24, 21]) blocks.add(index);
	assert.equal(blocks.next(8), undefined);
});

test("Blocks: what was asked for is not asked for again, until it is said that it will not come", () => {
	const blocks = new Blocks(20 * 256, 256);
	blocks.next(8);
	assert.deepEqual(blocks.next(4), { offset: 8, count: 4, wanted: 4, bitmap: undefined });
	assert.equal(blocks.outstanding, 12);
	for (const index of [0, 1, 3, 14]) blocks.add(index);
	// One of the four came unasked.
	assert.deepEqual([blocks.outstanding, blocks.missing], [9, 16]);
	const { bitmap, ...range } = blocks.next(4)!;
	assert.deepEqual([range, toHex(bitmap!)], [{ offset: 12, count: 5, wanted: 4 }, "1b"]);
	blocks.add(17);
	assert.deepEqual(blocks.next(1), { offset: 18, count: 1, wanted: 1, bitmap: undefined });
	assert.ok(blocks.more);
	// What is left to ask for comes unasked, too.
	blocks.add(19);
	assert.ok(!blocks.more);
	assert.equal(blocks.next(8), undefined);
	blocks.rewind();
	assert.deepEqual([blocks.outstanding, blocks.next(1)!.offset, blocks.more], [0, 2, true]);
	const others = new Blocks(4 * 256, 256);
	others.add(3);
	others.next(3);
	assert.ok(!others.more);
});

test("Blocks: those before the first that is wanted count as here", () => {
	const blocks = new Blocks(20 * 256 - 1, 256, 17);
	assert.deepEqual([blocks.missing, blocks.has(16), blocks.has(17), blocks.add(3)], [3, true, false, false]);
	assert.deepEqual(blocks.next(8), { offset: 17, count: 3, wanted: 3, bitmap: undefined });
	for (const index of [19, 17, 18]) assert.ok(blocks.add(index));
	assert.deepEqual([blocks.missing, blocks.outstanding], [0, 0]);
	for (const first of [-1, 20, 0.5, NaN]) assert.equal(codeOf(() => new Blocks(20 * 256, 256, first)), "argument");
});

test("Blocks: whatever comes in whatever order, all is asked for and nothing that is here", () => {
	for (let seed = 1; seed <= 200; seed++) {
		const random = new Random(seed);
		const count = 1 + random.below(3_000);
		const blocks = new Blocks(count * 256, 256);
		const present = new Array<boolean>(count).fill(false);
		const outstanding = new Set<number>();
		let turns = 0;
		const rewind = () => {
			blocks.rewind();
			outstanding.clear();
		};
		const next = () => {
			const range = blocks.next(32);
			if (range !== undefined) return range;
			rewind();
			return blocks.next(32);
		};
		for (let range = next(); range !== undefined; range = next()) {
			assert.ok(turns++ < 20_000);
			const { offset, bitmap } = range;
			const asked = [...new Array<undefined>(range.count).keys()]
				.filter((bit) => bitmap === undefined || (bitmap[bit >> 3]! & 1 << (bit & 7)) !== 0).map((bit) => offset + bit);
			assert.equal(asked.length, range.wanted);
			assert.ok(asked.length > 0 && asked.length <= 32);
			for (const index of asked) {
				assert.ok(!present[index] && !outstanding.has(index) && index < count);
				outstanding.add(index);
			}
			if (random.below(2) === 0) rewind();
			// Some come, and some that nobody asked for.
			for (const index of [...asked, random.below(count)]) {
				if (random.below(4) === 0) continue;
				assert.equal(blocks.add(index), !present[index]);
				present[index] = true;
				outstanding.delete(index);
			}
			assert.equal(blocks.outstanding, outstanding.size);
			assert.equal(blocks.missing, present.filter((here) => !here).length);
		}
		assert.ok(present.every((here) => here));
	}
});
