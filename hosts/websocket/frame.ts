// SPDX-License-Identifier: Apache-2.0
/**
 * Frames of RFC 6455 §5: made whole, taken apart byte by byte.
 *
 * Pure. A payload is never collected: `FrameDecoder` looks at headers only and counts what belongs to them, so a
 * message of any length passes through. No extension is ever negotiated, so reserved bits are violations.
 */
import { DeviceError } from "../../src/base/error.js";

export const Opcode = Object.freeze({ CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 });

/** Of a control frame (§5.5). */
export const CONTROL_MAXIMUM = 125;
/** Of the frames that we make: the length fits two bytes. */
export const PAYLOAD_MAXIMUM = 0xffff;
export const MASK_LENGTH = 4;
/** What `encodeFrame` adds at most: two bytes, a length in two, a mask in four. */
export const FRAME_OVERHEAD = 8;
/** The longest header of a peer. */
export const HEADER_LENGTH = 14;

const FINAL = 0x80, RESERVED = 0x70, OPCODE = 0x0f, CONTROL = 0x08;
const MASKED = 0x80, LENGTH = 0x7f;
/** Lengths that say: the length is in the next two, the next eight bytes. */
const LENGTH_16 = 126, LENGTH_64 = 127;

/**
 * A whole message, or a control frame.
 * @param payload at most PAYLOAD_MAXIMUM bytes
 * @param mask four bytes, from a client; absent from a server
 */
export function encodeFrame(opcode: number, payload: Uint8Array, mask: Uint8Array | undefined): Uint8Array {
	const { byteLength } = payload;
	const isLong = byteLength >= LENGTH_16;
	const body = mask === undefined ? 4 : 8;
	// With the payload, and the mask before it, at a multiple of four, masking works on words: a fourth of the steps.
	const words = new Int32Array((body + byteLength + 3) >> 2);
	const bytes = new Uint8Array(words.buffer);
	bytes.set(payload, body);
	if (mask !== undefined) {
		bytes.set(mask, body - MASK_LENGTH);
		const key = words[1]!;
		for (let index = 2; index < words.length; index++) words[index]! ^= key;
	}
	const start = isLong ? 0 : 2;
	bytes[start] = FINAL | opcode;
	bytes[start + 1] = (mask === undefined ? 0 : MASKED) | (isLong ? LENGTH_16 : byteLength);
	if (isLong) {
		bytes[2] = byteLength >> 8;
		bytes[3] = byteLength;
	}
	return bytes.subarray(start, body + byteLength);
}

/** Where a peer's bytes belong: reads headers, and counts the payload behind each. */
export class FrameDecoder {
	/** Of the frame whose header is complete. */
	opcode = 0;
	/** Bytes of its payload that did not come yet. */
	remaining = 0;
	/** Whether a peer's frames must be masked; if not, they must not be. */
	readonly #masked: boolean;
	readonly #header = new Uint8Array(HEADER_LENGTH);
	#filled = 0;
	#needed = 2;
	/** A message was begun and goes on in the next data frame. */
	#isFragmented = false;
	/** Index of the mask in the header, and bytes of the payload so far. */
	#mask = 0;
	#position = 0;

	constructor(masked: boolean) {
		this.#masked = masked;
	}

	/** Of a data frame: its message goes on in the next. */
	get goesOn(): boolean {
		return this.#isFragmented;
	}

	/** Bytes of the header that did not come yet; 0: the payload follows, and may be empty. */
	get missing(): number {
		return this.#needed - this.#filled;
	}

	/** Takes at most `missing` bytes. @throws DeviceError `violation`, `too-large` */
	addHeader(bytes: Uint8Array): void {
		this.#header.set(bytes, this.#filled);
		this.#filled += bytes.byteLength;
		if (this.#filled < this.#needed) return;
		if (this.#needed === 2) {
			this.begin();
			if (this.#filled < this.#needed) return;
		}
		this.complete();
	}

	/** Counts bytes of the payload that came, at most `remaining`, and unmasks them in place. */
	addPayload(bytes: Uint8Array): void {
		if (this.#masked) {
			const header = this.#header;
			for (let index = 0; index < bytes.byteLength; index++) bytes[index]! ^= header[this.#mask + (this.#position++ & 3)]!;
		}
		this.remaining -= bytes.byteLength;
	}

	/** The frame is over: the next header follows. */
	next(): void {
		this.#filled = 0;
		this.#needed = 2;
	}

	/** Judges the first two bytes, which tell how long the header is. */
	private begin(): void {
		const first = this.#header[0]!, second = this.#header[1]!, length = second & LENGTH;
		const opcode = first & OPCODE, isFinal = (first & FINAL) !== 0;
		if ((first & RESERVED) !== 0) throw violation("a frame has reserved bits set");
		if ((second & MASKED) !== 0 !== this.#masked) throw violation(this.#masked ? "a frame is not masked" : "a frame is masked");
		switch (opcode) {
		case Opcode.CONTINUATION:
			if (!this.#isFragmented) throw violation("a message goes on that was not begun");
			this.#isFragmented = !isFinal;
			break;
		case Opcode.BINARY:
			if (this.#isFragmented) throw violation("a message begins within another");
			this.#isFragmented = !isFinal;
			break;
		case Opcode.TEXT: throw violation("a message is text");
		case Opcode.CLOSE: case Opcode.PING: case Opcode.PONG:
			if (!isFinal || length > CONTROL_MAXIMUM) throw violation("a control frame is in fragments, or too long");
			break;
		default: throw violation(`opcode ${opcode} is reserved`);
		}
		this.opcode = opcode;
		this.#mask = length === LENGTH_64 ? 10 : length === LENGTH_16 ? 4 : 2;
		this.#needed = this.#mask + (this.#masked ? MASK_LENGTH : 0);
	}

	private complete(): void {
		const header = this.#header, short = header[1]! & LENGTH;
		let length = short;
		if (short >= LENGTH_16) {
			length = 0;
			const end = short === LENGTH_16 ? 4 : 10;
			for (let index = 2; index < end; index++) length = length * 256 + header[index]!;
			// §5.2: the shortest of the three forms, and never the highest bit.
			if (length < LENGTH_16 || short === LENGTH_64 && (length <= PAYLOAD_MAXIMUM || header[2]! >= 0x80)) {
				throw violation("a frame's length is written in a wrong form");
			}
			if (length > Number.MAX_SAFE_INTEGER) throw new DeviceError("too-large", "a frame is longer than 2^53 bytes");
		}
		this.remaining = length;
		this.#position = 0;
	}
}

/** True of the frames that may come within a message. */
export function isControl(opcode: number): boolean {
	return (opcode & CONTROL) !== 0;
}

function violation(what: string): DeviceError {
	return new DeviceError("violation", `the WebSocket peer broke the rules: ${what}`);
}
