// SPDX-License-Identifier: Apache-2.0
/**
 * What a program counts and measures of itself between two heartbeats: counters, gauges and timers by their names.
 *
 * A meter is looked up once and kept; an update of it then is an addition, and allocates nothing. There are few of them
 * and their names are short, all together, so that a heartbeat always fits one report.
 */
import { DeviceError } from "../base/error.js";
import { isName } from "../base/name.js";

/** Meters of all kinds, and characters of all their names. */
export const METERS_MAXIMUM = 16;
export const METER_NAMES_MAXIMUM = 160;
/** Characters of one name: what clouds take. */
const NAME_MAXIMUM = 128;

/** What the SDK counts and measures by itself. */
const OWN: readonly string[] = Object.freeze([
	"connections", "reconnects", "bytesIn", "bytesOut", "messagesIn", "messagesOut", "flashPrograms", "flashErases",
	"storageWrites", "collections", "uptime", "crashes", "crashFreeHours", "roundTrip", "queue", "battery", "slots",
	"chunks", "slotsPeak", "chunksPeak",
]);

/** How often something happened since the last heartbeat. */
export class Counter {
	readonly name: string;
	value = 0;

	constructor(name: string) {
		this.name = name;
	}

	/** @param count of any sign */
	add(count = 1): void {
		this.value += count;
	}
}

/** How much there is of something, as last set. */
export class Gauge {
	readonly name: string;
	/** NaN before the first. */
	value = NaN;

	constructor(name: string) {
		this.name = name;
	}

	set(value: number): void {
		this.value = value;
	}
}

/** How often something was timed since the last heartbeat, how long it took in all, and the longest. */
export class Timing {
	readonly name: string;
	count = 0;
	sum = 0;
	longest = 0;

	constructor(name: string) {
		this.name = name;
	}

	/** @param duration ms */
	record(duration: number): void {
		this.count++;
		this.sum += duration;
		if (duration > this.longest) this.longest = duration;
	}
}

export class Meters {
	readonly counters: Counter[] = [];
	readonly gauges: Gauge[] = [];
	readonly timers: Timing[] = [];
	#length = 0;

	/** The counter of this name, the same one each time. @throws DeviceError `argument` for what is no name, `full` */
	counter(name: string): Counter {
		return this.find(this.counters, name) ?? this.add(this.counters, new Counter(name));
	}

	/** @throws DeviceError as `counter` */
	gauge(name: string): Gauge {
		return this.find(this.gauges, name) ?? this.add(this.gauges, new Gauge(name));
	}

	/** @throws DeviceError as `counter` */
	timer(name: string): Timing {
		return this.find(this.timers, name) ?? this.add(this.timers, new Timing(name));
	}

	/** A heartbeat has them: counters and timers begin again. */
	clear(): void {
		for (const counter of this.counters) counter.value = 0;
		for (const timer of this.timers) timer.count = timer.sum = timer.longest = 0;
	}

	private find<Meter extends { name: string }>(meters: readonly Meter[], name: string): Meter | undefined {
		return meters.find((meter) => meter.name === name);
	}

	private add<Meter extends { name: string }>(meters: Meter[], meter: Meter): Meter {
		const { name } = meter;
		if (!isName(name, NAME_MAXIMUM, "_-")) {
			throw new DeviceError("argument", `a meter's name has 1 to ${NAME_MAXIMUM} letters, digits, "_" and "-"`);
		}
		if (name in Object.prototype) throw new DeviceError("argument", `${name} is no name of a meter`);
		if (OWN.includes(name)) throw new DeviceError("argument", `${name} is measured by the device itself`);
		const count = this.counters.length + this.gauges.length + this.timers.length;
		if (count === METERS_MAXIMUM || this.#length + name.length > METER_NAMES_MAXIMUM) {
			throw new DeviceError("full", `at most ${METERS_MAXIMUM} meters and ${METER_NAMES_MAXIMUM} characters`);
		}
		this.#length += name.length;
		meters.push(meter);
		return meter;
	}
}
