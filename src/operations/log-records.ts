// SPDX-License-Identifier: Apache-2.0
/**
 * The records of a log where they are kept: all of them in a ring in RAM, and those that matter on flash, too; and put
 * together for the cloud, each once.
 *
 * What the cloud will never get is counted, unless it has it already.
 */
import { toDeviceError, type DeviceError } from "../base/error.js";
import { randomWord } from "../bytes/random.js";
import type { Host } from "../host.js";
import { stepped, steps } from "../storage/serial.js";
import { FlashRecords, type FlashOptions, type FlashRecordsOwner } from "./flash-records.js";
import { LogBatch } from "./log-batch.js";
import { Level } from "./log-level.js";
import { RecordEncoder } from "./log-record.js";
import { RecordRing, type RecordRingOwner } from "./record-ring.js";

/** Bytes of records that are told of the run before. */
export const PREVIOUS_LENGTH = 600;
/** Flag of a record in RAM. */
const IN_FLASH = 1;
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
	/** The last records of the run before, where they survived. */
	readonly previous: Uint8Array | undefined;
	readonly #host: Host;
	readonly #boot: number;
	readonly #ring: RecordRing;
	readonly #encoder: RecordEncoder;
	readonly #owner: LogRecordsOwner;
	/** Absent, too, from when on it cannot be read. */
	#flash: FlashRecords | undefined;
	/** Number of the last record that the cloud has. */
	#sent = 0;
	/** Number of the last record of this run that the flash gave up. */
	#givenUp = 0;
	#batch: LogBatch | undefined;

	/**
	 * @param memory for the ring: if it survived a reset, what is in it is taken over
	 * @throws DeviceError `argument` for what is no partition
	 */
	constructor(host: Host, boot: number, memory: Uint8Array, flash: FlashOptions | undefined, owner: LogRecordsOwner) {
		this.#host = host;
		this.#boot = boot;
		this.#owner = owner;
		const ring = this.#ring = new RecordRing(memory, this);
		this.#encoder = new RecordEncoder(host.text, ring.bytes, ring.view);
		this.previous = ring.former(boot - 1, PREVIOUS_LENGTH);
		ring.begin(boot, randomWord(host));
		if (flash === undefined) return;
		try {
			this.#flash = new FlashRecords(host, boot, flash, this);
		} catch (error) {
			const fault = toDeviceError(error, "internal", "log on flash");
			if (fault.code === "argument") throw fault;
			this.fail(fault);
		}
	}

	/**
	 * Writes a record.
	 * @param ms since boot
	 * @param isForFlash it is kept there, too, as far as that has room for it
	 * @returns its bytes
	 */
	write(ms: number, level: number, module: string, message: unknown, fields: unknown, isForFlash: boolean): number {
		const ring = this.#ring, encoder = this.#encoder;
		const start = ring.reserve();
		const number = this.number + 1;
		let length: number;
		try {
			length = encoder.encode(start, number, ms, level, module, message, fields);
		} catch {
			// Fields may be accessors that throw; the message is there in any case.
			length = encoder.encode(start, number, ms, level, module, message, undefined);
		}
		const isKept = isForFlash && this.keep(start, length, level === Level.ERROR);
		ring.commit(number, length, isKept ? IN_FLASH : 0);
		this.number = number;
		return length;
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

	/** The cloud has the batch. */
	accepted(): void {
		const batch = this.#batch;
		if (batch === undefined) return;
		this.#batch = undefined;
		this.#sent = batch.sent;
		this.lost -= batch.lost;
		if (batch.place < 0) return;
		try {
			this.#flash?.trim(batch.place);
		} catch (error) {
			return this.dropFlash(error);
		}
		try {
			this.#flash?.save(batch.place);
		} catch (error) {
			this.fail(error);
		}
	}

	/** The ring overwrites a record. */
	evicted(number: number, flags: number): void {
		const isOnFlash = (flags & IN_FLASH) !== 0 && number > this.#givenUp && this.#flash !== undefined;
		if (!isOnFlash && number > this.covered) this.lost++;
	}

	/** The flash gives up a record. */
	givesUp(position: number): void {
		const flash = this.#flash!;
		const place = this.#batch?.place ?? NOWHERE;
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

	/** False: it is not on flash. */
	private keep(start: number, length: number, isUrgent: boolean): boolean {
		const flash = this.#flash;
		try {
			if (flash === undefined || !flash.append(this.#ring.bytes, start, length)) return false;
			if (isUrgent) flash.flush();
			return true;
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
		this.#flash = undefined;
	}

	/** Only what the flash may do is no reason to stop. */
	private fail(error: unknown): void {
		if (!(error instanceof Error && error.name === "DeviceError")) throw error;
		this.#owner.fail(error as DeviceError);
	}
}
