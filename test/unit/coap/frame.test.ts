// SPDX-License-Identifier: Apache-2.0
/** Messages found in streams, however they are cut (RFC 8323 §3.2, §4.2). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Reader } from "../../../src/bytes/reader.js";
import { Writer } from "../../../src/bytes/writer.js";
import { decodeFrame, encodeFrame, Framer, type Form } from "../../../src/coap/frame.js";
import { codeOf } from "../failure.js";
import { fromHex, toHex } from "../hex.js";
import { text } from "../text.js";
import { framed, marked, message, shown, unframed } from "./encoding.js";

const MESSAGES = [
	message({ code: 0 }), message({ code: 0xe1, options: [[2, "4000"], [4, ""]] }), message({ token: "01".repeat(8), payload: "aa".repeat(300) }),
	message({ code: 0x45, token: "77", options: [[11, "bb".repeat(20)]], payload: "01" }),
];

function joined(form: Form): Uint8Array {
	return fromHex(MESSAGES.map(content => toHex(form === "stream" ? framed(form, content) : marked(framed(form, content)))).join(""));
}

function codeOfStream(form: Form, hex: string, maximum?: number): string {
	return codeOf(() => unframed(form, fromHex(hex), Infinity, maximum));
}

test("messages are found whole, byte by byte, and in pieces of any length", () => {
	for (const form of ["stream", "websocket"] as const) {
		const bytes = joined(form);
		for (let step = 1; step < 40; step++) assert.deepEqual(unframed(form, bytes, step), MESSAGES.map(shown));
		assert.deepEqual(unframed(form, bytes, 350), MESSAGES.map(shown));
		assert.deepEqual(unframed(form, bytes), MESSAGES.map(shown));
	}
});

test("what came whole is handed out where it lies, and what came in parts from a buffer of its own", () => {
	const reader = new Reader(text), framer = new Framer(reader, "stream", 1_024), bytes = fromHex("11 01 aa b0 11 01 bb b0");
	framer.push(bytes, 0, 8);
	assert.ok(framer.next());
	assert.equal(framer.bytes, bytes);
	assert.deepEqual([framer.start, framer.end], [1, 4]);
	assert.ok(framer.next());
	assert.equal(framer.bytes, bytes, "also with nothing behind it");
	assert.ok(!framer.next());
	framer.push(bytes, 4, 6);
	assert.ok(!framer.next());
	framer.push(bytes, 6, 8);
	assert.ok(framer.next());
	assert.notEqual(framer.bytes.buffer, bytes.buffer);
	assert.equal(framer.bytes.byteLength, 3);
	assert.equal(toHex(decodeFrame(reader, framer).token), "bb");
	assert.ok(!framer.next());
	assert.equal(framer.bytes.byteLength, 0, "the buffer is let go");
});

test("a message beyond the maximum is refused as soon as its length is there", () => {
	for (const [hex, length] of [["c0", 12], ["d0f4", 257], ["e00000", 269], ["f000000000", 65_805], ["f0ffffffff", 4_295_033_100]] as const) {
		assert.equal(codeOfStream("stream", hex, length - 1), "too-large", hex);
		assert.equal(codeOfStream("stream", hex, length), "nothing", hex);
	}
	// Beside options and payload there are the code and the token, of which the maximum does not speak.
	assert.equal(codeOfStream("websocket", "00000111", 256), "too-large");
	assert.equal(codeOfStream("websocket", "00000110", 256), "nothing");
});

test("what is only announced takes no memory before it comes", () => {
	const framer = new Framer(new Reader(text), "stream", 2 ** 32), bytes = fromHex("f0fffe0000");
	framer.push(bytes, 0, 5);
	assert.ok(!framer.next());
});

test("a token of 9 bytes and more is malformed", () => {
	for (let length = 9; length < 16; length++) {
		assert.equal(codeOfStream("stream", `0${length.toString(16)}01${"aa".repeat(length)}`), "malformed");
	}
});

test("options that reach beyond their message are malformed, and leave the next alone", () => {
	assert.equal(codeOfStream("stream", "100112aaaa"), "malformed");
	assert.equal(codeOfStream("stream", "2001ff01"), "nothing");
	assert.equal(codeOfStream("stream", "1001ff01"), "malformed");
});

test("a WebSocket's message may come in fragments, at any place (RFC 6455 §5.4)", () => {
	const content = message({ token: "aabb", options: [[11, "cc".repeat(30)]], payload: "dd".repeat(100) }), whole = framed("websocket", content);
	for (let first = 0; first <= whole.byteLength; first++) {
		for (const second of [first, Math.min(first + 1, whole.byteLength), whole.byteLength]) {
			const bytes = [[0, first, true], [first, second, true], [second, whole.byteLength, false]] as const;
			const stream = fromHex(bytes.map(([start, end, goesOn]) => toHex(marked(whole.slice(start, end), goesOn))).join(""));
			for (const step of [1, 7, Infinity]) assert.deepEqual(unframed("websocket", stream, step), [shown(content)]);
		}
	}
	const single = Array.from(whole, (byte, at) => toHex(marked(Uint8Array.of(byte), at < whole.byteLength - 1))).join("");
	assert.deepEqual(unframed("websocket", fromHex(single + single)), [shown(content), shown(content)]);
});

test("fragments are bounded together", () => {
	const half = toHex(marked(new Uint8Array(100), true));
	assert.equal(codeOfStream("websocket", half.repeat(2), 184), "nothing");
	assert.equal(codeOfStream("websocket", half.repeat(2), 183), "too-large");
	assert.equal(codeOfStream("websocket", `${half}ffffffff`, 65_536), "too-large");
});

test("a WebSocket's message that is none of ours is malformed (§4.2)", () => {
	assert.equal(codeOfStream("websocket", "00000000"), "malformed", "empty");
	assert.equal(codeOfStream("websocket", "0000000101"), "malformed", "without a code");
	assert.equal(codeOfStream("websocket", "000000021001"), "malformed", "with a length of its own");
	assert.equal(codeOfStream("websocket", "000000020001"), "nothing");
});

test("clear lets go of what came in part", () => {
	const framer = new Framer(new Reader(text), "stream", 100), bytes = fromHex("50010203");
	framer.push(bytes, 0, 4);
	assert.ok(!framer.next());
	framer.clear();
	assert.ok(!framer.next());
	assert.equal(framer.bytes.byteLength, 0);
});

test("encodeFrame writes nothing beyond its range", () => {
	const bytes = new Uint8Array(20), writer = new Writer(text);
	writer.reset(bytes, 0, 8);
	assert.equal(codeOf(() => encodeFrame(writer, "stream", message({ payload: "aa".repeat(8) }))), "too-large");
	assert.equal(toHex(bytes, 8), "00".repeat(12));
});
