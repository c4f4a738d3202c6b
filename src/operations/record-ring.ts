// SPDX-License-Identifier: Apache-2.0
/**
 * The last records in a piece of memory of fixed length, the oldest overwritten by the newest.
 *
 * The memory may be such as a reset leaves alone: then the records of a run that ended in any way are found by the
 * next. Nothing has to be done at the end for that, and there is nothing that could be half done: a record counts when
 * its header is there, which is written last and has a check of all of it. The check depends on the boot and on a
 * random number, in the header of the memory, so that neither noise nor what another run left, nor the content of a
 * message, is taken for a record.
 *
 * | word    | of the memory                             | of each record                                             |
 * |---------|-------------------------------------------|------------------------------------------------------------|
 * | 0       | magic                                     | check of what follows, but for the flags                   |
 * | 1       | number of the boot                        | number                                                     |
 * | 2       | random                                    | flags (upper half), bytes of the record                    |
 * | 3       | check of these                            | the record, to whole words                                 |
 */
import { mix } from "../storage/header.js";
import { RECORD_LENGTH } from "./log-record.js";

/** Layout 1 of Moorline's records. */
const MAGIC = 0x4d4c_6f31;
const RING_HEADER = 16;
const RECORD_HEADER = 12;
const WORD = 4;
/** An odd number whose bits are anything. */
const MIX = 0x85eb_ca6b;
/** Bytes that are free before a record is written. */
const ROOM = RECORD_HEADER + wholeWords(RECORD_LENGTH);
/** The longest, and the longest once more, and as much. */
export const RING_MINIMUM = 1_024;
/** No record lies before the beginning. */
const NOWHERE = -1;

/** Bytes of the heads of an array in CBOR, of up to 255 items. */
const ARRAY_SMALL = 0x80;
const ARRAY_UINT8 = 0x98;
const SMALL_MAXIMUM = 23;

/** Told of what is overwritten. */
export interface RecordRingOwner {
	evicted(number: number, flags: number): void;
}

export class RecordRing {
	readonly bytes: Uint8Array;
	readonly view: DataView;
	readonly #owner: RecordRingOwner;
	readonly #end: number;
	/** What the checks of this run's records depend on. */
	#salt = 0;
	#count = 0;
	/** The oldest record, where there is one; and where the next goes. */
	#head = RING_HEADER;
	#tail = RING_HEADER;
	/** Where the records end before those at the memory's beginning; NOWHERE: there are none there. */
	#turn = NOWHERE;

	/** @param bytes at least RING_MINIMUM; what they hold stays until `begin` */
	constructor(bytes: Uint8Array, owner: RecordRingOwner) {
		this.bytes = bytes;
		this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
		this.#owner = owner;
		this.#end = bytes.byteLength & -WORD;
	}

	/** Forgets the run before. @param salt random */
	begin(boot: number, salt: number): void {
		const { view } = this;
		const check = this.#salt = headerCheck(boot, salt);
		view.setUint32(0, MAGIC);
		view.setUint32(4, boot);
		view.setUint32(8, salt);
		view.setUint32(12, check);
	}

	/**
	 * The newest records that the run before left, in an array in CBOR. To be asked for before `begin`.
	 * @param boot its number
	 * @param most bytes
	 * @returns `undefined` when there are none
	 */
	former(boot: number, most: number): Uint8Array | undefined {
		const { view } = this;
		const check = headerCheck(boot, view.getUint32(8));
		if (view.getUint32(0) !== MAGIC || view.getUint32(4) !== boot || view.getUint32(12) !== check) return undefined;
		this.#salt = check;
		const found = this.scan();
		return found.length === 0 ? undefined : this.join(newest(view, found, most));
	}

	/**
	 * Makes room for a record.
	 * @returns where its RECORD_LENGTH bytes begin
	 */
	reserve(): number {
		let at = this.#tail;
		if (at + ROOM > this.#end) {
			this.evict(at, this.#end);
			this.#turn = at;
			at = this.#tail = RING_HEADER;
		}
		this.evict(at, at + ROOM);
		if (this.#count === 0) {
			this.#head = at;
			this.#turn = NOWHERE;
		}
		return at + RECORD_HEADER;
	}

	/** Takes the record that was written where `reserve` said. @param flags 16 bits, for the owner */
	commit(number: number, length: number, flags: number): void {
		const { view } = this;
		const at = this.#tail;
		view.setUint32(at + 4, number);
		view.setUint32(at + 8, flags << 16 | length);
		view.setUint32(at, this.checkOf(at, length));
		this.#tail = at + RECORD_HEADER + wholeWords(length);
		this.#count++;
	}

	/** The oldest record, -1 when there is none. */
	first(): number {
		return this.#count === 0 ? NOWHERE : this.#head;
	}

	/** The record after the one at `position`, -1 after the last. */
	after(position: number): number {
		const next = this.behind(position);
		return next === this.#tail ? NOWHERE : next;
	}

	number(position: number): number {
		return this.view.getUint32(position + 4);
	}

	flags(position: number): number {
		return this.view.getUint16(position + 8);
	}

	setFlags(position: number, flags: number): void {
		this.view.setUint16(position + 8, flags);
	}

	/** Where the bytes of the record begin. */
	start(position: number): number {
		return position + RECORD_HEADER;
	}

	/** Bytes of the record. */
	length(position: number): number {
		return this.view.getUint16(position + 10);
	}

	/** Two sums over number, length and all words, the second of which depends on their order; in one word. */
	private checkOf(position: number, length: number): number {
		const { view } = this;
		const end = position + RECORD_HEADER + wholeWords(length);
		let sum = this.#salt + view.getUint32(position + 4) | 0;
		let sums = sum;
		sum = sum + length | 0;
		sums = sums + sum | 0;
		for (let at = position + RECORD_HEADER; at < end; at += WORD) {
			sum = sum + view.getUint32(at) | 0;
			sums = sums + sum | 0;
		}
		// What changes at the end changes both alike.
		return Math.imul(sum ^ sum >>> 15, MIX) + sums >>> 0;
	}

	private behind(position: number): number {
		const next = position + RECORD_HEADER + wholeWords(this.length(position));
		return next === this.#turn ? RING_HEADER : next;
	}

	/** Lets go of the oldest records as long as they begin within this range. */
	private evict(start: number, end: number): void {
		const { view } = this;
		for (let head = this.#head; this.#count > 0 && head >= start && head < end; head = this.#head) {
			// Not by methods of ours, each of which would take its part of the program's stack.
			this.#head += RECORD_HEADER + wholeWords(view.getUint16(head + 10));
			this.#count--;
			if (this.#head === this.#turn) {
				this.#head = RING_HEADER;
				this.#turn = NOWHERE;
			}
			this.#owner.evicted(view.getUint32(head + 4), view.getUint16(head + 8));
		}
	}

	/** Positions of all whole records, as they lie. */
	private scan(): number[] {
		const { view } = this;
		const found: number[] = [];
		let at = RING_HEADER;
		while (at + RECORD_HEADER < this.#end) {
			const length = view.getUint16(at + 10);
			const next = at + RECORD_HEADER + wholeWords(length);
			if (length > 0 && length <= RECORD_LENGTH && next <= this.#end
				&& view.getUint32(at) === this.checkOf(at, length)) {
				found.push(at);
				at = next;
			} else {
				at += WORD;
			}
		}
		return found;
	}

	/** @param positions the newest first */
	private join(positions: readonly number[]): Uint8Array {
		const { bytes } = this;
		const count = positions.length;
		let length = count > SMALL_MAXIMUM ? 2 : 1;
		for (let index = 0; index < count; index++) length += this.length(positions[index]!);
		const joined = new Uint8Array(length);
		joined.set(count > SMALL_MAXIMUM ? [ARRAY_UINT8, count] : [ARRAY_SMALL | count]);
		for (let index = 0; index < count; index++) {
			const start = this.start(positions[index]!);
			length -= this.length(positions[index]!);
			joined.set(bytes.subarray(start, start + this.length(positions[index]!)), length);
		}
		return joined;
	}
}

/** Of the records found, those that end with the newest and have no gap between them: no more than `most` bytes. */
function newest(view: DataView, found: readonly number[], most: number): number[] {
	const numbers = found.map((position) => view.getUint32(position + 4));
	const positions: number[] = [];
	let left = most - 2;
	let index = numbers.indexOf(numbers.reduce((highest, number) => Math.max(highest, number), 0));
	while (index >= 0) {
		const position = found[index]!;
		left -= view.getUint16(position + 10);
		if (left < 0) break;
		positions.push(position);
		index = numbers.indexOf(numbers[index]! - 1);
	}
	return positions;
}

function wholeWords(length: number): number {
	return length + WORD - 1 & -WORD;
}

function headerCheck(boot: number, salt: number): number {
	return mix(mix(MAGIC, boot), salt);
}
