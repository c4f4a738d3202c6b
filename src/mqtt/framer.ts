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

const NOTHING: Uint8Array = new Uint8Array(0);

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
	bytes = NOTHING;
	start = 0;
	end = 0;
	/** Bytes of the packet that follow the range. */
	remaining = 0;

	readonly #reader: Reader;
	readonly #capacity: number;
	readonly #maximum: number;
	/** Made when the first packet comes in parts: small packets hardly ever do. */
	#buffer = NOTHING;
	#input = NOTHING;
	#position = 0;
	#end = 0;
	/** Between two packets: nothing is kept of one that came in part. */
	#between = true;
	/** Bytes of the packet after its fixed header; -1 until that is known. */
	#length = -1;
	/** The length as far as its digits were seen, and their number; -1 before the packet's first byte. */
	#partial = 0;
	#digits = -1;
	/** Bytes collected in the buffer. */
	#held = 0;

	/**
	 * @param capacity bytes of the largest packet that is put together when it comes in parts, fixed header excluded:
	 * what is larger is handed out in fragments, of which the first has this many bytes at least
	 * @param maximum bytes of the largest packet, fixed header included, that is not refused
	 */
	constructor(reader: Reader, capacity: number, maximum: number) {
		this.#reader = reader;
		this.#capacity = capacity;
		this.#maximum = maximum;
	}

	/** Lets go of the bytes that were pushed, all of which were taken. */
	clear(): void {
		this.bytes = NOTHING;
		this.push(NOTHING, 0, 0);
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
		const position = this.#position;
		const end = this.#end;
		// Without a byte nothing goes on, not even a packet without a body: its header would have ended it.
		if (position === end) return Frame.NONE;
		if (this.#between) {
			// As nearly all packets come: whole.
			const reader = this.#reader;
			reader.reset(this.#input, position, end);
			const header = reader.uint8();
			const length = reader.varintAhead();
			const start = reader.position;
			const next = start + length;
			if (length >= 0 && next <= end && length <= this.#capacity && next - position <= this.#maximum) {
				this.header = header;
				this.bytes = reader.bytes;
				this.start = start;
				this.#position = this.end = next;
				return Frame.HEAD;
			}
		}
		const frame = this.step();
		this.#between = this.remaining === 0 && this.#length < 0 && this.#digits < 0;
		return frame;
	}

	/** A packet that is large, or came in part. */
	private step(): number {
		if (this.remaining > 0) return this.fragment();
		if (this.#length < 0 && !this.readHeader()) return Frame.NONE;
		const length = this.#length;
		const capacity = this.#capacity;
		const available = this.#end - this.#position;
		// What comes at once: all of a packet that fits the buffer, or as much of a larger one.
		const wanted = length < capacity ? length : capacity;
		if (this.#held > 0 || available < wanted) return this.collect(wanted, available);
		const count = length < available ? length : available;
		this.deliver(this.#input, this.#position, count);
		this.#position += count;
		return Frame.HEAD;
	}

	private collect(wanted: number, available: number): number {
		if (this.#buffer === NOTHING) this.#buffer = new Uint8Array(this.#capacity);
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
		let left = this.#end - this.#position;
		let digits = this.#digits;
		let length = this.#partial;
		if (digits < 0) {
			if (left-- === 0) return false;
			this.header = reader.uint8();
			digits = length = 0;
		}
		while (left-- > 0) {
			const byte = reader.uint8();
			length |= (byte & 0x7f) << (7 * digits++);
			if (byte < 0x80) return this.begin(length, digits, byte);
			if (digits === DIGITS_MAXIMUM) throw new DeviceError("malformed", "remaining length of five bytes");
		}
		this.#digits = digits;
		this.#partial = length;
		this.#position = this.#end;
		return false;
	}

	private begin(length: number, digits: number, last: number): boolean {
		if (last === 0 && digits > 1) throw new DeviceError("malformed", "remaining length is not minimal");
		const total = length + digits + 1;
		if (total > this.#maximum) {
			throw new DeviceError("too-large", `packet of ${total} bytes, at most ${this.#maximum} are taken`);
		}
		this.#length = length;
		this.#digits = -1;
		this.#position = this.#reader.position;
		return true;
	}
}
