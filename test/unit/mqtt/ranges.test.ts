// SPDX-License-Identifier: Apache-2.0
/** Ranges: a set of numbers, in as few ranges as it can be told in. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Ranges, RANGES_MAXIMUM } from "../../../src/mqtt/ranges.js";
import { codeOf } from "../failure.js";

const WIDTH = 5;

test("Ranges are what a set is, for every order of every few numbers, through zero too", () => {
	for (const base of [0, 100, 0xffff_fffd]) {
		for (let sequence = 0; sequence < WIDTH ** 4; sequence++) {
			const ranges = new Ranges(), set = new Set<number>();
			for (let rest = sequence, step = 0; step < 4; step++, rest = Math.floor(rest / WIDTH)) {
				const number = (base + rest % WIDTH) >>> 0;
				assert.equal(codeOf(() => ranges.add(number)), set.has(number) ? "internal" : "nothing");
				set.add(number);
			}
			let runs = 0;
			for (let offset = -1; offset <= WIDTH; offset++) {
				const number = (base + offset) >>> 0;
				assert.equal(ranges.has(number), set.has(number));
				if (set.has(number) && !set.has((number + 1) >>> 0)) runs++;
			}
			assert.equal(ranges.bounds.length, 2 * runs);
		}
	}
});

test("Ranges.trim forgets what is before a number", () => {
	const ranges = new Ranges();
	for (const number of [3, 4, 8, 10, 11]) ranges.add(number);
	ranges.trim(2);
	assert.deepEqual(ranges.bounds, [3, 5, 8, 9, 10, 12]);
	ranges.trim(9);
	assert.deepEqual(ranges.bounds, [10, 12]);
	ranges.trim(12);
	assert.deepEqual(ranges.bounds, []);
});

test("Ranges have a limit, and numbers beside a range are always taken", () => {
	const ranges = new Ranges();
	for (let number = 0; number < 2 * RANGES_MAXIMUM; number += 2) ranges.add(number);
	assert.equal(codeOf(() => ranges.add(1000)), "state");
	ranges.add(1);
	ranges.add(1000);
	assert.equal(ranges.bounds.length, 2 * RANGES_MAXIMUM);
});
