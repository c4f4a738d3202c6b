// SPDX-License-Identifier: Apache-2.0
/** Jobs of the private cloud, as a device sees them and as an operator does. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { JobService } from "../../hosts/simulator/services/jobs.js";
import { MannersBook } from "../../hosts/simulator/services/manners.js";
import { Wire } from "./wire.js";

const MINUTE = 60_000;

function setup() {
	const clock = { wall: 1_700_000_000_000 };
	const wire = new Wire(), manners = new MannersBook(() => {});
	const jobs = new JobService({ wall: () => clock.wall, manners });
	manners.watch(wire);
	jobs.attach(wire);
	return { clock, wire, jobs };
}

suite("Private cloud: jobs", () => {
	test("a job from its hint to its end", () => {
		const { wire, jobs } = setup();
		assert.deepEqual(wire.send("lamp/jobs/next", { token: "a" }), ['lamp/jobs/job {"token":"a"}']);
		jobs.create({ id: "reboot-1", document: { operation: "reboot" }, devices: ["lamp"] });
		assert.deepEqual(wire.take(), ['lamp/jobs/job {"job":{"id":"reboot-1","number":1,"version":1,"status":"QUEUED"}}']);
		assert.deepEqual(wire.send("lamp/jobs/next", { token: "b" }), [
			'lamp/jobs/job {"token":"b","job":{"id":"reboot-1","number":1,"version":2,"status":"IN_PROGRESS","document":{"operation":"reboot"}}}',
		]);
		const update = { token: "c", id: "reboot-1", number: 1, version: 2, status: "IN_PROGRESS", details: { step: "1" } };
		assert.deepEqual(wire.send("lamp/jobs/update", update), ['lamp/jobs/accepted {"token":"c"}']);
		assert.deepEqual(wire.send("lamp/jobs/next", { token: "d" }), [
			'lamp/jobs/job {"token":"d","job":{"id":"reboot-1","number":1,"version":3,"status":"IN_PROGRESS","details":{"step":"1"},"document":{"operation":"reboot"}}}',
		]);
		assert.deepEqual(wire.send("lamp/jobs/update", { ...update, token: "e", version: 3, status: "SUCCEEDED" }).sort(), ['lamp/jobs/accepted {"token":"e"}', "lamp/jobs/job {}"]);
		assert.deepEqual(jobs.list("lamp").map(({ id, status }) => `${id} ${status}`), ["reboot-1 SUCCEEDED"]);
		assert.equal(jobs.get("lamp", "reboot-1")?.version, 4);
	});

	test("refusals have a number, and say how the job stands", () => {
		const { wire, jobs } = setup();
		jobs.create({ id: "one", document: {}, devices: ["lamp"] });
		wire.send("lamp/jobs/next", { token: "a" });
		const update = { token: "t", id: "one", number: 1, version: 2, status: "SUCCEEDED" };
		const refused: readonly [message: object | string, code: number, job: string][] = [
			["{", 400, ""], ["[]", 400, ""], [{ ...update, token: 1 }, 400, ""], [{ ...update, id: 7 }, 400, ""], [{ ...update, id: "a/b" }, 400, ""],
			[{ ...update, status: "DONE" }, 400, ""], [{ ...update, version: "2" }, 400, ""], [{ ...update, details: { a: 1 } }, 400, ""],
			[{ ...update, stepTimeoutMinutes: 0 }, 400, ""], [{ ...update, id: "two" }, 404, ""], [{ ...update, number: 2 }, 404, ""],
			[{ ...update, version: 1 }, 409, ',"job":{"status":"IN_PROGRESS","version":2}'], ["x".repeat(40_000), 413, ""],
		];
		for (const [message, code, job] of refused) {
			const [line = "", ...more] = wire.send("lamp/jobs/update", message);
			assert.match(line, new RegExp(`^lamp/jobs/rejected \\{("token":"t",)?"code":${code},"message":"[^"]+"`), JSON.stringify(message).slice(0, 80));
			assert.ok(line.includes(job) && more.length === 0, line);
		}
		wire.send("lamp/jobs/update", update);
		assert.match(wire.send("lamp/jobs/update", update)[0]!, /"code":409,.*"job":\{"status":"SUCCEEDED","version":3\}\}$/);
		assert.deepEqual(wire.send("lamp/jobs/next", { token: "x" }, { retain: true }), []);
		assert.deepEqual(wire.send("$x/jobs/next", { token: "x" }), []);
	});

	test("what takes too long times out, and is tried again where the operator said so", () => {
		const { clock, wire, jobs } = setup();
		let due = 0;
		jobs.onDue = () => { due++; };
		jobs.create({ id: "slow", document: {}, devices: ["lamp"], timeoutMinutes: 10, retry: { timedOut: 1 } });
		assert.equal(jobs.deadline, Infinity);
		wire.send("lamp/jobs/next", { token: "a" });
		assert.deepEqual([jobs.deadline, due], [0, 2]);
		jobs.expire(5_000);
		assert.equal(jobs.deadline, 5_000 + 10 * MINUTE);
		clock.wall += 10 * MINUTE;
		jobs.expire(5_000 + 10 * MINUTE);
		assert.deepEqual(jobs.list("lamp").map(({ number, status }) => [number, status]), [[1, "TIMED_OUT"], [2, "QUEUED"]]);
		assert.deepEqual(wire.take(), ['lamp/jobs/job {"job":{"id":"slow","number":2,"version":1,"status":"QUEUED"}}']);
	});

	test("an operator cancels and removes", () => {
		const { wire, jobs } = setup();
		jobs.create({ id: "one", document: {}, devices: ["lamp", "other"] });
		wire.send("lamp/jobs/next", { token: "a" });
		jobs.cancel("one");
		assert.deepEqual([jobs.get("lamp", "one")?.status, jobs.get("other", "one")?.status], ["IN_PROGRESS", "CANCELED"]);
		assert.throws(() => jobs.cancel("one", { device: "lamp" }), { code: "state" });
		jobs.cancel("one", { device: "lamp", force: true });
		assert.equal(jobs.get("lamp", "one")?.status, "CANCELED");
		jobs.remove("one");
		assert.deepEqual([jobs.list("lamp"), jobs.get("lamp", "one")], [[], undefined]);
		assert.throws(() => jobs.create({ id: "one", document: {}, devices: ["a/b"] }), { code: "argument" });
	});

	test("a device that wants CBOR gets it", () => {
		const { wire, jobs } = setup();
		wire.send("lamp/status", { online: true, format: "cbor" });
		jobs.create({ id: "one", document: { level: 1.5 }, devices: ["lamp"] });
		assert.match(wire.take()[0]!, /^lamp\/jobs\/job \(cbor\) /);
		assert.match(wire.send("lamp/jobs/next", { token: "a" }, { format: "cbor" })[0]!, /^lamp\/jobs\/job \(cbor\) .*"document":\{"level":1.5\}/);
	});
});
