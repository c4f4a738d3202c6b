// SPDX-License-Identifier: Apache-2.0
/** A shadow whose messages come late, in another order or not at all, step by step. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JSONObject } from "../../../src/bytes/value.js";
import { DeviceError } from "../../../src/base/error.js";
import { model, number } from "../../../src/shadow/model.js";
import type { ShadowUpdate } from "../../../src/shadow/shadow.js";
import { codeOf } from "../failure.js";
import { Alone } from "./alone.js";
import { Pair } from "./pair.js";
import { Refusal } from "../../../src/base/service.js";

test("a delta that overtakes the document is not lost", () => {
	// The document is asked for, and read by the cloud at version 9; then something else is desired.
	const rig = new Alone();
	assert.deepEqual(rig.delta(9, { a: 1 }), ["get"]);
	assert.deepEqual(rig.delta(10, { a: 2 }), []);
	assert.deepEqual(rig.document(9, { a: 1 }, {}), ["get"]);
	assert.deepEqual(rig.document(10, { a: 2 }, {}), [`delta 10 {"a":2}`]);
});

test("a delta of long ago that is newer than all documents asks once, not for ever", () => {
	const rig = new Alone();
	rig.delta(8, { a: 1 });
	assert.deepEqual(rig.delta(90, { a: 1 }), []);
	assert.deepEqual(rig.document(7, {}, {}), ["get"]);
	assert.deepEqual(rig.document(7, {}, {}), ["sync 7"]);
});

test("a wish that is taken back is no wish for what was reported", () => {
	const rig = new Alone(undefined, { a: 1, b: 1 }, { a: 0, b: 0 });
	// The application deletes a; what is left of the difference is b.
	assert.deepEqual(rig.delta(6, { b: 1 }), ["get"]);
	assert.deepEqual(rig.document(6, { b: 1 }, { a: 0, b: 0 }), []);
	assert.deepEqual(rig.report({ a: 5 }), [`update {"reported":{"a":5}}`]);
	assert.deepEqual(rig.accepted(7), [], "nobody wants 0 again");
});

test("a delta that lacks what is being reported asks for nothing", () => {
	const rig = new Alone(undefined, { a: 1, b: 1 }, {});
	rig.report({ a: 1 });
	assert.deepEqual(rig.delta(6, { b: 1 }), []);
	assert.deepEqual(rig.accepted(6), []);
	assert.deepEqual(rig.report({ b: 1 }), [`update {"reported":{"b":1}}`]);
	assert.deepEqual(rig.accepted(7), ["sync 7"]);
});

test("while an update fits one version alone, deltas wait for its answer", () => {
	const rig = new Alone("sum", { n: 5, x: 1 }, { n: 5 });
	assert.deepEqual(rig.report({ n: 7 }), [`update {"reported":{"n":7},"desired":{"n":7},"version":5}`]);
	// The update arrived as version 6, x still differs, and the application counted one more: both deltas overtake the answer.
	assert.deepEqual(rig.delta(6, { x: 1 }), []);
	assert.deepEqual(rig.delta(7, { n: 8, x: 1 }), []);
	assert.deepEqual(rig.accepted(6), ["get"]);
	assert.deepEqual(rig.document(7, { n: 8, x: 1 }, { n: 7 }), [`delta 7 {"n":8}`, `update {"reported":{"n":8},"version":7}`]);
});

test("an update's own delta, before its answer, costs no document", () => {
	const rig = new Alone("device", { n: 5, x: 1 }, { n: 5 });
	rig.report({ n: 7 });
	assert.deepEqual(rig.delta(6, { x: 1 }), []);
	assert.deepEqual(rig.accepted(6), []);
	assert.deepEqual(rig.report({ x: 1 }), [`update {"reported":{"x":1}}`]);
});

test("a delta that waited is fetched when the update is refused", () => {
	const rig = new Alone("device", { n: 5 }, { n: 5 });
	rig.report({ n: 7 });
	rig.delta(6, { x: 1 });
	assert.deepEqual(rig.turn((shadow) => shadow.rejected(rig.token, Refusal.REFUSED, 400, "no", rig.now)), ["error rejected", "get"]);
});

test("what no delta tells is asked for before a field with a rule builds on it", () => {
	for (const rule of ["sum", "device", "maximum"] as const) {
		const rig = new Alone(rule, { x: 1 }, { n: 1 });
		// The application desires of n what is reported, too: the delta tells of x alone, as the one before.
		assert.deepEqual(rig.delta(6, { x: 1 }), []);
		assert.deepEqual(rig.report({ n: 4 }), ["get"]);
		assert.deepEqual(rig.document(6, { x: 1, n: 1 }, { n: 1 }), [`update {"reported":{"n":4},"desired":{"n":4},"version":6}`]);
	}
	const rig = new Alone("device", {}, { n: 1 });
	rig.delta(6, { n: 4 });
	assert.deepEqual(rig.report({ n: 4 }), [`update {"reported":{"n":4},"version":6}`], "what the delta tells is known");
});

test("a counter is not added twice, whatever is lost of request and answer, and whenever the power fails", () => {
	for (const [device, cloud] of [[2, 3], [2, -2], [-2, 1], [1, -3]] as const) {
		for (let step = 0; step < 32; step++) {
			const pair = new Pair({ model: model({ n: number({ merge: "sum" }) }) });
			pair.connect().desire({ n: 10 });
			pair.disconnect();
			pair.report({ n: 10 + device });
			pair.desire({ n: 10 + cloud });
			let expected = 10 + device + cloud;
			for (let bit = 1; bit < 32; bit <<= 1) {
				pair.losesAnswers = (step & bit) !== 0;
				pair.connect();
				if ((step & bit) !== 0 && bit % 3 === 1) {
					pair.report({ n: (pair.shadow.reported["n"] as number) + 1 });
					expected++;
				}
				if ((step & (bit << 1)) !== 0) pair.boot();
				else pair.disconnect();
			}
			pair.losesAnswers = false;
			pair.connect().wait(100_000);
			assert.deepEqual([pair.shadow.reported["n"], pair.cloud.desired["n"], pair.cloud.reported["n"]], [expected, expected, expected], `${device} ${cloud} ${step}`);
		}
	}
});

test("a settled count does not come back with a reset", () => {
	const pair = new Pair({ model: model({ n: number({ merge: "sum" }) }) });
	pair.connect().desire({ n: 5 });
	pair.desire({ n: 4 });
	pair.report({ n: 5 });
	// What was reported is again what it was when the cloud's 4 was counted.
	pair.boot();
	pair.connect();
	assert.deepEqual([pair.shadow.reported, pair.cloud.desired], [{ n: 5 }, { n: 5 }]);
});

test("a wish that the program follows is not set against a later one", () => {
	for (const rule of ["device", "maximum", "last"] as const) {
		const pair = new Pair({ model: model({ n: number({ merge: rule }) }) });
		pair.connect().desire({ n: 5 });
		pair.losesRequests = true;
		// As when a slider is dragged: the device takes over 7, and cannot say so before 6 is desired.
		pair.desire({ n: 7 });
		pair.desire({ n: 6 });
		pair.losesRequests = false;
		pair.disconnect();
		pair.wall! += 10_000;
		pair.connect();
		assert.deepEqual([pair.shadow.reported, pair.cloud.desired, pair.cloud.reported], [{ n: 6 }, { n: 6 }, { n: 6 }], rule);
	}
});

test("what a report holds is what was sent, whatever the program reports while it is under way", () => {
	const rig = new Alone(undefined, {}, { a: 5 });
	assert.deepEqual(rig.report({ a: { b: 1 } }), [`update {"reported":{"a":{"b":1}}}`]);
	rig.report({ a: { b: 2 } });
	assert.deepEqual(rig.updates, [{ reported: { a: { b: 1 } }, desired: undefined, version: undefined }]);
	assert.deepEqual(rig.accepted(6), [`update {"reported":{"a":{"b":2}}}`]);
});

test("what the program was told does not change under it", () => {
	const rig = new Alone(undefined, {}, { a: 5 });
	rig.delta(6, { a: { b: 1 } });
	assert.deepEqual(rig.delta(7, { a: { b: 2 } }), [`delta 7 {"a":{"b":2}}`]);
	assert.deepEqual(rig.told, [{ a: { b: 1 } }, { a: { b: 2 } }]);
});

test("what the program took over and changed again before anybody looked, it is told again", () => {
	const rig = new Alone(undefined, {}, {});
	rig.delta(6, { a: 1 });
	rig.shadow.report({ a: 1 });
	assert.deepEqual(rig.report({ a: 0 }), [`delta 6 {"a":1}`, `update {"reported":{"a":0}}`]);
	rig.accepted(7);
	assert.deepEqual(rig.report({ a: 2 }), [`update {"reported":{"a":2}}`], "on its way there, it is not told at each step");
});

test("where there is no document one is made before a version can name it", () => {
	const pair = new Pair({ model: model({ n: number({ merge: "sum" }), x: number() }) });
	pair.report({ n: 2, x: 1 }).connect();
	assert.deepEqual(pair.take(), ["get", `update {"reported":{}}`, `update {"reported":{"n":2,"x":1},"version":1}`, "sync 2"]);
	const plain = new Pair({ model: model({ x: number() }) });
	plain.report({ x: 1 }).connect();
	assert.deepEqual(plain.take(), ["get", `update {"reported":{"x":1}}`, "sync 1"]);
});

test("a cloud that refuses even an empty document is not asked without end", () => {
	const rig = new Alone("sum", {}, {});
	rig.shadow.deleted();
	rig.turn(() => {});
	rig.turn((shadow) => shadow.rejected(rig.token, Refusal.GONE, 404, "none", rig.now));
	assert.deepEqual(rig.report({ n: 1 }), [`update {"reported":{}}`]);
	assert.deepEqual(rig.turn((shadow) => shadow.rejected(rig.token, Refusal.REFUSED, 400, "no", rig.now)), ["error rejected"]);
	assert.ok(rig.shadow.deadline > rig.now && rig.shadow.deadline < Infinity);
	rig.failure = () => new DeviceError("too-large", "full");
	rig.now = rig.shadow.deadline;
	assert.deepEqual(rig.turn(() => {}), ["error too-large"]);
});

test("a member that the cloud refuses, or that cannot be sent, holds up no other", () => {
	const bad = ({ reported = {} }: ShadowUpdate): boolean => Object.hasOwn(reported, "bad");
	for (const thrown of [true, false]) {
		const rig = new Alone();
		if (thrown) rig.failure = (update) => bad(update) ? new DeviceError("too-large", "too large") : undefined;
		let lines = rig.report({ a: 1, b: 2, bad: 3, c: 4, d: 5 });
		const reported: JSONObject = {};
		for (let version = 6, count = 0; rig.updates.length > 0; count++) {
			assert.ok(count < 20);
			const update = rig.updates.splice(0)[0]!;
			if (bad(update)) {
				lines.push(...rig.turn((shadow) => shadow.rejected(rig.token, Refusal.REFUSED, 413, "no", rig.now)));
			} else {
				Object.assign(reported, update.reported);
				lines.push(...rig.accepted(version++));
			}
		}
		assert.deepEqual(reported, { a: 1, b: 2, c: 4, d: 5 });
		lines = lines.filter((line) => line.startsWith("error"));
		assert.deepEqual(lines, [thrown ? "error too-large" : "error rejected"]);
		assert.ok(!rig.shadow.inSync);
	}
});

test("metadata that is malformed changes nothing", () => {
	const rig = new Alone("last", {}, {});
	const metadata = JSON.parse(`{"n":{"__proto__":{"timestamp":1}}}`) as JSONObject;
	assert.equal(codeOf(() => rig.shadow.delta(6, { n: 1 }, metadata)), "malformed");
	assert.equal(rig.shadow.version, 5);
	assert.deepEqual(rig.turn((shadow) => shadow.delta(6, { n: 1 }, { n: { timestamp: 1 } })), [`delta 6 {"n":1}`]);
});

test("a deleted document's counters begin anew, and what the device is goes into the next one", () => {
	const pair = new Pair({ model: model({ n: number({ merge: "sum" }) }) });
	pair.connect().desire({ n: 3 }).report({ n: 4 });
	pair.cloud.exists = false;
	pair.cloud.desired = {};
	pair.cloud.reported = {};
	pair.cloud.version = 0;
	pair.take();
	pair.shadow.deleted();
	pair.turn();
	assert.deepEqual(pair.cloud.reported, { n: 4 });
	assert.ok(pair.shadow.inSync);
});
