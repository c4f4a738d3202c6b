// SPDX-License-Identifier: Apache-2.0
/**
 * The queue in memory: it forgets at a reset.
 *
 * Memory: one buffer, made at the first packet, of a length that the owner chose. Nothing is allocated per packet
 * but the view that copies its bytes out.
 */
import { DeviceError } from "../base/error.js";
import { Ring, RECORD_HEADER } from "../bytes/ring.js";
import type { Writer } from "../bytes/writer.js";
import type { Queue, QueueOwner } from "./queue.js";

/** The ring's state of a record that is held; the queue has no other. */
const HELD = 1;

export class RingQueue implements Queue {
	lastId = 0;
	count = 0;
	readonly #capacity: number;
	#ring: Ring | undefined;
	/** Where the next record goes, and its length, between `reserve` and `commit`; offset -1: none is reserved. */
	#offset = -1;
	#length = 0;
	/** Offset of the newest record, and the turns around the buffer until there: they make up its number. */
	#newest = -1;
	#turns = 0;

	/** @param capacity bytes, of which each record takes `RECORD_HEADER` for itself */
	constructor(capacity: number) {
		this.#capacity = capacity;
	}

	reserve(length: number, writer: Writer): boolean {
		if (!this.fits(length)) return false;
		const ring = this.#ring ??= new Ring(this.#capacity);
		const offset = this.#offset = ring.reserve(length);
		if (offset < 0) return false;
		this.#length = length;
		const start = ring.start(offset);
		writer.reset(ring.bytes, start, start + length);
		return true;
	}

	commit(id: number): number {
		const offset = this.#offset;
		if (offset < 0) throw new DeviceError("internal", "committed what was not reserved");
		this.ring.commit(offset, this.#length, HELD, id);
		this.#offset = -1;
		if (offset <= this.#newest) this.#turns++;
		this.#newest = offset;
		if (id !== 0) this.lastId = id;
		this.count++;
		return offset;
	}

	flush(): void {}

	fits(length: number): boolean {
		return length + RECORD_HEADER <= this.#capacity;
	}

	first(): number {
		return this.count === 0 ? -1 : this.ring.first();
	}

	after(position: number): number {
		return this.ring.after(position);
	}

	id(position: number): number {
		return this.ring.id(position);
	}

	/** Of two records held at the same time, the one behind the newest is of the turn before. */
	number(position: number): number {
		const turns = position > this.#newest ? this.#turns - 1 : this.#turns;
		return turns * this.#capacity + position;
	}

	length(position: number): number {
		return this.ring.length(position);
	}

	read(position: number, from: number, count: number, writer: Writer): void {
		const { ring } = this;
		const start = ring.start(position) + from;
		writer.copy(ring.bytes, start, start + count);
	}

	verify(): boolean {
		return true;
	}

	release(position: number): void {
		this.ring.release(position);
		this.count--;
	}

	/** Room comes of it only when nothing is held before `from`. */
	dropOldest(from: number, owner: QueueOwner): boolean {
		if (from < 0) return false;
		owner.dropped(from, this.id(from));
		this.release(from);
		return true;
	}

	/** Whoever has a position, has had the ring made. */
	private get ring(): Ring {
		if (this.#ring === undefined) throw new DeviceError("internal", "nothing was queued yet");
		return this.#ring;
	}
}
