// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { Random, text } from "../../hosts/world/index.js";

function encode(value: string): number[] {
	const target = new Uint8Array(text.byteLength(value));
	assert.equal(text.encode(value, target, 0), target.byteLength);
	return [...target];
}

function decode(bytes: readonly number[]): string {
	return text.decode(Uint8Array.from(bytes), 0, bytes.length);
}

test("every boundary of UTF-8 goes both ways", () => {
	const cases: [number, number[]][] = [
		[0, [0]], [0x7f, [0x7f]], [0x80, [0xc2, 0x80]], [0x7ff, [0xdf, 0xbf]], [0x800, [0xe0, 0xa0, 0x80]], [0xd7ff, [0xed, 0x9f, 0xbf]],
		[0xe000, [0xee, 0x80, 0x80]], [0xfeff, [0xef, 0xbb, 0xbf]], [0xffff, [0xef, 0xbf, 0xbf]], [0x10000, [0xf0, 0x90, 0x80, 0x80]], [0x10ffff, [0xf4, 0x8f, 0xbf, 0xbf]],
	];
	for (const [point, bytes] of cases) {
		const value = String.fromCodePoint(point);
		assert.deepEqual(encode(value), bytes, point.toString(16));
		assert.equal(decode(bytes), value, point.toString(16));
	}
});

test("random text goes both ways, also where it is long", () => {
	const random = new Random("text");
	for (let round = 0; round < 200; round++) {
		let value = "";
		for (let count = random.between(0, round * 20); count > 0; count--) {
			const point = random.between(0, [0x7f, 0x7ff, 0xffff, 0x10ffff][random.between(0, 3)]!);
			if ((point & 0xfff800) !== 0xd800) value += String.fromCodePoint(point);
		}
		assert.equal(decode(encode(value)), value);
	}
});

test("ill-formed UTF-8 is refused", () => {
	const cases = [[0x80], [0xbf], [0xc0, 0x80], [0xc1, 0xbf], [0xc2], [0xc2, 0x41], [0xe0, 0x80, 0x80], [0xe0, 0x9f, 0xbf], [0xe1, 0x80], [0xed, 0xa0, 0x80],
		[0xed, 0xbf, 0xbf], [0xf0, 0x80, 0x80, 0x80], [0xf0, 0x8f, 0xbf, 0xbf], [0xf4, 0x90, 0x80, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xff], [0xf1, 0x80, 0x80]];
	for (const bytes of cases) assert.throws(() => decode(bytes), { code: "malformed" }, bytes.join());
	assert.equal(text.decode(Uint8Array.of(0xff, 0x41, 0xff), 1, 2), "A");
	assert.throws(() => text.decode(new Uint8Array(3), 2, 4), { code: "argument" });
});

test("unpaired surrogates and lack of space are refused", () => {
	for (const value of ["\ud800", "\udc00", "a\ud800b", "\udc00\ud800"]) {
		assert.throws(() => text.byteLength(value), { code: "argument" });
		assert.throws(() => text.encode(value, new Uint8Array(10), 0), { code: "argument" });
	}
	assert.throws(() => text.encode("aé", new Uint8Array(4), 2), { code: "full" });
	const target = new Uint8Array(5);
	assert.equal(text.encode("aé", target, 2), 3);
	assert.deepEqual([...target], [0, 0, 0x61, 0xc3, 0xa9]);
});
