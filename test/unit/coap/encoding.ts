// SPDX-License-Identifier: Apache-2.0
/** Messages to and from hexadecimal text. */
import { Reader } from "../../../src/bytes/reader.js";
import { Writer } from "../../../src/bytes/writer.js";
import { datagramLength, decodeDatagram, encodeDatagram, type Content, type Rejection } from "../../../src/coap/datagram.js";
import { decodeFrame, encodeFrame, frameLength, Framer, type Form } from "../../../src/coap/frame.js";
import type { Message } from "../../../src/coap/message.js";
import { Type } from "../../../src/coap/constants.js";
import { fromHex, toHex } from "../hex.js";
import { text } from "../text.js";

/** A message in a form that compares well: values in hexadecimal. */
export interface Shown {
	type: Type;
	code: number;
	messageId: number;
	token: string;
	options: [number: number, value: string][];
	payload: string;
}

export function shown({ type, code, messageId, token, options, payload }: Message): Shown {
	return {
		type, code, messageId, token: toHex(token), payload: toHex(payload),
		options: options.map(({ number, value }) => [number, toHex(value)]),
	};
}

/** What is left out is empty. */
export function message(parts: Partial<Shown>): Message {
	const { type = Type.CON, code = 1, messageId = 0, token = "", options = [], payload = "" } = parts;
	return {
		type, code, messageId, token: fromHex(token), payload: fromHex(payload),
		options: options.map(([number, value]) => ({ number, value: fromHex(value) })),
	};
}

export function encoded(content: Message): Uint8Array {
	const writer = new Writer(text), bytes = new Uint8Array(datagramLength(content));
	writer.reset(bytes, 0, bytes.byteLength);
	encodeDatagram(writer, content.type, content.messageId, content);
	if (writer.remaining !== 0) throw new Error(`${writer.remaining} bytes fewer than measured`);
	return bytes;
}

/** In the middle of other bytes, which are none of its business. */
export function decoded(bytes: Uint8Array): Message | Rejection | undefined {
	const around = new Uint8Array(bytes.byteLength + 4).fill(0xff);
	around.set(bytes, 2);
	return decodeDatagram(new Reader(text), around, 2, 2 + bytes.byteLength);
}

export function framed(form: Form, content: Content): Uint8Array {
	const writer = new Writer(text), bytes = new Uint8Array(frameLength(form, content));
	writer.reset(bytes, 0, bytes.byteLength);
	encodeFrame(writer, form, content);
	if (writer.remaining !== 0) throw new Error(`${writer.remaining} bytes fewer than measured`);
	return bytes;
}

/** What a host puts before a frame of a WebSocket. */
export function marked(bytes: Uint8Array, goesOn = false): Uint8Array {
	const { byteLength } = bytes, all = new Uint8Array(4 + byteLength);
	all.set([byteLength >>> 24 | (goesOn ? 0x80 : 0), byteLength >> 16, byteLength >> 8, byteLength]);
	all.set(bytes, 4);
	return all;
}

/** All messages of a stream that comes in pieces of `step` bytes, each in memory that is used for nothing else. */
export function unframed(form: Form, bytes: Uint8Array, step = Infinity, maximum = 65_536): Shown[] {
	const reader = new Reader(text), framer = new Framer(reader, form, maximum), messages: Shown[] = [];
	for (let at = 0; at < bytes.byteLength; at += step) {
		const piece = bytes.slice(at, Math.min(bytes.byteLength, at + step));
		framer.push(piece, 0, piece.byteLength);
		while (framer.next()) messages.push(shown(decodeFrame(reader, framer)));
		piece.fill(0xee);
	}
	return messages;
}
