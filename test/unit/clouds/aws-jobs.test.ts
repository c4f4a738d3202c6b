// SPDX-License-Identifier: Apache-2.0
/** AWS IoT Jobs: topics and messages as documented, and whatever the cloud sends, at worst an error is reported. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError } from "../../../src/base/error.js";
import { Jobs, type Job } from "../../../src/operations/jobs.js";
import { utf8 } from "../wire.js";
import { AwsRig, THING } from "./aws-rig.js";

const BASE = `$aws/things/${THING}/jobs`;
const EXECUTION = {
	jobId: "job-1", thingName: THING, status: "IN_PROGRESS", queuedAt: 1_700_000_000, startedAt: 1_700_000_001,
	lastUpdatedAt: 1_700_000_001, versionNumber: 2, executionNumber: 1, jobDocument: { operation: "reboot", after: 5 },
};

class Rig extends AwsRig {
	job: Job | undefined;
	readonly jobs = new Jobs({
		onJob: (job) => {
			this.job = job;
			this.lines.push(`job ${job.id} ${job.status} ${JSON.stringify(job.document)} ${JSON.stringify(job.details)}`);
		},
		onJobCanceled: ({ id, status }) => this.lines.push(`canceled ${id} ${status}`),
		onJobFinished: ({ id, status }) => this.lines.push(`finished ${id} ${status}`),
		onError: ({ code }) => this.lines.push(`error ${code}`),
	}, { prefix: "t-", members: ["operation", "after", "step"] });

	constructor() {
		super();
		this.connection.addJobs(this.jobs);
		this.services.push(this.jobs);
		this.accept();
		this.run();
	}

	/** A rig with a job in progress, and everything so far forgotten. */
	static working(): Rig {
		const rig = new Rig();
		rig.message(`${BASE}/start-next/accepted`, { execution: EXECUTION, timestamp: 1_700_000_001, clientToken: "t-1" });
		rig.run();
		rig.take();
		return rig;
	}

	override take(): string[] {
		return super.take().map((line) => line.replace(BASE, "J"));
	}

	override message(topic: string, message: object | string): void {
		super.message(topic.replace(/^J/, BASE), message);
	}
}

test("AwsJobs subscribes to the answers and to the head of the queue, and asks for the next job once it may", () => {
	const rig = new Rig();
	assert.deepEqual(rig.filters, [`${BASE}/notify-next`, `${BASE}/start-next/+`, `${BASE}/+/update/+`]);
	assert.deepEqual(rig.take(), ["ready", `J/start-next {"clientToken":"t-1"}`]);
});

test("AwsJobs: a job from its notification to its end", () => {
	const rig = new Rig();
	rig.message("J/start-next/accepted", { timestamp: 1, clientToken: "t-1" });
	rig.take();
	rig.message("J/notify-next", { timestamp: 2, execution: { ...EXECUTION, status: "QUEUED", versionNumber: 1 } });
	assert.deepEqual(rig.take(), [`J/start-next {"clientToken":"t-2"}`]);
	rig.message("J/start-next/accepted", { execution: { ...EXECUTION, statusDetails: { step: "1" } }, timestamp: 3, clientToken: "t-2" });
	assert.deepEqual(rig.take(), [`job job-1 IN_PROGRESS {"operation":"reboot","after":5} {"step":"1"}`]);
	rig.job!.progress({ step: "2" }, { stepTimeoutMinutes: 10 });
	assert.deepEqual(rig.take(), [
		`J/job-1/update {"status":"IN_PROGRESS","statusDetails":{"step":"2"},"stepTimeoutInMinutes":10,"expectedVersion":2,`
		+ `"executionNumber":1,"clientToken":"t-3"}`,
	]);
	rig.message("J/job-1/update/accepted", { timestamp: 4, clientToken: "t-3" });
	rig.job!.succeed();
	assert.deepEqual(rig.take(), [
		`J/job-1/update {"status":"SUCCEEDED","expectedVersion":3,"executionNumber":1,"clientToken":"t-4"}`,
	]);
	rig.message("J/notify-next", { timestamp: 5 });
	rig.message("J/job-1/update/accepted", { timestamp: 5, clientToken: "t-4" });
	assert.deepEqual(rig.take(), ["finished job-1 SUCCEEDED", `J/start-next {"clientToken":"t-5"}`]);
});

test("AwsJobs: errors by their codes", () => {
	const codes: [code: string, more: object, lines: RegExp[]][] = [
		["ResourceNotFound", {}, [/^canceled job-1 REMOVED/, /^J\/start-next/]],
		["InvalidStateTransition", { executionState: { status: "CANCELED", versionNumber: 3 } }, [/^canceled job-1 CANCELED/, /^J\/start-next/]],
		["VersionMismatch", { executionState: { status: "SUCCEEDED", versionNumber: 3 } }, [/^finished job-1 SUCCEEDED/, /^J\/start-next/]],
		["VersionMismatch", { executionState: { status: "IN_PROGRESS", versionNumber: 5 } }, [/"expectedVersion":5/]],
		["InvalidRequest", {}, [/^error rejected/]],
		["RequestThrottled", {}, []],
		["InternalError", {}, []],
	];
	for (const [code, more, expected] of codes) {
		const rig = Rig.working();
		rig.job!.succeed();
		rig.take();
		rig.message("J/job-1/update/rejected", { code, message: "no", timestamp: 1, clientToken: "t-2", ...more });
		const lines = rig.take();
		assert.equal(lines.length, expected.length, `${code}: ${lines.join()}`);
		expected.forEach((line, index) => assert.match(lines[index]!, line));
	}
	const rig = new Rig();
	rig.take();
	rig.message("J/start-next/rejected", { code: "RequestThrottled", message: "no", timestamp: 1, clientToken: "t-1" });
	assert.deepEqual(rig.take(), ["error rejected"]);
});

test("AwsJobs: a lost connection repeats the end of a job before anything else", () => {
	const rig = Rig.working();
	rig.job!.fail({ reason: "no room" });
	rig.take();
	rig.stream.fail(new DeviceError("closed", "reset"));
	rig.run();
	rig.accept(true);
	assert.deepEqual(rig.take(), [
		"lost closed", "ready",
		`J/job-1/update {"status":"FAILED","statusDetails":{"reason":"no room"},"expectedVersion":2,"executionNumber":1,"clientToken":"t-3"}`,
	]);
});

test("AwsJobs: what is no message of a job is reported and changes nothing", () => {
	const rig = new Rig();
	rig.take();
	const wrong: [topic: string, message: object | string][] = [
		["J/start-next/accepted", utf8("{")],
		["J/start-next/accepted", utf8("[1]")],
		["J/start-next/accepted", { execution: 1, clientToken: "t-1" }],
		["J/start-next/accepted", { execution: { ...EXECUTION, jobId: 7 }, clientToken: "t-1" }],
		["J/start-next/accepted", { execution: { ...EXECUTION, versionNumber: "2" }, clientToken: "t-1" }],
		["J/notify-next", { execution: [] }],
		["J/job-1/update/rejected", "ff"],
	];
	for (const [topic, message] of wrong) {
		rig.message(topic, message);
		const lines = rig.take();
		assert.equal(lines.length, 1, `${topic} ${JSON.stringify(message)}`);
		assert.match(lines[0]!, /^fault malformed/);
	}
	rig.message("J/start-next/accepted", { execution: EXECUTION, clientToken: "t-1" });
	assert.equal(rig.take().length, 1);
});
