// SPDX-License-Identifier: Apache-2.0
/**
 * A ring beside a plain array: every operation is done to both, and both must agree.
 *
 * The array keeps records with the place at which the ring put them; what must fit is worked out from these places
 * alone, so that the ring's own arithmetic is not trusted.
 */
import assert from "node:assert/strict";
import { Ring, RECORD_HEADER } from "../../../src/bytes/ring.js";
import { Writer } from "../../../src/bytes/writer.js";
import { text } from "../text.js";

interface Entry { id: number; offset: number; length: number; released: boolean }

export class RingModel {
	readonly ring: Ring;
	readonly #capacity: number;
	readonly #writer = new Writer(text);
	/** Oldest first; released ones that wait for an older one included. */
	entries: Entry[] = [];
	#ids = 0;

	constructor(capacity: number) {
		this.ring = new Ring(capacity);
		this.#capacity = capacity;
	}

	get held(): Entry[] {
		return this.entries.filter(({ released }) => !released);
	}

	/** Appends a record; true when it fitted. */
	append(length: number): boolean {
		const { entries } = this;
		const need = length + RECORD_HEADER;
		const writer = this.#writer;
		const fits = this.ring.reserve(length, writer);
		assert.equal(fits, this.#fits(need), `a record of ${length}`);
		if (!fits) return false;
		const offset = writer.position - RECORD_HEADER;
		assert.ok(offset >= 0 && offset + need <= this.#capacity);
		assert.equal(writer.remaining, length);
		for (const entry of entries) {
			const end = entry.offset + RECORD_HEADER + entry.length;
			assert.ok(offset >= end || offset + need <= entry.offset, "records do not overlap");
		}
		const id = (this.#ids = (this.#ids + 257) & 0xffff);
		writer.copy(new Uint8Array(length).fill(id), 0, length);
		assert.equal(this.ring.commit(id), offset);
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
		assert.equal(ring.count, this.held.length);
		let offset = ring.first();
		for (const { id, offset: place, length } of this.held) {
			assert.equal(offset, place);
			assert.equal(ring.id(offset), id);
			assert.equal(ring.length(offset), length);
			const writer = new Writer(text);
			writer.reset(new Uint8Array(length), 0, length);
			ring.read(offset, 0, length, writer);
			assert.ok(writer.bytes.every((byte) => byte === (id & 0xff)));
			offset = ring.after(offset);
		}
		assert.equal(offset, -1);
	}

	#fits(need: number): boolean {
		const { entries } = this;
		const first = entries[0];
		const last = entries.at(-1);
		if (first === undefined || last === undefined) return need <= this.#capacity;
		const tail = last.offset + RECORD_HEADER + last.length;
		if (last.offset < first.offset) return tail + need <= first.offset;
		return tail + need <= this.#capacity || need <= first.offset;
	}
}
