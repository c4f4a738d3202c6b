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
import { CBORWriter } from "../cbor/writer.js";
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

	/** @throws DeviceError `argument`, `storage` */
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
		const writer = new CBORWriter(text);
		writer.map(wall === undefined ? 8 : 9);
		put(writer, "boot", boot);
		put(writer, "number", this.beats.number);
		put(writer, "at", Math.round(now - this.#startedAt));
		put(writer, "period", Math.round(period));
		if (wall !== undefined) put(writer, "wall", Math.round(wall));
		writer.write("reset");
		writer.write(system.resetReason);
		writer.write("counters");
		this.putCounters(writer, heap);
		writer.write("gauges");
		this.putGauges(writer, heap, now);
		writer.write("timers");
		this.putTimers(writer);
		return writer.finish();
	}

	private putCounters(writer: CBORWriter, heap: Heap | undefined): void {
		const { traffic, wear } = this.#options;
		const counters = this.#options.meters.counters.filter(({ value }) => Number.isFinite(value));
		const collections = heap?.collections;
		writer.map(9 + counters.length + (collections === undefined ? 0 : 1));
		put(writer, "connections", traffic.connections);
		put(writer, "reconnects", traffic.losses);
		put(writer, "bytesIn", traffic.bytesIn);
		put(writer, "bytesOut", traffic.bytesOut);
		put(writer, "messagesIn", traffic.messagesIn);
		put(writer, "messagesOut", traffic.messagesOut);
		put(writer, "flashPrograms", wear.programs);
		put(writer, "flashErases", wear.erases);
		put(writer, "storageWrites", wear.writes);
		if (collections !== undefined) {
			put(writer, "collections", collections - this.#collections);
			this.#collections = collections;
		}
		for (const { name, value } of counters) put(writer, name, value);
	}

	private putGauges(writer: CBORWriter, heap: Heap | undefined, now: number): void {
		const { traffic, crashes, meters } = this.#options;
		const gauges = meters.gauges.filter(({ value }) => Number.isFinite(value));
		const { roundTrip, queue } = traffic;
		const battery = this.#options.battery?.();
		const known: [name: string, value: number | undefined][] = [
			["uptime", Math.round((now - this.#startedAt) / 1_000)],
			["crashes", crashes],
			// In quarters, which take few bytes.
			["crashFreeHours", Math.floor(this.beats.crashFree / HOUR * 4) / 4],
			["roundTrip", roundTrip < 0 ? undefined : Math.round(roundTrip)],
			["queue", queue?.queued],
			["battery", battery !== undefined && Number.isFinite(battery) ? battery : undefined],
			["slots", heap?.slots],
			["chunks", heap?.chunks],
			["slotsPeak", heap?.slotsPeak],
			["chunksPeak", heap?.chunksPeak],
		];
		writer.map(gauges.length + known.filter(([, value]) => value !== undefined).length);
		for (const [name, value] of known) if (value !== undefined) put(writer, name, value);
		for (const { name, value } of gauges) put(writer, name, value);
	}

	private putTimers(writer: CBORWriter): void {
		const timers = this.#options.meters.timers.filter(({ sum }) => Number.isFinite(sum));
		writer.map(timers.length);
		for (const { name, count, sum, longest } of timers) {
			writer.write(name);
			writer.write([count, sum, longest]);
		}
	}
}

function put(writer: CBORWriter, name: string, value: number): void {
	writer.write(name);
	writer.write(value);
}
