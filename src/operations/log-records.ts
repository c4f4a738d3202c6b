// SPDX-License-Identifier: Apache-2.0
/**
 * The records of a log where they are kept: all of them in a ring in RAM, and those that matter on flash, too; and put
 * together for the cloud, each once.
 *
 * What the cloud will never get is counted, unless it has it already.
 */
import type { DeviceError } from "../base/error.js";
import { randomWord } from "../bytes/random.js";
import type { FlashPartition, Host } from "../host.js";
import { stepped, steps } from "../storage/serial.js";
import { FlashRecords, type FlashOptions, type FlashRecordsOwner } from "./flash-records.js";
import { LogBatch } from "./log-batch.js";
import { Level } from "./log-level.js";
import { RecordEncoder } from "./log-record.js";
import { RecordRing, type RecordRingOwner } from "./record-ring.js";

/** Bytes of records that are told of the run before. */
export const PREVIOUS_LENGTH = 600;
/** What the flags of a record in RAM say: it is on flash, or to be taken there, or that at once. */
const Flag = Object.freeze({ NONE: 0, ON_FLASH: 1, PENDING: 2, URGENT: 3 });
const NOWHERE = -1;

/** Told of what the flash refuses: the records in RAM go on. */
export interface LogRecordsOwner {
	fail(error: DeviceError): void;
}

export class LogRecords implements RecordRingOwner, FlashRecordsOwner {
	/** Of the last record. */
	number = 0;
	/** Records that the cloud will not get, and was not told of. */
	lost = 0;
	/** There is something for `keep`, and no batch is to be made before that. */
	hasPending = false;
	/** The last records of the run before, where they survived and nobody took them. */
	previous: Uint8Array | undefined;
	readonly encoder: RecordEncoder;
	readonly #host: Host;
	readonly #boot: number;
	readonly #ring: RecordRing;
	readonly #owner: LogRecordsOwner;
	/** Absent until `keep` opens it, and from when on it cannot be read. */
	#flash: FlashRecords | undefined;
	#partition: FlashPartition | undefined;
	/** There until it is open. */
	#toOpen: FlashOptions | undefined;
	/** Number of the last record that the cloud has. */
	#sent = 0;
	/** Number of the last record of this run that the flash gave up. */
	#givenUp = 0;
	#batch: LogBatch | undefined;
	/** Place in the flash of the first record that the cloud does not have, where it is to forget those before. */
	#released = NOWHERE;

	/**
	 * @param memory for the ring: if it survived a reset, what is in it is taken over
	 * @throws DeviceError `argument` for what is no partition
	 */
	constructor(host: Host, boot: number, memory: Uint8Array, flash: FlashOptions | undefined, owner: LogRecordsOwner) {
		this.#host = host;
		this.#boot = boot;
		this.#owner = owner;
		const ring = this.#ring = new RecordRing(memory, this);
		this.encoder = new RecordEncoder(host.text, ring.bytes, ring.view);
		this.previous = ring.former(boot - 1, PREVIOUS_LENGTH);
		ring.begin(boot, randomWord(host));
		if (flash === undefined) return;
		this.#toOpen = flash;
		this.#partition = host.flash.open({ path: flash.partition });
		this.hasPending = true;
	}

	/** Begins a record: module, message and fields are written with `encoder`. @param ms since boot */
	begin(ms: number, level: number): void {
		this.encoder.begin(this.#ring.reserve(), this.number + 1, ms, level);
	}

	/**
	 * Ends the record.
	 * @param isForFlash `keep` is to take it there
	 * @returns its bytes
	 */
	end(level: number, isForFlash: boolean): number {
		const { length } = this.encoder;
		let flags: number = Flag.NONE;
		if (isForFlash && this.#partition !== undefined) {
			flags = level === Level.ERROR ? Flag.URGENT : Flag.PENDING;
			this.hasPending = true;
		}
		this.#ring.commit(++this.number, length, flags);
		return length;
	}

	/**
	 * Takes to the flash what is to go there, as far as it may be written, and forgets what the cloud has; first of
	 * all, opens it. Not done at once: programs log wherever they are, and this takes half of the stack of a device.
	 */
	keep(): void {
		const ring = this.#ring;
		if (!this.hasPending) return;
		this.hasPending = false;
		this.open();
		this.release();
		let isUrgent = false;
		for (let at = ring.first(); at >= 0; at = ring.after(at)) {
			const flags = ring.flags(at);
			if (flags < Flag.PENDING) continue;
			const isKept = this.append(at);
			ring.setFlags(at, isKept ? Flag.ON_FLASH : Flag.NONE);
			isUrgent ||= isKept && flags === Flag.URGENT;
		}
		if (isUrgent) this.flush();
	}

	/** Something on its way to the flash is not durable yet. */
	get hasStaged(): boolean {
		return this.#flash?.hasStaged === true;
	}

	/** Makes it durable. */
	flush(): void {
		try {
			this.#flash?.flush();
		} catch (error) {
			this.fail(error);
		}
	}

	/** Records of this run that the cloud does not have, and will not with the batch under way. */
	get waiting(): number {
		return this.number - this.covered;
	}

	/** There are records of former runs that the cloud does not have. */
	get hasFormer(): boolean {
		const flash = this.#flash;
		const first = flash === undefined ? NOWHERE : flash.first();
		return first >= 0 && flash!.isFormer(first);
	}

	/** Whether there are any up to this number of this run. */
	hasUpTo(last: number): boolean {
		return last >= 0 && (this.hasFormer || Math.min(last, this.number) > this.covered);
	}

	/** The batch under way. */
	get batch(): LogBatch | undefined {
		return this.#batch;
	}

	/**
	 * Makes the next batch.
	 * @param last number of the last record of this run that is to be sent
	 * @returns `undefined` when there is none
	 */
	makeBatch(last: number): LogBatch | undefined {
		const { text } = this.#host;
		const batch = new LogBatch(text, this.#sent);
		try {
			this.collect(batch, last);
		} catch (error) {
			this.dropFlash(error);
			if (batch.count === 0) this.collect(batch, last);
		}
		if (batch.count === 0) return undefined;
		batch.close(text, this.lost);
		return this.#batch = batch;
	}

	/** The cloud has the batch; `keep` is to see to it that a reset does not bring it back. */
	accepted(): void {
		const batch = this.#batch;
		if (batch === undefined) return;
		this.#batch = undefined;
		this.#sent = batch.sent;
		this.lost -= batch.lost;
		this.#released = batch.place;
		this.hasPending ||= batch.place >= 0;
	}

	/** The ring overwrites a record. */
	evicted(number: number, flags: number): void {
		const isOnFlash = flags === Flag.ON_FLASH && number > this.#givenUp && this.#flash !== undefined;
		if (!isOnFlash && number > this.covered) this.lost++;
	}

	/** The flash gives up a record. */
	givesUp(position: number): void {
		const flash = this.#flash!;
		const place = this.#batch?.place ?? this.#released;
		if (place >= 0 && steps(flash.place(position), place) > 0) return;
		if (!flash.isFormer(position)) {
			const number = this.#givenUp = flash.number(position);
			const first = this.#ring.first();
			if (number <= this.covered || (first >= 0 && this.#ring.number(first) <= number)) return;
		}
		this.lost++;
	}

	/** Number of the last record that the cloud has, or will have with the batch under way. */
	private get covered(): number {
		return this.#batch?.sent ?? this.#sent;
	}

	private open(): void {
		const options = this.#toOpen;
		if (options === undefined) return;
		this.#toOpen = undefined;
		try {
			this.#flash = new FlashRecords(this.#host, this.#boot, this.#partition!, options, this);
		} catch (error) {
			this.dropFlash(error);
		}
	}

	private release(): void {
		const place = this.#released;
		this.#released = NOWHERE;
		if (place < 0) return;
		try {
			this.#flash?.trim(place);
		} catch (error) {
			return this.dropFlash(error);
		}
		try {
			this.#flash?.save(place);
		} catch (error) {
			this.fail(error);
		}
	}

	/** False: it is not on flash. */
	private append(position: number): boolean {
		const ring = this.#ring;
		try {
			return this.#flash?.append(ring.bytes, ring.start(position), ring.length(position)) === true;
		} catch (error) {
			this.fail(error);
			return false;
		}
	}

	/** Puts the oldest records in: those that are on flash alone, and those in RAM. */
	private collect(batch: LogBatch, last: number): void {
		const ring = this.#ring, flash = this.#flash, sent = this.#sent;
		let inRing = ring.first();
		while (inRing >= 0 && ring.number(inRing) <= sent) inRing = ring.after(inRing);
		let inFlash = flash === undefined ? NOWHERE : flash.first();
		while (inRing >= 0 || inFlash >= 0) {
			const number = inRing < 0 ? Infinity : ring.number(inRing);
			const isFormer = inFlash >= 0 && flash!.isFormer(inFlash);
			const onFlash = inFlash < 0 ? Infinity : isFormer ? 0 : flash!.number(inFlash);
			if (Math.min(number, onFlash) > last) return;
			if (number <= onFlash) {
				const length = ring.length(inRing), start = ring.start(inRing);
				if (!batch.admits(this.#boot, length)) return;
				batch.writer.copy(ring.bytes, start, start + length);
				batch.count++;
				batch.sent = number;
				inRing = ring.after(inRing);
			} else {
				// What is spoilt is passed over, and so is what was sent from RAM.
				const length = isFormer || onFlash > sent ? flash!.length(inFlash) : 0;
				if (length > 0) {
					if (!batch.admits(isFormer ? flash!.boot(inFlash) : this.#boot, length)) return;
					flash!.read(inFlash, batch.writer);
					batch.count++;
					if (!isFormer) batch.sent = onFlash;
				}
			}
			if (onFlash > number) continue;
			batch.place = stepped(flash!.place(inFlash), 1);
			inFlash = flash!.after(inFlash);
		}
	}

	/** Goes on without a flash that cannot be read: else nothing behind what it holds would ever be sent. */
	private dropFlash(error: unknown): void {
		this.fail(error);
		this.#flash = this.#partition = undefined;
	}

	/** Only what the flash may do is no reason to stop. */
	private fail(error: unknown): void {
		if (!(error instanceof Error && error.name === "DeviceError")) throw error;
		this.#owner.fail(error as DeviceError);
	}
}
