// SPDX-License-Identifier: Apache-2.0
/** Words in bytes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { areErased, isAt, isEqual, wordAt } from "../../../src/bytes/word.js";

test("wordAt reads big-endian words of any size at any place", () => {
	const bytes = Uint8Array.of(0x01, 0xff, 0xfe, 0xfd, 0xfc, 0x00);
	assert.deepEqual([0, 1, 2].map((index) => wordAt(bytes, index)), [0x01fffefd, 0xfffefdfc, 0xfefdfc00]);
});

test("areErased sees every bit of the words that it is to look at, and no other", () => {
	const words = new Uint32Array(4).fill(0xffff_ffff);
	assert.ok(areErased(words, 4));
	for (let bit = 0; bit < 128; bit++) {
		words[bit >> 5] = ~(1 << (bit & 31));
		assert.ok(!areErased(words, 4) && areErased(words, bit >> 5), `bit ${bit}`);
		words[bit >> 5] = 0xffff_ffff;
	}
});

test("isAt compares at a place, and isEqual the whole", () => {
	const bytes = Uint8Array.of(1, 2, 3, 4);
	assert.ok(isAt(Uint8Array.of(2, 3), bytes, 1) && isAt(Uint8Array.of(), bytes, 4));
	assert.ok(!isAt(Uint8Array.of(2, 4), bytes, 1) && !isAt(Uint8Array.of(4, 5), bytes, 3));
	assert.ok(isEqual(bytes.slice(), bytes) && isEqual(Uint8Array.of(), Uint8Array.of()));
	assert.ok(!isEqual(bytes.subarray(1), bytes) && !isEqual(bytes.subarray(0, 3), bytes) && !isEqual(bytes, bytes.subarray(0, 3)));
	for (let index = 0; index < 4; index++) assert.ok(!isEqual(bytes.map((byte, at) => at === index ? byte ^ 0x80 : byte), bytes));
});
