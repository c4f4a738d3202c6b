// SPDX-License-Identifier: Apache-2.0
/** Shadow: what the cloud desires and the device reports, brought together through everything that can go wrong. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError } from "../../../src/base/error.js";
import type { JSONObject } from "../../../src/shadow/document.js";
import { Shadow, type ShadowPort } from "../../../src/shadow/shadow.js";
import { codeOf } from "../failure.js";
import { ANSWER_TIMEOUT, Refusal } from "../../../src/base/service.js";

const RETRY = 1_000;
const ANSWER_TIMEOUT_MAXIMUM = 320_000;

class Rig {
	now = 1_000;
	lines: string[] = [];
	/** What the port answers. */
	room = true;
	/** What the port throws for the next report. */
	failure: Error | undefined;
	onDelta: ((delta: JSONObject) => void) | undefined;
	readonly shadow: Shadow;
	readonly port: ShadowPort = {
		get: (token) => this.#ask(`get ${token}`),
		update: (token, { reported, desired, version }) => {
			if (this.failure !== undefined) throw this.failure;
			const wish = desired === undefined ? "" : ` desire ${JSON.stringify(desired)} at ${version}`;
			return this.#ask(`report ${token} ${JSON.stringify(reported ?? {})}${wish}`);
		},
	};

	constructor() {
		this.shadow = new Shadow(
			{
				onDelta: (delta, version) => {
					this.lines.push(`delta ${version} ${JSON.stringify(delta)}`);
					this.onDelta?.(delta);
				},
				onSync: (version) => this.lines.push(`sync ${version}`),
				onError: ({ code, detail }) => this.lines.push(`error ${code}${detail === undefined ? "" : ` ${detail}`}`),
			},
		);
	}

	/** A rig that is connected, with a document of version 5 in which all is reported. */
	static synced(): Rig {
		const rig = new Rig();
		rig.connect();
		rig.document("1", 5, {}, {});
		assert.deepEqual(rig.take(), ["get 1", "sync 5"]);
		return rig;
	}

	connect(): void {
		this.shadow.connected(this.port);
		this.turn();
	}

	document(token: string, version: number, desired: unknown, reported: unknown): void {
		this.shadow.document(token, version, desired, reported);
		this.turn();
	}

	delta(version: number, delta: unknown): void {
		this.shadow.delta(version, delta);
		this.turn();
	}

	accepted(token: string, version: number): void {
		this.shadow.accepted(token, version);
		this.turn();
	}

	rejected(token: string, code: number): void {
		const refusal = code === 409 ? Refusal.STALE : code >= 500 ? Refusal.BUSY : Refusal.REFUSED;
		this.shadow.rejected(token, refusal, code, "no", this.now);
		this.turn();
	}

	/** Reports, and lets what is due at once be done. */
	report(patch: JSONObject): void {
		this.shadow.report(patch);
		this.turn();
	}

	/** Does what is due at once. */
	turn(): void {
		while (this.shadow.deadline <= this.now) this.shadow.expire(this.now);
	}

	/** Lets time pass from deadline to deadline. */
	wait(duration: number): void {
		const end = this.now + duration;
		while (this.shadow.deadline <= end) {
			this.now = Math.max(this.now, this.shadow.deadline);
			this.shadow.expire(this.now);
		}
		this.now = end;
	}

	take(): string[] {
		const { lines } = this;
		this.lines = [];
		return lines;
	}

	#ask(line: string): boolean {
		this.lines.push(this.room ? line : `no room: ${line}`);
		return this.room;
	}
}

test("Shadow asks for the document after each connect, and for nothing before", () => {
	const rig = new Rig();
	rig.shadow.expire(rig.now);
	assert.equal(rig.shadow.deadline, Infinity);
	assert.deepEqual(rig.take(), []);
	rig.connect();
	assert.deepEqual(rig.take(), ["get 1"]);
	assert.equal(rig.shadow.version, -1);
	rig.document("1", 3, { on: true }, { on: true });
	assert.deepEqual(rig.take(), ["sync 3"]);
	assert.equal(rig.shadow.version, 3);
	assert.ok(rig.shadow.inSync);
	assert.equal(rig.shadow.deadline, Infinity);
	rig.shadow.disconnected();
	assert.ok(!rig.shadow.inSync);
	rig.connect();
	assert.deepEqual(rig.take(), ["get 2"]);
	rig.document("2", 3, { on: true }, { on: true });
	assert.deepEqual(rig.take(), ["sync 3"]);
});

test("Shadow tells what is desired and not reported, and is in sync once it is reported and accepted", () => {
	const rig = new Rig();
	rig.connect();
	rig.document("1", 3, { on: true, level: 5 }, { on: true, level: 4, extra: 1 });
	assert.deepEqual(rig.take(), ["get 1", `delta 3 {"level":5}`]);
	assert.ok(!rig.shadow.inSync);
	rig.report({ level: 5 });
	assert.deepEqual(rig.take(), [`report 2 {"level":5}`]);
	assert.ok(!rig.shadow.inSync);
	rig.accepted("2", 4);
	assert.deepEqual(rig.take(), ["sync 4"]);
	assert.equal(rig.shadow.version, 4);
});

test("Shadow is not in sync while a part of what is desired is not reported", () => {
	const rig = new Rig();
	rig.connect();
	rig.document("1", 3, { a: 1, b: { c: 1, d: 1 } }, {});
	rig.take();
	rig.report({ a: 1, b: { c: 1 } });
	rig.accepted("2", 4);
	assert.deepEqual(rig.take(), [`report 2 {"a":1,"b":{"c":1}}`]);
	rig.report({ b: { d: 1 } });
	rig.accepted("3", 5);
	assert.deepEqual(rig.take(), [`report 3 {"b":{"d":1}}`, "sync 5"]);
});

test("Shadow gathers the reports of one turn, and sends one at a time", () => {
	const rig = Rig.synced();
	rig.shadow.report({ a: 1 });
	rig.shadow.report({ b: { c: 2 } });
	rig.shadow.report({ b: { c: null, d: 3 } });
	assert.deepEqual(rig.take(), [], "nothing is sent inside the call");
	assert.equal(rig.shadow.deadline, 0);
	rig.shadow.expire(rig.now);
	assert.deepEqual(rig.take(), [`report 2 {"a":1,"b":{"d":3}}`], "what the cloud does not have need not be deleted");
	rig.report({ a: 4 });
	rig.report({ e: 5 });
	assert.deepEqual(rig.take(), []);
	rig.accepted("2", 6);
	assert.deepEqual(rig.take(), [`report 3 {"a":4,"e":5}`]);
	rig.accepted("3", 7);
	assert.deepEqual(rig.take(), ["sync 7"]);
});

test("Shadow copies a report", () => {
	const rig = Rig.synced();
	const patch = { a: { b: 1 }, list: [1] };
	rig.shadow.report(patch);
	patch.a.b = 9;
	patch.list.push(9);
	rig.shadow.expire(rig.now);
	assert.deepEqual(rig.take(), [`report 2 {"a":{"b":1},"list":[1]}`]);
});

test("Shadow refuses a report that is no object, or that could change what objects inherit", () => {
	const rig = Rig.synced();
	for (const patch of [null, 1, "a", [], undefined]) {
		assert.equal(codeOf(() => rig.shadow.report(patch as unknown as JSONObject)), "argument");
	}
	assert.equal(codeOf(() => rig.report(JSON.parse(`{"__proto__":1}`) as JSONObject)), "argument");
	assert.ok(rig.shadow.inSync);
});

test("Shadow keeps reports until it is connected and has the document", () => {
	const rig = new Rig();
	rig.report({ a: 1 });
	assert.equal(rig.shadow.deadline, Infinity);
	rig.connect();
	rig.report({ b: 2 });
	assert.deepEqual(rig.take(), ["get 1"]);
	rig.document("1", 0, {}, {});
	assert.deepEqual(rig.take(), [`report 2 {"a":1,"b":2}`]);
});

test("Shadow does not tell of a delta that the device has settled already", () => {
	const rig = new Rig();
	rig.report({ on: true });
	rig.connect();
	rig.document("1", 3, { on: true, level: 5 }, { on: false });
	assert.deepEqual(rig.take(), ["get 1", `delta 3 {"level":5}`, `report 2 {"on":true}`]);
	rig.delta(4, { on: true, level: 6 });
	assert.deepEqual(rig.take(), [`delta 4 {"level":6}`], "what is under way counts as said");
	rig.report({ level: 6 });
	rig.accepted("2", 5);
	rig.accepted("3", 6);
	assert.deepEqual(rig.take(), [`report 3 {"level":6}`, "sync 6"]);
});

test("Shadow takes reports from inside its callback, and sends them after it", () => {
	const rig = Rig.synced();
	rig.onDelta = (delta) => rig.shadow.report(delta);
	rig.delta(6, { on: true });
	assert.deepEqual(rig.take(), [`delta 6 {"on":true}`, `report 2 {"on":true}`]);
	rig.accepted("2", 7);
	assert.deepEqual(rig.take(), ["sync 7"]);
});

test("Shadow is in sync again when the cloud takes its wish back", () => {
	const rig = Rig.synced();
	rig.delta(6, { on: true });
	assert.ok(!rig.shadow.inSync);
	rig.delta(7, {});
	assert.deepEqual(rig.take(), [`delta 6 {"on":true}`, "get 2"], "deleted, or as reported? The delta does not tell");
	rig.document("2", 7, {}, {});
	assert.deepEqual(rig.take(), ["sync 7"]);
});

test("Shadow applies no delta twice, and none that is older", () => {
	const rig = Rig.synced();
	rig.delta(6, { a: 1 });
	rig.delta(6, { a: 1 });
	rig.delta(5, { a: 2 });
	rig.delta(0, { a: 3 });
	assert.deepEqual(rig.take(), [`delta 6 {"a":1}`]);
	assert.equal(rig.shadow.version, 6);
});

test("Shadow fetches the document when a version is missing", () => {
	const rig = Rig.synced();
	rig.delta(7, { a: 1 });
	assert.deepEqual(rig.take(), ["get 2"]);
	rig.delta(8, { a: 2 });
	assert.deepEqual(rig.take(), [], "the document will hold it");
	rig.document("2", 8, { a: 2, b: 3 }, {});
	assert.deepEqual(rig.take(), [`delta 8 {"a":2,"b":3}`]);
	rig.delta(8, { a: 2 });
	assert.deepEqual(rig.take(), []);
});

test("Shadow fetches the document when a report is accepted with a version missing", () => {
	const rig = Rig.synced();
	rig.report({ a: 1 });
	rig.accepted("2", 7);
	assert.deepEqual(rig.take(), [`report 2 {"a":1}`, "get 3"]);
	rig.document("3", 7, { b: 1 }, { a: 1 });
	assert.deepEqual(rig.take(), [`delta 7 {"b":1}`]);
});

test("Shadow fetches the document after its report when a gap shows while that is under way", () => {
	const rig = Rig.synced();
	rig.report({ a: 1 });
	rig.delta(7, { b: 1 });
	assert.deepEqual(rig.take(), [`report 2 {"a":1}`]);
	rig.accepted("2", 6);
	assert.deepEqual(rig.take(), ["get 3"]);
	rig.document("3", 7, { b: 1 }, { a: 1 });
	assert.deepEqual(rig.take(), [`delta 7 {"b":1}`]);
});

test("Shadow asks again when a document is older than what it had, and then believes it", () => {
	const rig = Rig.synced();
	rig.shadow.disconnected();
	rig.connect();
	assert.equal(codeOf(() => rig.document("2", 1, { a: 7 }, {})), "version");
	assert.equal(rig.shadow.version, 5);
	rig.turn();
	assert.deepEqual(rig.take(), ["get 2", "get 3"]);
	rig.document("3", 0, {}, {});
	assert.equal(rig.shadow.version, 0);
	rig.delta(1, { a: 1 });
	assert.deepEqual(rig.take(), ["sync 0", `delta 1 {"a":1}`]);
	const slow = Rig.synced();
	slow.shadow.disconnected();
	slow.connect();
	assert.equal(codeOf(() => slow.document("2", 4, { a: 7 }, {})), "version");
	slow.turn();
	slow.document("3", 5, {}, {});
	assert.deepEqual(slow.take(), ["get 2", "get 3", "sync 5"]);
});

test("a report under way when the connection is lost is made again, with what came since", () => {
	const rig = Rig.synced();
	rig.report({ a: 1, b: { c: 1 } });
	rig.report({ b: { c: 2 }, d: null });
	rig.shadow.disconnected();
	rig.report({ e: 5 });
	assert.equal(rig.shadow.deadline, Infinity);
	rig.connect();
	rig.document("3", 6, {}, { a: 1, b: { c: 1 }, d: 4 });
	assert.deepEqual(rig.take(), [`report 2 {"a":1,"b":{"c":1}}`, "get 3", `report 4 {"b":{"c":2},"d":null,"e":5}`]);
	rig.accepted("2", 7);
	assert.deepEqual(rig.take(), [], "the answer to the lost one says nothing about this one");
	rig.accepted("4", 7);
	assert.deepEqual(rig.take(), ["sync 7"]);
});

test("after a report that is not answered in time the document tells what became of it", () => {
	for (const arrived of [true, false]) {
		const rig = Rig.synced();
		rig.report({ a: 1 });
		assert.equal(rig.shadow.deadline, rig.now + ANSWER_TIMEOUT);
		rig.wait(ANSWER_TIMEOUT);
		assert.deepEqual(rig.take(), [`report 2 {"a":1}`, "get 3"]);
		rig.accepted("2", 6);
		assert.deepEqual(rig.take(), [], "too late");
		rig.document("3", 6, {}, arrived ? { a: 1 } : {});
		assert.deepEqual(rig.take(), arrived ? ["sync 6"] : [`report 4 {"a":1}`]);
	}
});

test("Shadow asks again for a document that does not come, less and less often", () => {
	const rig = new Rig();
	rig.connect();
	const times: number[] = [];
	let last = rig.now;
	for (let count = 0; count < 8; count++) {
		rig.wait(rig.shadow.deadline - rig.now);
		times.push(rig.now - last);
		last = rig.now;
	}
	assert.deepEqual(times, [1, 2, 4, 8, 16, 32, 32, 32].map((factor) => factor * ANSWER_TIMEOUT));
	assert.equal(times.at(-1), ANSWER_TIMEOUT_MAXIMUM);
	assert.deepEqual(rig.take(), Array.from({ length: 9 }, (_, index) => `get ${index + 1}`));
	rig.document("9", 1, {}, {});
	rig.report({ a: 1 });
	assert.equal(rig.shadow.deadline, rig.now + ANSWER_TIMEOUT, "an answer restores the patience");
});

test("Shadow tries again where there is no room, and loses nothing", () => {
	const rig = new Rig();
	rig.room = false;
	rig.connect();
	assert.equal(rig.shadow.deadline, rig.now + RETRY);
	rig.wait(2 * RETRY);
	rig.room = true;
	rig.wait(RETRY);
	assert.deepEqual(rig.take(), ["no room: get 1", "no room: get 1", "no room: get 1", "get 1"]);
	rig.document("1", 1, {}, {});
	rig.take();
	rig.room = false;
	rig.report({ a: 1 });
	rig.shadow.report({ b: 2 });
	rig.room = true;
	rig.wait(RETRY);
	assert.deepEqual(rig.take(), [`no room: report 2 {"a":1}`, `report 2 {"a":1,"b":2}`]);
	rig.accepted("2", 2);
	assert.deepEqual(rig.take(), ["sync 2"]);
});

test("a report that can never be sent is dropped, and said to be", () => {
	const rig = Rig.synced();
	rig.failure = new DeviceError("too-large", "too large");
	rig.report({ a: "x" });
	assert.deepEqual(rig.take().slice(0, 1), ["error too-large"]);
	rig.failure = undefined;
	rig.report({ b: 1 });
	rig.wait(RETRY);
	assert.ok(rig.take().includes(`report 2 {"b":1}`));
});

test("a conflict fetches the document, then reports again", () => {
	const rig = Rig.synced();
	rig.report({ a: 1 });
	rig.report({ b: 2 });
	rig.rejected("2", 409);
	assert.deepEqual(rig.take(), [`report 2 {"a":1}`], "not at once: a cloud that always says so is not asked without end");
	rig.wait(RETRY);
	assert.deepEqual(rig.take(), ["get 3"]);
	rig.document("3", 9, {}, {});
	assert.deepEqual(rig.take(), [`report 4 {"a":1,"b":2}`]);
	rig.accepted("4", 10);
	assert.deepEqual(rig.take(), ["sync 10"]);
});

test("a refused report is said to be, and not made again", () => {
	const rig = Rig.synced();
	rig.report({ a: 1 });
	rig.report({ b: 2 });
	rig.rejected("2", 413);
	assert.deepEqual(rig.take(), [`report 2 {"a":1}`, "error rejected 413", `report 3 {"b":2}`]);
});

test("a refused document is asked for again, after a while", () => {
	for (const code of [400, 409, 500]) {
		const rig = new Rig();
		rig.connect();
		rig.rejected("1", code);
		assert.deepEqual(rig.take(), ["get 1", `error rejected ${code}`]);
		assert.equal(rig.shadow.deadline, rig.now + ANSWER_TIMEOUT);
		rig.wait(ANSWER_TIMEOUT);
		assert.deepEqual(rig.take(), ["get 2"]);
	}
});

test("an answer to nothing changes nothing", () => {
	const play: readonly [name: string, prepare: (rig: Rig) => void][] = [
		["idle", () => {}],
		["a document under way", (rig) => rig.delta(9, {})],
		["a report under way", (rig) => rig.report({ a: 1 })],
		["not connected", (rig) => rig.shadow.disconnected()],
	];
	for (const [name, prepare] of play) {
		const rig = Rig.synced();
		prepare(rig);
		rig.take();
		const { deadline, inSync, version } = rig.shadow;
		for (const token of ["", "0", "1", "77", "undefined"]) {
			rig.document(token, 20, { x: 1 }, {});
			rig.accepted(token, 20);
			rig.rejected(token, 400);
		}
		assert.deepEqual(rig.take(), [], name);
		assert.deepEqual([rig.shadow.deadline, rig.shadow.inSync, rig.shadow.version], [deadline, inSync, version], name);
	}
});

test("an answer of the wrong kind does not settle a request", () => {
	const rig = Rig.synced();
	rig.report({ a: 1 });
	rig.document("2", 6, { x: 1 }, {});
	assert.deepEqual(rig.take(), [`report 2 {"a":1}`]);
	rig.accepted("2", 6);
	assert.deepEqual(rig.take(), ["sync 6"]);
	rig.delta(9, {});
	rig.accepted("3", 10);
	assert.deepEqual(rig.take(), ["get 3"]);
	rig.document("3", 10, {}, { a: 1 });
	assert.deepEqual(rig.take(), ["sync 10"]);
});

const MALFORMED: readonly [name: string, send: (rig: Rig) => void][] = [
	["a document without version", (rig) => rig.document("2", undefined as never, {}, {})],
	["a document with a version of text", (rig) => rig.document("2", "7" as never, {}, {})],
	["a document with a negative version", (rig) => rig.document("2", -1, {}, {})],
	["a document with half a version", (rig) => rig.document("2", 6.5, {}, {})],
	["a document with a version beyond counting", (rig) => rig.document("2", 2 ** 53, {}, {})],
	["a document with desired null", (rig) => rig.document("2", 7, null, {})],
	["a document with a list for desired", (rig) => rig.document("2", 7, [], {})],
	["a document with text for reported", (rig) => rig.document("2", 7, {}, "x")],
	["a document with __proto__", (rig) => rig.document("2", 7, JSON.parse(`{"__proto__":{}}`), {})],
	["a delta without version", (rig) => rig.delta(undefined as never, {})],
	["a delta with a version that is no number", (rig) => rig.delta(Number.NaN, {})],
	["an acceptance without version", (rig) => rig.accepted("2", undefined as never)],
];

test("what is malformed is thrown as such, changes nothing, and is asked for again", () => {
	for (const [name, send] of MALFORMED) {
		const rig = Rig.synced();
		rig.delta(7, {});
		rig.take();
		assert.equal(codeOf(() => send(rig)), "malformed", name);
		assert.equal(rig.shadow.version, 5, name);
		assert.deepEqual(rig.take(), [], name);
		rig.wait(ANSWER_TIMEOUT);
		assert.deepEqual(rig.take(), ["get 3"], name);
	}
});

test("a malformed delta changes nothing", () => {
	const rig = Rig.synced();
	for (const delta of [undefined, null, [], "x", 1, JSON.parse(`{"__proto__":1}`)]) {
		assert.equal(codeOf(() => rig.delta(6, delta)), "malformed", JSON.stringify(delta));
		assert.equal(rig.shadow.version, 5);
	}
	rig.delta(6, { a: 1 });
	assert.deepEqual(rig.take(), [`delta 6 {"a":1}`]);
});

test("Shadow.expire called early changes nothing", () => {
	const rig = new Rig();
	rig.connect();
	rig.take();
	for (let at = 0; at < ANSWER_TIMEOUT; at += 1000) rig.shadow.expire(rig.now + at);
	assert.deepEqual(rig.take(), []);
});

test("Shadow is not in sync while the cloud refuses a report, and tries again once that has changed", () => {
	const rig = Rig.synced();
	rig.report({ a: 1 });
	rig.rejected("2", 413);
	assert.deepEqual(rig.take(), [`report 2 {"a":1}`, "error rejected 413"]);
	assert.ok(!rig.shadow.inSync);
	rig.report({ b: 1 });
	rig.accepted("3", 6);
	assert.deepEqual(rig.take(), [`report 3 {"b":1}`]);
	rig.report({ a: 2 });
	rig.accepted("4", 7);
	assert.deepEqual(rig.take(), [`report 4 {"a":2}`, "sync 7"]);
	rig.report({ a: 3 });
	rig.rejected("5", 413);
	rig.report({ a: 2 });
	assert.deepEqual(rig.take(), [`report 5 {"a":3}`, "error rejected 413", "sync 7"], "what the cloud has is not refused");
});

test("Shadow tries what was refused once more on the next connection", () => {
	const rig = Rig.synced();
	rig.report({ a: 1 });
	rig.rejected("2", 400);
	rig.shadow.disconnected();
	rig.connect();
	rig.document("3", 5, {}, {});
	assert.deepEqual(rig.take(), [`report 2 {"a":1}`, "error rejected 400", "get 3", `report 4 {"a":1}`]);
});

test("Shadow.report leaves nothing of a patch that it refuses", () => {
	const rig = Rig.synced();
	const endless: JSONObject = { a: 1 };
	endless["b"] = endless;
	const hidden = JSON.parse(`{"a":1,"b":{"__proto__":1}}`) as JSONObject;
	for (const patch of [endless, hidden]) assert.equal(codeOf(() => rig.shadow.report(patch)), "argument");
	rig.report({ c: 1 });
	assert.deepEqual(rig.take(), [`report 2 {"c":1}`]);
});

test("Shadow.report refuses what JSON cannot say: the cloud would never have it", () => {
	const rig = Rig.synced();
	for (const value of [Number.NaN, Infinity, undefined, () => 1, 1n, Symbol("a")]) {
		for (const patch of [{ a: value }, { a: { b: value } }, { a: [value] }, { a: [{ b: [value] }] }]) {
			assert.equal(codeOf(() => rig.shadow.report(patch as unknown as JSONObject)), "argument", String(value));
		}
	}
	const endless: JSONObject[] = [];
	endless.push({ endless: endless as never });
	for (const list of [endless, [, 1], JSON.parse(`[{"__proto__":1}]`)]) {
		assert.equal(codeOf(() => rig.shadow.report({ a: list as never })), "argument");
	}
	rig.report({ a: [] });
	assert.deepEqual(rig.take(), [`report 2 {"a":[]}`]);
});

test("Shadow.report takes constants, and copies what is in an array", () => {
	const rig = Rig.synced();
	const inner = { b: [1, { c: null }] };
	rig.report({ a: Object.freeze([Object.freeze([1]), inner]) as never });
	inner.b.push(2);
	assert.deepEqual(rig.take(), [`report 2 {"a":[[1],{"b":[1,{"c":null}]}]}`]);
	assert.deepEqual(rig.shadow.reported, { a: [[1], { b: [1, { c: null }] }] });
});
