// SPDX-License-Identifier: Apache-2.0
/** Crashes: each is told once, the same again is counted, and a device that does nothing but crash tells ever more seldom. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Firmware } from "../../../src/base/firmware.js";
import { encodeCBOR } from "../../../src/cbor/encode.js";
import type { Crash } from "../../../src/host.js";
import { CRASHES_MAXIMUM } from "../../../src/operations/crash-store.js";
import { CRASH_LOOP_WINDOW, Crashes, REPEAT_DELAY } from "../../../src/operations/crashes.js";
import { fingerprintOf } from "../../../src/operations/fingerprint.js";
import { REPORT_LENGTH } from "../../../src/operations/report.js";
import { Activity, Vital, Vitals } from "../../../src/operations/vitals.js";
import { text } from "../text.js";
import { read, TelemetryHost, type Report } from "./telemetry-rig.js";

const CRASH: Crash = {
	reason: "exception", message: "cannot read level of 17",
	stack: "onDelta (main:12:7)\nrun (moorline/dist/src/device:88:3)\nexpire (moorline/dist/src/device:90)\ntick",
};
const FIRMWARE: Firmware = { product: "lamp", version: "1.2.0" };

class Rig {
	readonly host = new TelemetryHost();
	readonly faults: string[] = [];
	firmware: Firmware | undefined = FIRMWARE;
	logs: Uint8Array | undefined;
	boots = 0;

	constructor() {
		this.host.retained = new Uint8Array(4_096);
	}

	/** The next boot, after a crash or not. */
	boot(crash?: Crash): Crashes {
		const { host, logs } = this;
		this.boots++;
		host.crash = crash;
		host.resetReason = crash === undefined ? "software" : "exception";
		const { last } = new Vitals(host, this.boots);
		return new Crashes({
			host, boot: this.boots, firmware: this.firmware, vitals: last, logs,
			onFault: ({ code, message }) => this.faults.push(`${code}: ${message}`),
		});
	}

	next(crashes: Crashes): Report | undefined {
		if (crashes.deadline > this.host.clock) return undefined;
		return read(crashes.next(this.host.clock));
	}

	/** All that there is to tell, taken by the cloud. */
	drain(crashes: Crashes): Report[] {
		const reports: Report[] = [];
		for (let report = this.next(crashes); report !== undefined; report = this.next(crashes)) {
			assert.ok(crashes.next(this.host.clock)!.byteLength <= REPORT_LENGTH);
			reports.push(report);
			crashes.accepted();
		}
		assert.deepEqual(this.faults, []);
		return reports;
	}
}

/** A crash that is the same as no other of these. */
const other = (letter: string): Crash => ({ ...CRASH, message: `no ${letter}` });

test("Crashes tells of a crash all that is known: what, where, in which version, of what, and what led to it", () => {
	const rig = new Rig();
	const { host } = rig;
	host.wallClock = 1_800_000_000_000;
	rig.boot();
	const vitals = new Vitals(host, ++rig.boots);
	host.clock += 5_000;
	vitals.set(Vital.CONNECTED, 1);
	host.heap = { slots: 20_000, chunks: 9_000 };
	vitals.sample(host.clock);
	vitals.tick(host.clock);
	vitals.enter(Activity.DELTA);
	rig.logs = encodeCBOR(text, [[1, 20, 1, "lamp", "on", { level: 3 }], [2, 30, 3, "lamp", "off"]]);
	const crashes = rig.boot(CRASH);
	assert.deepEqual([crashes.consecutive, crashes.total], [1, 1]);
	const report = rig.next(crashes);
	assert.deepEqual(report, {
		boot: 2, count: 1, consecutive: 1, fingerprint: fingerprintOf(CRASH, ""), reason: "exception",
		message: "cannot read level of 17", stack: CRASH.stack, product: "lamp", version: "1.2.0", wall: 1_800_000_000_000,
		heap: { slots: 20_000, chunks: 9_000 },
		vitals: { activity: "onDelta", inside: true, uptime: 5_000, connected: true },
		logs: [[1, 20, 1, "lamp", "on", { level: 3 }], [2, 30, 3, "lamp", "off"]],
	});
	assert.deepEqual(rig.next(crashes), report, "the same until there is an answer");
	crashes.accepted();
	assert.equal(rig.next(crashes), undefined);
	assert.deepEqual(Object.keys(host.stored["operations"]!), ["crashes"]);
	assert.equal(rig.next(rig.boot()), undefined, "told once");
});

test("Crashes makes a report of a watchdog's reset, of which the platform knows no more, and of nothing else", () => {
	for (const reason of ["watchdog", "exception"] as const) {
		const rig = new Rig();
		const vitals = new Vitals(rig.host, ++rig.boots);
		vitals.enter(Activity.COMMAND);
		rig.host.resetReason = reason;
		const crashes = new Crashes({
			host: rig.host, boot: 2, firmware: undefined, vitals: new Vitals(rig.host, 2).last, logs: undefined, onFault: assert.fail,
		});
		const report = rig.next(crashes)!;
		assert.deepEqual([report["reason"], report["stack"], report["logs"]], [reason, undefined, []]);
		assert.deepEqual(report["vitals"], { activity: "onCommand", inside: true });
	}
	for (const reason of ["power-on", "software", "brownout", "deep-sleep", "unknown"] as const) {
		const host = new TelemetryHost();
		host.resetReason = reason;
		const options = { host, boot: 1, firmware: undefined, vitals: undefined, logs: undefined, onFault: assert.fail };
		assert.equal(new Crashes(options).deadline, Infinity);
		assert.deepEqual(host.stored["operations"], {}, "and nothing is written");
	}
});

test("Crashes counts the same crash, and tells of it when it is twice as often or the run has lasted", () => {
	const rig = new Rig();
	rig.boot();
	const told: unknown[] = [];
	for (let index = 1; index <= 40; index++) {
		const crashes = rig.boot({ ...CRASH, message: `cannot read level of ${index}` });
		assert.equal(crashes.consecutive, index);
		for (const report of rig.drain(crashes)) told.push(report["count"]);
	}
	assert.deepEqual(told, [1, 2, 4, 8, 16, 32]);
	const crashes = rig.boot();
	assert.equal(crashes.deadline, rig.host.clock + REPEAT_DELAY);
	rig.host.clock += REPEAT_DELAY;
	const [report, ...rest] = rig.drain(crashes);
	assert.equal(rest.length, 0);
	assert.deepEqual(report, {
		boot: 40, count: 40, consecutive: 40, fingerprint: report!["fingerprint"], reason: "exception",
		product: "lamp", version: "1.2.0", vitals: {}, logs: [],
	});
	assert.equal(crashes.deadline, Infinity);
});

test("Crashes that could not be told yet are one report with their number, of the first", () => {
	const rig = new Rig();
	rig.boot();
	for (let index = 0; index < 3; index++) rig.boot(CRASH);
	const [report, ...rest] = rig.drain(rig.boot());
	assert.equal(rest.length, 0);
	assert.deepEqual([report!["count"], report!["boot"], report!["stack"]], [3, 1, CRASH.stack]);
});

test("Crashes writes little for each crash, however many there are in a row", () => {
	const rig = new Rig();
	rig.boot();
	rig.host.takeWrites();
	rig.boot(CRASH);
	assert.equal(rig.host.takeWrites(), 2);
	for (let index = 0; index < 10; index++) {
		rig.boot(CRASH);
		assert.equal(rig.host.takeWrites(), 1);
	}
	rig.boot();
	assert.equal(rig.host.takeWrites(), 0);
});

test("Crashes of many kinds: the last four are told, and those that were told are forgotten first", () => {
	const rig = new Rig();
	rig.boot();
	for (const letter of ["a", "b", "c", "d", "e", "f"]) rig.boot(other(letter));
	const messages = (reports: Report[]) => reports.map((report) => report["message"]);
	assert.ok(Object.keys(rig.host.stored["operations"]!).length <= CRASHES_MAXIMUM + 1);
	const crashes = rig.boot();
	assert.equal(rig.next(crashes)!["message"], "no c");
	crashes.accepted();
	const last = rig.boot(other("g"));
	assert.deepEqual(messages(rig.drain(last)), ["no d", "no e", "no f", "no g"]);
	assert.deepEqual(Object.keys(rig.host.stored["operations"]!), ["crashes"]);
});

test("Crashes of another version are others, and of the version that ran", () => {
	const rig = new Rig();
	rig.boot();
	rig.drain(rig.boot(CRASH));
	rig.firmware = { product: "lamp", version: "1.3.0" };
	const first = rig.boot(CRASH);
	assert.equal(first.consecutive, 0, "what is new has not crashed yet");
	const [repeat, ...none] = rig.drain(first);
	assert.deepEqual([repeat!["version"], repeat!["count"], none.length], ["1.2.0", 2, 0]);
	const [report] = rig.drain(rig.boot(CRASH));
	assert.deepEqual([report!["version"], report!["count"], report!["stack"]], ["1.3.0", 1, CRASH.stack]);
});

test("Crashes in a row end with a run that lasts", () => {
	const rig = new Rig();
	rig.boot();
	for (let index = 1; index <= 3; index++) assert.equal(rig.boot(CRASH).consecutive, index);
	assert.equal(rig.boot().consecutive, 3, "a restart alone is no sign of health");
	const crashes = rig.boot();
	assert.equal(crashes.steadyAt, rig.host.clock + CRASH_LOOP_WINDOW);
	crashes.steady(rig.host.clock + CRASH_LOOP_WINDOW - 1);
	assert.equal(crashes.consecutive, 3);
	crashes.steady(rig.host.clock + CRASH_LOOP_WINDOW);
	assert.deepEqual([crashes.consecutive, crashes.steadyAt], [0, Infinity]);
	assert.equal(rig.boot(CRASH).consecutive, 1);
	assert.equal(new Rig().boot().steadyAt, Infinity, "nothing to wait for");
});

test("Crashes fit a report: the innermost frames and the newest records stay", () => {
	const rig = new Rig();
	rig.firmware = { product: "p".repeat(100), version: "v".repeat(100) };
	rig.boot();
	const stack = Array.from({ length: 40 }, (_, index) => `function${index} (module:${index})`).join("\n");
	rig.logs = encodeCBOR(text, Array.from({ length: 60 }, (_, index) => [index, index * 10, 1, "module", `message ${index}`]));
	const crashes = rig.boot({ reason: "memory", message: "m".repeat(300), stack });
	const raw = crashes.next(rig.host.clock)!;
	assert.ok(raw.byteLength <= REPORT_LENGTH && raw.byteLength > REPORT_LENGTH - 60, `${raw.byteLength} bytes`);
	const report = read(raw)!;
	assert.equal((report["message"] as string).length, 128);
	const lines = (report["stack"] as string).split("\n");
	assert.ok(stack.startsWith(`${lines.join("\n")}\n`) && lines.length > 5, `${lines.length} frames`);
	const records = report["logs"] as unknown[][];
	assert.ok(records.length > 4);
	assert.deepEqual(records.map(([number]) => number), Array.from({ length: records.length }, (_, index) => 60 - records.length + index));
});

test("Crashes is none the worse for text that is no Unicode, and logs that are no CBOR", () => {
	const rig = new Rig();
	rig.boot();
	const [report] = rig.drain(rig.boot({ reason: "rejection", message: "half \ud83d", stack: "" }));
	assert.equal(report!["message"], "half ?");
	rig.logs = Uint8Array.of(0x83, 1);
	for (const logs of [Uint8Array.of(0x83, 1), Uint8Array.of(1), new Uint8Array(0)]) {
		rig.logs = logs;
		const [told] = rig.drain(rig.boot(other(String.fromCharCode(0x61 + logs.length))));
		assert.deepEqual(told!["logs"], []);
	}
});

test("Crashes that find the storage failing are told all the same, by the run that knows of them", () => {
	const rig = new Rig();
	rig.boot();
	rig.host.failingStore = "write";
	const crashes = rig.boot(CRASH);
	assert.deepEqual(rig.faults.map((fault) => fault.split(":")[0]), ["storage", "storage"]);
	const report = rig.next(crashes)!;
	assert.equal(report["stack"], CRASH.stack);
	crashes.accepted();
	assert.equal(rig.next(crashes), undefined);
});

test("fingerprintOf tells crashes apart by reason, words and innermost functions, not by numbers and lines", () => {
	const of = (crash: Partial<Crash>, activity = "") => fingerprintOf({ ...CRASH, ...crash }, activity);
	assert.match(of({}), /^[0-9a-f]{8}$/);
	const same = CRASH.stack.replace("12:7", "14").replace("88:3", "90:1");
	assert.equal(of({ stack: same, message: "cannot read level of 4" }), of({}));
	assert.equal(of({ stack: `${CRASH.stack}\nouter (main:1)` }), of({}), "who called");
	assert.equal(of({}, "onDelta"), of({}, "onJob"), "the stack says it");
	const others = [
		of({}), of({ reason: "rejection" }), of({ message: "cannot read colour of 4" }), of({ stack: CRASH.stack.replace("onDelta", "onJob") }),
		of({ stack: CRASH.stack.replace("(main", "(lamp") }), of({ stack: "" }), of({ stack: "" }, "onDelta"),
	];
	assert.equal(new Set(others).size, others.length);
});
