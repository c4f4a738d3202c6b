// SPDX-License-Identifier: Apache-2.0
/** Base 64: the vectors of RFC 4648, every length, and what a strict reader refuses. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeBase64, decodeBase64URL, encodeBase64 } from "../../../src/bytes/base64.js";
import { codeOf } from "../failure.js";
import { fromHex, toHex } from "../hex.js";

/** RFC 4648 §10, and the digits that tell this alphabet from the other one. */
const VECTORS: readonly (readonly [hex: string, text: string])[] = [
	["", ""], ["66", "Zg=="], ["666f", "Zm8="], ["666f6f", "Zm9v"], ["666f6f62", "Zm9vYg=="], ["666f6f6261", "Zm9vYmE="],
	["666f6f626172", "Zm9vYmFy"], ["fbefbe", "++++"], ["ffffff", "////"], ["00", "AA=="], ["000000", "AAAA"],
];

test("encodeBase64 and decodeBase64 know the vectors of RFC 4648", () => {
	for (const [hex, text] of VECTORS) {
		assert.equal(encodeBase64(fromHex(hex)), text);
		assert.equal(toHex(decodeBase64(text)), hex);
	}
});

test("what was encoded is decoded, at every length around a piece and for every byte", () => {
	for (let length = 0; length < 200; length++) {
		const bytes = Uint8Array.from({ length }, (_, index) => length * 31 + index * 7);
		const text = encodeBase64(bytes);
		assert.equal(text.length, Math.ceil(length / 3) * 4);
		assert.deepEqual(decodeBase64(text), bytes);
	}
	const all = Uint8Array.from({ length: 256 }, (_, index) => index);
	assert.deepEqual(decodeBase64(encodeBase64(all)), all);
});

test("encodeBase64 takes a range and nothing around it", () => {
	const bytes = fromHex("ff666f6f62ff");
	assert.equal(encodeBase64(bytes, 1, 5), "Zm9vYg==");
	assert.equal(encodeBase64(bytes, 3, 3), "");
	assert.equal(encodeBase64(bytes.subarray(1), 0, 3), "Zm9v");
});

test("decodeBase64 refuses whatever is not the one text of some bytes", () => {
	const long = "A".repeat(64);
	for (const text of [
		"A", "AA", "AAA", "AAAAA", "=", "==", "====", "A===", "=AAA", "AA=A", "A=AA", "AAA=AAAA", "AA==AAAA", "AAAA====",
		"Zg", "Zm8", "Zh==", "Zm9=", "AB==", "AAB=", "AA A", "AAAA\n", "AA\r\n", "\nAAA", " AAA", "AA-_", "A.AA", "A\0AA", "AAA[", "`AAA", "@AAA", "{AAA", "A:AA",
		"Aé==", "éAAA", "AAA🜄", "🜄AA", "AA🜄A", `${long}\nAAA`, `${long}AAAé`, `${long}A===`, `${long}Zh==`,
	]) {
		assert.equal(codeOf(() => decodeBase64(text)), "malformed", JSON.stringify(text));
	}
});

test("decodeBase64URL takes the other digits, without padding, and nothing else", () => {
	for (const [hex, text] of VECTORS) {
		const other = text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
		assert.equal(toHex(decodeBase64URL(other)), hex);
		if (other !== text) assert.equal(codeOf(() => decodeBase64URL(text)), "malformed", text);
	}
	for (const text of ["A", "AAAAA", "Zh", "Zm9=", "AA A", "AA\n", "AA.A", "+___", "/AAA", "AAA=", "AA=="]) {
		assert.equal(codeOf(() => decodeBase64URL(text)), "malformed", text);
	}
});
