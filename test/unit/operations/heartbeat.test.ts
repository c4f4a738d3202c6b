// SPDX-License-Identifier: Apache-2.0
/** Heartbeats: one record a period, of that period, kept until the cloud has it or there are too many. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Traffic } from "../../../src/base/traffic.js";
import { BEATS_LENGTH, BEATS_MAXIMUM } from "../../../src/operations/beats.js";
import { Heartbeat, HEARTBEAT_PERIOD, HEARTBEAT_PERIOD_MINIMUM } from "../../../src/operations/heartbeat.js";
import { Meters, METER_NAMES_MAXIMUM, METERS_MAXIMUM } from "../../../src/operations/meters.js";
import { REPORT_LENGTH } from "../../../src/operations/report.js";
import { countingHost, Wear } from "../../../src/operations/wear.js";
import { codeOf } from "../failure.js";
import { read, TelemetryHost, type Report } from "./telemetry-rig.js";

class Rig {
	readonly host: TelemetryHost;
	readonly meters = new Meters();
	readonly traffic = new Traffic();
	readonly wear = new Wear();
	readonly heartbeat: Heartbeat;
	readonly faults: string[] = [];
	battery: number | undefined;

	constructor(host = new TelemetryHost(), { boot = 1, crashes = 0, period = undefined as number | undefined } = {}) {
		this.host = host;
		this.heartbeat = new Heartbeat({
			host: countingHost(host, this.wear), boot, period, crashes, meters: this.meters, traffic: this.traffic, wear: this.wear,
			battery: () => this.battery, onFault: ({ code }) => this.faults.push(code),
		});
	}

	/** Lets one period go by. */
	beat(): void {
		this.host.clock = this.heartbeat.deadline;
		this.heartbeat.expire(this.host.clock);
	}

	next(): Report | undefined {
		return read(this.heartbeat.beats.next());
	}

	accept(): void {
		this.heartbeat.beats.accepted();
	}
}

test("Heartbeat says what there was in its period, and how things are", () => {
	const rig = new Rig();
	const { host, traffic, meters } = rig;
	host.resetReason = "watchdog";
	host.wallClock = 1_800_000_000_000.5;
	host.heap = { slots: 20_000, chunks: 9_000, slotsPeak: 30_000, chunksPeak: 12_000, collections: 5 };
	rig.battery = 87;
	traffic.connections = 2;
	traffic.losses = 1;
	traffic.bytesIn = 3_000;
	traffic.bytesOut = 4_000;
	traffic.messagesIn = 30;
	traffic.messagesOut = 40;
	traffic.roundTrip = 12.4;
	traffic.queue = { queued: 6 };
	meters.counter("switches").add(3);
	meters.gauge("heat").set(21.5);
	meters.gauge("unset");
	meters.timer("pour").record(30);
	assert.equal(rig.heartbeat.deadline, host.clock + HEARTBEAT_PERIOD);
	assert.equal(rig.heartbeat.beats.deadline, Infinity);
	rig.heartbeat.expire(rig.heartbeat.deadline - 1);
	assert.equal(rig.next(), undefined);
	rig.beat();
	assert.equal(rig.heartbeat.beats.deadline, 0);
	assert.deepEqual(rig.next(), {
		boot: 1, number: 1, at: 3_600_000, period: 3_600_000, wall: 1_800_000_000_001, reset: "watchdog",
		counters: {
			connections: 2, reconnects: 1, bytesIn: 3_000, bytesOut: 4_000, messagesIn: 30, messagesOut: 40,
			flashPrograms: 0, flashErases: 0, storageWrites: 0, collections: 5, switches: 3,
		},
		gauges: {
			uptime: 3_600, crashes: 0, crashFreeHours: 1, roundTrip: 12, queue: 6, battery: 87,
			slots: 20_000, chunks: 9_000, slotsPeak: 30_000, chunksPeak: 12_000, heat: 21.5,
		},
		timers: { pour: [1, 30, 30] },
	});
	assert.ok(rig.heartbeat.beats.next()!.byteLength < 420, `${rig.heartbeat.beats.next()!.byteLength} bytes`);
	rig.accept();
	assert.equal(rig.next(), undefined);
	host.heap = { ...host.heap, collections: 9 };
	rig.beat();
	const { counters, gauges, timers } = rig.next() as { counters: Report; gauges: Report; timers: Report };
	// One for the record, and one when the cloud had it.
	assert.deepEqual([counters["bytesIn"], counters["switches"], counters["collections"], counters["storageWrites"]], [0, 0, 4, 2]);
	assert.deepEqual([gauges["heat"], gauges["crashFreeHours"], timers["pour"]], [21.5, 2, [0, 0, 0]]);
});

test("Heartbeat leaves out what is no number, and what the platform does not tell", () => {
	const rig = new Rig();
	rig.meters.counter("wrong").add(NaN);
	rig.meters.timer("wrong2").record(Infinity);
	rig.meters.gauge("wrong3").set(-Infinity);
	rig.beat();
	const { counters, gauges, timers, wall } = rig.next() as { counters: Report; gauges: Report; timers: Report; wall: unknown };
	assert.equal(wall, undefined);
	assert.deepEqual([Object.keys(gauges), timers], [["uptime", "crashes", "crashFreeHours"], {}]);
	assert.ok(!("wrong" in counters) && !("collections" in counters));
});

test("Heartbeat fits a report, whatever its meters are called and show", () => {
	const rig = new Rig(undefined, { boot: 0xffff_ffff });
	const { host, traffic, meters } = rig;
	const most = 0xffff_ffff;
	host.resetReason = "deep-sleep";
	host.wallClock = 1_800_000_000_001;
	host.heap = { slots: most, chunks: most, slotsPeak: most, chunksPeak: most, collections: most };
	rig.battery = 87.1;
	traffic.connections = traffic.losses = traffic.bytesIn = traffic.bytesOut = traffic.messagesIn = traffic.messagesOut = most;
	traffic.roundTrip = most;
	traffic.queue = { queued: most };
	rig.wear.programs = rig.wear.erases = rig.wear.writes = most;
	const each = METER_NAMES_MAXIMUM / METERS_MAXIMUM;
	for (let index = 0; index < METERS_MAXIMUM; index++) {
		const timer = meters.timer(String.fromCharCode(0x61 + index).repeat(each));
		timer.record(1.1e-7);
		timer.count = most;
	}
	rig.beat();
	const { byteLength } = rig.heartbeat.beats.next()!;
	assert.ok(byteLength <= REPORT_LENGTH, `${byteLength} bytes`);
	const long = new Rig();
	for (let index = 0; index < 6; index++) long.meters.timer(String.fromCharCode(0x61 + index).repeat(26)).record(0.1);
	long.beat();
	assert.ok(long.heartbeat.beats.next()!.byteLength <= REPORT_LENGTH);
});

test("Heartbeat goes on where it was after a reset, the oldest first, and gives up the oldest of too many", () => {
	let rig = new Rig();
	for (let index = 0; index < 3; index++) rig.beat();
	rig = new Rig(rig.host, { boot: 2 });
	for (let index = 0; index < BEATS_MAXIMUM - 1; index++) rig.beat();
	const numbers: unknown[] = [];
	for (let next = rig.next(); next !== undefined; next = rig.next()) {
		assert.deepEqual(rig.next(), next, "the same until there is an answer");
		numbers.push([next["boot"], next["number"]]);
		rig.accept();
	}
	assert.deepEqual(numbers, [[1, 3], ...Array.from({ length: 7 }, (_, index) => [2, index + 4])]);
	assert.equal(Object.keys(rig.host.stored["operations"]!).length, 1, "what is counted on");
	rig = new Rig(rig.host, { boot: 3 });
	assert.equal(rig.next(), undefined);
	rig.beat();
	const { number, gauges } = rig.next() as { number: number; gauges: Report };
	assert.deepEqual([number, gauges["crashFreeHours"]], [11, 11]);
	assert.equal(Object.keys(rig.host.stored["operations"]!).length, 1);
	rig.heartbeat.beats.refused();
	assert.equal(rig.next(), undefined);
	assert.deepEqual(rig.faults, []);
});

test("Heartbeat keeps no more bytes than it may", () => {
	const rig = new Rig();
	for (let index = 0; index < METERS_MAXIMUM; index++) rig.meters.timer(`timer-${index}`);
	for (let index = 0; index < 2 * BEATS_MAXIMUM; index++) {
		for (const timer of rig.meters.timers) timer.record(0.1);
		rig.beat();
		const values = Object.values(rig.host.stored["operations"]!);
		const length = values.reduce((sum, value) => sum + value.byteLength - 12, 0);
		assert.ok(values.length <= BEATS_MAXIMUM && length <= BEATS_LENGTH, `${values.length} values of ${length} bytes`);
	}
});

test("Heartbeat counts hours without a crash anew after one, and writes once a period while offline, twice online", () => {
	let rig = new Rig();
	rig.beat();
	rig.beat();
	rig = new Rig(rig.host, { boot: 2, crashes: 1 });
	rig.host.takeWrites();
	rig.beat();
	assert.equal(rig.host.takeWrites(), 1);
	for (const expected of [1, 2, 1]) {
		assert.deepEqual((rig.next()!["gauges"] as Report)["crashFreeHours"], expected);
		rig.accept();
	}
	rig.host.takeWrites();
	rig.beat();
	rig.accept();
	rig.next();
	rig.accept();
	assert.equal(rig.host.takeWrites(), 2);
});

test("Heartbeat that finds the storage failing keeps its record as long as it runs", () => {
	const rig = new Rig();
	rig.host.failingStore = "write";
	for (let index = 0; index < BEATS_MAXIMUM + 2; index++) rig.beat();
	assert.equal(rig.faults.length, BEATS_MAXIMUM + 2);
	rig.host.failingStore = undefined;
	rig.beat();
	const numbers: unknown[] = [];
	for (let next = rig.next(); next !== undefined; next = rig.next()) {
		numbers.push(next["number"]);
		rig.accept();
	}
	assert.deepEqual(numbers, [4, 5, 6, 7, 8, 9, 10, 11]);
	assert.equal(new Rig(rig.host, { boot: 2 }).heartbeat.beats.number, 11);
});

test("Heartbeat takes no period that would wear the flash out", () => {
	assert.equal(codeOf(() => new Rig(undefined, { period: HEARTBEAT_PERIOD_MINIMUM - 1 })), "argument");
	const rig = new Rig(undefined, { period: HEARTBEAT_PERIOD_MINIMUM });
	rig.beat();
	assert.equal(rig.next()!["period"], HEARTBEAT_PERIOD_MINIMUM);
});
