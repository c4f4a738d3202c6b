// SPDX-License-Identifier: Apache-2.0
/**
 * Reads big-endian fields out of a byte range.
 *
 * Reading beyond the end is `malformed`: whoever frames the bytes has established that they are all there, so running
 * out is the peer's fault.
 */
import { DeviceError } from "../base/error.js";
import { Cursor } from "./cursor.js";

export class Reader extends Cursor {
	/** What `utf8` read last: the same text again need not be looked through again. */
	#last = "";

	/** @throws DeviceError `malformed` at the end */
	uint8(): number {
		const position = this.position;
		if (position >= this.end) this.truncated(1);
		this.position = position + 1;
		return this.bytes[position]!;
	}

	/** @throws DeviceError `malformed` at the end */
	uint16(): number {
		const position = this.position;
		if (position + 2 > this.end) this.truncated(2);
		this.position = position + 2;
		const bytes = this.bytes;
		return (bytes[position]! << 8) | bytes[position + 1]!;
	}

	/** @throws DeviceError `malformed` at the end */
	uint32(): number {
		return this.uint16() * 0x10000 + this.uint16();
	}

	/**
	 * A variable byte integer. Spec: MQTT 5 §1.5.5 [MQTT-1.5.5-1].
	 * @throws DeviceError `malformed` at the end, and when it is not the shortest form
	 */
	varint(): number {
		const value = this.varintAhead();
		if (value < 0) this.truncated(this.remaining + 1);
		return value;
	}

	/** As `varint`; but when it is not all there, -1, and nothing is read. @throws DeviceError `malformed` */
	varintAhead(): number {
		const bytes = this.bytes;
		const position = this.position;
		const left = this.end - position;
		// Nearly all are of one digit or two.
		if (left > 0) {
			const first = bytes[position]!;
			if (first < 0x80) {
				this.position = position + 1;
				return first;
			}
			if (left > 1) {
				const second = bytes[position + 1]!;
				if (second < 0x80 && second > 0) {
					this.position = position + 2;
					return second << 7 | first & 0x7f;
				}
			}
		}
		return this.longVarintAhead();
	}

	private longVarintAhead(): number {
		let position = this.position;
		let value = 0;
		for (let shift = 0; position < this.end; shift += 7) {
			const byte = this.bytes[position++]!;
			if (byte < 0x80) {
				if (byte === 0 && shift > 0) throw new DeviceError("malformed", "variable byte integer is not minimal");
				this.position = position;
				return value | byte << shift;
			}
			if (shift === 21) throw new DeviceError("malformed", "variable byte integer of five bytes");
			value |= (byte & 0x7f) << shift;
		}
		return -1;
	}

	/** A copy of the bytes behind their 16-bit length. @throws DeviceError `malformed` at the end */
	binary(): Uint8Array {
		const length = this.uint16();
		const start = this.skip(length);
		return this.bytes.slice(start, start + length);
	}

	/** Moves over `count` bytes and returns the index of the first. @throws DeviceError `malformed` at the end */
	skip(count: number): number {
		const start = this.position;
		if (start + count > this.end) this.truncated(count);
		this.position = start + count;
		return start;
	}

	/**
	 * A UTF-8 string behind its 16-bit length.
	 * Spec: MQTT 3.1.1 §1.5.3 [MQTT-1.5.3-1] [MQTT-1.5.3-2].
	 * @throws DeviceError `malformed` at the end, on ill-formed UTF-8 and on U+0000
	 */
	utf8(): string {
		const length = this.uint16();
		const start = this.position;
		const end = start + length;
		if (end > this.end) this.truncated(length);
		this.position = end;
		const value = this.text.decode(this.bytes, start, end);
		if (value === this.#last) return value;
		// In the text, not in the bytes: a search there runs on to the end of the whole buffer.
		if (value.includes("\0")) throw new DeviceError("malformed", "string holds U+0000");
		this.#last = value;
		return value;
	}

	private truncated(wanted: number): never {
		throw new DeviceError("malformed", `packet ends ${wanted - this.remaining} bytes too early`);
	}
}
