// SPDX-License-Identifier: Apache-2.0
/**
 * A queue beside a plain array: every operation is done to both, and both must agree.
 *
 * Which records fit, and how many a drop lets go, is the queue's own affair: of that, only the promises are checked.
 */
import assert from "node:assert/strict";
import { Writer } from "../../../src/bytes/writer.js";
import type { KeptQueue, Queue } from "../../../src/mqtt/queue.js";
import { text } from "../text.js";

export interface Entry { id: number; number: number; length: number; position: number }

/** The bytes of a record: told by its number, so that any mix-up shows. */
export function content(id: number, length: number): Uint8Array {
	const bytes = new Uint8Array(length);
	for (let index = 0; index < length; index++) bytes[index] = id * 31 + index * 7;
	return bytes;
}

/** The bytes of a record as the queue gives them, in two pieces. */
export function contentOf(queue: Queue, position: number): Uint8Array {
	const length = queue.length(position), half = length >> 1;
	const writer = new Writer(text);
	writer.reset(new Uint8Array(length), 0, length);
	queue.read(position, 0, half, writer);
	queue.read(position, half, length - half, writer);
	return writer.bytes;
}

function numberOf(queue: Queue, position: number): number | undefined {
	return (queue as Partial<KeptQueue>).number?.(position);
}

export class QueueModel {
	queue: Queue;
	/** Held records, oldest first. */
	held: Entry[] = [];
	/** Identifiers of those that the queue dropped. */
	readonly dropped: number[] = [];
	lastId = 0;
	/** Numbers that no record has, among those of the held ones: they are counted, too. */
	missing = 0;
	#lastNumber = -1;
	readonly #writer = new Writer(text);

	constructor(queue: Queue) {
		this.queue = queue;
	}

	/** True when there was room. */
	append(length: number): boolean {
		const { queue } = this;
		if (!queue.reserve(length, this.#writer)) {
			assert.ok(this.held.length > 0 || !queue.fits(length), `no room for ${length} in an empty queue`);
			return false;
		}
		const id = this.lastId = this.lastId % 0xffff + 1;
		this.#writer.copy(content(id, length), 0, length);
		const position = queue.commit(id);
		// What names a record across a reset is of queues that are there after one.
		const number = numberOf(queue, position) ?? this.#lastNumber + 1;
		assert.ok(number > this.#lastNumber, "numbers ascend");
		this.#lastNumber = number;
		this.held.push({ id, number, length, position });
		return true;
	}

	/** Releases the held record with this index. */
	release(index: number): void {
		const [entry] = this.held.splice(index, 1);
		this.queue.release(entry!.position);
	}

	/** Lets the oldest at or after the one with this index go. */
	drop(index: number): void {
		const count = this.held.length, from = this.held[index];
		const done = this.queue.dropOldest(from?.position ?? -1, {
			dropped: (position, id) => {
				const at = this.held.findIndex((entry) => entry.position === position);
				assert.equal(this.held[at]?.id, id);
				assert.deepEqual(contentOf(this.queue, position), content(id, this.queue.length(position)));
				this.held.splice(at, 1);
				this.dropped.push(id);
			},
		});
		assert.equal(done, from !== undefined);
		assert.equal(this.held.length < count, done);
	}

	check(): void {
		const { queue } = this;
		assert.equal(queue.count, this.held.length + this.missing);
		assert.equal(queue.lastId, this.lastId);
		let at = queue.first();
		for (const { id, number, length, position } of this.held) {
			assert.equal(at, position);
			assert.deepEqual([queue.id(at), numberOf(queue, at) ?? number, queue.length(at)], [id, number, length]);
			assert.deepEqual(contentOf(queue, at), content(id, length));
			assert.ok(queue.verify(at));
			at = queue.after(at);
		}
		assert.equal(at, -1);
	}
}
