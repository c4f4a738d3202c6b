// SPDX-License-Identifier: Apache-2.0
/**
 * A log on a range of flash blocks: records are appended, and the oldest forgotten, for as long as the flash lasts.
 *
 * What is committed together is one program of the flash, at a multiple of sixteen bytes: more than one program per
 * cell is what flash encryption forbids, and one is either there after a power cut or not. Nothing is ever changed in
 * place; that something is over is said by a later record, here or elsewhere. Only what `flush` returned for is sure to
 * be there after a reset, in order; of the last commit, which the power cut hit, any part may be, each record whole.
 *
 * Recovery reads, and writes nothing: the headers of the blocks, and of the newest block all records, for only there
 * a write may have been torn. A record of another block is checked when it is used. What was trimmed comes back at a
 * reset, as long as its block was not needed again: its owner knows what is over, and trims before it writes, lest
 * the journal be full.
 *
 * Each boot goes on in the block where the last one ended. Two things close a block early, for its cells are in doubt:
 * a torn write; and flash encryption, under which nobody can tell erased cells from others.
 *
 * Memory: a few numbers, and a buffer for what is not flushed yet. Nothing is kept per record.
 *
 * Positions are offsets in the partition. A record never spans blocks.
 */
import { DeviceError } from "../base/error.js";
import { areErased, wordAt } from "../bytes/word.js";
import type { Writer } from "../bytes/writer.js";
import type { Crypto, FlashPartition } from "../host.js";
import { BlockRing } from "./blocks.js";
import { COVERED, extent, Header, HEADER_LENGTH } from "./header.js";
import { stepped, steps } from "./serial.js";

const ERASED = 0xff;
/** Bytes that are read at once to be checked. */
const CHUNK_LENGTH = 256;
const GROUP_LENGTH = 1024;
/** Numbers that may be left out between two records. */
const GAP_MAXIMUM = 0x7fff_ffff;

export interface JournalOptions {
	/** The first block to be used. Default 0. */
	first?: number | undefined;
	/** Blocks to be used, at least 2, better 3. Default: all to the partition's end. */
	count?: number | undefined;
	/**
	 * Bytes that are committed together at most, and so the buffer for them; where there is more, what came first is
	 * flushed early. A single record may be longer. Default 1024.
	 */
	groupLength?: number | undefined;
}

export class Journal {
	/** Number of the record that comes next; they ascend, through zero after 2^32. */
	next = 1;
	readonly #partition: FlashPartition;
	readonly #crypto: Crypto;
	readonly #header = new Header();
	readonly #blocks: BlockRing;
	readonly #groupLength: number;
	/** Position of the oldest record kept, -1 when there is none. */
	#head = -1;
	/** Where the tail's durable records end, and up to where it can be appended to: less, where the flash refused. */
	#end: number;
	#limit: number;
	/** Records not flushed yet, as they will lie from `#end` on; `#staged` bytes of them. */
	#staging: Uint8Array | undefined;
	#staged = 0;
	/** Length of the record that is reserved, -1: none is. */
	#reserved = -1;

	/**
	 * Takes up what is there. Anything else is no journal's and will be written over.
	 * @throws DeviceError `argument`, and `storage` when the flash cannot be read
	 */
	constructor(crypto: Crypto, partition: FlashPartition, options: JournalOptions = {}) {
		const { first = 0, groupLength = GROUP_LENGTH } = options;
		const { count = Math.floor(partition.size / partition.blockLength) - first } = options;
		const blocks = this.#blocks = new BlockRing(partition, this.#header, first, count);
		this.#partition = partition;
		this.#crypto = crypto;
		this.#groupLength = groupLength;
		this.#end = this.#limit = blocks.tail;
		if (!blocks.findTail()) return;
		this.recoverTail();
		const oldest = blocks.oldest();
		blocks.load(oldest);
		this.#head = this.find(oldest, oldest + HEADER_LENGTH, this.#header.number);
	}

	/** Bytes of the longest record. */
	get lengthMaximum(): number {
		return this.#blocks.blockLength - 2 * HEADER_LENGTH;
	}

	/**
	 * Points `writer` at `length` bytes to be filled, all of which `commit` will take. Without that nothing happened.
	 * Flushes what was committed before, if the block or the buffer has no room for more.
	 * @returns false when there is no block free: trim
	 * @throws DeviceError `too-large`, `storage`: see `flush`
	 */
	reserve(length: number, writer: Writer): boolean {
		if (!(length <= this.lengthMaximum)) {
			throw new DeviceError("too-large", `record of ${length} bytes, the maximum is ${this.lengthMaximum}`);
		}
		const need = extent(length);
		if (this.#staged + need > Math.min(this.#groupLength, this.#limit - this.#end)) this.flush();
		if (this.#end + need > this.#limit && !this.openBlock()) return false;
		const staging = this.stagingFor(this.#staged + need);
		const start = this.#staged + HEADER_LENGTH;
		writer.reset(staging, start, start + length);
		this.#reserved = length;
		return true;
	}

	/**
	 * Appends what was reserved. It can be read from now on, and is durable once `flush` returned.
	 * @param kind 8 bits, for the owner
	 * @param id 16 bits, for the owner
	 * @returns its position
	 */
	commit(kind: number, id: number): number {
		const staging = this.#staging, length = this.#reserved, start = this.#staged, header = this.#header;
		if (staging === undefined || length < 0) throw new DeviceError("internal", "committed what was not reserved");
		this.#reserved = -1;
		const end = start + HEADER_LENGTH + length;
		header.setRecord(kind, id, length, this.next);
		staging.set(header.bytes, start);
		const digest = this.#crypto.digest("SHA-256");
		digest.update(staging.subarray(start + COVERED, end));
		header.seal(wordAt(digest.digest(), 0));
		staging.set(header.bytes, start);
		staging.fill(ERASED, end, start + extent(length));
		this.#staged = start + extent(length);
		this.next = stepped(this.next, 1);
		const position = this.#end + start;
		if (this.#head < 0) this.#head = position;
		return position;
	}

	/**
	 * Makes all that was committed durable, in one program.
	 * @throws DeviceError `storage` when the flash refuses: what was not durable is gone, unless it turns out at the
	 * next reset that the flash did take it. The next record goes to another block.
	 */
	flush(): void {
		const staging = this.#staging, staged = this.#staged;
		if (staging === undefined || staged === 0) return;
		this.#reserved = -1;
		this.#staged = 0;
		this.#staging = undefined;
		try {
			this.#partition.write(staged === staging.byteLength ? staging : staging.subarray(0, staged), this.#end);
		} catch (error) {
			// The cells behind are in doubt: what comes next begins a new block, whose header says so.
			this.#limit = -1;
			if (this.#head >= this.#end && this.#blocks.blockOf(this.#head) === this.#blocks.tail) this.#head = -1;
			this.#header.position = -1;
			throw error;
		}
		this.#end += staged;
	}

	/** The oldest record kept, -1 when there is none. */
	first(): number {
		return this.#head;
	}

	/** The record after the one at `position`, -1 after the last. */
	after(position: number): number {
		this.load(position);
		const header = this.#header;
		return this.find(this.#blocks.blockOf(position), position + extent(header.length), stepped(header.number, 1));
	}

	/** The oldest record with `number` or one after it, -1 when there is none. */
	seek(number: number): number {
		const blocks = this.#blocks;
		if (this.#head < 0) return -1;
		const kept = blocks.blockOf(this.#head);
		let block = blocks.tail;
		while (block !== kept && !(blocks.isLive(block) && steps(this.#header.number, number) >= 0)) {
			block = blocks.previous(block);
		}
		return this.find(block, block === kept ? this.#head : block + HEADER_LENGTH, number);
	}

	/** The identifier of the last record that has one, even of a trimmed one; 0 when there is none. */
	lastId(): number {
		const blocks = this.#blocks;
		for (let block = blocks.tail; ;) {
			if (blocks.isLive(block)) {
				let id = 0;
				let at = this.find(block, block + HEADER_LENGTH, this.#header.number);
				for (; at >= 0 && blocks.blockOf(at) === block; at = this.after(at)) id = this.id(at) || id;
				if (id !== 0) return id;
			}
			block = blocks.previous(block);
			if (block === blocks.tail) return 0;
		}
	}

	kind(position: number): number {
		this.load(position);
		return this.#header.kind;
	}

	id(position: number): number {
		this.load(position);
		return this.#header.id;
	}

	number(position: number): number {
		this.load(position);
		return this.#header.number;
	}

	/** Bytes of the record. */
	length(position: number): number {
		this.load(position);
		return this.#header.length;
	}

	/** True when both lie in the same block. */
	areTogether(position: number, other: number): boolean {
		return this.#blocks.blockOf(position) === this.#blocks.blockOf(other);
	}

	/** Copies `count` bytes from byte `from` of the record to where `writer` stands. */
	read(position: number, from: number, count: number, writer: Writer): void {
		const start = position + HEADER_LENGTH + from;
		if (this.isStaged(position)) return writer.copy(this.#staging!, start - this.#end, start - this.#end + count);
		const { position: to, remaining } = writer;
		if (count > remaining) throw new DeviceError("too-large", `${count} bytes do not fit the ${remaining} left`);
		this.#partition.read(writer.bytes.subarray(to, to + count), start);
		writer.position = to + count;
	}

	/** False when the record is not as it was committed. */
	verify(position: number): boolean {
		if (this.isStaged(position)) return true;
		this.load(position);
		const header = this.#header;
		const { blockLength } = this.#blocks;
		// Since it was found, the header may have been spoilt.
		if (!header.isRecord(blockLength - position % blockLength, header.number, 1)) return false;
		const digest = this.#crypto.digest("SHA-256");
		const end = position + HEADER_LENGTH + header.length;
		let chunk = new Uint8Array(Math.min(CHUNK_LENGTH, end - position - COVERED));
		for (let at = position + COVERED; at < end; at += chunk.byteLength) {
			if (end - at < chunk.byteLength) chunk = chunk.subarray(0, end - at);
			this.#partition.read(chunk, at);
			digest.update(chunk);
		}
		return wordAt(digest.digest(), 0) === header.check;
	}

	/** Forgets all records before the one at `position`, or all with -1: their blocks may be erased from now on. */
	trim(position: number): void {
		this.#head = position;
	}

	/** Sees to it that the next record has `number` or one after it. */
	skipTo(number: number): void {
		if (steps(this.next, number) > 0) this.next = number;
	}

	/**
	 * Finds where the newest block ends. A record in it that fails its check was hit by the power cut, when nothing
	 * valid follows it; else it is rotten and stays.
	 */
	private recoverTail(): void {
		const header = this.#header, { tail, blockLength } = this.#blocks;
		const limit = tail + blockLength;
		this.#blocks.load(tail);
		let number = this.next = header.number;
		let at = this.#end = tail + HEADER_LENGTH;
		while (at < limit) {
			this.load(at);
			if (!header.isRecord(limit - at, number, GAP_MAXIMUM)) break;
			number = stepped(header.number, 1);
			const end = at + extent(header.length);
			if (this.verify(at)) {
				this.#end = end;
				this.next = number;
			}
			at = end;
		}
		this.#limit = this.isErased(this.#end, limit) ? limit : this.#end;
	}

	/** True when the cells can be programmed. Where flash encryption is on, the answer is no, and right. */
	private isErased(start: number, end: number): boolean {
		const words = new Uint32Array(CHUNK_LENGTH / 4);
		const chunk = new Uint8Array(words.buffer);
		for (let at = start; at < end; at += CHUNK_LENGTH) {
			const count = Math.min(CHUNK_LENGTH, end - at);
			this.#partition.read(count < CHUNK_LENGTH ? chunk.subarray(0, count) : chunk, at);
			if (!areErased(words, count / 4)) return false;
		}
		return true;
	}

	/** The first record in `block` from `position` on, or behind it, with `number` or one after it; -1 for none. */
	private find(block: number, position: number, number: number): number {
		const blocks = this.#blocks, header = this.#header;
		const count = steps(number, this.next);
		for (let at = position; ; at = block + HEADER_LENGTH) {
			const inTail = block === blocks.tail;
			const end = inTail ? this.#end + this.#staged : blocks.endOf(block);
			// Sixteen bytes at a time, where a header is spoilt: the next one will be found again.
			for (; at < end; at += HEADER_LENGTH) {
				this.load(at);
				if (header.isRecord(end - at, number, count)) return at;
			}
			if (inTail) return -1;
			block = blocks.following(block);
		}
	}

	private isStaged(position: number): boolean {
		return position >= this.#end && position < this.#end + this.#staged;
	}

	/** Has the header at `position` in `#header`. */
	private load(position: number): void {
		const header = this.#header;
		if (header.position === position) return;
		if (!this.isStaged(position)) return header.load(this.#partition, position);
		const start = position - this.#end;
		header.bytes.set(this.#staging!.subarray(start, start + HEADER_LENGTH));
		header.position = position;
	}

	private openBlock(): boolean {
		const blocks = this.#blocks;
		const kept = this.#head < 0 ? -1 : blocks.blockOf(this.#head);
		const useless = this.#end === this.#limit && this.#end === blocks.tail + HEADER_LENGTH;
		this.#header.position = -1;
		if (!blocks.open(kept, this.#end, this.next, useless)) return false;
		this.#end = blocks.tail + HEADER_LENGTH;
		this.#limit = blocks.tail + blocks.blockLength;
		return true;
	}

	/** The buffer, with what is staged in it, and `length` bytes long at least. A second record has it made for all. */
	private stagingFor(length: number): Uint8Array {
		const staging = this.#staging, staged = this.#staged;
		if (staging !== undefined && staging.byteLength >= length) return staging;
		const larger = new Uint8Array(staged === 0 ? length : this.#groupLength);
		if (staging !== undefined && staged > 0) larger.set(staging);
		return this.#staging = larger;
	}
}
