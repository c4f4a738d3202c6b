// SPDX-License-Identifier: Apache-2.0
/** encodePatch: how short patches are where it is known how short they can be, and that they keep to the device's profile. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { encodePatch } from "../../../hosts/release/vcdiff.js";
import { writeWindow, type Instruction, type Segment } from "../../../hosts/release/vcdiff-window.js";
import { DELTA_EXCESS, WINDOW_MAXIMUM } from "../../../src/ota/vcdiff.js";
import { joined, randomBytes } from "../../property/vcdiff-content.js";
import { Random } from "../../property/random.js";
import { follow, HEADER } from "./vcdiff-rig.js";

const LENGTH = 4 * WINDOW_MAXIMUM;
const base = randomBytes(new Random(1), LENGTH);

/** The patch's length without the header, after a look whether it is right. */
function lengthOf(target: Uint8Array, from = base, options: { made?: boolean } = {}): number {
	const patch = encodePatch(from, target, options);
	assert.deepEqual(follow(from, patch, { size: target.length }), target);
	return patch.length - HEADER.length;
}

/** Indicators, delta lengths and output lengths of a patch's windows. */
function windowsOf(patch: Uint8Array): { indicator: number; delta: number; length: number }[] {
	let at = HEADER.length;
	const integer = (): number => {
		let value = 0;
		for (;;) {
			const byte = patch[at++]!;
			value = value * 128 + (byte & 127);
			if (byte < 128) return value;
		}
	};
	const windows = [];
	while (at < patch.length) {
		const indicator = patch[at++]!;
		if (indicator !== 0) {
			integer();
			integer();
		}
		const delta = integer();
		const end = at + delta;
		windows.push({ indicator, delta, length: integer() });
		at = end;
	}
	return windows;
}

test("encodePatch: what did not change, and what only moved, is one COPY to a window", () => {
	const single = 1 + 2 + 2 + 1 + 2 + 1 + 3 + 3 + 1;
	assert.ok(lengthOf(base) <= 4 * single);
	assert.ok(lengthOf(base.subarray(1_000)) <= 4 * single);
	const moved = joined([base.subarray(5_000), base.subarray(0, 5_000)]);
	assert.ok(lengthOf(moved) <= 4 * single + 8);
	assert.ok(lengthOf(joined([randomBytes(new Random(2), 10), base])) <= 5 * single + 14);
});

test("encodePatch: each changed pointer costs its bytes and four more at most", () => {
	const target = base.slice();
	let count = 0;
	for (let at = 20; at + 2 < target.length; at += 40, count++) {
		target[at]! ^= 0x55;
		target[at + 1]! ^= 0x55;
	}
	assert.ok(lengthOf(target) <= count * 6 + 4 * 20);
});

test("encodePatch: one value throughout is one RUN, and a pattern one COPY", () => {
	const empty = new Uint8Array(0);
	assert.equal(lengthOf(new Uint8Array(300).fill(7), empty, { made: false }), 1 + 1 + 2 + 1 + 3 + 1 + 3);
	const pattern = Uint8Array.from({ length: 300 }, (_, index) => "moor".charCodeAt(index % 4));
	assert.equal(lengthOf(pattern, empty), 1 + 1 + 2 + 1 + 3 + 4 + 1 + 3 + 1);
});

test("encodePatch: what comes twice is new once, and copied only from the base when that is asked for", () => {
	const news = randomBytes(new Random(3), WINDOW_MAXIMUM);
	const target = joined([news, news, base]);
	const patch = encodePatch(base, target);
	assert.deepEqual(windowsOf(patch).map(({ indicator }) => indicator), [0, 2, 1, 1, 1, 1]);
	assert.ok(lengthOf(target) <= news.length + 20 * 6);
	const plain = encodePatch(base, target, { made: false });
	assert.deepEqual(windowsOf(plain).map(({ indicator }) => indicator), [0, 0, 1, 1, 1, 1]);
	assert.deepEqual(follow(base, plain, { size: target.length }), target);
});

test("encodePatch: windows and deltas keep to the limits of the device, news or not", () => {
	const random = new Random(4);
	const scattered = joined(Array.from({ length: 1_000 }, () => {
		const start = random.below(base.length - 8);
		return joined([base.subarray(start, start + 4 + random.below(4)), randomBytes(random, 1 + random.below(2))]);
	}));
	for (const target of [scattered, randomBytes(random, 3 * WINDOW_MAXIMUM + 1), base.slice().reverse()]) {
		const windows = windowsOf(encodePatch(base, target));
		assert.deepEqual(windows.map(({ length }) => length).slice(0, -1), windows.slice(1).map(() => WINDOW_MAXIMUM));
		for (const { delta, length } of windows) assert.ok(delta <= length + 14 && delta <= WINDOW_MAXIMUM + DELTA_EXCESS);
		lengthOf(target);
	}
});

test("encodePatch: of nothing, and for nothing", () => {
	const empty = new Uint8Array(0);
	assert.deepEqual(encodePatch(base, empty), Uint8Array.from(HEADER));
	assert.deepEqual(encodePatch(empty, empty), Uint8Array.from(HEADER));
	assert.equal(lengthOf(Uint8Array.of(5), empty), 1 + 1 + 1 + 1 + 3 + 1 + 1);
	for (let length = 1; length < 12; length++) lengthOf(base.subarray(3, 3 + length), base.subarray(0, 12));
});

test("writeWindow joins what has one code, and says each address as briefly as it can be said", () => {
	const target = Uint8Array.from({ length: 64 }, (_, index) => index);
	const segment: Segment = { indicator: 1, offset: 0, length: 1_000 };
	const write = (...steps: readonly (readonly ["add" | "run" | "copy", number, number?])[]): number[] => {
		let start = 0;
		const instructions = steps.map(([kind, length, address = 0]): Instruction => {
			start += length;
			return { kind, start: start - length, length, address };
		});
		return [...writeWindow(target, 0, start, segment, instructions)].slice(5);
	};
	// The delta: length, indicator, three lengths, data, codes, addresses.
	assert.deepEqual(write(["add", 2], ["copy", 5, 3]), [7, 0, 2, 1, 1, 0, 1, 163 + 3 + 1, 3]);
	assert.deepEqual(write(["copy", 4, 3], ["add", 1]), [5, 0, 1, 1, 1, 4, 247, 3]);
	assert.deepEqual(write(["add", 5], ["copy", 4, 3]), [9, 0, 5, 2, 1, 0, 1, 2, 3, 4, 6, 20, 3]);
	// HERE, near, and the same again.
	assert.deepEqual(write(["add", 7], ["copy", 7, 1_000]).slice(-2), [19 + 16 + 4, 7]);
	assert.deepEqual(write(["copy", 7, 500], ["copy", 7, 590]).slice(-5), [23, 23 + 32, 0x83, 0x74, 90]);
	const far = ["copy", 7, 300] as const;
	const others = [400, 500, 600, 700].map((address) => ["copy", 7, address] as const);
	assert.equal(write(far, ...others, far).at(-1), 300 - 256);
});
