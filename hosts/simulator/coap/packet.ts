// SPDX-License-Identifier: Apache-2.0
/**
 * Bytes to CoAP messages and back, on the npm package `coap-packet`.
 *
 * Pure. The codec is third-party on purpose: every run against the SDK is then a differential test of the SDK's own.
 * The package knows datagrams alone: a stream's message (RFC 8323 §3.2) is the same but for its first bytes, which are
 * made here. It accepts what is cut short; but a message has one encoding, so that what is malformed shows when it
 * is generated again.
 */
import { Buffer } from "buffer";
import { generate, parse } from "coap-packet";
import { codeText, Type } from "../../../src/coap/constants.js";
import { TOKEN_MAXIMUM, type Message } from "../../../src/coap/message.js";
import { same } from "./options.js";

/** A datagram's bytes before its token. */
const HEADER_LENGTH = 4;
const OPTION_NUMBER_MAXIMUM = 0xffff;
const NUMBERS: Readonly<Record<string, number>> = Object.freeze({
	"If-Match": 1, "Uri-Host": 3, ETag: 4, "If-None-Match": 5, Observe: 6, "Uri-Port": 7, "Location-Path": 8, OSCORE: 9, "Uri-Path": 11,
	"Content-Format": 12, "Max-Age": 14, "Uri-Query": 15, "Hop-Limit": 16, Accept: 17, "Q-Block1": 19, "Location-Query": 20, Block2: 23,
	Block1: 27, Size2: 28, "Q-Block2": 31, "Proxy-Uri": 35, "Proxy-Scheme": 39, Size1: 60, "No-Response": 258,
	"OCF-Accept-Content-Format-Version": 2049, "OCF-Content-Format-Version": 2053,
});

/** @returns `undefined` for what is no CoAP message */
export function decodeDatagram(bytes: Uint8Array): Message | undefined {
	try {
		const buffer = Buffer.from(new Uint8Array(bytes).buffer), parsed = parse(buffer);
		const message: Message = {
			type: parsed.confirmable ? Type.CON : parsed.ack ? Type.ACK : parsed.reset ? Type.RST : Type.NON,
			code: buffer[1]!, messageId: parsed.messageId, token: plain(parsed.token), payload: plain(parsed.payload),
			options: parsed.options.map(({ name, value }) => ({ number: NUMBERS[name] ?? Number(name), value: plain(value) })),
		};
		const isKnown = message.token.byteLength <= TOKEN_MAXIMUM && message.options.every(({ number }) => number <= OPTION_NUMBER_MAXIMUM);
		return isKnown && same(buffer, encodeDatagram(message)) ? message : undefined;
	} catch {
		return undefined;
	}
}

export function encodeDatagram(message: Message): Uint8Array {
	return plain(generate({
		confirmable: message.type === Type.CON, ack: message.type === Type.ACK, reset: message.type === Type.RST,
		code: codeText(message.code), messageId: message.messageId, token: Buffer.from(message.token), payload: Buffer.from(message.payload),
		options: message.options.map(({ number, value }) => ({ name: String(number), value: Buffer.from(value) })),
	}, Infinity));
}

/** A Buffer's `slice` is not that of other arrays: nobody but the package is to meet one. */
function plain({ buffer, byteOffset, byteLength }: Uint8Array): Uint8Array {
	return new Uint8Array(buffer, byteOffset, byteLength);
}

/** What can be read of a datagram that is no message; `undefined` where not even that. Spec: RFC 7252 §3. */
export function headerOf(bytes: Uint8Array): { type: Type; messageId: number } | undefined {
	if (bytes.byteLength < HEADER_LENGTH || bytes[0]! >> 6 !== 1) return undefined;
	return { type: (bytes[0]! >> 4 & 3) as Type, messageId: bytes[2]! << 8 | bytes[3]! };
}

/** Where a frame of a stream begins and ends. */
export interface FrameHeader {
	readonly code: number;
	/** Where the token begins. */
	readonly start: number;
	readonly tokenLength: number;
	readonly end: number;
}

/** @returns `undefined` while it is not whole */
export function frameHeader(bytes: Uint8Array): FrameHeader | undefined {
	if (bytes.byteLength === 0) return undefined;
	const nibble = bytes[0]! >> 4, tokenLength = bytes[0]! & 0xf;
	const extended = nibble < 13 ? 0 : 1 << nibble - 13;
	if (bytes.byteLength < 2 + extended) return undefined;
	let length = 0;
	for (let index = 1; index <= extended; index++) length = length * 0x100 + bytes[index]!;
	length += [13, 269, 65_805][nibble - 13] ?? nibble;
	const start = 2 + extended;
	return { code: bytes[1 + extended]!, start, tokenLength, end: start + tokenLength + length };
}

/** A frame of a TCP stream, or a WebSocket message, where the length is 0 and the end is the message's. */
export function decodeFrame(bytes: Uint8Array, { code, start, tokenLength }: FrameHeader): Message | undefined {
	const datagram = new Uint8Array(HEADER_LENGTH + bytes.byteLength - start);
	datagram.set([0x40 | tokenLength, code]);
	datagram.set(bytes.subarray(start), HEADER_LENGTH);
	return decodeDatagram(datagram);
}

export function encodeFrame(message: Message, form: "tcp" | "ws"): Uint8Array {
	const datagram = encodeDatagram({ ...message, messageId: 0 });
	const length = datagram.byteLength - HEADER_LENGTH - message.token.byteLength;
	const head = [...form === "ws" ? [0] : lengthField(length), message.code];
	head[0]! |= message.token.byteLength;
	const frame = new Uint8Array(head.length + datagram.byteLength - HEADER_LENGTH);
	frame.set(head);
	frame.set(datagram.subarray(HEADER_LENGTH), head.length);
	return frame;
}

/** Spec: RFC 8323 §3.2. */
function lengthField(length: number): number[] {
	if (length < 13) return [length << 4];
	if (length < 269) return [13 << 4, length - 13];
	if (length < 65_805) return [14 << 4, length - 269 >> 8, length - 269 & 0xff];
	const rest = length - 65_805;
	return [15 << 4, rest >>> 24, rest >> 16 & 0xff, rest >> 8 & 0xff, rest & 0xff];
}
