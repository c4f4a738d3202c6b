// SPDX-License-Identifier: Apache-2.0
/**
 * Heartbeats: once a period, one compact record of what the device did in it and how it is.
 *
 * Counters and timers are of that period alone, so that one which is lost spoils no other; gauges are as they stand at
 * its end. What the SDK counts has names of its own beside the program's, of which the program's come last.
 */
import type { DeviceError } from "../base/error.js";
import { inRange } from "../base/range.js";
import type { Traffic } from "../base/traffic.js";
import { encodeCBOR } from "../cbor/encode.js";
import type { CBORObject } from "../cbor/value.js";
import type { Heap, Host } from "../host.js";
import { Beats } from "./beats.js";
import type { Meters } from "./meters.js";
import type { Wear } from "./wear.js";

/** ms. */
export const HEARTBEAT_PERIOD = 3_600_000;
export const HEARTBEAT_PERIOD_MINIMUM = 60_000;
export const HEARTBEAT_PERIOD_MAXIMUM = 86_400_000;
const HOUR = 3_600;

export interface HeartbeatOptions {
	readonly host: Host;
	/** As `countBoot` gave it. */
	readonly boot: number;
	/** ms. Default: `HEARTBEAT_PERIOD`. */
	readonly period?: number | undefined;
	/** Crashes ever: where there are more than there were, hours without one begin anew. */
	readonly crashes: number;
	readonly meters: Meters;
	readonly traffic: Traffic;
	readonly wear: Wear;
	/** Percent that the battery has; `undefined` where there is none. */
	battery?(): number | undefined;
	/** Something cannot be kept. */
	onFault(error: DeviceError): void;
}

export class Heartbeat {
	/** Where records wait for the cloud. */
	readonly beats: Beats;
	readonly #options: HeartbeatOptions;
	readonly #period: number;
	readonly #startedAt: number;
	/** When this period began, and when it ends. */
	#begunAt: number;
	#due: number;
	/** Of the heap, when the period began. */
	#collections = 0;

	/** @throws DeviceError `argument` */
	constructor(options: HeartbeatOptions) {
		const { host, period = HEARTBEAT_PERIOD, crashes } = options;
		this.#options = options;
		this.#period = inRange("heartbeat.period", period, HEARTBEAT_PERIOD_MINIMUM, HEARTBEAT_PERIOD_MAXIMUM);
		this.#startedAt = this.#begunAt = host.time.now();
		this.#due = this.#startedAt + period;
		this.beats = new Beats(host.storage, crashes, (error) => options.onFault(error));
	}

	/** Monotonic ms at which the period ends. */
	get deadline(): number {
		return this.#due;
	}

	/** Ends the period, if it is over. */
	expire(now: number): void {
		if (now >= this.#due) this.end(now);
	}

	/** Ends the period. */
	end(now: number): void {
		const { meters, traffic, wear } = this.#options;
		const { beats } = this;
		const period = now - this.#begunAt;
		beats.number++;
		beats.crashFree += Math.round(period / 1_000);
		const record = this.encode(now, period);
		// What keeping it takes is the next one's.
		meters.clear();
		traffic.clear();
		wear.clear();
		this.#begunAt = now;
		this.#due = now + this.#period;
		beats.add(record);
	}

	private encode(now: number, period: number): Uint8Array {
		const { host, boot } = this.#options;
		const { system, time, text } = host;
		const wall = time.wall();
		const heap = system.heap();
		const record: CBORObject = {
			boot, number: this.beats.number, at: Math.round(now - this.#startedAt), period: Math.round(period),
			reset: system.resetReason, counters: this.countersOf(heap), gauges: this.gaugesOf(heap, now),
			timers: this.timersOf(),
		};
		put(record, "wall", wall && Math.round(wall));
		return encodeCBOR(text, record);
	}

	private countersOf(heap: Heap | undefined): CBORObject {
		const { traffic, wear, meters } = this.#options;
		const counters: CBORObject = {
			connections: traffic.connections, reconnects: traffic.losses,
			bytesIn: traffic.bytesIn, bytesOut: traffic.bytesOut,
			messagesIn: traffic.messagesIn, messagesOut: traffic.messagesOut,
			flashPrograms: wear.programs, flashErases: wear.erases, storageWrites: wear.writes,
		};
		const collections = heap?.collections;
		if (collections !== undefined) {
			counters["collections"] = collections - this.#collections;
			this.#collections = collections;
		}
		for (const { name, value } of meters.counters) put(counters, name, value);
		return counters;
	}

	private gaugesOf(heap: Heap | undefined, now: number): CBORObject {
		const { traffic, crashes, meters } = this.#options;
		const { roundTrip, queue } = traffic;
		const gauges: CBORObject = {
			uptime: Math.round((now - this.#startedAt) / 1_000), crashes,
			// In quarters, which take few bytes.
			crashFreeHours: Math.floor(this.beats.crashFree / HOUR * 4) / 4,
		};
		if (roundTrip >= 0) gauges["roundTrip"] = Math.round(roundTrip);
		put(gauges, "queue", queue?.queued);
		put(gauges, "battery", this.#options.battery?.());
		put(gauges, "slots", heap?.slots);
		put(gauges, "chunks", heap?.chunks);
		put(gauges, "slotsPeak", heap?.slotsPeak);
		put(gauges, "chunksPeak", heap?.chunksPeak);
		for (const { name, value } of meters.gauges) put(gauges, name, value);
		return gauges;
	}

	private timersOf(): CBORObject {
		const timers: CBORObject = {};
		for (const { name, count, sum, longest } of this.#options.meters.timers) {
			if (Number.isFinite(sum)) timers[name] = [count, sum, longest];
		}
		return timers;
	}
}

/** What is no number is left out. */
function put(into: CBORObject, name: string, value: number | undefined): void {
	if (value !== undefined && Number.isFinite(value)) into[name] = value;
}
