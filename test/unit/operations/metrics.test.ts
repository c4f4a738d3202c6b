// SPDX-License-Identifier: Apache-2.0
/** Metrics: one report at a time, not too often, until the cloud has it or refuses it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError } from "../../../src/base/error.js";
import { Metrics, REPORT_INTERVAL, type MetricsPort, type MetricsReport } from "../../../src/operations/metrics.js";
import { ANSWER_TIMEOUT, Refusal, RETRY } from "../../../src/base/service.js";
import { ServiceRig } from "./service-rig.js";

class Rig extends ServiceRig {
	wall: number | undefined;
	protected override readonly driven = new Metrics({
		onReported: (id) => this.lines.push(`reported ${id}`),
		onError: ({ code }) => this.lines.push(`error ${code}`),
	});
	readonly port: MetricsPort = { report: (id, { metrics }) => this.asked(`${id} ${JSON.stringify(metrics)}`) };

	constructor() {
		super();
		this.driven.connected(this.port);
		this.turn();
	}

	get metrics(): Metrics {
		return this.driven;
	}

	report(report: MetricsReport = { metrics: { heat: 21 } }): number | "full" {
		const id = this.metrics.report(report, { now: () => this.now, wall: () => this.wall });
		this.turn();
		return id;
	}

	accepted(): void {
		this.metrics.accepted();
		this.turn();
	}

	rejected(refusal: number): void {
		this.metrics.rejected(refusal, "no", this.now);
		this.turn();
	}
}

test("Metrics reports, and takes the next report five minutes after the last", () => {
	const rig = new Rig();
	assert.equal(rig.report(), 1);
	assert.equal(rig.report(), "full");
	rig.accepted();
	assert.deepEqual(rig.take(), [`1 {"heat":21}`, "reported 1"]);
	rig.wait(REPORT_INTERVAL - 1);
	assert.equal(rig.report(), "full");
	rig.wait(1);
	assert.equal(rig.report(), 2);
	assert.deepEqual(rig.take(), [`2 {"heat":21}`]);
});

test("Metrics takes identifiers from the clock, and never an older one", () => {
	const rig = new Rig();
	const ids: (number | "full")[] = [];
	for (const wall of [undefined, 1_700_000_000_999, 1_600_000_000_000, undefined, 1_700_000_900_000]) {
		rig.wall = wall;
		const id = rig.report();
		ids.push(id);
		rig.accepted();
		rig.wait(REPORT_INTERVAL);
	}
	assert.deepEqual(ids, [1, 1_700_000_000, 1_700_000_001, 1_700_000_002, 1_700_000_900]);
});

test("Metrics keeps a report until there is a connection, and gives up one that is not answered", () => {
	const rig = new Rig();
	rig.metrics.disconnected();
	rig.report();
	rig.wait(REPORT_INTERVAL);
	assert.equal(rig.report(), "full");
	assert.deepEqual(rig.take(), []);
	rig.metrics.connected(rig.port);
	rig.wait(ANSWER_TIMEOUT);
	assert.deepEqual(rig.take(), [`1 {"heat":21}`, "error timeout"]);
	rig.report();
	rig.metrics.disconnected();
	rig.turn();
	assert.deepEqual(rig.take(), [`2 {"heat":21}`, "error timeout"]);
	rig.metrics.connected(rig.port);
	rig.turn();
	// Of the one that was given up.
	rig.accepted();
	rig.rejected(Refusal.REFUSED);
	assert.deepEqual(rig.take(), []);
	assert.equal(rig.metrics.deadline, Infinity);
});

test("Metrics waits where there is no room or too much to do, and reports and drops what is refused", () => {
	const rig = new Rig();
	rig.room = false;
	rig.report();
	rig.room = true;
	rig.wait(RETRY);
	rig.rejected(Refusal.BUSY);
	rig.wait(ANSWER_TIMEOUT);
	assert.deepEqual(rig.take(), [`no room: 1 {"heat":21}`, `1 {"heat":21}`, `1 {"heat":21}`]);
	rig.rejected(Refusal.REFUSED);
	assert.deepEqual(rig.take(), ["error rejected"]);
	rig.wait(REPORT_INTERVAL);
	rig.failure = new DeviceError("too-large", "too much");
	rig.report();
	assert.deepEqual(rig.take(), ["error too-large"]);
	assert.equal(rig.metrics.deadline, Infinity);
});
