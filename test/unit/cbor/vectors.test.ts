// SPDX-License-Identifier: Apache-2.0
/** The examples of RFC 8949, and its items that are not well-formed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Vocabulary } from "../../../src/bytes/vocabulary.js";
import type { CBORValue } from "../../../src/cbor/value.js";
import examples from "../../vectors/cbor-appendix-a.json" with { type: "json" };
import notWellFormed from "../../vectors/cbor-not-wellformed.json" with { type: "json" };
import { codeOf } from "../failure.js";
import { fromHex, toHex } from "../hex.js";
import { decoded, encoded } from "./encoding.js";

interface Example { hex: string; roundtrip: boolean; decoded?: unknown; diagnostic?: string }

/** What is said in words there, and what it is here: tags are passed over. */
const IN_WORDS: Readonly<Record<string, CBORValue>> = {
	"c074323031332d30332d32315432303a30343a30305a": "2013-03-21T20:04:00Z",
	"c11a514b67b0": 1363896240,
	"c1fb41d452d9ec200000": 1363896240.5,
	"d74401020304": fromHex("01020304"),
	"d818456449455446": fromHex("6449455446"),
	"d82076687474703a2f2f7777772e6578616d706c652e636f6d": "http://www.example.com",
	"40": fromHex(""),
	"4401020304": fromHex("01020304"),
	"5f42010243030405ff": fromHex("0102030405"),
};

/** Well-formed, and refused: what JSON has not, and numbers that would become others. */
const REFUSED = new Set([
	"1bffffffffffffffff", "c249010000000000000000", "3bffffffffffffffff", "c349010000000000000000",
	"f97c00", "f97e00", "f9fc00", "fa7f800000", "fa7fc00000", "faff800000", "fb7ff0000000000000", "fb7ff8000000000000", "fbfff0000000000000",
	"f7", "f0", "f818", "f8ff", "a201020304",
]);

test("every example of RFC 8949 is decoded to its value, or refused as documented; what is in preferred form is encoded so", () => {
	let refused = 0;
	for (const { hex, roundtrip, ...example } of examples as Example[]) {
		if (REFUSED.has(hex)) {
			assert.equal(codeOf(() => decoded(hex)), "malformed", hex);
			refused++;
			continue;
		}
		const expected = "decoded" in example ? example.decoded as CBORValue : IN_WORDS[hex];
		assert.notEqual(expected, undefined, hex);
		const value = decoded(hex);
		// Zeros of both signs are one to JSON.
		if (hex === "f98000") assert.ok(Object.is(value, -0));
		else assert.deepEqual(value, expected, hex);
		// Whole numbers are integers here, and tags are lost.
		const kept = roundtrip && !/^[cd]/.test(hex) && !(hex.startsWith("f") && Number.isSafeInteger(value) && !Object.is(value, -0));
		if (kept) assert.equal(toHex(encoded(value)), hex);
		assert.deepEqual(decoded(toHex(encoded(value))), value);
	}
	assert.equal(refused, REFUSED.size);
	assert.equal(examples.length, 82);
});

test("what is not well-formed is refused, alone, in an array and where it would be left out", () => {
	for (const { hex } of notWellFormed.cases) {
		for (const vocabulary of [new Vocabulary([], 1000), new Vocabulary([])]) {
			for (const before of ["", "8200", "8180", "a16161", "a2616100617a"]) {
				assert.equal(codeOf(() => decoded(before + hex, vocabulary)), "malformed", before + hex);
			}
		}
	}
	assert.equal(notWellFormed.cases.length, 94);
});
