// SPDX-License-Identifier: Apache-2.0
/** A shadow in Golioth's tree of values: what is read, what is written where, and versions that are the device's own. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Code } from "../../../src/coap/constants.js";
import type { GoliothOptions } from "../../../src/clouds/golioth/index.js";
import { boolean, model, number, type Model } from "../../../src/shadow/model.js";
import { Shadow } from "../../../src/shadow/shadow.js";
import type { JSONObject } from "../../../src/shadow/document.js";
import { codeOf } from "../failure.js";
import { GoliothRig } from "./golioth-rig.js";

const CBOR_NULL = "f6";
const EMPTY = "a0";

class Rig extends GoliothRig {
	readonly shadow: Shadow;

	constructor({ cloud = { format: "json" }, name = "", shape }: { cloud?: GoliothOptions; name?: string; shape?: Model } = {}) {
		super({ cloud });
		this.shadow = new Shadow({
			onDelta: (delta, version) => this.lines.push(`delta ${JSON.stringify(delta)} at ${version}`),
			onSync: (version) => this.lines.push(`sync at ${version}`),
			onError: ({ code, message }) => this.lines.push(`error ${code}: ${message}`),
		}, { model: shape });
		this.services.push(this.shadow);
		this.connection.addShadow(name, this.shadow);
	}

	/** In sync with what is given. */
	static synced(desired: object, reported: object, shape?: Model): Rig {
		const rig = new Rig({ shape: shape! });
		rig.accept();
		rig.notify(".d/desired", desired);
		rig.answer(Code.CONTENT, reported);
		rig.take();
		return rig;
	}

	report(patch: JSONObject): void {
		this.shadow.report(patch);
		this.run();
	}
}

test("GoliothShadow: what is desired is observed, and what is reported asked for", () => {
	const rig = new Rig();
	rig.accept();
	assert.deepEqual(rig.take().slice(1), ["OBSERVE .d/desired as 50", "ready", "GET .d/reported as 50"]);
	rig.notify(".d/desired", { on: true });
	assert.deepEqual(rig.take(), [], "the document is under way");
	rig.answer(Code.CONTENT, { on: false, brightness: 3 });
	assert.deepEqual(rig.take(), [`delta {"on":true} at 0`]);
	rig.report({ on: true });
	assert.deepEqual(rig.take(), [`POST .d/reported/on 50 true`]);
	rig.answer(Code.CHANGED);
	assert.deepEqual(rig.take(), ["sync at 1"]);
});

test("GoliothShadow: without anything there, in each of the ways to say so", () => {
	for (const nothing of [CBOR_NULL, "", EMPTY, "6e756c6c"]) {
		const rig = new Rig();
		rig.accept();
		rig.take();
		rig.answer(Code.NOT_FOUND);
		assert.deepEqual(rig.take(), ["GET .d/desired as 50"], "the observation has said nothing yet");
		rig.answer(Code.CONTENT, nothing);
		assert.deepEqual(rig.take(), ["sync at 0"]);
		rig.notify(".d/desired", nothing);
		rig.report({ on: false, color: "red" });
		assert.deepEqual(rig.take(), [`POST .d/reported 50 {"on":false,"color":"red"}`]);
	}
});

test("GoliothShadow: a change is told once, however often it is said", () => {
	const rig = Rig.synced({ on: true }, { on: true });
	rig.notify(".d/desired", { on: false });
	assert.deepEqual(rig.take(), [`delta {"on":false} at 1`]);
	rig.notify(".d/desired", { on: false });
	assert.deepEqual(rig.take(), []);
	rig.lose();
	rig.take();
	rig.accept();
	rig.notify(".d/desired", { on: false });
	rig.answer(Code.CONTENT, { on: true });
	assert.deepEqual(rig.take().slice(1), ["OBSERVE .d/desired as 50", "ready", "GET .d/reported as 50"]);
});

test("GoliothShadow: what is desired no more is noticed", () => {
	const rig = Rig.synced({ on: true, brightness: 5 }, { on: true, brightness: 5 });
	rig.notify(".d/desired", { on: true });
	assert.deepEqual(rig.take(), ["GET .d/reported as 50"]);
	rig.answer(Code.CONTENT, { on: true, brightness: 5 });
	assert.deepEqual(rig.take(), ["sync at 1"]);
	rig.report({ brightness: 6 });
	assert.deepEqual(rig.take(), ["POST .d/reported/brightness 50 6"]);
	rig.answer(Code.CHANGED);
	assert.deepEqual(rig.take(), ["sync at 2"], "nobody desires another");
});

test("GoliothShadow: one member goes to its own path, several go with all the others, what is deleted is deleted", () => {
	const rig = Rig.synced({}, { a: 1, b: { c: 1, d: 2 }, e: 3 });
	rig.report({ b: { c: 5 } });
	assert.deepEqual(rig.take(), [`POST .d/reported/b 50 {"c":5,"d":2}`]);
	rig.answer(Code.CHANGED);
	rig.take();
	rig.report({ a: 2, e: null, b: { d: null } });
	assert.deepEqual(rig.take(), [`POST .d/reported 50 {"a":2,"b":{"c":5}}`]);
	rig.answer(Code.CHANGED);
	assert.deepEqual(rig.take(), ["DELETE .d/reported/b/d"]);
	rig.answer(Code.DELETED);
	assert.deepEqual(rig.take(), ["DELETE .d/reported/e"]);
	rig.answer(Code.DELETED);
	assert.deepEqual(rig.take(), ["sync at 2"]);
	rig.report({ "x/y": 1 });
	assert.deepEqual(rig.take(), [`POST .d/reported 50 {"a":2,"b":{"c":5},"x/y":1}`]);
	rig.answer(Code.CHANGED);
	rig.report({ "x/y": null });
	assert.deepEqual(rig.take(), ["sync at 3", `error unsupported: "x/y" cannot be part of a path`]);
});

test("GoliothShadow: a field with a rule is desired first, and then reported", () => {
	const rig = Rig.synced({ on: true }, { on: true }, model({ on: boolean({ merge: "device" }), watts: number() }));
	rig.report({ on: false });
	assert.deepEqual(rig.take(), ["POST .d/desired/on 50 false"]);
	rig.notify(".d/desired", { on: false });
	rig.answer(Code.CHANGED);
	assert.deepEqual(rig.take(), ["POST .d/reported/on 50 false"]);
	rig.answer(Code.CHANGED);
	// What came meanwhile may have been somebody else's.
	assert.deepEqual(rig.take(), ["GET .d/reported as 50"]);
	rig.answer(Code.CONTENT, { on: false });
	assert.equal(rig.take().at(-1)!.startsWith("sync at "), true);
});

test("GoliothShadow: refusals are told, or tried again later where the cloud was busy", () => {
	const rig = Rig.synced({}, {});
	rig.report({ a: 1 });
	rig.take();
	rig.answer(Code.REQUEST_ENTITY_TOO_LARGE);
	assert.deepEqual(rig.take(), ["error rejected: shadow refused: 4.13"]);
	rig.report({ b: 1 });
	assert.deepEqual(rig.take(), ["POST .d/reported/b 50 1"]);
	rig.answer(Code.SERVICE_UNAVAILABLE);
	assert.deepEqual(rig.take(), ["error rejected: shadow refused: 5.03"]);
	rig.host.advance(10_000);
	assert.deepEqual(rig.take(), ["POST .d/reported/b 50 1"]);
	rig.answer(Code.CHANGED);
	rig.take();
	rig.report({ huge: "x".repeat(9_000) });
	assert.deepEqual(rig.take().length, 1);
});

test("GoliothShadow: what is no object, or nobody can read, is an error, and no more", () => {
	const rig = Rig.synced({ on: true }, { on: true });
	for (const hex of ["01", "ff", "a1", "22"]) rig.notify(".d/desired", hex);
	const lines = rig.take();
	assert.equal(lines.length, 4);
	for (const line of lines) assert.match(line, /^fault (malformed|too-large)/);
});

test("GoliothShadow: other names of the parts, other shadows beside the device's own, and CBOR", () => {
	const rig = new Rig({ cloud: { desired: "want", reported: "is" }, name: "pump" });
	rig.accept();
	assert.deepEqual(rig.take().slice(1), ["OBSERVE .d/pump/want as 60", "ready", "GET .d/pump/is as 60"]);
	// {"on":true}
	rig.notify(".d/pump/want", "a1626f6ef5");
	// {"c":8}: as long as null is in JSON.
	rig.answer(Code.CONTENT, "a1616308");
	assert.deepEqual(rig.shadow.reported, { c: 8 });
	rig.report({ on: true });
	assert.equal(rig.take().at(-1), "POST .d/pump/is/on 60 f5");
	for (const name of ["want", "is", "a/b", "x".repeat(33)]) assert.equal(codeOf(() => rig.connection.addShadow(name, rig.shadow)), "argument");
});
