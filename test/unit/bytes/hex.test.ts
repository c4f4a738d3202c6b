// SPDX-License-Identifier: Apache-2.0
/** Hexadecimal digits: every byte, and what is none. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeHex } from "../../../src/bytes/hex.js";
import { codeOf } from "../failure.js";
import { toHex } from "../hex.js";

test("decodeHex gives back every byte, and none for no digits", () => {
	const all = Uint8Array.from({ length: 256 }, (_, index) => index);
	assert.deepEqual(decodeHex(toHex(all)), all);
	assert.deepEqual(decodeHex(""), new Uint8Array(0));
});

test("decodeHex refuses an odd number of digits, capitals, and the neighbours of all that are digits", () => {
	for (const digits of ["0", "000", "AA", "0x", "-1", " 0", "0/", "0:", "0`", "0g", "0\u0130", "\ud83d\ude00"]) {
		assert.equal(codeOf(() => decodeHex(digits)), "argument", digits);
	}
});
