// SPDX-License-Identifier: Apache-2.0
/**
 * Records that survive a reset and a power cut: a journal on a flash partition, the oldest given up for the newest.
 *
 * Several are committed together, so that a power cut may take those that were written last: they are committed when a
 * page of them is full, a while after the first of them, or at once. How far the cloud has them is kept in the device's
 * storage, one number, written after each batch that had any of them; so that no more than the last batch is sent
 * again after a reset. Bytes a minute are limited, because flash wears.
 *
 * The number of the boot lies in the 24 bits that the journal has for its owner: a device that boots every minute has
 * enough of them for 31 years.
 */
import { CBORReader } from "../cbor/reader.js";
import { Writer } from "../bytes/writer.js";
import type { FlashPartition, Host } from "../host.js";
import { extent } from "../storage/header.js";
import { Journal } from "../storage/journal.js";
import { steps } from "../storage/serial.js";
import { Allowance } from "./allowance.js";
import { RECORD_LENGTH } from "./log-record.js";
import { Shelf } from "./shelf.js";

/** Bytes that are committed together, headers included. */
export const PAGE_LENGTH = 512;
/**
 * Bytes that are written in any minute at most, headers included, and half of it minute for minute: a quarter of a GB a
 * year, of which 16 blocks of 4 KB bear six.
 */
export const FLASH_BYTES_PER_MINUTE = 1_024;
const KEY = "log";
/** Bytes in which a record has its number. */
const NUMBER_LENGTH = 6;
const BOOT_BITS = 16;
const BOOTS = 0x100_0000;

export interface FlashOptions {
	/** Name of the partition. */
	readonly partition: string;
	/** The first block to be used. Default 0. */
	readonly first?: number | undefined;
	/** Blocks to be used, at least 2. Default: all to the partition's end. */
	readonly count?: number | undefined;
}

/** Told of what is given up, before it is. */
export interface FlashRecordsOwner {
	givesUp(position: number): void;
}

export class FlashRecords {
	readonly #journal: Journal;
	readonly #host: Host;
	readonly #owner: FlashRecordsOwner;
	readonly #boot: number;
	readonly #allowance: Allowance;
	readonly #writer: Writer;
	readonly #reader: CBORReader;
	readonly #start = new Uint8Array(NUMBER_LENGTH);
	/** Number in the journal of the first record of this run. */
	readonly #begin: number;
	/** Something is not committed yet. */
	hasStaged = false;

	/** @throws DeviceError `argument` for blocks that are not there; `storage` */
	constructor(
		host: Host, boot: number, partition: FlashPartition, options: FlashOptions, owner: FlashRecordsOwner,
	) {
		const { first, count } = options;
		this.#host = host;
		this.#boot = boot;
		this.#owner = owner;
		this.#allowance = new Allowance(FLASH_BYTES_PER_MINUTE, host.time.now());
		this.#writer = new Writer(host.text);
		this.#reader = new CBORReader(host.text);
		const journal = this.#journal = new Journal(host.crypto, partition, { first, count, groupLength: PAGE_LENGTH });
		const next = new Shelf(this.#host.storage).readWord(KEY);
		if (next !== undefined) {
			// Numbers that the cloud has are not given again, lest new records be taken for those.
			journal.skipTo(next);
			this.trim(next);
		}
		this.#begin = journal.next;
	}

	/**
	 * Keeps a record of this run, `bytes[start, start + length)`; durable once `flush` returned.
	 * @returns false when there is no allowance for it
	 * @throws DeviceError `storage`: it, and what was not committed yet, is gone
	 */
	append(bytes: Uint8Array, start: number, length: number): boolean {
		const journal = this.#journal, writer = this.#writer, allowance = this.#allowance;
		const need = extent(length);
		if (!allowance.has(need, this.#host.time.now())) return false;
		allowance.spend(need);
		while (!journal.reserve(length, writer)) if (!this.giveUp()) return false;
		writer.copy(bytes, start, start + length);
		writer.clear();
		journal.commit(this.#boot >>> BOOT_BITS & 0xff, this.#boot & 0xffff);
		this.hasStaged = true;
		return true;
	}

	/** Makes all durable. @throws DeviceError `storage` */
	flush(): void {
		this.hasStaged = false;
		this.#journal.flush();
	}

	/** The oldest record that the cloud does not have, -1 when there is none. */
	first(): number {
		return this.#journal.first();
	}

	/** The record after the one at `position`, -1 after the last. */
	after(position: number): number {
		return this.#journal.after(position);
	}

	/** Its number in the journal. */
	place(position: number): number {
		return this.#journal.number(position);
	}

	/** Whether the record is of a run before this one. */
	isFormer(position: number): boolean {
		return steps(this.#journal.number(position), this.#begin) > 0;
	}

	boot(position: number): number {
		const journal = this.#journal;
		const low = journal.kind(position) << BOOT_BITS | journal.id(position);
		// As far below the present one as the bits allow.
		return this.#boot - (this.#boot - low & BOOTS - 1);
	}

	/** The record's own number; -1 when it is not to be read. */
	number(position: number): number {
		const start = this.#start, reader = this.#reader, writer = this.#writer;
		try {
			const length = Math.min(start.byteLength, this.#journal.length(position));
			writer.reset(start, 0, length);
			this.#journal.read(position, 0, length, writer);
			reader.reset(start, 0, length);
			reader.array();
			return reader.uint();
		} catch {
			return -1;
		}
	}

	/** Bytes of the record; 0 when it is spoilt, or none of ours. */
	length(position: number): number {
		const length = this.#journal.length(position);
		return length <= RECORD_LENGTH && this.#journal.verify(position) ? length : 0;
	}

	/** Copies the record to where `writer` stands. */
	read(position: number, writer: Writer): void {
		this.#journal.read(position, 0, this.#journal.length(position), writer);
	}

	/** Forgets all records before `place` in the journal, until a reset. @throws DeviceError `storage` */
	trim(place: number): void {
		const journal = this.#journal;
		journal.trim(journal.seek(place));
	}

	/** Sees to it that they stay forgotten after a reset. @throws DeviceError `storage`, `full` */
	save(place: number): void {
		new Shelf(this.#host.storage).writeWord(KEY, place);
	}

	/** Lets the oldest block go. False: there is none. */
	private giveUp(): boolean {
		const journal = this.#journal;
		const first = journal.first();
		if (first < 0) return false;
		let at = first;
		do {
			this.#owner.givesUp(at);
			at = journal.after(at);
		} while (at >= 0 && journal.areTogether(first, at));
		journal.trim(at);
		return true;
	}
}
