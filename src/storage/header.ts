// SPDX-License-Identifier: Apache-2.0
/**
 * The sixteen bytes that precede each record, and those that begin each block: four words, each in the order of bytes
 * that the platform has.
 *
 * | word | of a record                                     | of a block                                            |
 * |------|-------------------------------------------------|-------------------------------------------------------|
 * | 0    | check of all from the id to the body's end      | check of the other words                              |
 * | 1    | id (upper half), check of the header            | magic (upper half), where the block before it ends    |
 * | 2    | kind (upper byte), length of the body           | sequence number of the block                          |
 * | 3    | number                                          | number of the block's first record                    |
 *
 * A record's header has a small check of its own, so that records can be walked over without reading their bodies. It
 * need not be a strong one: the ascending numbers are another, and what a torn write left behind is told by word 0.
 */
import type { FlashPartition } from "../host.js";

export const HEADER_LENGTH = 16;
/** Where that begins which word 0 covers. */
export const COVERED = 6;
/** Layout 1 of a Moorline journal. */
const MAGIC = 0x4d31;

export class Header {
	/** Offset that the contents were read from; -1: they were written here, or are of no use. */
	position = -1;
	readonly #words = new Uint32Array(HEADER_LENGTH / 4);
	readonly bytes = new Uint8Array(this.#words.buffer);

	load(partition: FlashPartition, position: number): void {
		// First, so that a read that fails leaves nothing that looks loaded.
		this.position = -1;
		partition.read(this.bytes, position);
		this.position = position;
	}

	get check(): number {
		return this.#words[0]!;
	}

	get id(): number {
		return this.#words[1]! >>> 16;
	}

	get kind(): number {
		return this.#words[2]! >>> 24;
	}

	/** Bytes of the record's body. */
	get length(): number {
		return this.#words[2]! & 0xff_ffff;
	}

	/** Of the record, or of the block's first record. */
	get number(): number {
		return this.#words[3]!;
	}

	get sequence(): number {
		return this.#words[2]!;
	}

	/** Bytes of the block before, from its start, that hold its records. */
	get previousEnd(): number {
		return (this.#words[1]! & 0xffff) * HEADER_LENGTH;
	}

	/**
	 * True for the header of a record that takes `room` bytes at most, with one of the `count` numbers from `first` on.
	 * Erased cells are none, because of their length.
	 */
	isRecord(room: number, first: number, count: number): boolean {
		const words = this.#words;
		const word = words[2]!, number = words[3]!;
		return HEADER_LENGTH + (word & 0xff_ffff) <= room && (number - first) >>> 0 < count
			&& recordCheck(words[0]!, words[1]!, word, number) === (words[1]! & 0xffff);
	}

	/** @param salt what tells this ring of blocks from others that may have been here before */
	isBlock(salt: number): boolean {
		const words = this.#words;
		return words[1]! >>> 16 === MAGIC && words[0] === blockCheck(salt, words[1]!, words[2]!, words[3]!);
	}

	/** What `seal` makes whole. */
	setRecord(kind: number, id: number, length: number, number: number): void {
		const words = this.#words;
		this.position = -1;
		words[1] = id << 16;
		words[2] = kind << 24 | length;
		words[3] = number;
	}

	seal(check: number): void {
		const words = this.#words;
		words[0] = check;
		words[1]! |= recordCheck(check, words[1]!, words[2]!, words[3]!);
	}

	setBlock(salt: number, previousEnd: number, sequence: number, number: number): void {
		const words = this.#words;
		this.position = -1;
		words[1] = MAGIC << 16 | previousEnd / HEADER_LENGTH;
		words[2] = sequence;
		words[3] = number;
		words[0] = blockCheck(salt, words[1], sequence, number);
	}
}

/** Bytes that a record with a body of `length` bytes takes: flash encryption programs sixteen at a time. */
export function extent(length: number): number {
	return (HEADER_LENGTH + length + HEADER_LENGTH - 1) & -HEADER_LENGTH;
}

/** Sixteen bits out of all but the lower half of `first`. */
function recordCheck(check: number, first: number, second: number, third: number): number {
	const sum = check ^ first >>> 16 ^ (second << 5 | second >>> 27) ^ (third << 11 | third >>> 21);
	return (sum ^ sum >>> 16) & 0xffff ^ MAGIC;
}

function blockCheck(salt: number, first: number, second: number, third: number): number {
	return mix(mix(mix(salt, first), second), third);
}

/** One round of a hash. */
export function mix(hash: number, word: number): number {
	const mixed = Math.imul(hash ^ word ^ (word >>> 15), 0x9e37_79b1);
	return Math.imul(mixed ^ (mixed >>> 16), 0x85eb_ca6b) >>> 0;
}
