// SPDX-License-Identifier: Apache-2.0
/** Golioth's settings as a shadow: what is set, what the device goes by, and what the cloud is told of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeCBOR } from "../../../src/cbor/encode.js";
import type { CBORValue } from "../../../src/cbor/value.js";
import { Code } from "../../../src/coap/constants.js";
import { boolean, model, number, string, type Model } from "../../../src/shadow/model.js";
import { Shadow } from "../../../src/shadow/shadow.js";
import type { JSONObject } from "../../../src/shadow/document.js";
import vectors from "../../vectors/golioth.json" with { type: "json" };
import { toHex } from "../hex.js";
import { text } from "../text.js";
import { GoliothRig } from "./golioth-rig.js";

const VERSION = 1_700_000_000;
const cbor = (value: CBORValue) => toHex(encodeCBOR(text, value));
const status = (version: number, errors?: Record<string, number>) => {
	const list = Object.entries(errors ?? {}).map(([key, code]) => ({ setting_key: key, error_code: code }));
	return `POST .c/status 60 ${cbor(errors === undefined ? { version } : { errors: list, version })}`;
};

class Rig extends GoliothRig {
	readonly shadow: Shadow;

	constructor(shape?: Model) {
		super();
		this.shadow = new Shadow({
			onDelta: (delta) => {
				this.lines.push(`delta ${JSON.stringify(delta)}`);
			},
			onSync: () => this.lines.push("sync"),
			onError: ({ code, message }) => this.lines.push(`error ${code}: ${message}`),
		}, { model: shape });
		this.services.push(this.shadow);
		this.connection.addShadow("settings", this.shadow);
	}

	/** Connected, with what is set. */
	begin(hex: string): void {
		this.accept();
		this.take();
		this.notify(".c", hex);
		this.answer(Code.CONTENT, hex);
	}

	report(patch: JSONObject): void {
		this.shadow.report(patch);
		this.run();
	}
}

test("GoliothSettings: what is set is told, and its version confirmed when it is in force", () => {
	const rig = new Rig(model({ LOOP_S: number() }));
	rig.accept();
	assert.deepEqual(rig.take().slice(1), ["OBSERVE .c as 60", "ready", "GET .c as 60"]);
	rig.notify(".c", vectors.rpcEstablished);
	rig.answer(Code.CONTENT, vectors.settings);
	assert.deepEqual(rig.take(), [`delta {"LOOP_S":10}`]);
	rig.report({ LOOP_S: 10 });
	assert.deepEqual(rig.take(), [status(VERSION)]);
	rig.answer(Code.CHANGED);
	assert.deepEqual(rig.take(), ["sync"]);
	rig.notify(".c", vectors.settings);
	assert.deepEqual(rig.take(), [], "the same once more");
	rig.notify(".c", cbor({ settings: { LOOP_S: 10 }, version: VERSION + 1 }));
	assert.deepEqual(rig.take().filter((line) => line !== "sync"), [status(VERSION + 1)], "nothing to change, but a version to confirm");
});

test("GoliothSettings: an error for each that is not in force, and the version all the same", () => {
	const rig = new Rig(model({ LOOP_S: number(), NAME: string(), ON: boolean() }));
	rig.begin(cbor({ settings: { LOOP_S: 1_000, NAME: "x", ON: 1, WHAT: 5 }, version: 7 }));
	assert.deepEqual(rig.take(), [`error malformed: shadow's ON is of another type`, `delta {"LOOP_S":1000,"NAME":"x"}`]);
	rig.report({ LOOP_S: 60, NAME: "y", ON: false });
	assert.deepEqual(rig.take(), [status(7, { WHAT: 1, LOOP_S: 4, NAME: 6, ON: 3 })]);
	rig.answer(Code.CHANGED);
	rig.take();
	rig.report({ LOOP_S: 1_000, NAME: "x" });
	assert.deepEqual(rig.take(), [status(7, { WHAT: 1, ON: 3 })]);
});

test("GoliothSettings: none at all, and again on each connection", () => {
	const rig = new Rig();
	for (let connection = 0; connection < 2; connection++) {
		rig.begin(cbor({ settings: null, version: 3 }));
		assert.deepEqual(rig.take(), [status(3), "sync"]);
		rig.lose();
		rig.take();
	}
	rig.report({ LOOP_S: 10 });
	rig.begin(vectors.settings);
	assert.deepEqual(rig.take(), [status(VERSION)], "in force from before");
});

test("GoliothSettings: what is set no more is noticed, and what cannot be read is an error", () => {
	const rig = new Rig();
	rig.begin(cbor({ settings: { A: 1, B: 2 }, version: 1 }));
	rig.report({ A: 1, B: 2 });
	rig.answer(Code.CHANGED);
	rig.take();
	rig.notify(".c", cbor({ settings: { A: 1 }, version: 2 }));
	assert.ok(rig.take().includes("GET .c as 60"));
	for (const hex of ["a1", "a16873657474696e6773a101", "a16776657273696f6e6161"]) rig.notify(".c", hex);
	assert.deepEqual(rig.take().map((line) => line.slice(0, 15)), ["fault malformed", "fault malformed", "fault malformed"]);
});
