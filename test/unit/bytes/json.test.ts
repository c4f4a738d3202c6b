// SPDX-License-Identifier: Apache-2.0
/** parseJSON: the platform's parser behind a guard of depth. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DEPTH_MAXIMUM, parseJSON } from "../../../src/bytes/json.js";
import { codeOf } from "../failure.js";
import { fromHex } from "../hex.js";
import { text } from "../text.js";
import { utf8 } from "../wire.js";

/** Parses text that stands between bytes which would open many levels. */
function parse(source: string): unknown {
	const bytes = fromHex(`${"5b".repeat(40)}${utf8(source)}${"7b".repeat(40)}`);
	return parseJSON(text, bytes, 40, bytes.length - 40);
}

test("parseJSON parses its range and nothing around it", () => {
	assert.deepEqual(parse(`{"a":[1,{"b":null}],"c":"é"}`), { a: [1, { b: null }], c: "é" });
	assert.equal(parse("17"), 17);
});

test("parseJSON takes the deepest document that is allowed, and none deeper", () => {
	for (const [open, close] of [["[", "]"], [`{"a":`, "}"]] as const) {
		const nested = (depth: number): string => `${open.repeat(depth)}1${close.repeat(depth)}`;
		assert.equal(codeOf(() => parse(nested(DEPTH_MAXIMUM))), "nothing");
		assert.equal(codeOf(() => parse(nested(DEPTH_MAXIMUM + 1))), "too-large");
		assert.equal(codeOf(() => parse(nested(3000))), "too-large");
	}
});

test("parseJSON counts levels, not brackets", () => {
	const many = DEPTH_MAXIMUM * 3;
	assert.deepEqual(parse(`[${Array(many).fill("[]").join()}]`), Array(many).fill([]));
	assert.equal(parse(JSON.stringify("[{".repeat(many))), "[{".repeat(many));
	assert.equal(parse(JSON.stringify(`\\"${"[".repeat(many)}`)), `\\"${"[".repeat(many)}`);
	const inside = DEPTH_MAXIMUM - 1;
	assert.equal(codeOf(() => parse(`{"\\"":${"[".repeat(inside)}1${"]".repeat(inside)}}`)), "nothing");
});

test("parseJSON is not led past its guard by quotes or by brackets that close too often", () => {
	const deep = "[".repeat(3000);
	for (const source of [`""${deep}`, `"\\""${deep}`, `"\\\\"${deep}`, `{"a":"","b":${deep}`]) {
		assert.match(codeOf(() => parse(source)), /too-large|malformed/, source.slice(0, 20));
	}
	assert.equal(codeOf(() => parse(`${"]".repeat(3000)}${deep}`)), "malformed");
});

test("parseJSON refuses what is no JSON, or no UTF-8", () => {
	for (const source of ["", " ", "{", "[1,]", "nul", `{"a":1}x`, `"\u0001"`, "\ufeff{}", "01", "NaN"]) {
		assert.equal(codeOf(() => parse(source)), "malformed", JSON.stringify(source));
	}
	assert.equal(codeOf(() => parseJSON(text, fromHex("22ff22"), 0, 3)), "malformed");
	assert.equal(codeOf(() => parseJSON(text, fromHex("22eda08022"), 0, 5)), "malformed");
});
