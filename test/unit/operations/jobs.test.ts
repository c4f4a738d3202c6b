// SPDX-License-Identifier: Apache-2.0
/** Jobs: each is done once and its end gets through, whatever the network and the cloud do. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError } from "../../../src/base/error.js";
import { Jobs, type Job, type JobRecord, type JobsPort, type JobState } from "../../../src/operations/jobs.js";
import { ANSWER_TIMEOUT, FOREIGN_MAXIMUM, Refusal, RETRY } from "../../../src/base/service.js";
import { codeOf } from "../failure.js";
import { ServiceRig } from "./service-rig.js";

const record = (id: string, version = 2, more: Partial<JobRecord> = {}): JobRecord => ({
	id, number: 1, version, status: "IN_PROGRESS", details: undefined, document: { do: id }, ...more,
});

class Rig extends ServiceRig {
	job!: Job;
	/** Times that the deadline was said to have moved. */
	turns = 0;
	onJob: ((job: Job) => void) | undefined;
	protected override readonly driven: Jobs;
	readonly port: JobsPort = {
		next: (token) => this.asked(`next ${token}`),
		update: (token, { id, version }, { status, details, stepTimeoutMinutes }) => {
			const said = details === undefined ? "" : ` ${JSON.stringify(details)}`;
			const step = stepTimeoutMinutes === undefined ? "" : ` step ${stepTimeoutMinutes}`;
			return this.asked(`update ${token} ${id}@${version} ${status}${said}${step}`);
		},
	};

	constructor() {
		super();
		this.driven = new Jobs({
			onTurn: () => this.turns++,
			onJob: (job) => {
				this.job = job;
				this.lines.push(`job ${job.id}@${job.version} ${JSON.stringify(job.document)} ${JSON.stringify(job.details)}`);
				this.onJob?.(job);
			},
			onJobCanceled: ({ id, status }) => this.lines.push(`canceled ${id} ${status}`),
			onJobFinished: ({ id, status }) => this.lines.push(`finished ${id} ${status}`),
			onError: ({ code }) => this.lines.push(`error ${code}`),
		});
	}

	get jobs(): Jobs {
		return this.driven;
	}

	/** A rig that does job "a", which is at version 2; the next token is 2. */
	static working(): Rig {
		const rig = new Rig();
		rig.connect();
		rig.next("1", record("a"));
		assert.deepEqual(rig.take(), ["next 1", `job a@2 {"do":"a"} {}`]);
		return rig;
	}

	connect(): void {
		this.jobs.connected(this.port);
		this.turn();
	}

	disconnect(): void {
		this.jobs.disconnected();
		this.turn();
	}

	next(token: string, record?: JobRecord): void {
		this.jobs.next(token, record);
		this.turn();
	}

	notify(record?: JobRecord): void {
		this.jobs.notified(record);
		this.turn();
	}

	accepted(token: string): void {
		this.jobs.accepted(token);
		this.turn();
	}

	rejected(token: string, refusal: number, state?: JobState): void {
		this.jobs.rejected(token, refusal, "no", state, this.now);
		this.turn();
	}

	/** What the program says, and what goes out of it at once. */
	say(action: (job: Job) => void): void {
		action(this.job);
		this.turn();
	}
}

test("Jobs asks for the next job after each connect, and hands it to the program from a turn of its own", () => {
	const rig = new Rig();
	assert.equal(rig.jobs.deadline, Infinity);
	rig.connect();
	assert.deepEqual(rig.take(), ["next 1"]);
	rig.jobs.next("1", record("a"));
	assert.deepEqual(rig.take(), []);
	assert.equal(rig.jobs.deadline, 0);
	rig.turn();
	assert.deepEqual(rig.take(), [`job a@2 {"do":"a"} {}`]);
	assert.equal(rig.jobs.deadline, Infinity);
	rig.disconnect();
	rig.connect();
	assert.deepEqual(rig.take(), ["next 2"]);
	// The same job is not handed again, and its version is that of the cloud.
	rig.next("2", record("a", 5));
	rig.say((job) => job.succeed());
	assert.deepEqual(rig.take(), ["update 3 a@5 SUCCEEDED"]);
});

test("Jobs does one job after the other, and asks for the next once the cloud knows how the last one ended", () => {
	const rig = Rig.working();
	assert.equal(rig.turns, 0);
	rig.say((job) => job.progress({ step: "1" }, { stepTimeoutMinutes: 3 }));
	assert.equal(rig.turns, 1);
	rig.accepted("2");
	assert.equal(rig.job.version, 3);
	rig.say((job) => job.succeed({ result: "ok" }));
	rig.notify(record("b", 1));
	assert.deepEqual(rig.take(), [`update 2 a@2 IN_PROGRESS {"step":"1"} step 3`, `update 3 a@3 SUCCEEDED {"result":"ok"}`]);
	rig.accepted("3");
	assert.deepEqual(rig.take(), ["finished a SUCCEEDED", "next 4"]);
	rig.next("4", record("b"));
	rig.say((job) => job.fail());
	rig.accepted("5");
	rig.next("6", record("c"));
	rig.say((job) => job.reject({ why: "not mine" }));
	rig.accepted("7");
	rig.next("8");
	assert.deepEqual(rig.take(), [
		`job b@2 {"do":"b"} {}`, "update 5 b@2 FAILED", "finished b FAILED", "next 6",
		`job c@2 {"do":"c"} {}`, `update 7 c@2 REJECTED {"why":"not mine"}`, "finished c REJECTED", "next 8",
	]);
	assert.equal(rig.jobs.job, undefined);
	assert.equal(rig.jobs.deadline, Infinity);
});

test("Jobs keeps the last of several things to say, and nothing after the end", () => {
	const rig = Rig.working();
	rig.say((job) => job.progress({ step: "1" }));
	rig.say((job) => job.progress({ step: "2" }));
	rig.say((job) => job.progress({ step: "3" }));
	rig.accepted("2");
	assert.deepEqual(rig.take(), [`update 2 a@2 IN_PROGRESS {"step":"1"}`, `update 3 a@3 IN_PROGRESS {"step":"3"}`]);
	rig.say((job) => job.progress({ step: "4" }));
	rig.say((job) => job.succeed());
	rig.say((job) => job.fail({ late: "1" }));
	rig.say((job) => job.progress({ late: "2" }));
	rig.accepted("3");
	// An end without details leaves those that were not said yet.
	assert.deepEqual(rig.take(), [`update 4 a@4 SUCCEEDED {"step":"4"}`]);
	rig.say((job) => job.fail());
	rig.accepted("4");
	rig.say((job) => job.fail());
	assert.deepEqual(rig.take(), ["finished a SUCCEEDED", "next 5"]);
});

test("Jobs repeats what was not answered, at growing distances and across connections, with the version it has", () => {
	const rig = Rig.working();
	rig.say((job) => job.succeed());
	rig.wait(ANSWER_TIMEOUT);
	rig.wait(2 * ANSWER_TIMEOUT);
	rig.wait(ANSWER_TIMEOUT);
	assert.deepEqual(rig.take(), ["update 2 a@2 SUCCEEDED", "update 3 a@2 SUCCEEDED", "update 4 a@2 SUCCEEDED"]);
	rig.disconnect();
	rig.wait(1_000_000);
	assert.deepEqual(rig.take(), []);
	rig.connect();
	assert.deepEqual(rig.take(), ["update 5 a@2 SUCCEEDED"]);
	// Answers to what was given up are passed over.
	rig.accepted("4");
	rig.rejected("2", Refusal.GONE);
	assert.deepEqual(rig.take(), []);
	rig.accepted("5");
	assert.deepEqual(rig.take(), ["finished a SUCCEEDED", "next 6"]);
});

test("Jobs takes the end for known when only its answer was lost", () => {
	for (const refusal of [Refusal.STALE, Refusal.REFUSED]) {
		const rig = Rig.working();
		rig.say((job) => job.succeed());
		rig.wait(ANSWER_TIMEOUT);
		rig.take();
		rig.rejected("3", refusal, { status: "SUCCEEDED", version: 3 });
		assert.deepEqual(rig.take(), ["finished a SUCCEEDED", "next 4"]);
		rig.next("4", record("b"));
		assert.deepEqual(rig.take(), [`job b@2 {"do":"b"} {}`]);
	}
});

test("Jobs says again on a newer version what was said on an older one", () => {
	const rig = Rig.working();
	rig.say((job) => job.progress({ step: "1" }));
	rig.say((job) => job.progress({ step: "2" }));
	rig.rejected("2", Refusal.STALE, { status: "IN_PROGRESS", version: 7 });
	assert.deepEqual(rig.take(), [`update 2 a@2 IN_PROGRESS {"step":"1"}`, `update 3 a@7 IN_PROGRESS {"step":"2"}`]);
	rig.rejected("3", Refusal.STALE, { status: "IN_PROGRESS", version: 8 });
	assert.deepEqual(rig.take(), [`update 4 a@8 IN_PROGRESS {"step":"2"}`]);
	// A cloud that always says the same is not asked without end.
	rig.rejected("4", Refusal.STALE, { status: "IN_PROGRESS", version: 8 });
	assert.deepEqual(rig.take(), []);
	rig.wait(ANSWER_TIMEOUT);
	assert.deepEqual(rig.take(), [`update 5 a@8 IN_PROGRESS {"step":"2"}`]);
	rig.accepted("5");
	assert.equal(rig.job.version, 9);
	assert.deepEqual(rig.job.details, { step: "2" });
});

test("Jobs tells the program when the cloud ended the job, and goes on with the next", () => {
	const endings: [refusal: number, state: JobState | undefined, status: string][] = [
		[Refusal.GONE, undefined, "REMOVED"],
		[Refusal.STALE, undefined, "REMOVED"],
		[Refusal.STALE, { status: "CANCELED", version: 4 }, "CANCELED"],
		[Refusal.STALE, { status: "TIMED_OUT", version: 4 }, "TIMED_OUT"],
	];
	for (const [refusal, state, status] of endings) {
		const rig = Rig.working();
		rig.say((job) => job.progress({ step: "1" }));
		rig.say((job) => job.succeed());
		rig.rejected("2", refusal, state);
		assert.deepEqual(rig.take(), [`update 2 a@2 IN_PROGRESS {"step":"1"}`, `canceled a ${status}`, "next 3"]);
		rig.say((job) => job.succeed());
		assert.deepEqual(rig.take(), []);
		rig.next("3", record("b"));
		rig.say((job) => job.succeed());
		assert.deepEqual(rig.take(), [`job b@2 {"do":"b"} {}`, "update 4 b@2 SUCCEEDED"]);
	}
});

test("Jobs learns from the queue that its job is there no more", () => {
	const rig = Rig.working();
	rig.notify();
	rig.next("2");
	assert.deepEqual(rig.take(), ["next 2", "canceled a CANCELED"]);
	rig.notify(record("b", 1));
	rig.next("3", record("b"));
	rig.notify(record("c", 1));
	rig.next("4", record("c"));
	assert.deepEqual(rig.take(), ["next 3", `job b@2 {"do":"b"} {}`, "next 4", "canceled b CANCELED", `job c@2 {"do":"c"} {}`]);
	// The same job, tried again: another execution.
	rig.notify(record("c", 1, { number: 2 }));
	rig.next("5", record("c", 2, { number: 2 }));
	assert.deepEqual(rig.take(), ["next 5", "canceled c CANCELED", `job c@2 {"do":"c"} {}`]);
});

test("Jobs asks nothing for hints of what it knows", () => {
	const rig = Rig.working();
	rig.notify(record("a", 2));
	rig.notify(record("a", 9));
	assert.deepEqual(rig.take(), []);
	rig.say((job) => job.succeed());
	rig.accepted("2");
	rig.next("3");
	rig.take();
	rig.notify();
	assert.deepEqual(rig.take(), []);
});

test("Jobs asks again when a hint overtakes the answer, in which that job is missing", () => {
	const rig = new Rig();
	rig.connect();
	rig.notify(record("a", 1));
	assert.deepEqual(rig.take(), ["next 1"]);
	rig.next("1");
	assert.deepEqual(rig.take(), ["next 2"]);
	rig.next("2", record("a"));
	assert.deepEqual(rig.take(), [`job a@2 {"do":"a"} {}`]);
});

test("Jobs gives a job after a reset with the details that it had", () => {
	const rig = new Rig();
	rig.connect();
	rig.next("1", record("a", 5, { details: { self_test: "ready" } }));
	assert.deepEqual(rig.take(), ["next 1", `job a@5 {"do":"a"} {"self_test":"ready"}`]);
});

test("Jobs waits where the cloud has too much to do, longer each time, and reports what it refused", () => {
	const rig = new Rig();
	rig.connect();
	rig.rejected("1", Refusal.BUSY);
	assert.deepEqual(rig.take(), ["next 1", "error rejected"]);
	rig.wait(ANSWER_TIMEOUT - 1);
	assert.deepEqual(rig.take(), []);
	rig.wait(1);
	rig.rejected("2", Refusal.BUSY);
	rig.wait(2 * ANSWER_TIMEOUT - 1);
	assert.deepEqual(rig.take(), ["next 2", "error rejected"]);
	rig.wait(1);
	rig.next("3", record("a"));
	rig.say((job) => job.succeed());
	rig.rejected("4", Refusal.BUSY);
	assert.deepEqual(rig.take(), ["next 3", `job a@2 {"do":"a"} {}`, "update 4 a@2 SUCCEEDED"]);
	rig.wait(ANSWER_TIMEOUT);
	assert.deepEqual(rig.take(), ["update 5 a@2 SUCCEEDED"]);
});

test("Jobs drops an update that is refused for what it says, but for an end, which goes without its details", () => {
	const rig = Rig.working();
	rig.say((job) => job.progress({ "no name": "1" }));
	rig.say((job) => job.progress({ step: "2" }));
	rig.rejected("2", Refusal.REFUSED);
	assert.deepEqual(rig.take(), [`update 2 a@2 IN_PROGRESS {"no name":"1"}`, "error rejected", `update 3 a@2 IN_PROGRESS {"step":"2"}`]);
	rig.rejected("3", Refusal.REFUSED);
	assert.deepEqual(rig.take(), ["error rejected"]);
	// The queue is asked for as if nothing had been.
	rig.notify();
	rig.next("4", record("a"));
	assert.deepEqual(rig.take(), ["next 4"]);
	rig.say((job) => job.fail({ "no name": "1" }));
	rig.rejected("5", Refusal.REFUSED);
	assert.deepEqual(rig.take(), [`update 5 a@2 FAILED {"no name":"1"}`, "error rejected", "update 6 a@2 FAILED"]);
	rig.rejected("6", Refusal.REFUSED);
	assert.deepEqual(rig.take(), ["error rejected"]);
	rig.wait(ANSWER_TIMEOUT);
	rig.accepted("7");
	assert.deepEqual(rig.take(), ["update 7 a@2 FAILED", "finished a FAILED", "next 8"]);
});

test("Jobs asks for the next job again whatever the reason was that it was refused for", () => {
	for (const refusal of Object.values(Refusal)) {
		const rig = new Rig();
		rig.connect();
		rig.rejected("1", refusal);
		rig.wait(ANSWER_TIMEOUT);
		rig.next("2", record("a"));
		assert.deepEqual(rig.take(), ["next 1", "error rejected", "next 2", `job a@2 {"do":"a"} {}`]);
	}
});

test("Jobs lets names of strangers be learned where none are declared", () => {
	const callbacks = { onJob: () => undefined };
	assert.deepEqual([new Jobs(callbacks).names, new Jobs(callbacks).spare], [[], FOREIGN_MAXIMUM]);
	const declared = new Jobs(callbacks, { members: ["on"] });
	assert.deepEqual([declared.names, declared.spare, declared.job], [["on"], 0, undefined]);
	const rig = Rig.working();
	assert.equal(rig.jobs.job, rig.job);
	assert.equal(rig.job.status, "IN_PROGRESS");
});

test("Jobs treats what the port throws as refused", () => {
	const rig = Rig.working();
	rig.failure = new DeviceError("too-large", "too much");
	rig.say((job) => job.progress({ step: "1" }));
	assert.deepEqual(rig.take(), ["error rejected"]);
	rig.failure = undefined;
	rig.say((job) => job.succeed());
	assert.deepEqual(rig.take(), ["update 2 a@2 SUCCEEDED"]);
});

test("Jobs tries again soon where there was no room", () => {
	const rig = new Rig();
	rig.room = false;
	rig.connect();
	rig.wait(RETRY);
	assert.deepEqual(rig.take(), ["no room: next 1", "no room: next 1"]);
	rig.room = true;
	rig.wait(RETRY);
	rig.next("1", record("a"));
	rig.room = false;
	rig.say((job) => job.succeed());
	rig.room = true;
	rig.wait(RETRY);
	rig.accepted("2");
	assert.deepEqual(rig.take(), [
		"next 1", `job a@2 {"do":"a"} {}`, "no room: update 2 a@2 SUCCEEDED", "update 2 a@2 SUCCEEDED", "finished a SUCCEEDED", "next 3",
	]);
});

test("a job may end inside of the call that hands it over", () => {
	const rig = new Rig();
	rig.onJob = (job) => job.succeed();
	rig.connect();
	rig.next("1", record("a"));
	rig.accepted("2");
	assert.deepEqual(rig.take(), ["next 1", `job a@2 {"do":"a"} {}`, "update 2 a@2 SUCCEEDED", "finished a SUCCEEDED", "next 3"]);
});

test("Jobs refuses what is no job, and asks again", () => {
	const wrong: Partial<JobRecord>[] = [{ id: 1 }, { id: undefined }, { number: "1" }, { number: undefined }, { version: 1.5 }];
	for (const more of wrong) {
		const rig = new Rig();
		rig.connect();
		assert.equal(codeOf(() => rig.next("1", record("a", 2, more))), "malformed");
		rig.wait(ANSWER_TIMEOUT);
		assert.deepEqual(rig.take(), ["next 1", "next 2"]);
	}
	const rig = Rig.working();
	rig.say((job) => job.succeed());
	assert.equal(codeOf(() => rig.rejected("2", Refusal.STALE, { status: "IN_PROGRESS", version: undefined })), "malformed");
	rig.wait(ANSWER_TIMEOUT);
	assert.deepEqual(rig.take(), ["update 2 a@2 SUCCEEDED", "update 3 a@2 SUCCEEDED"]);
});
