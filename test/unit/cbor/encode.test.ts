// SPDX-License-Identifier: Apache-2.0
/** encodeCBOR: the fewest bytes for every number, and what it refuses. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DEPTH_MAXIMUM } from "../../../src/bytes/document.js";
import { encodeCBOR, encodeDeterministicCBOR } from "../../../src/cbor/encode.js";
import { ENCODING_MAXIMUM } from "../../../src/cbor/writer.js";
import type { CBORValue } from "../../../src/cbor/value.js";
import { codeOf } from "../failure.js";
import { fromHex, toHex } from "../hex.js";
import { text } from "../text.js";
import { decoded, encoded } from "./encoding.js";

const NUMBERS: readonly (readonly [value: number, hex: string])[] = [
	[23, "17"], [24, "1818"], [255, "18ff"], [256, "190100"], [65535, "19ffff"], [65536, "1a00010000"], [4294967295, "1affffffff"], [4294967296, "1b0000000100000000"],
	[Number.MAX_SAFE_INTEGER, "1b001fffffffffffff"], [-24, "37"], [-25, "3818"], [-256, "38ff"], [-257, "390100"], [-65536, "39ffff"], [-4294967296, "3affffffff"],
	[-4294967297, "3b0000000100000000"], [Number.MIN_SAFE_INTEGER, "3b001ffffffffffffe"], [-0, "f98000"],
	[2 ** 53, "fa5a000000"], [-(2 ** 53), "fada000000"], [1e300, "fb7e37e43c8800759c"], [2 ** 127, "fa7f000000"], [2 ** 128, "fb47f0000000000000"],
	[0.5, "f93800"], [1.5, "f93e00"], [-4.25, "f9c440"], [1.1, "fb3ff199999999999a"], [1 + 2 ** -10, "f93c01"], [1 + 2 ** -11, "fa3f801000"], [1 + 2 ** -23, "fa3f800001"],
	[1 + 2 ** -24, "fb3ff0000010000000"], [1023.5, "f963ff"], [2047.5, "fa44fff000"],
	[2 ** -14, "f90400"], [2 ** -15, "f90200"], [1023 * 2 ** -24, "f903ff"], [2 ** -24, "f90001"], [3 * 2 ** -24, "f90003"], [1.5 * 2 ** -24, "fa33c00000"], [2 ** -25, "fa33000000"],
	[-(2 ** -24), "f98001"], [2 ** -149, "fa00000001"], [2 ** -150, "fb3690000000000000"], [5e-324, "fb0000000000000001"], [3.4028234663852886e38, "fa7f7fffff"],
];

test("every number takes the fewest bytes that keep its value", () => {
	for (const [value, hex] of NUMBERS) {
		assert.equal(toHex(encoded(value)), hex, String(value));
		assert.ok(Object.is(decoded(hex), value), hex);
	}
});

test("every half has its number, and every number of a half is written as one", () => {
	const every = (globalThis as { SEEDS?: number }).SEEDS === undefined ? 1 : 37;
	for (let bits = 0; bits < 0x1_0000; bits += every) {
		if ((bits & 0x7c00) === 0x7c00) continue;
		const hex = `f9${bits.toString(16).padStart(4, "0")}`;
		const value = decoded(hex) as number;
		if (!Number.isSafeInteger(value) || Object.is(value, -0)) assert.equal(toHex(encoded(value)), hex);
		else assert.deepEqual(decoded(toHex(encoded(value))), value);
	}
});

test("objects keep their order, and bytes of a view its range", () => {
	assert.equal(toHex(encoded({ b: 1, a: [true, false, null], "": {} })), "a361620161618 3f5f4f660a0".replaceAll(" ", ""));
	assert.equal(toHex(encoded(fromHex("0001020304").subarray(1, 3))), "420102");
	assert.equal(toHex(encoded("é")), "62c3a9");
	assert.equal(toHex(encoded({ "é": "x".repeat(24) })), `a162c3a97818${"78".repeat(24)}`);
	assert.equal(toHex(encoded(Array<number>(30).fill(0))), `981e${"00".repeat(30)}`);
});

const FOREIGN: readonly (readonly [string, unknown])[] = [
	["undefined", undefined], ["a member that is undefined", { a: undefined }], ["an array with a hole", [1, , 2]], ["NaN", NaN], ["infinity", [-Infinity]],
	["a big integer", { a: 1n }], ["a symbol", Symbol("a")], ["a function", [(): void => {}]], ["an unpaired surrogate", "\ud800"], ["one in a name", { "\udc00": 1 }],
];

test("what is no value is refused", () => {
	for (const [name, value] of FOREIGN) {
		assert.equal(codeOf(() => encodeCBOR(text, value as CBORValue)), "argument", name);
	}
});

test("the deepest value is written, and none deeper, nor one that holds itself", () => {
	let value: CBORValue = 0;
	for (let depth = 0; depth < DEPTH_MAXIMUM; depth++) value = depth % 2 === 0 ? [value] : { a: value };
	assert.deepEqual(decoded(toHex(encoded(value))), value);
	assert.equal(codeOf(() => encoded([value])), "argument");
	const circle: CBORValue[] = [];
	circle.push(circle);
	assert.equal(codeOf(() => encoded(circle)), "argument");
});

test("an encoding may be of any length to the limit, wherever it grew", () => {
	const every = (globalThis as { SEEDS?: number }).SEEDS === undefined ? 1 : 13;
	for (let length = 230; length < 290; length += every) {
		for (const value of ["x".repeat(length), new Uint8Array(length).fill(7), Array<number>(length).fill(1), Array<number>(length / 2 >> 0).fill(1.1), ["y".repeat(length - 20), "end of it"]]) {
			assert.deepEqual(decoded(toHex(encoded(value))), value, String(length));
		}
	}
	const most = new Uint8Array(ENCODING_MAXIMUM - 5);
	assert.equal(encoded(most).byteLength, ENCODING_MAXIMUM);
	assert.equal(codeOf(() => encoded(new Uint8Array(ENCODING_MAXIMUM - 4))), "too-large");
	assert.equal(codeOf(() => encoded([fromHex("00"), most])), "too-large");
});

test("in deterministic encoding, members are in the order of their encoded names at every level", () => {
	const sorted = (value: CBORValue): string => toHex(encodeDeterministicCBOR(text, value));
	assert.equal(sorted({ b: 1, aa: { d: 0, c: [{ f: 1, e: 2 }] }, a: 3, "": 4 }), "a46004616103616201626161a2616381a261650261660161640 0".replaceAll(" ", ""));
	// In UTF-8 the astral one is behind; in UTF-16 it would be before.
	const names = ["\uffee", "\u{10000}", "z", "é", "zz", "a", "aa", "aaaaaaaaaaaaaaaaaaaaaaaa", "b"];
	const value = Object.fromEntries(names.map((name, index) => [name, index]));
	const order = ["a", "b", "z", "aa", "zz", "é", "\uffee", "\u{10000}", "aaaaaaaaaaaaaaaaaaaaaaaa"];
	assert.deepEqual(Object.keys(decoded(sorted(value)) as object), order);
	assert.equal(sorted(Object.fromEntries(Object.entries(value).reverse())), sorted(value));
	assert.equal(codeOf(() => sorted({ "\ud800": 1 })), "argument");
});

test("what does not fit is begun anew also where the text codec has another copy of the error", () => {
	class Foreign extends Error {
		override name = "DeviceError";
		readonly code = "full";
	}
	const foreign = {
		...text,
		encode(value: string, target: Uint8Array, start: number): number {
			if (text.byteLength(value) > target.byteLength - start) throw new Foreign("does not fit");
			return text.encode(value, target, start);
		},
	};
	const value = { list: ["x".repeat(1000), 1] };
	assert.deepEqual(encodeCBOR(foreign, value), encodeCBOR(text, value));
});
