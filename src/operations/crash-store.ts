// SPDX-License-Identifier: Apache-2.0
/**
 * What a device knows of its crashes, through every reset: one small value that says which there were, and a report for
 * each of those that the cloud is to have.
 *
 * | key               | value                                                             |
 * |-------------------|-------------------------------------------------------------------|
 * | `crashes`         | `CrashRecord` as JSON                                             |
 * | `crash0`-`crash3` | a report, see `crash-body.ts`: there as long as the record says so |
 *
 * A boot after a crash writes the record, and a report where the crash is a new one: a device that does nothing but
 * crash writes no more than that.
 */
import type { Host } from "../host.js";
import { Shelf } from "./shelf.js";

const RECORD = "crashes";
const SLOT = "crash";
/** Crashes that are told apart; of more, the oldest is forgotten. */
export const CRASHES_MAXIMUM = 4;

/** A crash and all that were the same. */
export interface KnownCrash {
	readonly fingerprint: string;
	/** Of the firmware: the same in another version is another, as its lines are others. */
	readonly version: string;
	readonly reason: string;
	count: number;
	/** How many of them the cloud knows of. */
	sent: number;
	/** Of the run that crashed so last. */
	boot: number;
	/** Where its report is, -1 for nowhere. */
	slot: number;
}

export interface CrashRecord {
	/** Crashes ever. */
	total: number;
	/** Runs in a row that crashed soon. */
	consecutive: number;
	/** Of the firmware that ran last. */
	version: string;
	/** The oldest first. */
	known: KnownCrash[];
}

export class CrashStore {
	readonly #host: Host;
	readonly #shelf: Shelf;

	constructor(host: Host) {
		this.#host = host;
		this.#shelf = new Shelf(host.storage);
	}

	/** An empty record where there is none, or none of ours. @throws DeviceError `storage` */
	load(version: string): CrashRecord {
		const bytes = this.#shelf.read(RECORD);
		if (bytes !== undefined) {
			try {
				// Our own writing: native, and its member names are ours.
				const record: unknown = JSON.parse(this.#host.text.decode(bytes, 0, bytes.byteLength));
				if (isRecord(record)) return record;
			} catch {
				// As if there were none: what it said is not worth a device that does not start.
			}
		}
		return newRecord(version);
	}

	/** @throws DeviceError `storage`, `full` */
	save(record: CrashRecord): void {
		const { text } = this.#host;
		const json = JSON.stringify(record);
		const bytes = new Uint8Array(text.byteLength(json));
		text.encode(json, bytes, 0);
		this.#shelf.write(RECORD, bytes);
	}

	/** @throws DeviceError `storage` */
	read(slot: number): Uint8Array | undefined {
		return this.#shelf.read(`${SLOT}${slot}`);
	}

	/** @throws DeviceError `storage`, `full` */
	write(slot: number, report: Uint8Array): void {
		this.#shelf.write(`${SLOT}${slot}`, report);
	}

	/** @throws DeviceError `storage` */
	clear(slot: number): void {
		this.#shelf.delete(`${SLOT}${slot}`);
	}
}

export function newRecord(version: string): CrashRecord {
	return { total: 0, consecutive: 0, version, known: [] };
}

/** Whether it is all there: a version of the SDK to come may write others, and its image may be rolled back. */
function isRecord(value: unknown): value is CrashRecord {
	const { total, consecutive, version, known } = value as Partial<CrashRecord>;
	return Number.isInteger(total) && Number.isInteger(consecutive) && typeof version === "string"
		&& Array.isArray(known) && known.length <= CRASHES_MAXIMUM && known.every(isKnown);
}

function isKnown({ fingerprint, version, reason, count, sent, boot, slot }: KnownCrash): boolean {
	return typeof fingerprint === "string" && typeof version === "string" && typeof reason === "string"
		&& Number.isInteger(count) && Number.isInteger(sent) && Number.isInteger(boot) && Number.isInteger(slot);
}
