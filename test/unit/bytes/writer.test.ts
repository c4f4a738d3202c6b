// SPDX-License-Identifier: Apache-2.0
/** Writer: big-endian fields within a range, and nothing is written outside of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Reader } from "../../../src/bytes/reader.js";
import { VARINT_MAXIMUM, varintLength, Writer } from "../../../src/bytes/writer.js";
import { codeOf } from "../failure.js";
import { fromHex, toHex } from "../hex.js";
import { text } from "../text.js";

const MARGIN = 4;
const GUARD = "aaaaaaaa";

/** What `write` puts into a range of `room` bytes; fails when it touched what is around. */
function written(room: number, write: (writer: Writer) => void): string {
	const bytes = new Uint8Array(room + 2 * MARGIN).fill(0xaa);
	const writer = new Writer(text);
	writer.reset(bytes, MARGIN, MARGIN + room);
	try {
		write(writer);
	} finally {
		assert.equal(toHex(bytes, 0, MARGIN), GUARD);
		assert.equal(toHex(bytes, MARGIN + room), GUARD);
	}
	return toHex(bytes, MARGIN, writer.position);
}

test("Writer writes fields big-endian", () => {
	assert.equal(written(7, (writer) => {
		writer.uint8(0xfe);
		writer.uint16(0x0102);
		writer.uint32(0xfffefdfc);
	}), "fe0102fffefdfc");
});

test("Writer refuses a 16-bit field out of range", () => {
	for (const value of [-1, 0x10000]) assert.equal(codeOf(() => written(2, (writer) => writer.uint16(value))), "argument");
	assert.equal(written(4, (writer) => {
		writer.uint16(0);
		writer.uint16(0xffff);
	}), "0000ffff");
});

// MQTT 3.1.1, table 2.4.
const VARINTS: readonly [value: number, hex: string][] = [
	[0, "00"], [127, "7f"], [128, "8001"], [16_383, "ff7f"], [16_384, "808001"], [2_097_151, "ffff7f"],
	[2_097_152, "80808001"], [268_435_455, "ffffff7f"],
];

test("Writer.varint takes the fewest bytes, at both ends of every width", () => {
	for (const [value, hex] of VARINTS) {
		assert.equal(written(4, (writer) => writer.varint(value)), hex);
		assert.equal(varintLength(value), hex.length / 2);
	}
	for (const value of [-1, VARINT_MAXIMUM + 1]) {
		assert.equal(codeOf(() => written(4, (writer) => writer.varint(value))), "argument");
	}
});

test("Writer.utf8 writes the length in bytes, not in characters", () => {
	assert.equal(written(12, (writer) => writer.utf8("aé€🜄")), "000a61c3a9e282acf09f9c84");
	assert.equal(written(2, (writer) => writer.utf8("")), "0000");
	assert.equal(written(5, (writer) => writer.utf8("\ufeff")), "0003efbbbf");
});

test("Writer.utf8 refuses what a string must not hold", () => {
	for (const value of ["\u0000", "a\u0000b", "\ud800", "a\udc00"]) {
		assert.equal(codeOf(() => written(16, (writer) => writer.utf8(value))), "argument");
	}
	assert.equal(codeOf(() => written(0x10010, (writer) => writer.utf8("x".repeat(0x10000)))), "argument");
	assert.equal(written(0x10001, (writer) => writer.utf8("x".repeat(0xffff))).slice(0, 8), "ffff7878");
});

test("Writer refuses what does not fit, and writes nothing beyond its range", () => {
	const cases: ((writer: Writer) => void)[] = [
		(writer) => writer.uint32(1),
		(writer) => writer.varint(VARINT_MAXIMUM),
		(writer) => writer.utf8("ab"),
		(writer) => writer.utf8Bytes("abcd"),
		(writer) => writer.copy(fromHex("01020304"), 0, 4),
		(writer) => writer.binary(fromHex("0102")),
	];
	for (const write of cases) assert.equal(codeOf(() => written(3, write)), "too-large", write.toString());
});

test("Writer.copy takes a part of its source, or all of it", () => {
	const source = fromHex("0001020304");
	assert.equal(written(9, (writer) => {
		writer.copy(source, 1, 4);
		writer.copy(source, 2, 2);
		writer.copy(source, 0, 5);
	}), "0102030001020304");
	assert.equal(written(4, (writer) => writer.binary(fromHex("0102"))), "00020102");
});

test("what Writer writes, Reader reads", () => {
	const bytes = new Uint8Array(32);
	const writer = new Writer(text);
	writer.reset(bytes, 0, 32);
	writer.utf8("Ŧėśt🜄");
	writer.uint32(0x80000001);
	const reader = new Reader(text);
	reader.reset(bytes, 0, writer.position);
	assert.equal(reader.utf8(), "Ŧėśt🜄");
	assert.equal(reader.uint32(), 0x80000001);
	assert.equal(reader.remaining, 0);
});
