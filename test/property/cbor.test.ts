// SPDX-License-Identifier: Apache-2.0
/** CBOR: what was encoded is decoded, in whatever form a peer writes it, and all else ends in an error. */
import assert from "node:assert/strict";
import { Vocabulary } from "../../src/bytes/vocabulary.js";
import { decodeCBOR } from "../../src/cbor/decode.js";
import { encodeDeterministicCBOR } from "../../src/cbor/encode.js";
import { CBORReader } from "../../src/cbor/reader.js";
import type { CBORValue } from "../../src/cbor/value.js";
import { decoded, encoded } from "../unit/cbor/encoding.js";
import { codeOf } from "../unit/failure.js";
import { toHex } from "../unit/hex.js";
import { text } from "../unit/text.js";
import { anyDocument, anyNumber, anyValue, NAMES, restricted } from "./documents.js";
import { property, type Random } from "./random.js";

const SEEDS = Number((globalThis as { SEEDS?: number }).SEEDS ?? 300) * 5;

property("what was encoded is decoded", SEEDS, (random) => {
	const value = anyValue(random, 5, true);
	assert.deepEqual(decoded(toHex(encoded(value))), value);
});

property("every number is decoded to itself, and no shorter form of it was to be had", SEEDS, (random) => {
	const value = anyNumber(random);
	const bytes = encoded(value);
	assert.ok(Object.is(decoded(toHex(bytes)), value), String(value));
	if (bytes.length === 9 && bytes[0] === 0xfb) assert.notEqual(Math.fround(value), value);
});

property("what is kept is what a vocabulary knows", SEEDS, (random) => {
	const document = anyDocument(random, 6);
	const known = NAMES.filter(() => random.once(2));
	assert.deepEqual(decoded(toHex(encoded(document)), new Vocabulary(known)), restricted(document, known));
});

property("what is skipped item by item is what is there; its members in any order have one deterministic encoding", SEEDS, (random) => {
	const value = anyValue(random, 5, true);
	const bytes = encodeDeterministicCBOR(text, value);
	const reader = new CBORReader(text);
	reader.reset(bytes, 0, bytes.length);
	reader.skipItem();
	assert.equal(reader.remaining, 0);
	assert.deepEqual(encodeDeterministicCBOR(text, shuffled(random, value)), bytes);
	assert.equal(encoded(value).length, bytes.length);
	assert.deepEqual(decoded(toHex(bytes)), value);
});

function shuffled(random: Random, value: CBORValue): CBORValue {
	if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
	if (Array.isArray(value)) return value.map((item) => shuffled(random, item));
	const members = Object.entries(value).map(([name, member]) => [random.below(2 ** 32), name, shuffled(random, member)] as const);
	return Object.fromEntries(members.sort(([left], [right]) => left - right).map(([, name, member]) => [name, member]));
}

const hexOf = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");

/** A head that is longer than it need be, as peers may write it. */
function head(random: Random, major: number, count: number): string {
	const first = (info: number): string => hexOf(major << 5 | info, 2);
	switch (random.below(4)) {
		case 0: return `${first(25)}${hexOf(count, 4)}`;
		case 1: return `${first(26)}${hexOf(count, 8)}`;
		case 2: return `${first(27)}${hexOf(count, 16)}`;
		default: return count < 24 ? first(count) : `${first(25)}${hexOf(count, 4)}`;
	}
}

/** As another encoder may say it: tagged, in chunks, of lengths that come with the end. */
function loosely(random: Random, value: CBORValue): string {
	const tag = random.once(8) ? random.pick(["c0", "c1", "d818", "d9d9f7"]) : "";
	if (typeof value === "string" || value instanceof Uint8Array) {
		const hex = toHex(encoded(value));
		if (random.once(2)) return tag + hex;
		const major = typeof value === "string" ? 3 : 2;
		const parts = typeof value === "string" ? [...value].map((part) => toHex(encoded(part))) : Array.from(value, (byte) => `41${hexOf(byte, 2)}`);
		if (random.once(3)) parts.push(`${hexOf(major << 5, 2)}`);
		return `${tag}${hexOf(major << 5 | 31, 2)}${parts.join("")}ff`;
	}
	if (typeof value !== "object" || value === null) return tag + toHex(encoded(value));
	const items = Array.isArray(value) ? value.map((item) => loosely(random, item))
		: Object.entries(value).map(([name, member]) => loosely(random, name).replace(/^(c0|c1|d818|d9d9f7)/, "") + loosely(random, member));
	const major = Array.isArray(value) ? 4 : 5;
	if (random.once(3)) return `${tag}${hexOf(major << 5 | 31, 2)}${items.join("")}ff`;
	return tag + head(random, major, items.length) + items.join("");
}

property("other forms of a value are decoded to the value", SEEDS, (random) => {
	const value = anyValue(random, 4, true);
	const hex = loosely(random, value);
	assert.deepEqual(decoded(hex), value, hex);
	if (typeof value === "object" && !(value instanceof Uint8Array)) {
		const nothing = Array.isArray(value) ? undefined : value === null ? null : {};
		if (nothing !== undefined) assert.deepEqual(decoded(hex, new Vocabulary([])), nothing, hex);
	}
});

property("of bytes at random and of values that were changed, each is a value or an error", SEEDS, (random) => {
	const bytes = random.once(3) ? Uint8Array.from(random.list(30, () => random.below(256))) : encoded(anyValue(random, 4, true));
	for (let count = random.below(4); count > 0 && bytes.length > 0; count--) bytes[random.below(bytes.length)] = random.below(256);
	for (const vocabulary of [new Vocabulary([]), new Vocabulary([], 100)]) {
		let value: CBORValue | undefined;
		const code = codeOf(() => { value = decodeCBOR(text, bytes, 0, bytes.length, vocabulary); });
		assert.match(code, /^(nothing|malformed|too-large)$/, toHex(bytes));
		if (value !== undefined) assert.deepEqual(decoded(toHex(encoded(value))), value, toHex(bytes));
	}
});
