// SPDX-License-Identifier: Apache-2.0
/** Frames: the examples of RFC 6455 §5.7, every form of a length, and what a peer must not send. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { encodeFrame, FrameDecoder, Opcode } from "../../../hosts/websocket/frame.js";
import { codeOf } from "../failure.js";
import { fromHex, toHex } from "../hex.js";

const HELLO = fromHex("48656c6c6f"), MASK = fromHex("37fa213d");

/** Deterministic and without a period of four. */
function bytesOf(length: number): Uint8Array {
	const bytes = new Uint8Array(length);
	for (let at = 0; at < length; at++) bytes[at] = at * 7 + (at >> 8);
	return bytes;
}

/** Feeds a frame in pieces of `size`. @returns its opcode, its payload and what is left */
function decode(decoder: FrameDecoder, frame: Uint8Array, size: number): { opcode: number; payload: string } {
	let at = 0;
	const take = (most: number): Uint8Array => {
		const piece = frame.slice(at, at + Math.min(most, size));
		at += piece.length;
		return piece;
	};
	while (decoder.missing > 0) decoder.addHeader(take(decoder.missing));
	let payload = "";
	while (decoder.remaining > 0) {
		const piece = take(decoder.remaining);
		decoder.addPayload(piece);
		payload += toHex(piece);
	}
	assert.equal(at, frame.length);
	decoder.next();
	return { opcode: decoder.opcode, payload };
}

/** What a decoder says to the beginning of a frame. */
function judge(hex: string, masked = false, before: readonly string[] = []): string {
	return codeOf(() => {
		const decoder = new FrameDecoder(masked);
		for (const each of before) decode(decoder, fromHex(each), Infinity);
		const bytes = fromHex(hex);
		for (let at = 0; at < bytes.length && decoder.missing > 0;) {
			const piece = bytes.slice(at, at + decoder.missing);
			decoder.addHeader(piece);
			at += piece.length;
		}
	});
}

suite("Frames", () => {
	test("the examples of RFC 6455 §5.7", () => {
		assert.equal(toHex(encodeFrame(Opcode.TEXT, HELLO, undefined)), "810548656c6c6f");
		assert.equal(toHex(encodeFrame(Opcode.TEXT, HELLO, MASK)), "818537fa213d7f9f4d5158");
		assert.equal(toHex(encodeFrame(Opcode.PING, HELLO, undefined)), "890548656c6c6f");
		assert.equal(toHex(encodeFrame(Opcode.PONG, HELLO, MASK)), "8a8537fa213d7f9f4d5158");
		assert.equal(toHex(encodeFrame(Opcode.BINARY, new Uint8Array(256), undefined)), `827e0100${"00".repeat(256)}`);
	});

	for (const masked of [false, true]) {
		test(`${masked ? "masked" : "plain"} frames of every form of a length come back, whole and in pieces`, () => {
			for (const length of [0, 1, 2, 3, 4, 5, 124, 125, 126, 127, 128, 255, 256, 1000]) {
				const payload = bytesOf(length), frame = encodeFrame(Opcode.BINARY, payload, masked ? MASK : undefined);
				const header = (length < 126 ? 2 : 4) + (masked ? 4 : 0);
				assert.equal(frame.length, header + length);
				for (const size of [Infinity, 1, 3, 7]) {
					assert.deepEqual(decode(new FrameDecoder(masked), frame, size), { opcode: Opcode.BINARY, payload: toHex(payload) }, `${length} by ${size}`);
				}
			}
		});
	}

	test("the longest payload has its length in two bytes", () => {
		const frame = encodeFrame(Opcode.BINARY, new Uint8Array(65_535), MASK);
		assert.equal(toHex(frame, 0, 8), "82feffff37fa213d");
		assert.equal(frame.length, 65_543);
	});

	test("a length in eight bytes is taken up to 2^53", () => {
		const decoder = new FrameDecoder(false);
		decoder.addHeader(fromHex("827f"));
		decoder.addHeader(fromHex("0000000000010000"));
		assert.equal(decoder.remaining, 65_536);
		assert.equal(judge("827f 001fffffffffffff"), "nothing");
		assert.equal(judge("827f 0020000000000000"), "too-large");
	});

	test("a length that is not in its shortest form is a violation, as is the highest bit", () => {
		for (const hex of ["827e0000", "827e007d", "827f0000000000000000", "827f000000000000ffff", "827f8000000000000000"]) {
			assert.equal(judge(hex), "violation", hex);
		}
		assert.equal(judge("827e007e"), "nothing");
		assert.equal(judge("827f0000000000010000"), "nothing");
	});

	test("reserved bits and opcodes, text, and the wrong side's mask are violations", () => {
		for (const hex of ["c200", "a200", "9200", "8300", "8700", "8b00", "8f00", "8100", "0100", "8280"]) {
			assert.equal(judge(hex), "violation", hex);
		}
		assert.equal(judge("8200", true), "violation");
		assert.equal(judge("828000000000", true), "nothing");
	});

	test("control frames are whole, short, and may come within a message", () => {
		for (const hex of ["0900", "0800", "0a00", "897e", "887f"]) assert.equal(judge(hex), "violation", hex);
		assert.equal(judge("800161", false, ["020161", "897d" + "00".repeat(125), "000161", "8a00"]), "nothing");
	});

	test("fragments go on where a message was begun, and nowhere else", () => {
		assert.equal(judge("0000"), "violation");
		assert.equal(judge("8000"), "violation");
		assert.equal(judge("8200", false, ["0200"]), "violation");
		assert.equal(judge("8000", false, ["0200"]), "nothing");
		assert.equal(judge("8000", false, ["0200", "8000"]), "violation");
		assert.equal(judge("8200", false, ["0200", "8000"]), "nothing");
	});
});
