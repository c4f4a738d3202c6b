// SPDX-License-Identifier: Apache-2.0
/** Reports to AWS: at QoS 1, where the broker's acknowledgement is the answer, and heartbeats to Device Defender. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError } from "../../../src/base/error.js";
import type { CBORValue } from "../../../src/cbor/value.js";
import { ANSWER_TIMEOUT } from "../../../src/base/service.js";
import type { ReportKind } from "../../../src/operations/report.js";
import { Metrics, REPORT_INTERVAL } from "../../../src/operations/metrics.js";
import { Reports } from "../../../src/operations/reports.js";
import { OneSource, Overheard } from "../operations/report-source.js";
import { connack5, puback5 } from "../wire5.js";
import { AwsRig, cbor, THING } from "./aws-rig.js";

const LOGS = { boot: 1, records: [[1, 2, 3, "a", "b"]] };
const HEARTBEAT = {
	boot: 1, number: 4, at: 5, period: 6, counters: { bytesIn: 10, bytesOut: 20, messagesIn: 1, switches: 3, "no name": 4 },
	gauges: { heat: 21.5 }, timers: { trip: [1, 2, 2] },
};
const PREFIX = `moorline/${THING}/reports/`;
const DEFENDER = `$aws/things/${THING}/defender/metrics/json`;
/** ms in which the pace lets any report go. */
const PACE = 60_000;
const STEP = 10_000;

class Rig extends AwsRig {
	readonly overheard: Overheard;
	readonly reports = new Reports({ onError: ({ code }) => this.lines.push(`error ${code}`) });

	constructor(overheard = new Overheard()) {
		super({ cloud: { format: "json" }, tracer: overheard });
		this.overheard = overheard;
		this.connection.addReports(this.reports);
		this.services.push(this.reports);
		this.accept();
		assert.deepEqual(this.take(), ["ready"]);
		assert.deepEqual(this.filters, [`${DEFENDER}/accepted`, `${DEFENDER}/rejected`]);
	}

	source(kind: ReportKind, body?: CBORValue): OneSource {
		const source = new OneSource(kind, body, () => this.lines);
		this.reports.add(source);
		return source;
	}

	acknowledge(id: number, code = 0): void {
		this.stream.deliver(code === 0 ? puback5(id) : puback5(id, code, ""));
	}

	/** Lets time pass, in which pings are answered. @returns what was said and told */
	wait(duration = PACE): string[] {
		const lines: string[] = [];
		for (let passed = 0; passed < duration; passed += STEP) {
			this.host.advance(STEP);
			lines.push(...this.take());
		}
		return lines;
	}

	set wall(wall: number) {
		Object.assign(this.host.time, { wall: () => wall });
	}
}

test("AwsReports: the broker's acknowledgement is the answer, by its reason", () => {
	for (const [code, lines] of [[0, ["logs accepted"]], [0x87, ["logs refused: rejected", "error rejected"]], [0x97, []]] as const) {
		const rig = new Rig();
		rig.source("logs", LOGS);
		assert.deepEqual(rig.take(), [`${PREFIX}logs ${cbor(LOGS)}`]);
		rig.acknowledge(1, code);
		assert.deepEqual(rig.take(), lines);
		assert.deepEqual(rig.overheard.take(), []);
	}
});

test("AwsReports: what is not acknowledged is MQTT's to send again, also on the next connection; another kind waits", () => {
	const rig = new Rig();
	const logs = rig.source("logs", LOGS);
	rig.take();
	assert.deepEqual(rig.wait(8 * ANSWER_TIMEOUT), []);
	rig.source("crash", { boot: 1 });
	assert.deepEqual(rig.wait(), []);
	rig.acknowledge(1);
	assert.deepEqual(rig.take(), ["logs accepted", `${PREFIX}crash ${cbor({ boot: 1 })}`]);
	rig.acknowledge(2);
	rig.take();
	logs.body = LOGS;
	assert.deepEqual(rig.wait(), [`${PREFIX}logs ${cbor(LOGS)}`]);
	rig.stream.fail(new DeviceError("closed", "reset"));
	assert.deepEqual(rig.take(), ["lost closed"]);
	rig.reach();
	rig.stream.deliver(connack5(true));
	assert.deepEqual(rig.take().filter((line) => line !== "ready"), [`${PREFIX}logs ${cbor(LOGS)}`]);
	assert.deepEqual(rig.wait(), []);
	rig.acknowledge(3);
	assert.deepEqual(rig.take(), ["logs accepted"]);
	assert.equal(logs.body, undefined);
});

test("AwsReports: heartbeats go to Device Defender, and those that come too soon for it as they are", () => {
	const rig = new Rig();
	rig.wall = 1_700_000_000_999;
	const metrics = rig.source("metrics", HEARTBEAT);
	assert.deepEqual(rig.take(), [`${DEFENDER} ${JSON.stringify({
		hed: { rid: 1_700_000_000, v: "1.0" }, met: { ns: { bi: 10, bo: 20, pi: 1 } }, cmet: { switches: [{ number: 3 }], heat: [{ number: 21.5 }] },
	})}`]);
	rig.message(`${DEFENDER}/accepted`, { status: "ACCEPTED" });
	assert.deepEqual(rig.take(), ["metrics accepted"]);
	metrics.body = HEARTBEAT;
	assert.deepEqual(rig.wait(), [`${PREFIX}metrics ${cbor(HEARTBEAT)}`]);
	rig.acknowledge(1);
	assert.deepEqual(rig.take(), ["metrics accepted"]);
	metrics.body = HEARTBEAT;
	assert.match(rig.wait(REPORT_INTERVAL).join(), /^moorline/);
	rig.acknowledge(2);
	rig.take();
	metrics.body = HEARTBEAT;
	assert.match(rig.wait(STEP).join(), /^\$aws.*"rid":1700000001/);
	// Nothing that it takes: no number that is one, or nothing to count time by.
	rig.message(`${DEFENDER}/accepted`, {});
	rig.wait(REPORT_INTERVAL);
	metrics.body = { boot: 1, counters: {}, gauges: { "no name": 1 } };
	assert.match(rig.wait().at(-1)!, /^moorline/);
	const unset = new Rig();
	unset.source("metrics", HEARTBEAT);
	assert.match(unset.take().join(), /^moorline/);
});

test("AwsReports: what Device Defender refuses goes the way of the others, and is told unless it came too soon", () => {
	for (const [code, lines] of [["Throttled", []], ["InvalidPayload", ["fault rejected: heartbeat refused: InvalidPayload no"]]] as const) {
		const rig = new Rig();
		rig.wall = 1_700_000_000_000;
		rig.source("metrics", HEARTBEAT);
		rig.take();
		rig.message(`${DEFENDER}/rejected`, { statusDetails: { ErrorCode: code, ErrorMessage: "no" } });
		assert.deepEqual(rig.take(), lines);
		assert.deepEqual(rig.wait(), [`${PREFIX}metrics ${cbor(HEARTBEAT)}`]);
	}
});

test("AwsReports and AwsMetrics on the same topics: each takes its own answers", () => {
	const rig = new Rig();
	rig.wall = 1_700_000_000_000;
	const metrics = new Metrics({ onReported: (id) => rig.lines.push(`reported ${id}`) });
	rig.connection.addMetrics(metrics);
	rig.services.push(metrics);
	rig.source("metrics", HEARTBEAT);
	rig.take();
	rig.message(`${DEFENDER}/accepted`, {});
	assert.deepEqual(rig.take(), ["metrics accepted"]);
	metrics.report({ metrics: { heat: 1 } }, rig.host.time);
	rig.take();
	rig.message(`${DEFENDER}/accepted`, {});
	assert.deepEqual(rig.take(), ["reported 1700000000"]);
	rig.message(`${DEFENDER}/accepted`, {});
	assert.deepEqual(rig.take(), []);
});
