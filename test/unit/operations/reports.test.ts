// SPDX-License-Identifier: Apache-2.0
/** Reports: one at a time, what matters most first, never more bytes a minute than were set, the same until answered. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError } from "../../../src/base/error.js";
import { ANSWER_TIMEOUT, Refusal, RETRY } from "../../../src/base/service.js";
import { REPORT_LENGTH, type ReportKind, type ReportsPort, type ReportSource } from "../../../src/operations/report.js";
import {
	BYTES_PER_MINUTE, BYTES_PER_MINUTE_MINIMUM, REPORT_OVERHEAD, Reports, type ReportsOptions,
} from "../../../src/operations/reports.js";
import { ServiceRig } from "./service-rig.js";

const MINUTE = 60_000;

/** Has reports of so many bytes, which are their number over and over. */
class Source implements ReportSource {
	readonly kind: ReportKind;
	deadline = Infinity;
	/** Of the next report. */
	number = 1;
	length = 10;
	/** Thrown by `next`. */
	failure: Error | undefined;
	readonly #rig: ServiceRig;

	constructor(kind: ReportKind, rig: ServiceRig) {
		this.kind = kind;
		this.#rig = rig;
	}

	next(): Uint8Array | undefined {
		if (this.failure !== undefined) throw this.failure;
		return this.deadline === Infinity ? undefined : new Uint8Array(this.length).fill(this.number);
	}

	accepted(now: number): void {
		this.#rig.lines.push(`${this.kind} ${this.number++} accepted at ${now}`);
	}

	refused({ code }: DeviceError): void {
		this.#rig.lines.push(`${this.kind} ${this.number++} refused: ${code}`);
	}
}

class Rig extends ServiceRig {
	protected override readonly driven: Reports;
	token = "";
	readonly sent: { at: number; bytes: number }[] = [];
	readonly port: ReportsPort = {
		report: (token, kind, body) => {
			if (!this.asked(`${kind} ${body[0]}`)) return false;
			this.token = token;
			this.sent.push({ at: this.now, bytes: body.byteLength + REPORT_OVERHEAD });
			return true;
		},
	};

	constructor(options?: ReportsOptions) {
		super();
		this.driven = new Reports({ onError: ({ code }) => this.lines.push(`error ${code}`) }, options);
	}

	get reports(): Reports {
		return this.driven;
	}

	source(kind: ReportKind, deadline = 0): Source {
		const source = new Source(kind, this);
		source.deadline = deadline;
		this.reports.add(source);
		return source;
	}

	connect(): void {
		this.reports.connected(this.port);
		this.turn();
	}

	accept(token = this.token): void {
		this.reports.accepted(token);
		this.turn();
	}

	reject(refusal: number): void {
		this.reports.rejected(this.token, refusal, "no", this.now);
		this.turn();
	}
}

test("Reports tells one at a time, and what matters most first", () => {
	const rig = new Rig();
	const trace = rig.source("trace");
	const crash = rig.source("crash");
	const logs = rig.source("logs");
	const metrics = rig.source("metrics", 5_000);
	assert.equal(rig.reports.deadline, Infinity);
	rig.connect();
	assert.deepEqual(rig.take(), ["crash 1"]);
	rig.wait(9_000);
	assert.deepEqual(rig.take(), []);
	rig.accept();
	assert.deepEqual(rig.take(), ["crash 1 accepted at 10000", "metrics 1"]);
	rig.accept("another");
	assert.deepEqual(rig.take(), []);
	metrics.deadline = crash.deadline = Infinity;
	rig.accept();
	rig.wait(9_000);
	rig.accept();
	rig.wait(9_000);
	// Who had a turn lets the others go first.
	assert.deepEqual(rig.take().filter((line) => !line.includes("accepted")), ["logs 1", "trace 1"]);
	trace.deadline = Infinity;
	rig.accept();
	rig.wait(9_000);
	rig.accept();
	rig.wait(9_000);
	assert.deepEqual(rig.take().filter((line) => !line.includes("accepted")), ["logs 2", "logs 3"]);
	logs.deadline = Infinity;
	rig.accept();
	assert.equal(rig.reports.deadline, Infinity);
});

test("Reports: the deadline is that of what is under way, else that of the sources, and not before the last is made up for", () => {
	const rig = new Rig();
	const logs = rig.source("logs", 7_000);
	const trace = rig.source("trace", 8_000);
	assert.equal(rig.reports.deadline, Infinity);
	rig.connect();
	assert.equal(rig.reports.deadline, 7_000);
	rig.wait(6_000);
	assert.equal(rig.reports.deadline, 7_000 + ANSWER_TIMEOUT);
	logs.deadline = Infinity;
	rig.accept();
	assert.equal(rig.reports.deadline, 8_000);
	trace.deadline = 60_000;
	assert.equal(rig.reports.deadline, 60_000);
	rig.reports.disconnected();
	assert.equal(rig.reports.deadline, Infinity);
});

test("Reports: in no minute are there more bytes than were set, however long the reports are", () => {
	for (const bytesPerMinute of [BYTES_PER_MINUTE_MINIMUM, 3_000, BYTES_PER_MINUTE, 20_000]) {
		const rig = new Rig({ bytesPerMinute });
		const logs = rig.source("logs");
		const lengths = [REPORT_LENGTH, 1, REPORT_LENGTH, REPORT_LENGTH, 300, 20, 20, 20, 700, REPORT_LENGTH];
		rig.connect();
		for (let count = 0; count < 60; count++) {
			logs.length = lengths[count % lengths.length]!;
			rig.accept();
			rig.wait(rig.reports.deadline - rig.now);
		}
		let most = 0;
		for (const { at } of rig.sent) {
			const bytes = rig.sent.reduce((sum, each) => each.at >= at && each.at < at + MINUTE ? sum + each.bytes : sum, 0);
			most = Math.max(most, bytes);
		}
		assert.ok(most <= bytesPerMinute, `${most} of ${bytesPerMinute}`);
		assert.ok(most > bytesPerMinute / 2, `no more than ${most} of ${bytesPerMinute}`);
	}
	assert.throws(() => new Reports({}, { bytesPerMinute: BYTES_PER_MINUTE_MINIMUM - 1 }), DeviceError);
});

test("Reports tells the same again when nobody answers, and after a loss later each time", () => {
	const rig = new Rig();
	rig.source("logs");
	rig.connect();
	rig.wait(ANSWER_TIMEOUT);
	assert.deepEqual(rig.take(), ["logs 1", "logs 1"]);
	const times: number[] = [];
	for (let losses = 0; losses < 4; losses++) {
		rig.reports.disconnected();
		rig.turn();
		rig.connect();
		const { now } = rig;
		rig.wait(rig.reports.deadline - rig.now);
		times.push(rig.now - now);
	}
	// The first time, nobody had answered it once before.
	assert.deepEqual(times, [20_000, 40_000, 80_000, 160_000]);
	assert.deepEqual(rig.take(), Array.from({ length: 4 }, () => "logs 1"));
	rig.accept();
	assert.deepEqual(rig.take(), [`logs 1 accepted at ${rig.now}`, "logs 2"]);
	rig.reports.disconnected();
	rig.connect();
	assert.equal(rig.reports.deadline, rig.now + ANSWER_TIMEOUT);
});

test("Reports: an answer counts when it comes late, and once", () => {
	const rig = new Rig();
	rig.source("logs");
	rig.connect();
	const first = rig.token;
	rig.reports.disconnected();
	rig.connect();
	rig.accept("");
	rig.accept(first);
	rig.accept(first);
	assert.deepEqual(rig.take(), ["logs 1", "logs 1 accepted at 1000"]);
	rig.wait(3 * ANSWER_TIMEOUT);
	const [second, ...more] = rig.take();
	assert.ok(second === "logs 2" && more.every((line) => line === second));
	rig.accept(first);
	assert.deepEqual(rig.take(), []);
});

test("Reports keeps what is refused for now, and gives up what is refused for good, which is told once", () => {
	const rig = new Rig();
	const logs = rig.source("logs");
	rig.connect();
	rig.reject(Refusal.BUSY);
	assert.deepEqual(rig.take(), ["logs 1"]);
	rig.wait(ANSWER_TIMEOUT);
	assert.deepEqual(rig.take(), ["logs 1"]);
	rig.reject(Refusal.REFUSED);
	rig.reject(Refusal.REFUSED);
	assert.deepEqual(rig.take(), ["logs 1 refused: rejected", "error rejected"]);
	rig.wait(ANSWER_TIMEOUT);
	assert.deepEqual(rig.take(), ["logs 2"]);
	logs.deadline = Infinity;
	rig.reject(Refusal.GONE);
	assert.deepEqual(rig.take(), ["logs 2 refused: rejected", "error rejected"]);
	logs.deadline = 0;
	logs.length = REPORT_LENGTH + 1;
	rig.now = rig.reports.deadline;
	rig.reports.expire(rig.now);
	assert.deepEqual(rig.take(), ["logs 3 refused: too-large", "error too-large"]);
	logs.length = 10;
	rig.failure = new DeviceError("unsupported", "no");
	rig.reports.expire(rig.now);
	assert.deepEqual(rig.take(), ["logs 4 refused: unsupported", "error unsupported"]);
	assert.equal(rig.reports.deadline, 0);
});

test("Reports waits for room, and for a source that promised too much", () => {
	const rig = new Rig();
	const logs = rig.source("logs");
	rig.room = false;
	rig.connect();
	rig.room = true;
	rig.wait(RETRY);
	assert.deepEqual(rig.take(), ["no room: logs 1", "logs 1"]);
	rig.accept();
	logs.next = () => undefined;
	rig.now = rig.reports.deadline;
	rig.turn();
	assert.equal(rig.reports.deadline, rig.now + RETRY);
});

test("Reports: a source that throws is told of, and neither asked all the time nor in the way of the others", () => {
	const rig = new Rig();
	const crash = rig.source("crash");
	rig.source("logs");
	crash.failure = new DeviceError("storage", "cannot read");
	rig.connect();
	rig.wait(3 * RETRY);
	const lines = rig.take();
	assert.ok(lines.includes("logs 1"), lines.join("; "));
	assert.ok(lines.length < 12, lines.join("; "));
});
