// SPDX-License-Identifier: Apache-2.0
/**
 * Heartbeats that the cloud does not have yet, as they survive a reset, and what heartbeats count on from one to the
 * next: a value of the storage for each.
 *
 * | at | holds                                                                |
 * |----|----------------------------------------------------------------------|
 * | 0  | its number, one more than that of the one before, whatever the boot  |
 * | 4  | s without a crash up to it                                           |
 * | 8  | crashes ever: where there were more since, those seconds are over    |
 * | 12 | the report; nothing, once the cloud has it                           |
 *
 * The newest is never deleted, only emptied, and the next one takes its place: two writes a period while the device is
 * online, one while it is not. Of more than may be kept the oldest are given up.
 */
import { DeviceError, toDeviceError } from "../base/error.js";
import { setWord, wordAt } from "../bytes/word.js";
import type { StorageProvider } from "../host.js";
import type { ReportSource } from "./report.js";
import { Shelf } from "./shelf.js";

const KEY = "beat";
/** Heartbeats that are kept, and bytes of all of them. */
export const BEATS_MAXIMUM = 8;
export const BEATS_LENGTH = 4_096;
const HEAD = 12;

interface Beat {
	readonly number: number;
	/** Of its key; -1 for one that could not be written. */
	readonly slot: number;
	/** Bytes of the report; 0: the cloud has it. */
	length: number;
	/** There where it could not be written, and while it is being sent. */
	bytes: Uint8Array | undefined;
}

export class Beats implements ReportSource {
	readonly kind = "metrics";
	/** The last heartbeat's. */
	number = 0;
	/** s without a crash. */
	crashFree = 0;
	readonly #crashes: number;
	readonly #shelf: Shelf;
	readonly #onFault: (error: DeviceError) => void;
	/** The oldest first. */
	readonly #beats: Beat[] = [];
	#offered: Beat | undefined;

	/** @param crashes ever */
	constructor(storage: StorageProvider, crashes: number, onFault: (error: DeviceError) => void) {
		this.#shelf = new Shelf(storage);
		this.#crashes = crashes;
		this.#onFault = onFault;
		for (let slot = 0; slot < BEATS_MAXIMUM; slot++) {
			const value = this.read(slot);
			if (value === undefined) continue;
			const number = wordAt(value, 0);
			this.#beats.push({ number, slot, length: value.byteLength - HEAD, bytes: undefined });
			if (number < this.number) continue;
			this.number = number;
			this.crashFree = wordAt(value, 8) === crashes ? wordAt(value, 4) : 0;
		}
		this.#beats.sort((left, right) => left.number - right.number);
	}

	/** Takes the next heartbeat, of which `number` and `crashFree` are set. */
	add(report: Uint8Array): void {
		const { byteLength } = report;
		const beats = this.#beats;
		const number = this.number;
		try {
			const former = beats.at(-1);
			const slot = former?.length === 0 ? former.slot : this.room(byteLength);
			this.write(slot, report);
			if (former?.length === 0) beats.pop();
			beats.push({ number, slot, length: byteLength, bytes: undefined });
		} catch (error) {
			this.#onFault(toDeviceError(error, "storage", "a heartbeat"));
			if (beats.length >= BEATS_MAXIMUM) beats.shift();
			beats.push({ number, slot: -1, length: byteLength, bytes: report });
		}
	}

	get deadline(): number {
		return this.#beats.some(({ length }) => length > 0) ? 0 : Infinity;
	}

	next(): Uint8Array | undefined {
		for (;;) {
			const offered = this.#offered ??= this.#beats.find(({ length }) => length > 0);
			if (offered === undefined) return undefined;
			const bytes = offered.bytes ??= this.read(offered.slot)?.subarray(HEAD);
			if (bytes !== undefined) return bytes;
			// What cannot be read is given up, or nothing would come after it.
			this.forget(offered);
		}
	}

	accepted(): void {
		this.settle();
	}

	/** It would be refused again. */
	refused(): void {
		this.settle();
	}

	private settle(): void {
		const offered = this.#offered;
		if (offered === undefined) return;
		this.#offered = offered.bytes = undefined;
		offered.length = 0;
		const { slot } = offered;
		const isNewest = offered === this.#beats.at(-1);
		if (!isNewest || slot < 0) this.forget(offered);
		if (slot < 0) return;
		try {
			if (isNewest) this.write(slot, NOTHING);
			else this.#shelf.delete(`${KEY}${slot}`);
		} catch (error) {
			this.#onFault(toDeviceError(error, "storage", "a heartbeat"));
		}
	}

	/** Gives up the oldest as long as there is no room. @returns a key that is free */
	private room(length: number): number {
		const beats = this.#beats;
		const taken = (): number => beats.reduce((sum, beat) => sum + beat.length, length);
		while (beats.length >= BEATS_MAXIMUM || taken() > BEATS_LENGTH) {
			const oldest = beats[0]!;
			this.forget(oldest);
			if (oldest.slot >= 0) this.#shelf.delete(`${KEY}${oldest.slot}`);
		}
		let slot = 0;
		while (beats.some((beat) => beat.slot === slot)) slot++;
		return slot;
	}

	private forget(beat: Beat): void {
		this.#beats.splice(this.#beats.indexOf(beat), 1);
		if (beat === this.#offered) this.#offered = undefined;
	}

	/** @returns `undefined` where there is none of ours, or none that can be read */
	private read(slot: number): Uint8Array | undefined {
		try {
			const value = this.#shelf.read(`${KEY}${slot}`);
			return value === undefined || value.byteLength < HEAD ? undefined : value;
		} catch (error) {
			this.#onFault(toDeviceError(error, "storage", "a heartbeat"));
			return undefined;
		}
	}

	private write(slot: number, report: Uint8Array): void {
		const value = new Uint8Array(HEAD + report.byteLength);
		setWord(value, 0, this.number);
		setWord(value, 4, this.crashFree);
		setWord(value, 8, this.#crashes);
		value.set(report, HEAD);
		this.#shelf.write(`${KEY}${slot}`, value);
	}
}

const NOTHING = new Uint8Array(0);
