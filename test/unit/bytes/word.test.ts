// SPDX-License-Identifier: Apache-2.0
/** Words in bytes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { areErased, wordAt } from "../../../src/bytes/word.js";

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
