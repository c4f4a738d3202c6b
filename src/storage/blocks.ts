// SPDX-License-Identifier: Apache-2.0
/**
 * A range of a flash partition as a ring of erase blocks, used one after the other so that all wear alike.
 *
 * A block begins with a header that is written right after the erasure. Its sequence number says where in the ring's
 * history the block stands, and it tells where the records of the block before end: what lies behind, a torn write
 * perhaps, is never looked at again. A block without a valid header, or with one of a former turn, holds nothing.
 * A block that the flash refuses to erase or to program is passed over and tried again a turn later.
 *
 * Nothing about the blocks is kept in memory but the last one; what is asked about another is read from it.
 */
import { DeviceError } from "../base/error.js";
import type { FlashPartition } from "../host.js";
import { HEADER_LENGTH, mix, type Header } from "./header.js";
import { stepped, steps } from "./serial.js";

/** A block's end is told in sixteen bits, as a multiple of the header's length. */
const BLOCK_LENGTH = Object.freeze({ MINIMUM: 512, MAXIMUM: 0xffff * HEADER_LENGTH });
/** One that holds the oldest records, and one for the next; a third, so that a torn write leaves room for more. */
const COUNT_MINIMUM = 2;

export class BlockRing {
	/** Offset of the newest block, which records are appended to. */
	tail: number;
	readonly blockLength: number;
	readonly #partition: FlashPartition;
	readonly #header: Header;
	readonly #start: number;
	readonly #end: number;
	/** Blocks of another division of the partition are none of ours. */
	readonly #salt: number;
	/** Of the newest block. */
	#sequence = 0;
	/** The block whose end was last asked for, and its end. */
	#asked = -1;
	#askedEnd = 0;

	/** @throws DeviceError `argument` */
	constructor(partition: FlashPartition, header: Header, first: number, count: number) {
		const { blockLength, size } = partition;
		const { MINIMUM, MAXIMUM } = BLOCK_LENGTH;
		if (!(blockLength % HEADER_LENGTH === 0 && blockLength >= MINIMUM && blockLength <= MAXIMUM)) {
			throw new DeviceError("argument", `no journal on blocks of ${blockLength} bytes`);
		}
		if (!(first >= 0 && count >= COUNT_MINIMUM && (first + count) * blockLength <= size)) {
			throw new DeviceError("argument", `no journal on ${count} blocks of ${size / blockLength} from ${first}`);
		}
		this.blockLength = blockLength;
		this.#partition = partition;
		this.#header = header;
		this.#start = first * blockLength;
		this.#end = (first + count) * blockLength;
		this.#salt = mix(mix(blockLength, first), count);
		// So that a ring without blocks begins with its first.
		this.tail = this.#end - blockLength;
	}

	/** Looks for the newest block. False: there is none at all. */
	findTail(): boolean {
		const header = this.#header;
		let found = false;
		for (let block = this.#start; block < this.#end; block += this.blockLength) {
			if (!this.load(block) || (found && steps(this.#sequence, header.sequence) <= 0)) continue;
			found = true;
			this.tail = block;
			this.#sequence = header.sequence;
		}
		return found;
	}

	/** Offset of the block in which `position` lies. */
	blockOf(position: number): number {
		return position - position % this.blockLength;
	}

	/** The block that follows in the ring. */
	next(block: number): number {
		const next = block + this.blockLength;
		return next === this.#end ? this.#start : next;
	}

	previous(block: number): number {
		return (block === this.#start ? this.#end : block) - this.blockLength;
	}

	/** Reads the header of `block`. False: it has none. */
	load(block: number): boolean {
		this.#header.load(this.#partition, block);
		return this.#header.isBlock(this.#salt);
	}

	/**
	 * Reads the header of `block`. False when it holds nothing of ours: one passed over is older than its place in
	 * the ring would allow.
	 */
	isLive(block: number): boolean {
		if (!this.load(block)) return false;
		const age = steps(this.#header.sequence, this.#sequence);
		const distance = this.tail - block + (block > this.tail ? this.#end - this.#start : 0);
		return age >= 0 && age * this.blockLength <= distance;
	}

	/** The oldest block that is live; there must be one. */
	oldest(): number {
		let block = this.next(this.tail);
		while (block !== this.tail && !this.isLive(block)) block = this.next(block);
		return block;
	}

	/** The live block that follows one that is not the tail. */
	following(block: number): number {
		let following = this.next(block);
		while (following !== this.tail && !this.isLive(following)) following = this.next(following);
		return following;
	}

	/** Where the records end of a block that is not the tail. */
	endOf(block: number): number {
		if (block === this.#asked) return this.#askedEnd;
		const header = this.#header;
		const sequence = this.load(block) ? stepped(header.sequence, 1) : -1;
		this.load(this.following(block));
		// Where a header is spoilt, nobody knows, and the records have to speak for themselves.
		const end = header.sequence === sequence ? header.previousEnd : this.blockLength;
		this.#asked = block;
		return this.#askedEnd = block + Math.min(end, this.blockLength);
	}

	/**
	 * Makes the next block the tail.
	 * @param kept the block from which on nothing may be erased, -1 when all may
	 * @param end where the records of the present tail end
	 * @param number of the first record to come
	 * @param again true to begin with the present tail once more, because a torn write made all of it useless: else a
	 * supply that fails at each write would use up one block after the other
	 * @returns false when there is no block left to use
	 * @throws DeviceError `storage` when the flash refuses all that are left
	 */
	open(kept: number, end: number, number: number, again: boolean): boolean {
		let failure: DeviceError | undefined;
		let sequence = this.#sequence;
		if (again) {
			this.load(this.tail);
			failure = this.begin(this.tail, this.#header.previousEnd, sequence, number);
			if (failure === undefined) return true;
		}
		for (let block = this.next(this.tail); block !== this.tail && block !== kept; block = this.next(block)) {
			sequence = stepped(sequence, 1);
			failure = this.begin(block, end - this.tail, sequence, number);
			if (failure !== undefined) continue;
			this.tail = block;
			this.#sequence = sequence;
			return true;
		}
		if (failure !== undefined) throw failure;
		return false;
	}

	/** Erases `block` and gives it a header. @returns what the flash refused, or `undefined` */
	private begin(block: number, previousEnd: number, sequence: number, number: number): DeviceError | undefined {
		this.#asked = -1;
		try {
			this.#partition.eraseBlock(block / this.blockLength);
			this.#header.setBlock(this.#salt, previousEnd, sequence, number);
			this.#partition.write(this.#header.bytes, block);
			return undefined;
		} catch (error) {
			return refusal(error);
		}
	}
}

/** What the flash refused; everything else goes on. */
function refusal(error: unknown): DeviceError {
	if (error instanceof Error && error.name === "DeviceError" && (error as DeviceError).code === "storage") {
		return error as DeviceError;
	}
	throw error;
}
