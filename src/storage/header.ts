// SPDX-License-Identifier: Apache-2.0
/**
 * The sixteen bytes that precede each record, and those that begin each block: four big-endian words.
 *
 * | word | of a record                                   | of a block                                         |
 * |------|-----------------------------------------------|----------------------------------------------------|
 * | 0    | body check                                    | check of the other words                           |
 * | 1    | check of the other words (16 bits), id (16)   | magic (16), where the block before it ends (16)    |
 * | 2    | kind (8), length of the body (24)             | sequence number of the block                       |
 * | 3    | number                                        | number of the block's first record                 |
 *
 * A header has a small check of its own, so that records can be walked over without reading their bodies. What the
 * body check covers lies in one piece: from the id to the end of the body.
 */
import type { FlashPartition } from "../host.js";

export const HEADER_LENGTH = 16;
/** Where that begins which the body check covers. */
export const COVERED = 6;
/** Layout 1 of a Moorline journal. */
const MAGIC = 0x4d31;
export const KIND_MAXIMUM = 0xfe;

export class Header {
	/** Offset that the contents were read from; -1: they were written here, or are of no use. */
	position = -1;
	readonly bytes = new Uint8Array(HEADER_LENGTH);
	readonly #words = new DataView(this.bytes.buffer);

	load(partition: FlashPartition, position: number): void {
		// First, so that a read that fails leaves nothing that looks loaded.
		this.position = -1;
		partition.read(this.bytes, position);
		this.position = position;
	}

	get check(): number {
		return this.#words.getUint32(0);
	}

	get id(): number {
		return this.#words.getUint16(6);
	}

	get kind(): number {
		return this.#words.getUint8(8);
	}

	/** Bytes of the record's body. */
	get length(): number {
		return this.#words.getUint32(8) & 0xff_ffff;
	}

	/** Of the record, or of the block's first record. */
	get number(): number {
		return this.#words.getUint32(12);
	}

	get sequence(): number {
		return this.#words.getUint32(8);
	}

	/** Bytes of the block before, from its start, that hold its records. */
	get previousEnd(): number {
		return this.#words.getUint16(6) * HEADER_LENGTH;
	}

	/** True for the header of a record that takes `room` bytes at most. */
	isRecord(room: number): boolean {
		const { kind } = this;
		return kind > 0 && kind <= KIND_MAXIMUM && extent(this.length) <= room
			&& this.#words.getUint16(4) === this.recordCheck();
	}

	/** @param salt what tells this ring of blocks from others that may have been here before */
	isBlock(salt: number): boolean {
		const words = this.#words;
		return words.getUint16(4) === MAGIC && words.getUint32(0) === this.blockCheck(salt);
	}

	/** What `seal` makes whole. */
	setRecord(kind: number, id: number, length: number, number: number): void {
		const words = this.#words;
		this.position = -1;
		words.setUint16(6, id);
		words.setUint32(8, kind * 0x100_0000 + length);
		words.setUint32(12, number);
	}

	seal(check: number): void {
		this.#words.setUint32(0, check);
		this.#words.setUint16(4, this.recordCheck());
	}

	setBlock(salt: number, previousEnd: number, sequence: number, number: number): void {
		const words = this.#words;
		this.position = -1;
		words.setUint16(4, MAGIC);
		words.setUint16(6, previousEnd / HEADER_LENGTH);
		words.setUint32(8, sequence);
		words.setUint32(12, number);
		words.setUint32(0, this.blockCheck(salt));
	}

	private recordCheck(): number {
		const words = this.#words;
		return mix(mix(mix(words.getUint32(0), words.getUint16(6)), words.getUint32(8)), words.getUint32(12)) >>> 16;
	}

	private blockCheck(salt: number): number {
		const words = this.#words;
		return mix(mix(mix(salt, words.getUint16(6)), words.getUint32(8)), words.getUint32(12));
	}
}

/** Bytes that a record with a body of `length` bytes takes: flash encryption programs sixteen at a time. */
export function extent(length: number): number {
	return (HEADER_LENGTH + length + HEADER_LENGTH - 1) & -HEADER_LENGTH;
}

/** One round of a hash: each bit of both words has its say in the upper half of the result. */
export function mix(hash: number, word: number): number {
	const mixed = Math.imul(hash ^ word ^ (word >>> 15), 0x9e37_79b1);
	return Math.imul(mixed ^ (mixed >>> 16), 0x85eb_ca6b) >>> 0;
}
