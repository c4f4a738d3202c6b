// SPDX-License-Identifier: Apache-2.0
/** MQTT 5: authentication in steps, when connecting and anew. Statement numbers are those of MQTT 5. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Authentication } from "../../../src/mqtt/session.js";
import { fromHex, toHex } from "../hex.js";
import { auth5, binary5, connack5, connect5, CONNECT_PROPERTIES, disconnect5, publish5, puback5, subscribe5, text5 } from "../wire5.js";
import { Bench } from "./bench.js";
import { assertEnds, open5 } from "./v5.js";

const METHOD = text5(21, "m");
const data = (hex: string): string => binary5(22, hex);

/** Begins with 00, and answers what it is asked with the same and ff behind it; "dead" it cannot answer. */
const method: Authentication = {
	method: "m",
	begin: () => fromHex("00"),
	respond: (challenge) => {
		const hex = challenge === undefined ? "" : toHex(challenge);
		if (hex === "dead") throw new Error("no answer");
		return hex === "" ? undefined : fromHex(`${hex}ff`);
	},
};

/** A bench that said CONNECT with the method. */
function begun(): Bench {
	const bench = new Bench({ protocol: 5, authentication: method });
	bench.session.publish("t", "x", { qos: 1 });
	bench.session.subscribe("f", 1);
	assert.equal(bench.send(), connect5(0, CONNECT_PROPERTIES + METHOD + data("00")));
	return bench;
}

const QUEUED = subscribe5(0xffff, "", ["f", 1]) + publish5({ topic: "t", payload: "78", qos: 1, id: 1 });

/** A bench whose server has accepted, with everything sent. */
function authenticated(): Bench {
	const bench = begun();
	assert.deepEqual(bench.receive(connack5(false, 0, METHOD)), ["connected false"]);
	assert.equal(bench.send(), QUEUED);
	return bench;
}

test("AUTH is answered by AUTH 0x18 with the same method [MQTT-4.12.0-3] [MQTT-4.12.0-5], and by nothing else before CONNACK [MQTT-3.1.2-30]", () => {
	const bench = begun();
	assert.equal(bench.send(), "");
	assert.deepEqual(bench.receive(auth5(0x18, METHOD, data("01"))), []);
	assert.equal(bench.send(), auth5(0x18, METHOD, data("01ff")), "its flags are 0000 [MQTT-3.15.1-1]");
	assert.deepEqual(bench.receive(auth5(0x18, METHOD)), []);
	assert.equal(bench.send(), auth5(0x18, METHOD), "a step without data");
	assert.ok(!bench.link.open);
	assert.deepEqual(bench.receive(connack5(false, 0, METHOD, data("02"))), ["connected false"]);
	assert.equal(bench.send(), QUEUED);
});

test("an answer to AUTH is awaited as CONNACK is", () => {
	const bench = begun();
	bench.wait(19_000);
	bench.receive(auth5(0x18, METHOD));
	bench.send();
	bench.wait(19_999);
	assert.deepEqual(bench.events(), []);
	bench.wait(1);
	bench.send();
	assert.deepEqual(bench.events(), ["closed timeout"]);
});

test("what a server must not say while it authenticates ends the link", () => {
	const rows: readonly [name: string, hex: string][] = [
		["another method [MQTT-4.12.0-5]", auth5(0x18, text5(21, "n"))],
		["no method", auth5(0x18)],
		["AUTH 0x19, which is a client's", auth5(0x19, METHOD)],
		["AUTH 0x00 in place of CONNACK", auth5(0, METHOD)],
		["a message", publish5({ topic: "t" })],
		["CONNACK with another method", connack5(false, 0, text5(21, "n"))],
		["CONNACK without method", connack5()],
	];
	for (const [name, hex] of rows) {
		const bench = begun();
		const lines = [...bench.receive(hex), ...(bench.send(), bench.events())];
		assert.deepEqual(lines, ["closed violation"], name);
	}
});

test("a server that refuses while it authenticates may leave the method out", () => {
	assert.deepEqual(begun().receive(connack5(false, 0x8c)), ["closed rejected 140"]);
});

test("a challenge that we cannot answer ends the link, with our own error", () => {
	const bench = begun();
	const lines = bench.receive(auth5(0x18, METHOD, data("dead")));
	bench.send();
	assert.deepEqual([...lines, ...bench.events()], ["closed credential"]);
});

test("authentication anew is AUTH 0x19 with the method [MQTT-4.12.1-1], while messages go on", () => {
	const bench = authenticated();
	bench.receive(puback5(1));
	bench.link.reauthenticate();
	assert.equal(bench.send(), auth5(0x19, METHOD, data("00")));
	bench.session.publish("t", "y", { qos: 1 });
	assert.deepEqual(bench.receive(auth5(0x18, METHOD, data("05")) + publish5({ topic: "t", qos: 1, id: 9 })), ["message t q1 #9 "]);
	const sent = bench.send();
	assert.ok(sent.includes(auth5(0x18, METHOD, data("05ff"))) && sent.includes(puback5(9)), sent);
	assert.deepEqual(bench.receive(auth5(0, METHOD)), []);
	assert.ok(bench.link.open);
});

test("authentication anew that fails ends the link [MQTT-4.12.1-2], whoever says so", () => {
	const refused = authenticated();
	refused.link.reauthenticate();
	refused.send();
	assert.deepEqual(refused.receive(disconnect5(0x87)), ["closed rejected 135"]);
	const silent = authenticated();
	silent.receive("");
	silent.link.reauthenticate();
	silent.send();
	silent.wait(20_000);
	silent.send();
	assert.deepEqual(silent.events(), ["closed timeout"]);
	const helpless = authenticated();
	helpless.link.reauthenticate();
	helpless.send();
	const lines = helpless.receive(auth5(0x18, METHOD, data("dead")));
	helpless.send();
	assert.deepEqual([...lines, ...helpless.events()], ["closed credential"]);
});

test("AUTH on an open link with another method, or without one, is a protocol error [MQTT-4.12.0-5]", () => {
	for (const hex of [auth5(0x18, text5(21, "n")), auth5(0x18)]) {
		const bench = authenticated();
		bench.link.reauthenticate();
		bench.send();
		assertEnds(bench, hex, "violation", 0x82);
	}
});

test("without a method there is no AUTH from us [MQTT-4.12.0-7], and none is taken [MQTT-4.12.0-6]", () => {
	const bench = open5();
	assert.throws(() => bench.link.reauthenticate(), { code: "state" });
	assert.equal(bench.send(), "");
	assertEnds(bench, auth5(0x18, METHOD), "violation", 0x82);
});
