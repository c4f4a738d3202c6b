// SPDX-License-Identifier: Apache-2.0
/** Options: what their numbers say, their values, and their bytes (RFC 7252 §3.1, §3.2, §5.4). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { OPTION_MAXIMUM } from "../../../src/coap/body.js";
import { OptionNumber } from "../../../src/coap/constants.js";
import { uintOf, uintValue } from "../../../src/coap/message.js";
import { findOption, isCritical, isNoCacheKey, isUnsafe, textOption, uintOption } from "../../../src/coap/option.js";
import { codeOf } from "../failure.js";
import { fromHex, toHex } from "../hex.js";
import { text } from "../text.js";
import { decoded, encoded, message, shown } from "./encoding.js";

function hexOf(options: [number: number, value: string][]): string {
	return toHex(encoded(message({ options })), 4);
}

test("isCritical, isUnsafe and isNoCacheKey read the bits that §5.4 gives the numbers", () => {
	const marks = Object.fromEntries(Object.entries(OptionNumber).map(([name, number]) =>
		[name, `${isCritical(number) ? "C" : ""}${isUnsafe(number) ? "U" : ""}${isNoCacheKey(number) ? "N" : ""}`]));
	// Table 4 of RFC 7252, and the tables of the others.
	assert.deepEqual(marks, {
		IF_MATCH: "C", URI_HOST: "CU", ETAG: "", IF_NONE_MATCH: "C", OBSERVE: "U", URI_PORT: "CU", LOCATION_PATH: "",
		OSCORE: "C", URI_PATH: "CU", CONTENT_FORMAT: "", MAX_AGE: "U", URI_QUERY: "CU", HOP_LIMIT: "", ACCEPT: "C",
		LOCATION_QUERY: "", BLOCK2: "CU", BLOCK1: "CU", SIZE2: "N", PROXY_URI: "CU", PROXY_SCHEME: "CU", SIZE1: "N",
		ECHO: "N", NO_RESPONSE: "U", REQUEST_TAG: "",
	});
});

test("uintOption takes the fewest bytes, and uintValue allows more (§3.2)", () => {
	for (const [value, hex] of [
		[0, ""], [1, "01"], [255, "ff"], [256, "0100"], [65_535, "ffff"], [65_536, "010000"], [0xff_ffff, "ffffff"],
		[0x100_0000, "01000000"], [0xffff_ffff, "ffffffff"],
	] as const) {
		assert.equal(toHex(uintOption(12, value).value), hex);
		assert.equal(uintValue(fromHex(hex)), value);
	}
	assert.equal(uintValue(fromHex("00000001")), 1);
	assert.equal(uintValue(fromHex("0000000001")), undefined);
	for (const value of [-1, 2 ** 32, 1.5, NaN]) assert.equal(codeOf(() => uintOption(12, value)), "argument");
});

test("findOption and uintOf take the first of a number", () => {
	const { options } = message({ options: [[11, "61"], [11, "62"], [12, "32"]] });
	assert.equal(toHex(findOption(options, 11)!.value), "61");
	assert.equal(uintOf({ options }, 12), 0x32);
	assert.equal(findOption(options, 13), undefined);
	assert.equal(uintOf({ options }, 14), undefined);
});

test("textOption holds UTF-8, and no half of a pair", () => {
	assert.equal(toHex(textOption(text, 11, "é").value), "c3a9");
	assert.equal(codeOf(() => textOption(text, 11, "\ud800")), "argument");
});

test("deltas and lengths change their form at 13 and 269 (§3.1)", () => {
	const deltas: [number: number, hex: string][] = [
		[0, "00"], [12, "c0"], [13, "d000"], [268, "d0ff"], [269, "e00000"], [65_535, "e0fef2"],
	];
	for (const [number, hex] of deltas) assert.equal(hexOf([[number, ""]]), hex);
	const lengths: [length: number, hex: string][] = [
		[0, "10"], [12, "1c"], [13, "1d00"], [268, "1dff"], [269, "1e0000"],
	];
	for (const [length, hex] of lengths) assert.equal(hexOf([[1, "aa".repeat(length)]]), hex + "aa".repeat(length));
	const long = (length: number): Uint8Array => encoded({ ...message({}), options: [{ number: 1, value: new Uint8Array(length) }] });
	assert.equal(toHex(long(65_804), 4, 8), "1effff00");
	assert.equal(long(65_804).byteLength, 4 + 3 + 65_804);
	assert.equal(codeOf(() => long(65_805)), "argument");
	assert.equal(hexOf([[269, "aa".repeat(269)], [300, "bb".repeat(13)]]), `ee00000000${"aa".repeat(269)}dd1200${"bb".repeat(13)}`);
});

test("every form of delta with every form of length is read as it was written", () => {
	for (const delta of [0, 1, 12, 13, 14, 268, 269, 270, 60_000]) {
		for (const length of [0, 1, 12, 13, 14, 268, 269, 270, 1_000]) {
			const sent = message({ options: [[5, "01"], [5 + delta, "cd".repeat(length)]], payload: "ff" });
			const received = decoded(encoded(sent));
			assert.ok(received !== undefined && !("error" in received));
			assert.deepEqual(shown(received), shown(sent));
		}
	}
});

test("options out of order, out of range or too many are refused where they are written", () => {
	assert.equal(codeOf(() => hexOf([[12, ""], [11, ""]])), "argument");
	assert.equal(codeOf(() => hexOf([[65_536, ""]])), "argument");
	assert.equal(codeOf(() => hexOf([[-1, ""]])), "argument");
	assert.equal(codeOf(() => hexOf(Array.from({ length: OPTION_MAXIMUM + 1 }, () => [11, "61"]))), "argument");
	assert.equal(hexOf(Array.from({ length: OPTION_MAXIMUM }, () => [0, ""])), "00".repeat(OPTION_MAXIMUM));
});
