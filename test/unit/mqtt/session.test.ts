// SPDX-License-Identifier: Apache-2.0
/** Session: what a program may ask for, refused at once where it could never be done. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Writer } from "../../../src/bytes/writer.js";
import { Session, type SessionOptions } from "../../../src/mqtt/session.js";
import type { QoS } from "../../../src/mqtt/constants.js";
import { codeOf } from "../failure.js";
import { text } from "../text.js";

const make = (options: Partial<SessionOptions> = {}): Session => new Session(text, { clientId: "id", ...options });
const long = "x".repeat(0x10000);

const BAD_OPTIONS: readonly [name: string, options: Partial<SessionOptions>][] = [
	["an id of over 65,535 bytes", { clientId: long }],
	["an id with U+0000 [MQTT-1.5.3-2]", { clientId: "a\u0000" }],
	["an id with half a surrogate pair", { clientId: "\ud800" }],
	["an empty id without a clean start", { clientId: "" }],
	["a user name with U+0000", { username: "\u0000" }],
	["a user name that is too long", { username: long }],
	["a password without user name", { password: "p" }],
	["a password that is too long", { username: "u", password: long }],
	["a will to a filter", { will: { topic: "+", payload: "" } }],
	["a will to a topic with U+0000", { will: { topic: "a\u0000b", payload: "" } }],
	["a will to a topic that is too long", { will: { topic: long, payload: "" } }],
	["a will that is too long", { will: { topic: "w", payload: long } }],
	["a will at QoS 3 [MQTT-3.1.2-14]", { will: { topic: "w", payload: "", qos: 3 as QoS } }],
	["a negative keep alive", { keepAlive: -1 }],
	["a keep alive of over 65,535 s", { keepAlive: 65_536_000 }],
	["a keep alive that is no number", { keepAlive: Number.NaN }],
];

test("Session refuses options that no CONNECT can carry, when it is made and not when it connects", () => {
	for (const [name, options] of BAD_OPTIONS) assert.equal(codeOf(() => make(options)), "argument", name);
	make({ clientId: "", cleanStart: true, keepAlive: 65_535_000, username: "", password: "" });
	make({ clientId: "x".repeat(0xffff), will: { topic: "w".repeat(0xffff), payload: "x".repeat(0xffff), qos: 2, retain: true } });
});

test("Session.publish refuses what is no topic", () => {
	const session = make();
	for (const topic of ["", "#", "a/+", "a\u0000", "\ud800", long]) {
		const code = codeOf(() => session.publish(topic, "x", { qos: 1 }));
		assert.equal(code, "argument", topic.slice(0, 10));
	}
	assert.equal(codeOf(() => session.publish("t", "\ud800")), "argument");
	assert.ok(session.outbox.empty);
});

test("Session.publish refuses a QoS that it cannot do [MQTT-3.3.1-4]", () => {
	const session = make();
	for (const qos of [3, -1, 0.5]) assert.equal(codeOf(() => session.publish("t", "x", { qos: qos as 1 })), "argument");
	assert.ok(session.outbox.empty);
});

test("Session.publish tells what has no room now from what never has", () => {
	const session = make({ inflightLength: 64 });
	assert.equal(session.publish("t", "x".repeat(30), { qos: 1 }), 1);
	assert.equal(session.publish("t", "x".repeat(30), { qos: 1 }), "full");
	assert.equal(codeOf(() => session.publish("t", "x".repeat(100))), "too-large");
});

test("Session.publish copies the payload", () => {
	const session = make();
	const payload = new Uint8Array([1, 2]);
	session.publish("t", payload, { qos: 1 });
	payload.fill(9);
	const { outbox } = session;
	assert.ok(outbox.take(1));
	const writer = new Writer(text);
	const last = new Uint8Array(2);
	writer.reset(last, 0, 2);
	outbox.read(outbox.length - 2, 2, writer);
	assert.deepEqual([...last], [1, 2]);
});

test("Session.subscribe and unsubscribe refuse what is no filter: the server would end the connection for it", () => {
	const session = make();
	for (const filter of ["", "a#", "a/#/b", "+a", "a\u0000b", "\udc00", long]) {
		assert.equal(codeOf(() => session.subscribe(filter, 1)), "argument", `subscribe ${filter.slice(0, 10)}`);
		assert.equal(codeOf(() => session.unsubscribe(filter)), "argument", `unsubscribe ${filter.slice(0, 10)}`);
	}
	assert.ok(session.subscriptions.settled);
	session.subscribe("x".repeat(0xffff), 0);
	session.subscribe("$share/g/t/#", 1);
});

test("Session.subscribe refuses a QoS that it cannot receive [MQTT-3-8.3-4]", () => {
	const session = make();
	for (const qos of [3, -1, 0.5]) assert.equal(codeOf(() => session.subscribe("t", qos as 0)), "argument", `${qos}`);
	assert.ok(session.subscriptions.settled);
});
