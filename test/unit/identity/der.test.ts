// SPDX-License-Identifier: Apache-2.0
/** DER: lengths in their shortest form, at every border. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DER, Tag } from "../../../src/identity/der.js";
import { toHex } from "../hex.js";
import { text } from "../text.js";

const der = new DER(text);

test("the length of a value takes as few bytes as it can", () => {
	for (const [length, header] of [[0, "3000"], [1, "3001"], [127, "307f"], [128, "308180"], [255, "3081ff"], [256, "30820100"], [65_535, "3082ffff"]] as const) {
		const value = der.value(Tag.SEQUENCE, new Uint8Array(length));
		assert.equal(toHex(value.subarray(0, header.length / 2)), header);
		assert.equal(value.byteLength, header.length / 2 + length);
	}
	assert.throws(() => der.value(Tag.SEQUENCE, new Uint8Array(65_535), new Uint8Array(1)), { code: "too-large" });
});

test("parts follow each other, bits are whole bytes, text is UTF-8", () => {
	assert.equal(toHex(der.value(Tag.SET, Uint8Array.of(1, 2), Uint8Array.of(), Uint8Array.of(3))), "3103010203");
	assert.equal(toHex(der.bits(Uint8Array.of(0xff))), "030200ff");
	assert.equal(toHex(der.utf8("aä")), "0c0361c3a4");
});
