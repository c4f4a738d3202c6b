// SPDX-License-Identifier: Apache-2.0
/**
 * Finds packet boundaries in a stream.
 *
 * A packet that lies whole in what the network delivered is handed out where it lies. One that is spread over
 * deliveries is collected in a fixed buffer; one that is larger than the buffer is handed out as a head and
 * fragments, so that a payload of any length passes through without being held. Interprets nothing but the
 * fixed header. Read first: MQTT 3.1.1 §2.2.
 */
import { DeviceError } from "../base/error.js";
import type { Reader } from "../bytes/reader.js";

/** A fixed header's length is at most four digits of seven bits. Spec: §2.2.3. */
const DIGITS_MAXIMUM = 4;

/** What `next` found. */
export const Frame = Object.freeze({
	/** Nothing more in what was delivered. */
	NONE: 0,
	/** The beginning of a packet: the whole of it when `remaining` is 0. */
	HEAD: 1,
	/** More bytes of the packet whose head was given before; the last when `remaining` is 0. */
	FRAGMENT: 2,
});

export class Framer {
	/** First byte of the packet: type and flags. */
	header = 0;
	/** The range found, after the fixed header. Valid until the next call. */
	bytes: Uint8Array;
	start = 0;
	end = 0;
	/** Bytes of the packet that follow the range. */
	remaining = 0;

	readonly #reader: Reader;
	readonly #buffer: Uint8Array;
	readonly #maximum: number;
	#input: Uint8Array;
	#position = 0;
	#end = 0;
	/** Bytes of the packet after its fixed header; -1 until that is known. */
	#length = -1;
	/** The length as far as its digits were seen, and their number; -1 before the packet's first byte. */
	#partial = 0;
	#digits = -1;
	/** Bytes collected in the buffer. */
	#held = 0;

	/**
	 * @param buffer holds a packet that comes in parts: what is larger is handed out in fragments
	 * @param maximum bytes of the largest packet, fixed header excluded, that is not refused
	 */
	constructor(reader: Reader, buffer: Uint8Array, maximum: number) {
		this.#reader = reader;
		this.#buffer = buffer;
		this.#maximum = maximum;
		this.bytes = buffer;
		this.#input = buffer;
	}

	/** Takes `bytes[start, end)`, borrowed until `next` says `NONE`; only then may more be pushed. */
	push(bytes: Uint8Array, start: number, end: number): void {
		this.#input = bytes;
		this.#position = start;
		this.#end = end;
	}

	/**
	 * @returns one of `Frame`
	 * @throws DeviceError `malformed` for a length that is not minimal or too long, `too-large` beyond the maximum
	 */
	next(): number {
		if (this.remaining > 0) return this.fragment();
		if (this.#length < 0 && !this.readHeader()) return Frame.NONE;
		const length = this.#length;
		const available = this.#end - this.#position;
		// What comes at once: all of a packet that fits the buffer, or as much of a larger one.
		const wanted = Math.min(length, this.#buffer.byteLength);
		if (this.#held === 0 && available >= wanted) {
			this.deliver(this.#input, this.#position, Math.min(length, available));
			this.#position += this.end - this.start;
			return Frame.HEAD;
		}
		const taken = Math.min(wanted - this.#held, available);
		this.#buffer.set(this.#input.subarray(this.#position, this.#position + taken), this.#held);
		this.#position += taken;
		this.#held += taken;
		if (this.#held < wanted) return Frame.NONE;
		this.#held = 0;
		this.deliver(this.#buffer, 0, wanted);
		return Frame.HEAD;
	}

	private deliver(bytes: Uint8Array, start: number, count: number): void {
		this.bytes = bytes;
		this.start = start;
		this.end = start + count;
		this.remaining = this.#length - count;
		this.#length = -1;
	}

	private fragment(): number {
		const taken = Math.min(this.remaining, this.#end - this.#position);
		if (taken === 0) return Frame.NONE;
		this.bytes = this.#input;
		this.start = this.#position;
		this.end = this.#position += taken;
		this.remaining -= taken;
		return Frame.FRAGMENT;
	}

	/** Reads the fixed header as far as it is there; true when it is complete. */
	private readHeader(): boolean {
		const reader = this.#reader;
		reader.reset(this.#input, this.#position, this.#end);
		while (reader.remaining > 0) {
			const byte = reader.uint8();
			if (this.#digits < 0) {
				this.header = byte;
				this.#digits = 0;
				this.#partial = 0;
				continue;
			}
			this.#partial += (byte & 0x7f) * 2 ** (7 * this.#digits);
			this.#digits++;
			if (byte < 0x80) return this.headerComplete(byte, reader.position);
			if (this.#digits === DIGITS_MAXIMUM) throw new DeviceError("malformed", "remaining length of five bytes");
		}
		this.#position = reader.position;
		return false;
	}

	private headerComplete(last: number, position: number): boolean {
		if (last === 0 && this.#digits > 1) throw new DeviceError("malformed", "remaining length is not minimal");
		if (this.#partial > this.#maximum) {
			throw new DeviceError("too-large", `packet of ${this.#partial} bytes, at most ${this.#maximum} are taken`);
		}
		this.#position = position;
		this.#length = this.#partial;
		this.#digits = -1;
		return true;
	}
}
