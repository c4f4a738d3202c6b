// SPDX-License-Identifier: Apache-2.0
/**
 * Writes big-endian fields into a byte range.
 *
 * Values out of range are the caller's fault (`argument`); a range too short for what is written is
 * `too-large`, so that an encoder need not compute its length first where a limit is enough.
 */
import { DeviceError } from "../base/error.js";
import { Cursor } from "./cursor.js";

/** The largest variable byte integer: four groups of seven bits (MQTT 3.1.1 §2.2.3, MQTT 5 §1.5.5). */
export const VARINT_MAXIMUM = 0x0fff_ffff;

export class Writer extends Cursor {
	uint8(value: number): void {
		const position = this.position;
		if (position >= this.end) this.full(1);
		this.bytes[position] = value;
		this.position = position + 1;
	}

	/** @throws DeviceError `argument` when `value` is no 16-bit number */
	uint16(value: number): void {
		if ((value & 0xffff) !== value) throw outOfRange("16-bit field", value, 0xffff);
		const position = this.position;
		if (position + 2 > this.end) this.full(2);
		this.position = position + 2;
		const bytes = this.bytes;
		bytes[position] = value >> 8;
		bytes[position + 1] = value;
	}

	uint32(value: number): void {
		if (value < 0 || value > 0xffff_ffff) throw outOfRange("32-bit field", value, 0xffff_ffff);
		const position = this.take(4);
		const bytes = this.bytes;
		bytes[position] = value >>> 24;
		bytes[position + 1] = value >> 16;
		bytes[position + 2] = value >> 8;
		bytes[position + 3] = value;
	}

	/** Spec: MQTT 3.1.1 §2.2.3. @throws DeviceError `argument` beyond `VARINT_MAXIMUM` */
	varint(value: number): void {
		if (value < 0 || value > VARINT_MAXIMUM) throw outOfRange("variable byte integer", value, VARINT_MAXIMUM);
		if (value < 0x80) return this.uint8(value);
		if (value < 0x4000) return this.uint16((value & 0x7f | 0x80) << 8 | value >> 7);
		let rest = value;
		while (rest > 0x7f) {
			this.uint8((rest & 0x7f) | 0x80);
			rest >>= 7;
		}
		this.uint8(rest);
	}

	/**
	 * A UTF-8 string behind its 16-bit length.
	 * @throws DeviceError `argument` beyond 65,535 bytes, on U+0000 and on an unpaired surrogate
	 */
	utf8(value: string): void {
		// Looked for in the text: a search for the byte would go on to the end of the buffer.
		if (value.includes("\0")) throw new DeviceError("argument", "string holds U+0000");
		const prefix = this.take(2);
		const start = prefix + 2;
		const length = this.utf8Bytes(value);
		this.position = prefix;
		this.uint16(length);
		this.position = start + length;
	}

	/** As `utf8`, of a string that is known to be good and to take `length` bytes. */
	utf8Known(value: string, length: number): void {
		this.uint16(length);
		const start = this.position;
		if (start + length > this.end) this.full(length);
		this.position = start + length;
		this.text.encode(value, this.bytes, start);
	}

	/** UTF-8 without a length. @returns the bytes written */
	utf8Bytes(value: string): number {
		// Measured first: the codec knows the buffer's end only, and what lies behind ours is not to be touched.
		const start = this.take(this.text.byteLength(value));
		return this.text.encode(value, this.bytes, start);
	}

	/** The next `count` bytes, for somebody else to fill at once. */
	range(count: number): Uint8Array {
		const position = this.take(count);
		// A long stream goes out in whole buffers, which need no view.
		if (count === this.bytes.byteLength) return this.bytes;
		return this.bytes.subarray(position, position + count);
	}

	/** Sets bits in a byte that was written before. */
	mark(index: number, bits: number): void {
		this.bytes[index]! |= bits;
	}

	/** Copies `source[start, end)`. */
	copy(source: Uint8Array, start: number, end: number): void {
		const position = this.position;
		const after = position + end - start;
		if (after > this.end) this.full(end - start);
		this.position = after;
		if (start === 0 && end === source.byteLength) this.bytes.set(source, position);
		else this.bytes.set(source.subarray(start, end), position);
	}

	/** Bytes behind their 16-bit length. */
	binary(source: Uint8Array): void {
		this.uint16(source.byteLength);
		this.copy(source, 0, source.byteLength);
	}

	private take(count: number): number {
		const position = this.position;
		if (position + count > this.end) this.full(count);
		this.position = position + count;
		return position;
	}

	private full(count: number): never {
		throw new DeviceError("too-large", `${count} bytes do not fit the ${this.remaining} left`);
	}
}

/** Bytes that `value` takes as a variable byte integer. */
export function varintLength(value: number): number {
	if (value < 0x80) return 1;
	if (value < 0x4000) return 2;
	return value < 0x20_0000 ? 3 : 4;
}

function outOfRange(what: string, value: number, maximum: number): DeviceError {
	return new DeviceError("argument", `${what} of ${value} is not within 0 to ${maximum}`);
}
