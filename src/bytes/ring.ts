// SPDX-License-Identifier: Apache-2.0
/**
 * A bounded queue of byte records in one buffer: what is kept until it is sent, acknowledged or stored.
 *
 * Records lie whole and in order, each behind a small header (state, identifier, length), so that a record is
 * written in place, sent from where it lies and resent without being encoded again. Space is reclaimed from the
 * front: a record that was released behind one that is still held waits for it. Nothing is allocated per record.
 *
 * A record is addressed by its offset, which stays valid until it is released.
 */
import { DeviceError } from "../base/error.js";

/** State of a record that was released but lies behind a held one. */
const RELEASED = 0;
/** The rest of the buffer is unused: the next record starts at offset 0. */
const WRAP = 0xff;
/** state: 1 byte, identifier: 2, length: 4. */
export const RECORD_HEADER = 7;

export class Ring {
	readonly bytes: Uint8Array;
	/** Records held, released ones that wait included. */
	count = 0;
	#head = 0;
	#tail = 0;

	/** @param capacity bytes, headers included. */
	constructor(capacity: number) {
		this.bytes = new Uint8Array(capacity);
	}

	/** True when a record of `length` bytes fits an empty ring. */
	fits(length: number): boolean {
		return length + RECORD_HEADER <= this.bytes.byteLength;
	}

	/**
	 * Offset at which a record of `length` bytes may be written, -1 when it does not fit now.
	 * The record's bytes belong at the offset + `RECORD_HEADER`; `commit` makes it part of the queue.
	 */
	reserve(length: number): number {
		const need = length + RECORD_HEADER;
		const capacity = this.bytes.byteLength;
		if (this.count === 0) {
			this.#head = this.#tail = 0;
			return need <= capacity ? 0 : -1;
		}
		if (this.#tail > this.#head) {
			if (this.#tail + need <= capacity) return this.#tail;
			return need <= this.#head ? 0 : -1;
		}
		return this.#tail + need <= this.#head ? this.#tail : -1;
	}

	/** Appends the record that was written at `offset`, as `reserve` gave it. `state` is 1 to 254. */
	commit(offset: number, length: number, state: number, id: number): void {
		const bytes = this.bytes;
		if (offset !== this.#tail) {
			// A full last byte leaves no room for the mark, and needs none: the buffer's end says the same.
			if (this.#tail < bytes.byteLength) bytes[this.#tail] = WRAP;
		}
		bytes[offset] = state;
		bytes[offset + 1] = id >> 8;
		bytes[offset + 2] = id;
		bytes[offset + 3] = length >>> 24;
		bytes[offset + 4] = length >> 16;
		bytes[offset + 5] = length >> 8;
		bytes[offset + 6] = length;
		this.#tail = offset + RECORD_HEADER + length;
		this.count++;
	}

	/** Offset of the oldest record that is held, -1 when there is none. */
	first(): number {
		return this.count === 0 ? -1 : this.skipReleased(this.#head);
	}

	/** Offset of the next held record after the one at `offset`, -1 after the last. */
	after(offset: number): number {
		const next = offset + RECORD_HEADER + this.length(offset);
		return next === this.#tail ? -1 : this.skipReleased(next);
	}

	state(offset: number): number {
		return this.bytes[offset]!;
	}

	setState(offset: number, state: number): void {
		this.bytes[offset] = state;
	}

	id(offset: number): number {
		return (this.bytes[offset + 1]! << 8) | this.bytes[offset + 2]!;
	}

	length(offset: number): number {
		const bytes = this.bytes;
		return bytes[offset + 3]! * 0x100_0000
			+ ((bytes[offset + 4]! << 16) | (bytes[offset + 5]! << 8) | bytes[offset + 6]!);
	}

	/** Sets bits in the record's first byte. */
	mark(offset: number, bits: number): void {
		this.bytes[offset + RECORD_HEADER]! |= bits;
	}

	/** Clears bits in the record's first byte. */
	unmark(offset: number, bits: number): void {
		this.bytes[offset + RECORD_HEADER]! &= ~bits;
	}

	/** Index of the record's first byte. */
	start(offset: number): number {
		return offset + RECORD_HEADER;
	}

	/** Lets a record go. @throws DeviceError `internal` when it was released before */
	release(offset: number): void {
		if (this.bytes[offset] === RELEASED) throw new DeviceError("internal", `record ${offset} released twice`);
		this.bytes[offset] = RELEASED;
		while (this.count > 0) {
			this.#head = this.unwrap(this.#head);
			if (this.bytes[this.#head] !== RELEASED) return;
			this.#head += RECORD_HEADER + this.length(this.#head);
			this.count--;
		}
	}

	private unwrap(offset: number): number {
		return offset === this.bytes.byteLength || this.bytes[offset] === WRAP ? 0 : offset;
	}

	/** `offset` may be where the queue wraps, but never where it ends. */
	private skipReleased(offset: number): number {
		let at = this.unwrap(offset);
		while (this.bytes[at] === RELEASED) {
			const next = at + RECORD_HEADER + this.length(at);
			if (next === this.#tail) return -1;
			at = this.unwrap(next);
		}
		return at;
	}
}
