// SPDX-License-Identifier: Apache-2.0
/** Reader: big-endian fields within a range, and what lies beyond the range is never seen. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Reader } from "../../../src/bytes/reader.js";
import { codeOf } from "../failure.js";
import { fromHex } from "../hex.js";
import { text } from "../text.js";

/** A reader on the range between the bars. */
function reader(hex: string): Reader {
	const [before = "", inside = "", behind = ""] = hex.split("|");
	const bytes = fromHex(before + inside + behind);
	const result = new Reader(text);
	const start = fromHex(before).length;
	result.reset(bytes, start, start + fromHex(inside).length);
	return result;
}

test("Reader reads fields big-endian and counts what remains", () => {
	const fields = reader("ff|01 0203 fffefdfc|ff");
	assert.equal(fields.remaining, 7);
	assert.equal(fields.uint8(), 1);
	assert.equal(fields.uint16(), 0x0203);
	assert.equal(fields.uint32(), 0xfffefdfc);
	assert.equal(fields.remaining, 0);
});

test("Reader.skip gives the index of what it passed over", () => {
	const fields = reader("ffff|010203|ff");
	assert.equal(fields.skip(2), 2);
	assert.equal(fields.uint8(), 3);
	assert.equal(fields.skip(0), 5);
});

test("Reader refuses to read beyond its range, though the bytes go on", () => {
	assert.equal(codeOf(() => reader("||ffffffff").uint8()), "malformed");
	assert.equal(codeOf(() => reader("|01|ffffffff").uint16()), "malformed");
	assert.equal(codeOf(() => reader("|010203|ffffffff").uint32()), "malformed");
	assert.equal(codeOf(() => reader("|0102|ffffffff").skip(3)), "malformed");
	assert.equal(codeOf(() => reader("|000361 62|63").utf8()), "malformed");
	assert.equal(codeOf(() => reader("|00|0000").utf8()), "malformed");
});

test("Reader.utf8 reads text of every width, an empty one too, and keeps U+FEFF [MQTT-1.5.3-3]", () => {
	assert.equal(reader("|0000|61").utf8(), "");
	assert.equal(reader("|000a 61 c3a9 e282ac f09f9c84|61").utf8(), "aé€🜄");
	assert.equal(reader("|0004 efbbbf 61|").utf8(), "\ufeffa");
	assert.equal(reader("|0003 efbfbf|").utf8(), "\uffff");
});

const ILL_FORMED: readonly [name: string, hex: string][] = [
	["U+0000", "00"],
	["U+0000 at the end", "6100"],
	["U+0000 overlong", "c080"],
	["a slash overlong", "c0af"],
	["three bytes where two would do", "e08080"],
	["four bytes where three would do", "f08080af"],
	["a high surrogate", "eda080"],
	["a low surrogate", "edbfbf"],
	["a pair of surrogates", "eda080edb080"],
	["a continuation byte alone", "80"],
	["a sequence cut at its first byte", "c3"],
	["a sequence cut before its last byte", "f09f9c"],
	["a sequence broken by ASCII", "c361"],
	["beyond U+10FFFF", "f4908080"],
	["a first byte of five", "f888808080"],
	["FE", "fe"],
	["FF", "ff"],
];

test("Reader.utf8 refuses what is no text [MQTT-1.5.3-1] [MQTT-1.5.3-2]", () => {
	for (const [name, hex] of ILL_FORMED) {
		const length = (hex.length / 2).toString(16).padStart(4, "0");
		assert.equal(codeOf(() => reader(`|${length}${hex}|`).utf8()), "malformed", name);
	}
});

test("Reader.utf8 does not mind a zero byte behind the text", () => {
	const fields = reader("|0001 61 00|00");
	assert.equal(fields.utf8(), "a");
	assert.equal(fields.uint8(), 0);
});
