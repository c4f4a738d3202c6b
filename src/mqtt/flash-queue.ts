// SPDX-License-Identifier: Apache-2.0
/**
 * The queue on flash: what it accepted and flushed is there after a reset.
 *
 * That a record was released is nowhere on this flash: the owner keeps `headNumber` and `released`, where it keeps
 * its own state, and brings them back with `restore`. A release that it did not keep did not happen: the record comes
 * back.
 *
 * Memory: the journal's; and of what was released out of order, the ranges.
 */
import type { Writer } from "../bytes/writer.js";
import type { Journal } from "../storage/journal.js";
import type { KeptQueue, QueueOwner } from "./queue.js";
import { steps } from "../storage/serial.js";
import { Ranges } from "./ranges.js";

const KIND = 1;
const NONE: readonly number[] = Object.freeze([]);

export class FlashQueue implements KeptQueue {
	lastId: number;
	readonly #journal: Journal;
	/** Released records behind the oldest held one. */
	#released: Ranges | undefined;

	/** @param journal for this queue alone */
	constructor(journal: Journal) {
		this.#journal = journal;
		this.lastId = journal.lastId();
	}

	/** Counted by the numbers: more than there are, where records were lost and older ones are still held. */
	get count(): number {
		const journal = this.#journal, head = journal.first();
		return head < 0 ? 0 : steps(journal.number(head), journal.next) - (this.#released?.count ?? 0);
	}

	/** All records with numbers before this one are released. */
	get headNumber(): number {
		const journal = this.#journal, head = journal.first();
		return head < 0 ? journal.next : journal.number(head);
	}

	/** What is released after `headNumber`: in turn the first number of a range and the first behind it. */
	get released(): readonly number[] {
		return this.#released?.bounds ?? NONE;
	}

	/**
	 * Releases what was released before the reset. To be called before anything else.
	 * @param headNumber as `headNumber` was
	 * @param released as `released` was, or less
	 */
	restore(headNumber: number, released: readonly number[]): void {
		const journal = this.#journal;
		if (released.length > 0) {
			this.#released = new Ranges();
			this.#released.bounds.push(...released);
		}
		// A number that was released must not be given to another record, even when its own never became durable.
		journal.skipTo(headNumber);
		if (released.length > 0) journal.skipTo(released[released.length - 1]!);
		this.moveTo(this.held(journal.seek(headNumber)));
	}

	/** Lets all records go. */
	clear(): void {
		this.moveTo(-1);
	}

	reserve(length: number, writer: Writer): boolean {
		return this.fits(length) && this.#journal.reserve(length, writer);
	}

	commit(id: number): number {
		// What was released may have been lost with what it waited for.
		if (this.#journal.first() < 0) this.#released = undefined;
		const position = this.#journal.commit(KIND, id);
		if (id !== 0) this.lastId = id;
		return position;
	}

	flush(): void {
		this.#journal.flush();
	}

	fits(length: number): boolean {
		return length <= this.#journal.lengthMaximum;
	}

	first(): number {
		return this.#journal.first();
	}

	after(position: number): number {
		return this.held(this.#journal.after(position));
	}

	id(position: number): number {
		return this.#journal.id(position);
	}

	number(position: number): number {
		return this.#journal.number(position);
	}

	length(position: number): number {
		return this.#journal.length(position);
	}

	read(position: number, from: number, count: number, writer: Writer): void {
		this.#journal.read(position, from, count, writer);
	}

	verify(position: number): boolean {
		return this.#journal.verify(position);
	}

	/** @throws DeviceError `state` when more than `RANGES_MAXIMUM` ranges would wait for older records */
	release(position: number): void {
		const journal = this.#journal;
		if (position !== journal.first()) (this.#released ??= new Ranges()).add(journal.number(position));
		if (position === journal.first()) this.moveTo(this.after(position));
	}

	shrink(): void {}

	/** Lets all records of the oldest block go, so that it can be used again. */
	dropOldest(from: number, owner: QueueOwner): boolean {
		const journal = this.#journal, head = journal.first();
		if (from < 0 || head < 0) return false;
		let next = head;
		do {
			const position = next;
			next = this.after(position);
				owner.dropped(position, journal.id(position));
		} while (next >= 0 && journal.areTogether(head, next));
		this.moveTo(next);
		return true;
	}

	/** The first record at or after `position` that is not released. */
	private held(position: number): number {
		const journal = this.#journal;
		const ranges = this.#released;
		let at = position;
		while (at >= 0 && ranges?.has(journal.number(at))) at = journal.after(at);
		return at;
	}

	/** Makes `position` the oldest held; -1: there is none. */
	private moveTo(position: number): void {
		const journal = this.#journal;
		journal.trim(position);
		if (position < 0) this.#released = undefined;
		else this.#released?.trim(journal.number(position));
	}
}
