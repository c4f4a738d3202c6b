// SPDX-License-Identifier: Apache-2.0
/** Datagrams that are as they should be, and what is done about the others (RFC 7252 §3, §4.2, §4.3). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Writer } from "../../../src/bytes/writer.js";
import { OPTION_MAXIMUM } from "../../../src/coap/body.js";
import { datagramLength, encodeDatagram } from "../../../src/coap/datagram.js";
import { Type } from "../../../src/coap/constants.js";
import { emptyMessage } from "../../../src/coap/message.js";
import { codeOf } from "../failure.js";
import { fromHex, toHex } from "../hex.js";
import { text } from "../text.js";
import { decoded, encoded, message, shown } from "./encoding.js";

/** "ignored", "rejected" with the message ID, or the message's code. */
function fate(hex: string): string {
	const result = decoded(fromHex(hex));
	if (result === undefined) return "ignored";
	if (!("error" in result)) return `code ${result.code}`;
	assert.equal(result.error.code, "malformed", hex);
	return `rejected ${result.messageId.toString(16)}`;
}

/** The same behind the first byte of each type. */
function fates(rest: string, tokenLength = 0): string[] {
	return [0x40, 0x50, 0x60, 0x70].map(first => fate(toHex(Uint8Array.of(first | tokenLength)) + rest));
}

const CON_ONLY = ["rejected 1234", "ignored", "ignored", "ignored"];

test("what is shorter than a header or of another version is ignored (§3)", () => {
	for (const hex of ["", "40", "4001", "400112", "00011234", "80011234", "c0011234", "80000000ff"]) assert.equal(fate(hex), "ignored", hex);
});

test("a token of 9 bytes and more is a format error (§3)", () => {
	for (let length = 9; length < 16; length++) {
		assert.deepEqual(fates(`011234${"aa".repeat(length)}`, length), CON_ONLY);
	}
	assert.equal(fate(`48011234${"aa".repeat(8)}`), "code 1");
});

test("a token that is not all there is a format error", () => {
	assert.deepEqual(fates("011234aaaa", 3), CON_ONLY);
});

test("an Empty message with anything in it is a format error (§4.1)", () => {
	assert.deepEqual(fates("001234"), ["code 0", "ignored", "code 0", "code 0"]);
	assert.deepEqual(fates("001234aa", 1), CON_ONLY);
	assert.deepEqual(fates("001234ff01"), CON_ONLY);
	assert.deepEqual(fates("00123410"), CON_ONLY);
	assert.deepEqual(fates("001234ff"), CON_ONLY);
});

test("codes of reserved classes are rejected (§4.2, §4.3)", () => {
	for (const code of ["20", "3f", "c0", "e0", "e1", "ff"]) assert.deepEqual(fates(`${code}1234`), CON_ONLY, code);
});

test("types carry only what table 1 of §4.3 says", () => {
	assert.deepEqual(fates("011234"), ["code 1", "code 1", "ignored", "ignored"]);
	assert.deepEqual(fates("451234"), ["code 69", "code 69", "code 69", "ignored"]);
});

test("a payload marker without a payload is a format error (§3)", () => {
	assert.deepEqual(fates("011234ff"), CON_ONLY);
	assert.deepEqual(fates("01123410ff"), CON_ONLY);
	assert.equal(fate("40011234ffff"), "code 1");
});

test("the reserved nibble 15 is a format error (§3.1)", () => {
	assert.deepEqual(fates("011234f00000"), CON_ONLY);
	assert.deepEqual(fates(`0112340f0000${"aa".repeat(269)}`), CON_ONLY);
	for (const option of ["f0", "0f", "1f", "f1", "fe"]) assert.deepEqual(fates(`011234${option}aaaaaaaa`), CON_ONLY, option);
});

test("an option that is not all there is a format error", () => {
	for (const option of ["11", "d0", "e000", "0d", "0e00", "0d00aa", "e0", "de0000", "1effff"]) assert.deepEqual(fates(`011234${option}`), CON_ONLY, option);
});

test("option numbers beyond 65,535 are a format error (§12.2)", () => {
	assert.equal(fate("40011234e0fef2"), "code 1");
	assert.deepEqual(fates("011234e0fef3"), CON_ONLY);
	assert.deepEqual(fates("011234e0fef210"), CON_ONLY);
});

test("more than 64 options are refused", () => {
	assert.equal(fate(`40011234${"00".repeat(OPTION_MAXIMUM)}`), "code 1");
	assert.deepEqual(fates(`011234${"00".repeat(OPTION_MAXIMUM + 1)}`), CON_ONLY);
});

test("what is read is a view of the datagram", () => {
	const bytes = fromHex("42011234aabb11ccffdd");
	const around = new Uint8Array(bytes);
	const result = decoded(bytes);
	assert.ok(result !== undefined && !("error" in result));
	assert.deepEqual(shown(result), { type: 0, code: 1, messageId: 0x1234, token: "aabb", options: [[1, "cc"]], payload: "dd" });
	assert.equal(result.token.buffer, result.payload.buffer);
	assert.equal(result.options[0]!.value.buffer, result.payload.buffer);
	assert.deepEqual(bytes, around);
});

test("an Empty message is four bytes", () => {
	assert.equal(toHex(encoded(emptyMessage(Type.RST, 0xfffe))), "7000fffe");
});

test("a token of 8 bytes is sent", () => {
	assert.equal(toHex(encoded(message({ token: "aa".repeat(8) }))), `48010000${"aa".repeat(8)}`);
});

test("encodeDatagram refuses tokens that are too long, and writes nothing beyond its range", () => {
	assert.equal(codeOf(() => datagramLength(message({ token: "aa".repeat(9) }))), "argument");
	const bytes = new Uint8Array(20), writer = new Writer(text);
	writer.reset(bytes, 0, 8);
	assert.equal(codeOf(() => encodeDatagram(writer, Type.CON, 1, message({ payload: "aa".repeat(6) }))), "too-large");
	assert.equal(toHex(bytes, 8), "00".repeat(12));
	writer.reset(bytes, 0, 20);
	assert.equal(codeOf(() => encodeDatagram(writer, Type.CON, 0x1_0000, message({}))), "argument");
});
