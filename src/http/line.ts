// SPDX-License-Identifier: Apache-2.0
/**
 * Lines of a message of HTTP/1.1: bytes in, one line of text out.
 *
 * Strict where leniency has been used to smuggle: a line ends in CR LF and nothing else, and control characters are
 * refused. What is not ASCII becomes a question mark, since no field that matters has it.
 *
 * Memory: a buffer that grows with the longest line, at most to what was allowed. Read first: RFC 9112 §2.2.
 */
import { DeviceError } from "../base/error.js";
import type { Reader } from "../bytes/reader.js";
import { Writer } from "../bytes/writer.js";
import type { TextCodec } from "../host.js";

const TAB = 9, LF = 10, CR = 13, SPACE = 32, UNKNOWN = 63, DELETE = 127;

/** Bytes that the buffer begins with: most lines are shorter. */
const BUFFER_LENGTH = 128;

export class Lines {
	/** The line that was read last, without its end. */
	line = "";
	readonly #codec: TextCodec;
	readonly #writer: Writer;
	/** Bytes that lines may still take. */
	#room = 0;
	#returned = false;

	constructor(codec: TextCodec) {
		this.#codec = codec;
		this.#writer = new Writer(codec);
	}

	/** From here on, lines may take `count` bytes together, their ends included. */
	allow(count: number): void {
		this.#room = count;
	}

	/** Lets go of the buffer: what follows is no line for a while. */
	clear(): void {
		this.line = "";
		this.#writer.clear();
	}

	/**
	 * Takes bytes up to the end of a line.
	 * @returns whether it came; false when all was taken
	 * @throws DeviceError `malformed`, `too-large`
	 */
	read(reader: Reader): boolean {
		const writer = this.#writer;
		while (reader.remaining > 0) {
			if (this.#room-- === 0) throw new DeviceError("too-large", "lines of an HTTP message are too long");
			const byte = reader.uint8();
			if (this.#returned) return this.finish(byte);
			if (byte === CR) {
				this.#returned = true;
			} else {
				if ((byte < SPACE && byte !== TAB) || byte === DELETE) throw malformed();
				if (writer.remaining === 0) this.grow();
				writer.uint8(byte < 0x80 ? byte : UNKNOWN);
			}
		}
		return false;
	}

	private finish(byte: number): boolean {
		if (byte !== LF) throw malformed();
		const writer = this.#writer;
		this.#returned = false;
		this.line = this.#codec.decode(writer.bytes, 0, writer.position);
		writer.position = 0;
		return true;
	}

	private grow(): void {
		const writer = this.#writer;
		const { bytes, position } = writer;
		const larger = new Uint8Array(Math.max(BUFFER_LENGTH, 2 * bytes.byteLength));
		larger.set(bytes);
		writer.reset(larger, position, larger.byteLength);
	}
}

function malformed(): DeviceError {
	return new DeviceError("malformed", "a line of an HTTP message has a character that it cannot have");
}
