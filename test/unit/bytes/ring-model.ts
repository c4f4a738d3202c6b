// SPDX-License-Identifier: Apache-2.0
/**
 * A ring beside a plain array: every operation is done to both, and both must agree.
 *
 * The array keeps records with the place at which the ring put them; what must fit is worked out from these places
 * alone, so that the ring's own arithmetic is not trusted.
 */
import assert from "node:assert/strict";
import { Ring, RECORD_HEADER } from "../../../src/bytes/ring.js";

interface Entry { id: number; offset: number; length: number; released: boolean }

export class RingModel {
	readonly ring: Ring;
	/** Oldest first; released ones that wait for an older one included. */
	entries: Entry[] = [];
	#ids = 0;

	constructor(capacity: number) {
		this.ring = new Ring(capacity);
	}

	get held(): Entry[] {
		return this.entries.filter(({ released }) => !released);
	}

	/** Appends a record; true when it fitted. */
	append(length: number): boolean {
		const { ring, entries } = this;
		const need = length + RECORD_HEADER;
		const offset = ring.reserve(length);
		assert.equal(offset >= 0, this.#fits(need), `a record of ${length}`);
		if (offset < 0) return false;
		assert.ok(offset + need <= ring.bytes.length);
		for (const entry of entries) {
			const end = entry.offset + RECORD_HEADER + entry.length;
			assert.ok(offset >= end || offset + need <= entry.offset, "records do not overlap");
		}
		const id = (this.#ids = (this.#ids + 257) & 0xffff);
		ring.bytes.fill(id & 0xff, ring.start(offset), ring.start(offset) + length);
		ring.commit(offset, length, 1 + (id % 254), id);
		entries.push({ id, offset, length, released: false });
		return true;
	}

	/** Releases the held record with this index. */
	release(index: number): void {
		const entry = this.held[index]!;
		this.ring.release(entry.offset);
		entry.released = true;
		while (this.entries[0]?.released) this.entries.shift();
	}

	/** Fails when the ring's records are not those of the array. */
	check(): void {
		const { ring } = this;
		assert.equal(ring.count, this.entries.length);
		let offset = ring.first();
		for (const { id, offset: place, length } of this.held) {
			assert.equal(offset, place);
			assert.equal(ring.id(offset), id);
			assert.equal(ring.length(offset), length);
			assert.equal(ring.state(offset), 1 + (id % 254));
			for (let at = 0; at < length; at++) assert.equal(ring.bytes[ring.start(offset) + at], id & 0xff);
			offset = ring.after(offset);
		}
		assert.equal(offset, -1);
	}

	#fits(need: number): boolean {
		const { entries, ring } = this;
		const first = entries[0];
		const last = entries.at(-1);
		if (first === undefined || last === undefined) return need <= ring.bytes.length;
		const tail = last.offset + RECORD_HEADER + last.length;
		if (last.offset < first.offset) return tail + need <= first.offset;
		return tail + need <= ring.bytes.length || need <= first.offset;
	}
}
