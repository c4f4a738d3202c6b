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
import { stepped, steps } from "../storage/serial.js";
import type { KeptQueue, QueueOwner } from "./queue.js";
import { Ranges } from "./ranges.js";

const KIND = 1;
const NONE: readonly number[] = Object.freeze([]);

export class FlashQueue implements KeptQueue {
	lastId: number;
	count = 0;
	readonly #journal: Journal;
	/** Released records behind the oldest held one. */
	#released: Ranges | undefined;

	/** @param journal for this queue alone */
	constructor(journal: Journal) {
		this.#journal = journal;
		this.lastId = journal.lastId();
		this.count = this.countFrom(journal.first());
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
		const ranges = this.#released = new Ranges();
		for (let at = 0; at < released.length; at += 2) {
			if (steps(headNumber, released[at]!) > 0) ranges.append(released[at]!, released[at + 1]!);
		}
		// A number that was released must not be given to another record, even when its own never became durable.
		journal.skipTo(headNumber);
		this.disown(journal.next, ranges.end(journal.next));
		journal.skipTo(ranges.end(journal.next));
		this.moveTo(this.held(journal.seek(headNumber)));
		this.count = this.countFrom(journal.first());
	}

	/** Lets all records go. */
	clear(): void {
		this.moveTo(-1);
	}

	reserve(length: number, writer: Writer): boolean {
		if (!this.fits(length)) return false;
		try {
			return this.#journal.reserve(length, writer);
		} catch (error) {
			this.recount();
			throw error;
		}
	}

	commit(id: number): number {
		const position = this.#journal.commit(KIND, id);
		if (id !== 0) this.lastId = id;
		this.count++;
		return position;
	}

	flush(): void {
		try {
			this.#journal.flush();
		} catch (error) {
			this.recount();
			throw error;
		}
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
		// Counted first: a queue that turns out to be empty has none.
		this.count--;
		if (position === journal.first()) this.moveTo(this.after(position));
	}

	/** Lets all records of the oldest block go, so that it can be used again. */
	dropOldest(from: number, owner: QueueOwner): boolean {
		const journal = this.#journal, head = journal.first();
		if (from < 0 || head < 0) return false;
		let next = head;
		do {
			const position = next;
			next = this.after(position);
			owner.dropped(position, journal.id(position));
			this.count--;
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
		if (position < 0) {
			this.#released = undefined;
			// Records whose headers were spoilt were counted, too.
			this.count = 0;
		} else {
			this.#released?.trim(journal.number(position));
		}
	}

	/** Records held from `position` on, by their numbers: one whose header is spoilt counts as well. */
	private countFrom(position: number): number {
		const journal = this.#journal;
		return position < 0 ? 0 : steps(journal.number(position), journal.next) - (this.#released?.count ?? 0);
	}

	/** After a loss, one by one. What is lost is released: its numbers are those after the last that is there. */
	private recount(): void {
		const journal = this.#journal;
		let last = -1;
		this.count = 0;
		for (let at = this.first(); at >= 0; at = this.after(at)) {
			this.count++;
			last = at;
		}
		if (last < 0) this.#released = undefined;
		else this.disown(stepped(journal.number(last), 1), journal.next);
	}

	/** Counts the numbers from `begin` to before `end` as released, of which there are no records. */
	private disown(begin: number, end: number): void {
		if (steps(begin, end) > 0) (this.#released ??= new Ranges()).close(begin, end);
	}
}
