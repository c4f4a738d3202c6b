// SPDX-License-Identifier: Apache-2.0
/** decodeCBOR: names, levels, tags, borrowed bytes, and what is refused besides what is not well-formed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DEPTH_MAXIMUM } from "../../../src/bytes/document.js";
import { Vocabulary } from "../../../src/bytes/vocabulary.js";
import { decodeCBOR } from "../../../src/cbor/decode.js";
import { TAGS_MAXIMUM } from "../../../src/cbor/reader.js";
import type { CBORObject, CBORValue } from "../../../src/cbor/value.js";
import type { TextCodec } from "../../../src/host.js";
import { codeOf } from "../failure.js";
import { fromHex, toHex } from "../hex.js";
import { text } from "../text.js";
import { decoded, encoded } from "./encoding.js";

const NONE = new Vocabulary([]);
const refusal = (hex: string, vocabulary?: Vocabulary): string => codeOf(() => decoded(hex, vocabulary));

test("numbers of any form are taken: longer than they need be, and as floats", () => {
	for (const [hex, value] of [
		["00", 0], ["1800", 0], ["190000", 0], ["1a00000000", 0], ["1b0000000000000000", 0], ["3800", -1], ["1bffffffffffffffff", undefined],
		["1affffffff", 4294967295], ["3affffffff", -4294967296], ["1b0000000100000000", 4294967296],
		["1b001fffffffffffff", Number.MAX_SAFE_INTEGER], ["1b0020000000000000", undefined],
		["3b001ffffffffffffe", Number.MIN_SAFE_INTEGER], ["3b0020000000000000", undefined], ["3bffffffffffffffff", undefined],
		["f93c00", 1], ["fa3f800000", 1], ["fb3ff0000000000000", 1], ["f90000", 0], ["f98000", -0], ["fa80000000", -0], ["fb8000000000000000", -0],
		["f903ff", 1023 * 2 ** -24], ["f98001", -(2 ** -24)], ["f9fbff", -65504], ["f97c00", undefined], ["f97c01", undefined], ["f9fc00", undefined],
		["fa7f800001", undefined], ["fb7ff0000000000001", undefined], ["fb0000000000000001", 5e-324],
	] as const) {
		if (value === undefined) assert.equal(refusal(hex), "malformed", hex);
		else assert.ok(Object.is(decoded(hex), value), hex);
	}
});

test("bytes are views of the input, and joined ones are not", () => {
	const bytes = fromHex("00a261704301020361715f4101410240ff00");
	const value = decodeCBOR(text, bytes, 1, bytes.length - 1, new Vocabulary(["p", "q"])) as { p: Uint8Array; q: Uint8Array };
	assert.equal(toHex(value.p), "010203");
	assert.equal(value.p.buffer, bytes.buffer);
	assert.equal(toHex(value.q), "0102");
	assert.notEqual(value.q.buffer, bytes.buffer);
});

test("text and bytes of several chunks are joined; chunks are UTF-8 each", () => {
	assert.equal(decoded("7f6062c3a963e6b0b4ff"), "é水");
	assert.equal(decoded("7fff"), "");
	assert.equal(toHex(decoded("5fff") as Uint8Array), "");
	assert.equal(refusal("7f61c361a9ff"), "malformed");
	assert.deepEqual(decoded("bf7f6161ff01ff"), { a: 1 });
});

test("ill-formed UTF-8 is refused, in names too", () => {
	for (const hex of ["61ff", "62c080", "63eda080", "61c3", "a161ff00", "7f61ffff"]) assert.equal(refusal(hex), "malformed", hex);
});

test("keys are text, each once", () => {
	for (const hex of ["a10000", "a1f600", "a14161f6", "a1806161", "a1c0616100", "bf0000ff", "bfa000ff", "a2616100616101", "bf616100616101ff", "a2616100617f61ff00"]) {
		assert.equal(refusal(hex), "malformed", hex);
	}
	assert.equal(refusal("a26161006161f6", NONE), "nothing", "what is left out is left out twice");
	assert.equal(refusal("a1695f5f70726f746f5f5f00"), "malformed", "__proto__");
	assert.equal(refusal("a1695f5f70726f746f5f5f00", new Vocabulary(["__proto__"])), "malformed");
	const inherited = decoded(toHex(encoded({ toString: 1, constructor: "x" }))) as CBORObject;
	assert.deepEqual(Object.entries(inherited), [["toString", 1], ["constructor", "x"]]);
});

test("names become properties as the vocabulary says", () => {
	const value: CBORValue = { state: { a: 1, x: { a: 2 }, b: [{ y: fromHex("00ff"), b: 4 }, 5] }, metadata: { a: { timestamp: 1 } }, z: "é", a: "end", q: [[{}], -1.5, null] };
	const hex = toHex(encoded(value));
	assert.deepEqual(decoded(hex, new Vocabulary(["state", "a", "b"])), { state: { a: 1, b: [{ b: 4 }, 5] }, a: "end" });
	assert.deepEqual(decoded(hex, NONE), {});
	assert.deepEqual(decoded(`bf6178bf61785f4100ff6179c19f01ffff61610161627f6161ffff`, new Vocabulary(["a"])), { a: 1 });
	assert.equal(refusal(hex, new Vocabulary(["state"], 2)), "too-large");
	assert.deepEqual(decoded(hex, new Vocabulary([], 9)), value);
});

test("nothing of a member that is left out is decoded but its name", () => {
	const seen: string[] = [];
	const recording: TextCodec = { ...text, decode: (bytes, start, end) => seen[seen.push(text.decode(bytes, start, end)) - 1]! };
	const bytes = encoded({ metadata: { a: { b: "text" } }, a: ["x"] });
	assert.deepEqual(decodeCBOR(recording, bytes, 0, bytes.length, new Vocabulary(["a"])), { a: ["x"] });
	assert.deepEqual(seen, ["metadata", "a", "x"]);
});

test("the deepest value is taken, and none deeper, lengths known or not", () => {
	for (const [open, close] of [["81", ""], ["9f", "ff"], ["a16161", ""], ["bf6161", "ff"]] as const) {
		const nested = (depth: number): string => `${open.repeat(depth)}00${close.repeat(depth)}`;
		assert.equal(refusal(nested(DEPTH_MAXIMUM)), "nothing");
		assert.equal(refusal(nested(DEPTH_MAXIMUM + 1)), "too-large");
		assert.equal(refusal(nested(1000)), "too-large");
		assert.equal(refusal(`a16178${nested(DEPTH_MAXIMUM)}`, NONE), "too-large");
		assert.equal(refusal(`a16178${nested(DEPTH_MAXIMUM - 1)}`, NONE), "nothing");
	}
});

test("tags are passed over to a limit, and what they stand before must be there", () => {
	assert.equal(decoded(`${"c1".repeat(TAGS_MAXIMUM)}05`), 5);
	assert.equal(refusal(`${"c1".repeat(TAGS_MAXIMUM + 1)}05`), "too-large");
	assert.deepEqual(decoded("d9d9f782c100db00000000ffffffff6161"), [0, "a"]);
	for (const hex of ["c1", "9fc1ff", "c240", "c340", "d80241ff", "da0000000300", "82c1ff"]) assert.equal(refusal(hex), "malformed", hex);
});

test("counts that the input cannot hold are refused without memory for them", () => {
	for (const hex of ["9b001fffffffffffff00", "bb001fffffffffffff616100", "5b001fffffffffffff00", "7b001fffffffffffff61", "9b0020000000000000", "5f5a7fffffff00ff"]) {
		assert.equal(refusal(hex), "malformed", hex);
	}
});

test("a value cut at any byte is refused, and so is one with something behind it", () => {
	const bytes = fromHex("bf6161830119010039ffff6162fb3ff199999999999a6163a16164c1f96e0061659f5f4101ff7f6161fff4ff6166f6ff");
	for (const vocabulary of [NONE, new Vocabulary([], 10)]) {
		assert.equal(codeOf(() => decodeCBOR(text, bytes, 0, bytes.length, vocabulary)), "nothing");
		for (let end = 0; end < bytes.length; end++) {
			assert.equal(codeOf(() => decodeCBOR(text, bytes, 0, end, vocabulary)), "malformed", `${end} bytes`);
		}
	}
	for (const hex of ["0000", "8000", "f6f6", "6161ff"]) assert.equal(refusal(hex), "malformed", hex);
});

test("100,000 names that nobody knows leave nothing behind", () => {
	const vocabulary = new Vocabulary(["a"]);
	const ascii: TextCodec = { ...text, decode: (bytes, start, end) => String.fromCharCode(...bytes.subarray(start, end)) };
	const bytes = fromHex("a2667830303030308061 61a1667a303030303001".replaceAll(" ", ""));
	const names = [3, 14].map((at) => bytes.subarray(at, at + 5));
	for (let count = 0; count < 50_000; count++) {
		for (const digits of names) for (let at = 4, rest = count; at >= 0; at--, rest = Math.floor(rest / 10)) digits[at] = 0x30 + rest % 10;
		const value = decodeCBOR(ascii, bytes, 0, bytes.length, vocabulary) as { a: object };
		if (Object.keys(value.a).length > 0) assert.fail("a name became a property");
	}
});
