// SPDX-License-Identifier: Apache-2.0
/** Jobs on the private cloud: topics and messages as documented, and whatever the cloud sends, at worst an error. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Job } from "../../../src/operations/jobs.js";
import { DeviceRig, PREFIX } from "../device-rig.js";
import { connack, suback, utf8 } from "../wire.js";

const JOB = { id: "job-1", number: 1, version: 2, status: "IN_PROGRESS", document: { operation: "reboot" } };

class Rig extends DeviceRig {
	job: Job | undefined;

	/** In sync, and asking for the next job. */
	static make(): Rig {
		const rig: Rig = new Rig({
			device: {
				onJob(job) {
					rig.job = job;
					rig.lines.push(`job ${job.id} ${JSON.stringify(job.document)} ${JSON.stringify(job.details)}`);
				},
				onJobCanceled: ({ id, status }) => { rig.lines.push(`canceled ${id} ${status}`); },
				onJobFinished: ({ id, status }) => { rig.lines.push(`finished ${id} ${status}`); },
			},
		});
		rig.reach();
		rig.stream.deliver(connack());
		// Five filters of the shadow and three of the jobs are eight, the most that go into one.
		const [, id = ""] = /^.*82[0-9a-f]{4}([0-9a-f]{4})00/.exec(rig.stream.take()) ?? [];
		rig.stream.deliver(suback(Number.parseInt(id, 16), 1, 1, 1, 1, 1, 1, 1, 1));
		assert.deepEqual(rig.said(), [`shadow/get {"token":"1"}`, `jobs/next {"token":"1"}`]);
		rig.message("shadow/document", { token: "1", version: 5, desired: {}, reported: {} });
		rig.take();
		return rig;
	}

	static working(): Rig {
		const rig = Rig.make();
		rig.message("jobs/job", { token: "1", job: JOB });
		assert.deepEqual(rig.take(), [`job job-1 {"operation":"reboot"} {}`]);
		return rig;
	}
}

test("PrivateJobs: a job from its hint to its end", () => {
	const rig = Rig.make();
	rig.message("jobs/job", { token: "1" });
	assert.deepEqual([rig.take(), rig.said()], [[], []]);
	rig.message("jobs/job", { job: { ...JOB, version: 1, status: "QUEUED", document: undefined } });
	assert.deepEqual(rig.said(), [`jobs/next {"token":"2"}`]);
	rig.message("jobs/job", { token: "2", job: { ...JOB, details: { step: "1" } } });
	assert.deepEqual(rig.take(), [`job job-1 {"operation":"reboot"} {"step":"1"}`]);
	rig.call(() => rig.job!.progress({ step: "2" }, { stepTimeoutMinutes: 10 }));
	rig.message("shadow/delta", { version: 5, delta: {} });
	assert.deepEqual(rig.said(), [
		`jobs/update {"token":"3","id":"job-1","number":1,"version":2,"status":"IN_PROGRESS","details":{"step":"2"},"stepTimeoutMinutes":10}`,
	]);
	rig.message("jobs/accepted", { token: "3" });
	rig.call(() => rig.job!.succeed());
	rig.message("shadow/delta", { version: 5, delta: {} });
	assert.deepEqual(rig.said(), [`jobs/update {"token":"4","id":"job-1","number":1,"version":3,"status":"SUCCEEDED"}`]);
	rig.message("jobs/job", {});
	rig.message("jobs/accepted", { token: "4" });
	assert.deepEqual(rig.take(), ["finished job-1 SUCCEEDED"]);
	assert.deepEqual(rig.said(), [`jobs/next {"token":"5"}`]);
});

test("PrivateJobs: refusals by their numbers", () => {
	const refusals: readonly [code: number, more: object, lines: readonly string[]][] = [
		[404, {}, ["canceled job-1 REMOVED"]],
		[409, { job: { status: "CANCELED", version: 3 } }, ["canceled job-1 CANCELED"]],
		[409, { job: { status: "SUCCEEDED", version: 3 } }, ["finished job-1 SUCCEEDED"]],
		[400, {}, ["error rejected"]],
		[429, {}, []],
		[500, {}, []],
	];
	for (const [code, more, lines] of refusals) {
		const rig = Rig.working();
		rig.call(() => rig.job!.succeed());
		rig.message("shadow/delta", { version: 5, delta: {} });
		rig.said();
		rig.message("jobs/rejected", { token: "2", code, message: "no", ...more });
		assert.deepEqual(rig.take(), lines, String(code));
	}
});

test("PrivateJobs: what is no message of a job is one error, and changes nothing", () => {
	const rig = Rig.make();
	const wrong: readonly [topic: string, payload: string][] = [
		["jobs/job", ""], ["jobs/job", utf8("{")], ["jobs/job", utf8("[1]")], ["jobs/job", "a163"],
		["jobs/job", utf8(`{"token":"${PREFIX}1","job":1}`)], ["jobs/job", utf8(`{"token":"${PREFIX}1","job":{"id":7,"number":1,"version":1}}`)],
		["jobs/job", utf8(`{"token":"${PREFIX}1","job":{"id":"a","number":1,"version":"1"}}`)], ["jobs/job", utf8(`{"job":[]}`)],
		["jobs/accepted", utf8("x")], ["jobs/rejected", "ff"],
	];
	for (const [topic, payload] of wrong) {
		rig.raw(topic, payload);
		assert.deepEqual(rig.take(), ["error malformed"], `${topic} ${payload}`);
		assert.ok(rig.device.connected);
	}
	rig.message("jobs/job", { token: "1", job: JOB });
	assert.equal(rig.take().length, 1);
});
