// SPDX-License-Identifier: Apache-2.0
/**
 * Crashes: what the run before this one died of, kept until the cloud knows it.
 *
 * All is done at the boot after, when there is memory and time again: the platform says what happened, the vitals say
 * what went on, and the log what led to it. The same crash again is counted, and not told anew: how often it was
 * follows once it is twice as often as the cloud knows, or once a run has lasted a while. So a device that does nothing
 * but crash tells the first time, and then ever more seldom.
 *
 * The order of writes: a report, then the record that knows it, so that a power cut loses it whole or not at all; and a
 * record that knows it no more, then the report.
 */
import { DeviceError, toDeviceError } from "../base/error.js";
import type { Firmware } from "../base/firmware.js";
import type { Crash, CrashReason, Host } from "../host.js";
import { completeBody, encodeBody, legible } from "./crash-body.js";
import { CrashStore, CRASHES_MAXIMUM, newRecord, type CrashRecord, type KnownCrash } from "./crash-store.js";
import { fingerprintOf } from "./fingerprint.js";
import type { ReportSource } from "./report.js";
import type { LastVitals } from "./vitals.js";

/** ms after which a run has come up: a crash from then on is the first in a row. */
export const CRASH_LOOP_WINDOW = 300_000;
/** ms of a run before it tells of a crash that the cloud knows, unless there are many more of it. */
export const REPEAT_DELAY = 600_000;
const MESSAGE_MAXIMUM = 128;
const STACK_MAXIMUM = 768;

export interface CrashesOptions {
	readonly host: Host;
	/** As `countBoot` gave it. */
	readonly boot: number;
	readonly firmware: Firmware | undefined;
	readonly vitals: LastVitals | undefined;
	/** The last log records of the run before: an array in CBOR. */
	readonly logs: Uint8Array | undefined;
	/** Something cannot be kept. */
	onFault(error: DeviceError): void;
}

export class Crashes implements ReportSource {
	readonly kind = "crash";
	readonly #options: CrashesOptions;
	readonly #store: CrashStore;
	readonly #record: CrashRecord;
	readonly #startedAt: number;
	/** The report of this boot where it could not be kept, and what it is about. */
	#unkept: Uint8Array | undefined;
	#unkeptOf: KnownCrash | undefined;
	/** What `next` gave. */
	#offered: KnownCrash | undefined;

	constructor(options: CrashesOptions) {
		const { host, firmware, onFault } = options;
		const version = legible(host.text, firmware?.version ?? "", MESSAGE_MAXIMUM);
		this.#options = options;
		this.#startedAt = host.time.now();
		this.#store = new CrashStore(host);
		const record = this.#record = this.load(version);
		try {
			const crash = crashOf(host);
			if (crash !== undefined) this.take(crash);
			if (record.version !== version) record.consecutive = 0;
			const isNew = crash !== undefined || record.version !== version;
			record.version = version;
			if (isNew) this.#store.save(record);
		} catch (error) {
			onFault.call(options, toDeviceError(error, "internal", "a crash could not be noted"));
		}
	}

	/** Runs in a row, up to the one before this, that crashed before they had lasted `CRASH_LOOP_WINDOW` ms. */
	get consecutive(): number {
		return this.#record.consecutive;
	}

	/** Crashes ever. */
	get total(): number {
		return this.#record.total;
	}

	get deadline(): number {
		let deadline = Infinity;
		for (const known of this.#record.known) deadline = Math.min(deadline, this.dueOf(known));
		return deadline;
	}

	next(now: number): Uint8Array | undefined {
		const { text } = this.#options.host;
		const { known, consecutive } = this.#record;
		const offered = this.#offered = known.find((each) => this.dueOf(each) <= now);
		if (offered === undefined) return undefined;
		const kept = this.keptOf(offered) ?? this.repeat(offered);
		return completeBody(text, kept, offered.count, consecutive);
	}

	accepted(): void {
		this.settle();
	}

	/** What the cloud never takes is as good as told: it would be refused again. */
	refused(): void {
		this.settle();
	}

	/** Monotonic ms at which the device has come up; `Infinity` once it has, and where nothing had gone wrong. */
	get steadyAt(): number {
		return this.#record.consecutive === 0 ? Infinity : this.#startedAt + CRASH_LOOP_WINDOW;
	}

	/** To be called at `steadyAt`: earlier is harmless. */
	steady(now: number): void {
		if (now < this.steadyAt) return;
		this.#record.consecutive = 0;
		this.save();
	}

	private dueOf({ count, sent, slot }: KnownCrash): number {
		if (slot >= 0 || sent === 0) return 0;
		if (count === sent) return Infinity;
		return count >= 2 * sent ? 0 : this.#startedAt + REPEAT_DELAY;
	}

	private keptOf(known: KnownCrash): Uint8Array | undefined {
		if (known === this.#unkeptOf) return this.#unkept;
		try {
			return known.slot < 0 ? undefined : this.#store.read(known.slot);
		} catch (error) {
			this.fault(error, "a crash report");
			return undefined;
		}
	}

	/** What cannot be read is told, and is as if it were not there: a device must not die of what tells of crashes. */
	private load(version: string): CrashRecord {
		try {
			return this.#store.load(version);
		} catch (error) {
			this.fault(error, "crashes");
			return newRecord(version);
		}
	}

	private fault(error: unknown, what: string): void {
		this.#options.onFault(toDeviceError(error, "storage", what));
	}

	/** That it happened again: the rest is known by the fingerprint. */
	private repeat({ fingerprint, version, reason, boot }: KnownCrash): Uint8Array {
		const { host, firmware } = this.#options;
		return encodeBody(host.text, {
			boot, fingerprint, crash: { reason: reason as CrashReason, message: "", stack: "" },
			firmware: firmware && { product: firmware.product, version },
			wall: undefined, vitals: undefined, logs: undefined,
		});
	}

	private settle(): void {
		const offered = this.#offered;
		if (offered === undefined) return;
		const { slot } = offered;
		offered.sent = offered.count;
		offered.slot = -1;
		if (offered === this.#unkeptOf) this.#unkept = this.#unkeptOf = undefined;
		this.#offered = undefined;
		if (!this.save() || slot < 0) return;
		try {
			this.#store.clear(slot);
		} catch (error) {
			this.fault(error, "a crash report");
		}
	}

	/** @returns false where that was not possible, which is told */
	private save(): boolean {
		try {
			this.#store.save(this.#record);
			return true;
		} catch (error) {
			this.fault(error, "crashes");
			return false;
		}
	}

	/** The run before this one crashed. */
	private take(crash: Crash): void {
		const { host, boot, firmware, vitals, logs } = this.#options;
		const { text } = host;
		const record = this.#record;
		const { version } = record;
		const crashed = vitals?.boot ?? boot - 1;
		record.total++;
		record.consecutive++;
		const fingerprint = fingerprintOf(crash, vitals?.activity ?? "");
		const known = record.known.find((each) => each.fingerprint === fingerprint && each.version === version);
		if (known !== undefined) {
			known.count++;
			known.boot = crashed;
			return;
		}
		const body = encodeBody(text, {
			boot: crashed, fingerprint, crash, firmware: firmware && { product: firmware.product, version },
			wall: host.time.wall(), vitals, logs,
		});
		this.add({ fingerprint, version, reason: crash.reason, count: 1, sent: 0, boot: crashed, slot: -1 }, body);
	}

	private add(crash: KnownCrash, body: Uint8Array): void {
		const { known } = this.#record;
		if (known.length >= CRASHES_MAXIMUM) {
			// One of which the cloud knows all is the least loss.
			const told = known.findIndex(({ count, sent }) => count === sent);
			known.splice(Math.max(0, told), 1);
		}
		let slot = 0;
		while (known.some((each) => each.slot === slot)) slot++;
		known.push(crash);
		try {
			this.#store.write(slot, body);
			crash.slot = slot;
		} catch (error) {
			this.#unkept = body;
			this.#unkeptOf = crash;
			this.fault(error, "a crash report");
		}
	}
}

/** `undefined` where the run before did not crash. What the platform could not write down it may know by the reset. */
function crashOf({ system, text }: Host): Crash | undefined {
	const { crash, resetReason } = system;
	if (crash === undefined) {
		if (resetReason !== "watchdog" && resetReason !== "exception") return undefined;
		return { reason: resetReason, message: "", stack: "" };
	}
	return {
		reason: crash.reason,
		message: legible(text, crash.message, MESSAGE_MAXIMUM), stack: legible(text, crash.stack, STACK_MAXIMUM),
	};
}
