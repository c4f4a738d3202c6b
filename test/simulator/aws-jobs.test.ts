// SPDX-License-Identifier: Apache-2.0
/** Jobs of the simulated AWS: life cycle, versions, timers, the order of the queue, notifications and every refusal. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { JobOptions, JobsLimits } from "../../hosts/simulator/clouds/aws/job.js";
import { JobsService } from "../../hosts/simulator/clouds/aws/jobs.js";
import { Cloud, EPOCH, type Sent } from "./aws-context.js";

const J = "$aws/things/lamp/jobs";
const MINUTE = 60_000;

class Lab {
	readonly cloud = new Cloud();
	readonly jobs: JobsService;

	constructor(limits?: Partial<JobsLimits>) {
		this.jobs = new JobsService(this.cloud, limits);
		this.cloud.service = this.jobs;
	}

	create(jobId: string, options: Partial<JobOptions> = {}): void {
		this.jobs.create({ jobId, document: { do: jobId }, things: ["lamp"], ...options });
	}

	/** What is answered, with the level that says whether it was accepted. */
	ask(operation: string, body: unknown = {}): { verdict: string; body: any; rest: Sent[] } {
		const [answer, ...rest] = this.cloud.ask(`${J}/${operation}`, body, "client-7");
		assert.equal(answer!.to, "client-7");
		const prefix = `${J}/${operation}/`;
		assert.ok(answer!.topic.startsWith(prefix), answer!.topic);
		return { verdict: answer!.topic.slice(prefix.length), body: answer!.body, rest };
	}

	accepted(operation: string, body?: unknown): any {
		const answer = this.ask(operation, body);
		assert.equal(answer.verdict, "accepted", JSON.stringify(answer.body));
		return answer.body;
	}

	/** @returns the code */
	rejected(operation: string, body?: unknown): string {
		const answer = this.ask(operation, body);
		assert.equal(answer.verdict, "rejected", JSON.stringify(answer.body));
		assert.equal(typeof answer.body.message, "string");
		assert.equal(answer.body.timestamp, EPOCH + Math.floor(this.cloud.now / 1000));
		return answer.body.code;
	}

	/** The last level of what was published since the last look, with the ids that it tells. */
	notified(): string[] {
		return this.cloud.take().filter(({ to }) => to === undefined).map(({ topic, body }) => {
			assert.equal(body.timestamp, EPOCH + Math.floor(this.cloud.now / 1000));
			const ids = topic === `${J}/notify`
				? Object.entries(body.jobs).map(([status, list]) => `${status}:${(list as { jobId: string }[]).map(each => each.jobId).join()}`).join(" ")
				: body.execution?.jobId ?? "";
			return `${topic.slice(J.length + 1)} ${ids}`.trim();
		});
	}
}

suite("JobsService", () => {
	test("answers with the documents of the specification, and echoes the token", () => {
		const lab = new Lab();
		assert.deepEqual(lab.accepted("get", { clientToken: "t" }), { inProgressJobs: [], queuedJobs: [], timestamp: EPOCH, clientToken: "t" });
		assert.deepEqual(lab.accepted("start-next", { clientToken: "t" }), { timestamp: EPOCH, clientToken: "t" });
		assert.deepEqual(lab.accepted("$next/get", new Uint8Array(0)), { timestamp: EPOCH });
		lab.create("one");
		const [, { topic, body }] = lab.cloud.take() as [Sent, Sent];
		assert.deepEqual([topic, body.execution.jobDocument], [`${J}/notify-next`, { do: "one" }]);
		const summary = { jobId: "one", queuedAt: EPOCH, lastUpdatedAt: EPOCH, versionNumber: 1, executionNumber: 1 };
		assert.deepEqual(lab.accepted("get").queuedJobs, [summary]);
		assert.deepEqual(lab.accepted("$next/get").execution, { ...summary, thingName: "lamp", status: "QUEUED", jobDocument: { do: "one" } });
		lab.cloud.advance(5000);
		assert.deepEqual(lab.accepted("start-next", { statusDetails: { step: "1" }, stepTimeoutInMinutes: 2 }).execution, {
			...summary, thingName: "lamp", status: "IN_PROGRESS", statusDetails: { step: "1" }, startedAt: EPOCH + 5, lastUpdatedAt: EPOCH + 5,
			versionNumber: 2, jobDocument: { do: "one" }, approximateSecondsBeforeTimedOut: 120,
		});
		lab.cloud.advance(2500);
		assert.deepEqual(lab.accepted("one/get", { includeJobDocument: false, executionNumber: 1 }).execution, {
			...summary, thingName: "lamp", status: "IN_PROGRESS", statusDetails: { step: "1" }, startedAt: EPOCH + 5, lastUpdatedAt: EPOCH + 5,
			versionNumber: 2, approximateSecondsBeforeTimedOut: 118,
		});
		assert.deepEqual(lab.accepted("get").inProgressJobs, [{ ...summary, startedAt: EPOCH + 5, lastUpdatedAt: EPOCH + 5, versionNumber: 2 }]);
		assert.deepEqual(lab.accepted("one/update", {
			status: "SUCCEEDED", expectedVersion: 2, executionNumber: 1, includeJobExecutionState: true, includeJobDocument: true, clientToken: "u",
		}), {
			executionState: { status: "SUCCEEDED", statusDetails: { step: "1" }, versionNumber: 3 }, jobDocument: { do: "one" },
			timestamp: EPOCH + 7, clientToken: "u",
		});
		assert.deepEqual([lab.jobs.execution("lamp", "one")?.status, lab.jobs.execution("lamp", "one")?.jobDocument], ["SUCCEEDED", { do: "one" }]);
		assert.deepEqual(lab.jobs.executions("lamp").map(({ jobId, jobDocument }) => [jobId, jobDocument]), [["one", undefined]]);
		assert.deepEqual([lab.jobs.execution("lamp", "two"), lab.jobs.execution("fan", "one"), lab.jobs.executions("fan")], [undefined, undefined, []]);
	});

	test("what is in progress is given again, unchanged, to a device that lost its memory", () => {
		const lab = new Lab();
		lab.create("one");
		const first = lab.accepted("start-next", { statusDetails: { a: "1" } }).execution;
		lab.cloud.advance(1000);
		assert.deepEqual(lab.accepted("start-next", { statusDetails: { b: "2" }, stepTimeoutInMinutes: 1 }).execution, first);
		assert.equal(lab.jobs.deadline, Infinity);
	});

	test("an update with details replaces them, one without leaves them", () => {
		const lab = new Lab();
		lab.create("one");
		lab.accepted("one/update", { status: "IN_PROGRESS", statusDetails: { a: "1", b: "2" } });
		lab.accepted("one/update", { status: "IN_PROGRESS" });
		assert.deepEqual({ ...lab.jobs.execution("lamp", "one")?.statusDetails }, { a: "1", b: "2" });
		lab.accepted("one/update", { status: "IN_PROGRESS", statusDetails: { c: "3" } });
		assert.deepEqual({ ...lab.jobs.execution("lamp", "one")?.statusDetails }, { c: "3" });
		lab.accepted("one/update", { status: "FAILED", statusDetails: {} });
		assert.deepEqual({ ...lab.jobs.execution("lamp", "one")?.statusDetails }, {});
	});

	for (const from of ["QUEUED", "IN_PROGRESS"]) {
		for (const to of ["IN_PROGRESS", "SUCCEEDED", "FAILED", "REJECTED"]) {
			test(`a device may go from ${from} to ${to}`, () => {
				const lab = new Lab();
				lab.create("one");
				if (from === "IN_PROGRESS") lab.accepted("start-next");
				const { versionNumber } = lab.jobs.execution("lamp", "one")!;
				const { executionState } = lab.accepted("one/update", { status: to, includeJobExecutionState: true });
				assert.deepEqual(executionState, { status: to, versionNumber: versionNumber + 1 });
			});
		}
	}

	for (const end of ["SUCCEEDED", "FAILED", "REJECTED", "TIMED_OUT", "CANCELED"]) {
		test(`there is no way out of ${end}`, () => {
			const lab = new Lab();
			lab.create("one", { inProgressTimeoutInMinutes: 1 });
			if (end === "CANCELED") {
				lab.jobs.cancel("one");
			} else if (end === "TIMED_OUT") {
				lab.accepted("start-next");
				lab.cloud.advance(MINUTE);
			} else {
				lab.accepted("one/update", { status: end });
			}
			const { versionNumber } = lab.jobs.execution("lamp", "one")!;
			for (const status of ["IN_PROGRESS", "SUCCEEDED"]) {
				const { body } = lab.ask("one/update", { status, expectedVersion: 1, clientToken: "t" });
				assert.equal(body.code, "InvalidStateTransition");
				assert.deepEqual(body.executionState, { status: end, versionNumber });
				assert.equal(body.clientToken, "t");
			}
			assert.equal(lab.rejected("one/get"), "TerminalStateReached");
			assert.deepEqual(lab.accepted("start-next"), { timestamp: EPOCH + lab.cloud.now / 1000 });
		});
	}

	test("a version that is not the current one is refused with the current one, and changes nothing", () => {
		const lab = new Lab();
		lab.create("one");
		lab.accepted("start-next", { statusDetails: { a: "1" } });
		for (const expectedVersion of [1, 3]) {
			const { body, rest } = lab.ask("one/update", { status: "SUCCEEDED", expectedVersion, statusDetails: { b: "2" } });
			assert.equal(body.code, "VersionMismatch");
			assert.deepEqual(body.executionState, { status: "IN_PROGRESS", statusDetails: { a: "1" }, versionNumber: 2 });
			assert.deepEqual(rest, []);
		}
		lab.accepted("one/update", { status: "SUCCEEDED", expectedVersion: 2 });
	});

	test("the next is what is in progress, then what is queued, the older first", () => {
		const lab = new Lab();
		for (const jobId of ["one", "two", "three"]) {
			lab.create(jobId);
			lab.cloud.advance(1000);
		}
		lab.accepted("three/update", { status: "IN_PROGRESS" });
		assert.equal(lab.accepted("$next/get").execution.jobId, "three");
		lab.accepted("two/update", { status: "IN_PROGRESS" });
		assert.equal(lab.accepted("start-next").execution.jobId, "two");
		const { inProgressJobs, queuedJobs } = lab.accepted("get");
		assert.deepEqual([inProgressJobs, queuedJobs].map(list => list.map((each: { jobId: string }) => each.jobId)), [["two", "three"], ["one"]]);
	});

	test("notifications follow the table of events", () => {
		const lab = new Lab();
		const notified = (action: () => void) => {
			lab.cloud.take();
			action();
			return lab.notified();
		};
		const update = (jobId: string, status: string) => { lab.cloud.receive(`${J}/${jobId}/update`, { status }); };
		assert.deepEqual(notified(() => { lab.create("job1"); }), ["notify QUEUED:job1", "notify-next job1"]);
		assert.deepEqual(notified(() => { lab.create("job2"); }), ["notify QUEUED:job1,job2"]);
		assert.deepEqual(notified(() => { update("job1", "IN_PROGRESS"); }), []);
		assert.deepEqual(notified(() => { update("job1", "SUCCEEDED"); }), ["notify QUEUED:job2", "notify-next job2"]);
		assert.deepEqual(notified(() => { lab.create("job3"); }), ["notify QUEUED:job2,job3"]);
		assert.deepEqual(notified(() => { update("job3", "IN_PROGRESS"); }), ["notify-next job3"]);
		assert.deepEqual(notified(() => { update("job3", "FAILED"); }), ["notify QUEUED:job2", "notify-next job2"]);
		assert.deepEqual(notified(() => { lab.jobs.cancel("job2"); }), ["notify", "notify-next"]);
		assert.deepEqual(notified(() => { lab.accepted("get"); lab.accepted("start-next"); lab.accepted("$next/get"); }), []);
	});

	test("a notification names at most ten", () => {
		const lab = new Lab();
		for (let number = 0; number < 12; number++) lab.create(`job${number}`);
		const { body } = lab.cloud.take().filter(({ topic }) => topic === `${J}/notify`).at(-1)!;
		assert.equal(body.jobs.QUEUED.length, 10);
		assert.equal(lab.accepted("get").queuedJobs.length, 12);
	});

	test("the timer of the job runs from its start, whatever the device reports", () => {
		const lab = new Lab();
		lab.create("one", { inProgressTimeoutInMinutes: 3 });
		lab.cloud.advance(10 * MINUTE);
		lab.accepted("start-next", { stepTimeoutInMinutes: 10 });
		lab.cloud.advance(2 * MINUTE);
		// A step cannot outlive the job.
		lab.accepted("one/update", { status: "IN_PROGRESS", stepTimeoutInMinutes: 10 });
		assert.equal(lab.accepted("one/get").execution.approximateSecondsBeforeTimedOut, 60);
		lab.cloud.take();
		lab.cloud.advance(MINUTE - 1);
		assert.equal(lab.jobs.execution("lamp", "one")?.status, "IN_PROGRESS");
		lab.cloud.advance(1);
		assert.equal(lab.jobs.execution("lamp", "one")?.status, "TIMED_OUT");
		assert.equal(lab.jobs.execution("lamp", "one")?.versionNumber, 4);
		assert.deepEqual(lab.notified(), ["notify", "notify-next"]);
		assert.equal(lab.jobs.deadline, Infinity);
	});

	test("the timer of a step starts anew with each update that says so, and -1 stops it", () => {
		const lab = new Lab();
		lab.create("one");
		lab.accepted("start-next", { stepTimeoutInMinutes: 1 });
		lab.cloud.advance(50_000);
		lab.accepted("one/update", { status: "IN_PROGRESS", stepTimeoutInMinutes: 2 });
		lab.cloud.advance(100_000);
		lab.accepted("one/update", { status: "IN_PROGRESS" });
		lab.cloud.advance(19_999);
		lab.accepted("one/update", { status: "IN_PROGRESS", stepTimeoutInMinutes: -1 });
		lab.cloud.advance(100 * MINUTE);
		assert.equal(lab.jobs.execution("lamp", "one")?.status, "IN_PROGRESS");
		lab.accepted("one/update", { status: "IN_PROGRESS", stepTimeoutInMinutes: 1 });
		lab.cloud.advance(MINUTE);
		assert.equal(lab.jobs.execution("lamp", "one")?.status, "TIMED_OUT");
	});

	test("each timer ends when it should, the others going on", () => {
		const lab = new Lab();
		lab.cloud.things.add("fan");
		lab.create("one", { things: ["lamp", "fan"], inProgressTimeoutInMinutes: 3 });
		lab.cloud.receive("$aws/things/fan/jobs/start-next", {});
		lab.accepted("start-next", { stepTimeoutInMinutes: 1 });
		lab.cloud.advance(MINUTE);
		assert.deepEqual([lab.jobs.execution("lamp", "one")?.status, lab.jobs.deadline], ["TIMED_OUT", 3 * MINUTE]);
		lab.cloud.advance(2 * MINUTE);
		assert.equal(lab.jobs.execution("fan", "one")?.status, "TIMED_OUT");
	});

	test("what failed or timed out is queued again as often as the job says, as an execution of its own", () => {
		const lab = new Lab();
		lab.create("one", { inProgressTimeoutInMinutes: 1, retry: { failed: 1, timedOut: 1 } });
		lab.create("two");
		lab.cloud.take();
		lab.cloud.receive(`${J}/one/update`, { status: "FAILED" });
		assert.deepEqual(lab.notified(), ["notify QUEUED:one,two", "notify-next one"]);
		assert.equal(lab.rejected("one/get", { executionNumber: 1 }), "TerminalStateReached");
		lab.accepted("one/update", { status: "IN_PROGRESS", executionNumber: 2, expectedVersion: 1 });
		lab.cloud.advance(MINUTE);
		assert.equal(lab.accepted("one/get").execution.executionNumber, 3);
		assert.equal(lab.accepted("$next/get").execution.jobId, "two");
		lab.accepted("one/update", { status: "FAILED" });
		assert.deepEqual(lab.jobs.executions("lamp").map(each => `${each.jobId} ${each.executionNumber} ${each.status}`),
			["one 1 FAILED", "one 2 TIMED_OUT", "one 3 FAILED", "two 1 QUEUED"]);
	});

	test("cancel takes what is queued, and with force what is in progress", () => {
		const lab = new Lab();
		lab.cloud.things.add("fan");
		lab.create("one", { things: ["lamp", "fan", "lamp"], retry: { failed: 5 } });
		lab.accepted("start-next");
		lab.jobs.cancel("one");
		assert.equal(lab.jobs.execution("lamp", "one")?.status, "IN_PROGRESS");
		assert.equal(lab.jobs.execution("fan", "one")?.status, "CANCELED");
		assert.throws(() => { lab.jobs.cancel("one", { thing: "lamp" }); }, { code: "state" });
		assert.throws(() => { lab.jobs.cancel("one", { thing: "fan", force: true }); }, { code: "state" });
		lab.jobs.cancel("one", { thing: "lamp", force: true });
		assert.equal(lab.jobs.execution("lamp", "one")?.status, "CANCELED");
		assert.equal(lab.jobs.executions("lamp").length, 1);
		assert.throws(() => { lab.jobs.cancel("two"); }, { code: "argument" });
		assert.throws(() => { lab.jobs.cancel("one", { thing: "door" }); }, { code: "argument" });
	});

	test("a canceled job is not tried again", () => {
		const lab = new Lab();
		lab.create("one", { retry: { failed: 5 } });
		lab.accepted("start-next");
		lab.jobs.cancel("one");
		lab.accepted("one/update", { status: "FAILED" });
		assert.equal(lab.jobs.executions("lamp").length, 1);
	});

	test("a removed job is unknown, and its timer with it", () => {
		const lab = new Lab({ jobCountMaximum: 1 });
		lab.create("one", { inProgressTimeoutInMinutes: 1 });
		lab.accepted("start-next");
		assert.throws(() => { lab.jobs.remove("one"); }, { code: "state" });
		lab.cloud.take();
		lab.jobs.remove("one", { force: true });
		assert.deepEqual(lab.notified(), ["notify", "notify-next"]);
		lab.cloud.advance(MINUTE);
		assert.deepEqual(lab.cloud.take(), []);
		assert.equal(lab.rejected("one/update", { status: "SUCCEEDED" }), "ResourceNotFound");
		assert.throws(() => { lab.jobs.remove("one"); }, { code: "argument" });
		lab.create("one");
		lab.accepted("one/update", { status: "SUCCEEDED" });
		lab.jobs.remove("one");
		assert.deepEqual(lab.jobs.executions("lamp"), []);
	});

	test("what cannot be a job is none", () => {
		const lab = new Lab({ jobCountMaximum: 2, executionCountMaximum: 3 });
		const bad: [Partial<JobOptions>, string][] = [
			[{ jobId: "" }, "argument"], [{ jobId: "a b" }, "argument"], [{ jobId: "x".repeat(65) }, "argument"],
			[{ document: [] as never }, "argument"], [{ document: "text" as never }, "argument"], [{ document: { a: "x".repeat(32 * 1024) } }, "too-large"],
			[{ things: ["stranger"] }, "argument"],
			[{ inProgressTimeoutInMinutes: 0 }, "argument"], [{ inProgressTimeoutInMinutes: 10_081 }, "argument"],
			[{ retry: { failed: 11 } }, "argument"], [{ retry: { failed: 6, timedOut: 5 } }, "argument"],
		];
		for (const [options, code] of bad) assert.throws(() => { lab.create("one", options); }, { code }, JSON.stringify(options).slice(0, 60));
		assert.deepEqual(lab.cloud.take(), []);
		lab.create("x".repeat(64), { document: { a: "x".repeat(32 * 1024 - 8) }, inProgressTimeoutInMinutes: 10_080, retry: { failed: 10 } });
		lab.create("x", { inProgressTimeoutInMinutes: 1, retry: { failed: 4, timedOut: 6 } });
		assert.throws(() => { lab.create("x"); }, { code: "state" });
		assert.throws(() => { lab.create("three"); }, { code: "full" });
	});

	test("executions are bounded, retries included", () => {
		const lab = new Lab({ executionCountMaximum: 1 });
		lab.create("one", { retry: { failed: 3 } });
		assert.throws(() => { lab.create("two"); }, { code: "full" });
		lab.accepted("one/update", { status: "FAILED" });
		assert.equal(lab.jobs.executions("lamp").length, 1);
		lab.jobs.remove("one");
		lab.create("two");
	});

	const requests: [string, string, unknown, string][] = [
		["an operation that there is not", "stop", {}, "InvalidTopic"],
		["one that there is not of a job", "one/delete", {}, "InvalidTopic"],
		["a topic of the cloud's", "notify", {}, "InvalidTopic"],
		["an answer of the cloud's", "one/get/accepted", {}, "InvalidTopic"],
		["what is not JSON", "one/update", Uint8Array.of(0x7b), "InvalidJson"],
		["what is not UTF-8", "get", Uint8Array.of(0x22, 0xff, 0x22), "InvalidJson"],
		["an array", "get", [], "InvalidRequest"],
		["a token that is no text", "get", { clientToken: 1 }, "InvalidRequest"],
		["a token that is too long", "get", { clientToken: "x".repeat(65) }, "InvalidRequest"],
		["no status", "one/update", {}, "InvalidRequest"],
		["no payload", "one/update", new Uint8Array(0), "InvalidRequest"],
		["a status that there is not", "one/update", { status: "DONE" }, "InvalidRequest"],
		["a status that only the cloud sets", "one/update", { status: "TIMED_OUT" }, "InvalidRequest"],
		["details that are no object", "one/update", { status: "FAILED", statusDetails: "x" }, "InvalidRequest"],
		["details that hold a number", "one/update", { status: "FAILED", statusDetails: { a: 1 } }, "InvalidRequest"],
		["a detail's key that is not valid", "one/update", { status: "FAILED", statusDetails: { "a b": "1" } }, "InvalidRequest"],
		["a detail's key that is too long", "start-next", { statusDetails: { ["k".repeat(129)]: "1" } }, "InvalidRequest"],
		["a detail's value that is too long", "start-next", { statusDetails: { a: "x".repeat(1025) } }, "InvalidRequest"],
		["too many details", "start-next", { statusDetails: Object.fromEntries(Array.from({ length: 11 }, (_, index) => [`k${index}`, ""])) }, "InvalidRequest"],
		["a step of no minutes", "one/update", { status: "IN_PROGRESS", stepTimeoutInMinutes: 0 }, "InvalidRequest"],
		["a step of more than a week", "one/update", { status: "IN_PROGRESS", stepTimeoutInMinutes: 10_081 }, "InvalidRequest"],
		["a step to stop that never ran", "start-next", { stepTimeoutInMinutes: -1 }, "InvalidRequest"],
		["a version that is text", "one/update", { status: "FAILED", expectedVersion: "1" }, "InvalidRequest"],
		["an execution number that is text", "one/get", { executionNumber: "1" }, "InvalidRequest"],
		["a flag that is a number", "one/get", { includeJobDocument: 1 }, "InvalidRequest"],
		["an update of $next", "$next/update", { status: "FAILED" }, "InvalidRequest"],
		["a job id that is not valid", "a.b/get", {}, "InvalidRequest"],
		["a job that there is not", "two/get", {}, "ResourceNotFound"],
		["an update of a job that there is not", "two/update", { status: "FAILED" }, "ResourceNotFound"],
		["an execution that there is not", "one/get", { executionNumber: 2 }, "ResourceNotFound"],
		["another execution of the head", "$next/get", { executionNumber: 2 }, "ResourceNotFound"],
	];
	for (const [what, operation, body, code] of requests) {
		test(`refuses ${what} with ${code}, and changes nothing`, () => {
			const lab = new Lab();
			lab.create("one");
			const before = lab.jobs.execution("lamp", "one");
			assert.equal(lab.rejected(operation, body), code);
			assert.deepEqual(lab.jobs.execution("lamp", "one"), before);
		});
	}

	test("takes what is just within the limits", () => {
		const lab = new Lab();
		lab.create("one");
		const statusDetails = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`${index}`.padStart(128, "k"), "x".repeat(1024)]));
		lab.accepted("one/update", { status: "IN_PROGRESS", statusDetails, stepTimeoutInMinutes: 10_080, clientToken: "x".repeat(64) });
	});

	test("names that objects have by nature are names like any other", () => {
		const lab = new Lab();
		lab.create("constructor");
		lab.accepted("constructor/update", new TextEncoder().encode('{"status":"IN_PROGRESS","statusDetails":{"__proto__":"1"}}'));
		assert.deepEqual(Object.keys(lab.jobs.execution("lamp", "constructor")!.statusDetails!), ["__proto__"]);
		assert.equal(lab.rejected("toString/get"), "ResourceNotFound");
	});

	test("a thing that is not registered has no jobs", () => {
		const lab = new Lab();
		assert.equal(lab.cloud.ask("$aws/things/stranger/jobs/get")[0]!.body.code, "ResourceNotFound");
	});

	test("too many requests in a second are refused, reads and writes each for themselves", () => {
		for (const [limits, kind, other] of [
			[{ readsPerSecond: 3, writesPerSecond: Infinity }, ["get", "$next/get", "one/get"], ["start-next", "one/update"]],
			[{ readsPerSecond: Infinity, writesPerSecond: 2 }, ["start-next", "one/update"], ["get", "$next/get", "one/get"]],
		] as const) {
			const lab = new Lab(limits), body = { status: "IN_PROGRESS" };
			lab.create("one");
			for (const operation of kind) lab.accepted(operation, body);
			for (const operation of kind) assert.equal(lab.rejected(operation, body), "RequestThrottled");
			for (const operation of other) lab.accepted(operation, body);
			lab.cloud.advance(1000);
			for (const operation of kind) lab.accepted(operation, body);
		}
	});

	test("a cloud that fails says so", () => {
		const lab = new Lab();
		lab.jobs.failing = true;
		assert.equal(lab.rejected("get"), "InternalError");
	});

	test("topics of others are left to them", () => {
		const lab = new Lab();
		for (const topic of ["$aws/things/lamp/shadow/get", "$aws/things/lamp/jobs", "$aws/rules/lamp/jobs/get"]) {
			assert.equal(lab.cloud.receive(topic, {}), false, topic);
		}
	});
});
