// SPDX-License-Identifier: Apache-2.0
/**
 * What a session keeps its outgoing packets in: memory (`RingQueue`) or a flash partition (`FlashQueue`).
 *
 * Knows bytes, identifiers and order; what a packet means, and how far it got, is the session's business.
 */
import type { Writer } from "../bytes/writer.js";

/** Who is told what a full queue lets go. */
export interface QueueOwner {
	/** The record at `position` goes. It can still be read during the call, and nothing may be changed in it. */
	dropped(position: number, id: number): void;
}

/** A queue whose bytes are there after a reset, while its owner keeps what was released. */
export interface KeptQueue extends Queue {
	/** Ascending in the order of acceptance and never used again: how a record is named across a reboot. */
	number(position: number): number;
	/** All records with numbers before this one are released. */
	readonly headNumber: number;
	/** What is released after `headNumber`: in turn the first number of a range and the first behind it. */
	readonly released: readonly number[];
	/** Releases what was released before the reset. To be called before anything else. */
	restore(headNumber: number, released: readonly number[]): void;
	/** Lets all records go. */
	clear(): void;
}

/**
 * Encoded packets in the order of their acceptance, each kept until it is released.
 *
 * A record is addressed by its position: opaque, at least 0, valid until the record is released, dropped or lost by
 * a failed `flush`. -1 is none.
 */
export interface Queue {
	/**
	 * Points `writer` at `length` bytes to be filled, all of which `commit` will take. Without that nothing happened.
	 * A queue on flash may have to bring to flash what was committed before, to have room for more.
	 * @returns false when there is no room now, or never: see `fits`
	 * @throws DeviceError `storage` as `flush`
	 */
	reserve(length: number, writer: Writer): boolean;
	/**
	 * Accepts what was written since `reserve` under the packet identifier `id`, 0 for a packet that has none.
	 * It is in the queue from now on, and durable once `flush` returned.
	 * @returns its position
	 */
	commit(id: number): number;
	/**
	 * Makes what was committed durable: one program for all.
	 * @throws DeviceError `storage` when the flash refuses: what was not durable is gone from the queue
	 */
	flush(): void;
	/** True when `length` bytes fit an empty queue. */
	fits(length: number): boolean;
	/** The oldest held record, -1 when there is none. */
	first(): number;
	/** The next held record after the one at `position`, -1 after the last. */
	after(position: number): number;
	id(position: number): number;
	length(position: number): number;
	/** Copies `count` bytes from byte `from` of the record to where `writer` stands. */
	read(position: number, from: number, count: number, writer: Writer): void;
	/** False when the stored bytes are rotten: to be released without being sent. */
	verify(position: number): boolean;
	/**
	 * Lets a record go. Its room is free once all before it are released, too.
	 * @throws DeviceError `internal` when it was released before
	 */
	release(position: number): void;
	/**
	 * Frees room by letting the oldest records at or after `from` go, and tells `owner` of each before it goes.
	 * At least one; on flash all that stand in the way of a whole block, those before `from` included.
	 * @param from -1 when none may go
	 * @returns false when there was none to let go
	 */
	dropOldest(from: number, owner: QueueOwner): boolean;
	/** Gives memory back that is not needed until something is queued again. */
	shrink(): void;
	/** The last identifier accepted, other than 0; 0 when none is known. They go on from there after a reboot. */
	readonly lastId: number;
	/** Records held. */
	readonly count: number;
}
