// SPDX-License-Identifier: Apache-2.0
/**
 * A bounded queue of byte records in one buffer: what is kept until it is sent, acknowledged or stored.
 *
 * Records lie whole and in order, each behind a small header (identifier, length), so that a record is
 * written in place, sent from where it lies and resent without being encoded again. Space is reclaimed from the
 * front: a record that was released behind one that is still held waits for it. Nothing is allocated per record.
 *
 * A record is addressed by its offset, which stays valid until it is released.
 */
import { DeviceError } from "../base/error.js";
import type { Writer } from "./writer.js";

/** Two words: the identifier, and the length. */
export const RECORD_HEADER = 8;
const LENGTH = 4;
/** In place of an identifier: the record was released but lies behind a held one. */
const RELEASED = 0x1_0000;
/** The same: the rest of the buffer is unused, and the next record starts at offset 0. */
const WRAP = 0x2_0000;

export class Ring {
	/** Records held. */
	count = 0;
	/** The last identifier that a record was given, other than 0; 0 when there was none. */
	lastId = 0;
	readonly #capacity: number;
	/** Made for the first record, and again for the first after `shrink`. */
	#view: DataView | undefined;
	#bytes: Uint8Array | undefined;
	/** The oldest held record, when there is one; and the end of the newest. */
	#head = 0;
	#tail = 0;
	/** Where the next record goes, and its length, between `reserve` and `commit`; offset -1: none is reserved. */
	#offset = -1;
	#length = 0;

	/** @param capacity bytes, headers included */
	constructor(capacity: number) {
		this.#capacity = capacity;
	}

	/** True when a record of `length` bytes fits an empty ring. */
	fits(length: number): boolean {
		return length + RECORD_HEADER <= this.#capacity;
	}

	/**
	 * Points `writer` at the bytes of a record to be, which `commit` takes; no other is released before.
	 * @returns false when it does not fit now
	 */
	reserve(length: number, writer: Writer): boolean {
		const need = length + RECORD_HEADER;
		const capacity = this.#capacity;
		let offset = this.#tail;
		if (this.count === 0) {
			this.#head = this.#tail = offset = 0;
			if (need > capacity) offset = -1;
		} else if (offset <= this.#head) {
			if (offset + need > this.#head) offset = -1;
		} else if (offset + need > capacity) {
			offset = need <= this.#head ? 0 : -1;
		}
		this.#offset = offset;
		if (offset < 0) return false;
		this.#length = length;
		const start = offset + RECORD_HEADER;
		writer.reset(this.#bytes ?? this.make(), start, start + length);
		return true;
	}

	private make(): Uint8Array {
		const bytes = this.#bytes = new Uint8Array(this.#capacity);
		this.#view = new DataView(bytes.buffer);
		return bytes;
	}

	/** Appends the record that was reserved. `id` has 16 bits. @returns its offset */
	commit(id: number): number {
		const offset = this.#offset;
		if (offset < 0) throw new DeviceError("internal", "committed what was not reserved");
		const view = this.#view!;
		const tail = this.#tail;
		// Where no header has room, no mark is needed: the buffer's end says the same.
		if (offset !== tail && tail + RECORD_HEADER <= this.#capacity) view.setUint32(tail, WRAP);
		view.setUint32(offset, id);
		view.setUint32(offset + LENGTH, this.#length);
		this.#offset = -1;
		this.#tail = offset + RECORD_HEADER + this.#length;
		this.count++;
		if (id !== 0) this.lastId = id;
		return offset;
	}

	/** Offset of the oldest record that is held, -1 when there is none. */
	first(): number {
		return this.count === 0 ? -1 : this.#head;
	}

	/** Offset of the next held record after the held one at `offset`, -1 after the last. */
	after(offset: number): number {
		if (this.count === 1) return -1;
		let at = offset;
		do {
			at += RECORD_HEADER + this.length(at);
			if (at === this.#tail) return -1;
			at = this.unwrap(at);
		} while (this.#view!.getUint32(at) === RELEASED);
		return at;
	}

	id(offset: number): number {
		return this.#view!.getUint32(offset);
	}

	length(offset: number): number {
		return this.#view!.getUint32(offset + LENGTH);
	}

	/** Copies `count` bytes from byte `from` of the record to where `writer` stands. */
	read(offset: number, from: number, count: number, writer: Writer): void {
		const start = offset + RECORD_HEADER + from;
		writer.copy(this.#bytes!, start, start + count);
	}

	/** Lets a record go. @throws DeviceError `internal` when it was released before */
	release(offset: number): void {
		const view = this.#view!;
		if (this.count === 0 || view.getUint32(offset) === RELEASED) {
			throw new DeviceError("internal", `record ${offset} released twice`);
		}
		if (--this.count === 0) return;
		view.setUint32(offset, RELEASED);
		while (view.getUint32(this.#head) === RELEASED) {
			this.#head = this.unwrap(this.#head + RECORD_HEADER + this.length(this.#head));
		}
	}

	/** Gives the buffer back, if no record is held. */
	shrink(): void {
		if (this.count > 0) return;
		this.#bytes = this.#view = undefined;
		this.#offset = -1;
	}

	private unwrap(offset: number): number {
		return offset + RECORD_HEADER > this.#capacity || this.#view!.getUint32(offset) === WRAP ? 0 : offset;
	}
}
