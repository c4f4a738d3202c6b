// SPDX-License-Identifier: Apache-2.0
/** Session and link: connecting, and coming back to a server that kept the session or did not. */
import { SUBSCRIBE_ID } from "../../../src/mqtt/constants.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import { RESPONSE_TIMEOUT } from "../../../src/mqtt/link.js";
import { utf8, connack, packet, prefixed, puback, publish, suback, subscribe } from "../wire.js";
import { Bench, START } from "./bench.js";

const CONNECT = packet(0x10, `${prefixed("MQTT")}0400003c${prefixed("id")}`);

test("CONNECT is the first packet, and the only one until the server accepts [MQTT-3.1.0-1] [MQTT-3.1.0-2]", () => {
	const bench = new Bench();
	bench.session.publish("t", "x", { qos: 1 });
	bench.session.subscribe("f", 1);
	assert.equal(bench.send(), CONNECT);
	assert.equal(bench.send(), "");
	assert.ok(!bench.link.open);
	assert.deepEqual(bench.receive(connack()), ["connected false"]);
	assert.ok(bench.link.open);
	assert.equal(bench.send(), subscribe(SUBSCRIBE_ID, ["f", 1]) + publish({ topic: "t", payload: "78", qos: 1, id: 1 }));
});

test("a server that refuses ends the link, with its reason [MQTT-3.2.2-5]", () => {
	for (let code = 1; code <= 5; code++) {
		for (const sessionPresent of [false, true]) { // [MQTT-3.2.2-4]
			const bench = new Bench();
			bench.send();
			assert.deepEqual(bench.receive(connack(sessionPresent, code)), [`closed rejected ${code}`]);
			assert.equal(bench.send(), "");
			assert.equal(bench.link.deadline, Infinity);
		}
	}
});

test("a server that says nothing ends the link in time", () => {
	const bench = new Bench();
	bench.send();
	assert.equal(bench.link.deadline, START + RESPONSE_TIMEOUT);
	bench.wait(RESPONSE_TIMEOUT - 1);
	assert.deepEqual(bench.events(), []);
	bench.wait(1);
	assert.equal(bench.link.deadline, 0);
	assert.deepEqual(bench.events(), ["closed timeout"]);
	assert.equal(bench.link.deadline, Infinity);
});

test("half a CONNACK does not count as an answer", () => {
	const bench = new Bench();
	bench.send();
	bench.wait(RESPONSE_TIMEOUT - 1);
	assert.deepEqual(bench.receive("2002"), []);
	bench.wait(1);
	assert.deepEqual(bench.events(), ["closed timeout"]);
});

test("a session present after a clean start is a violation [MQTT-3.2.2-1]", () => {
	const bench = new Bench({ cleanStart: true });
	bench.send();
	assert.deepEqual(bench.receive(connack(true)), ["closed violation"]);
});

test("subscriptions are told to a server without session, and not to one that has it", () => {
	const bench = Bench.open();
	bench.session.subscribe("a", 0);
	bench.session.subscribe("b", 1);
	assert.equal(bench.send(), subscribe(SUBSCRIBE_ID, ["a", 0], ["b", 1]));
	assert.deepEqual(bench.receive(suback(SUBSCRIBE_ID, 0, 1)), ["subscribed a 0", "subscribed b 1"]);
	bench.reconnect(true);
	assert.equal(bench.send(), "");
	bench.reconnect(false);
	assert.equal(bench.send(), subscribe(SUBSCRIBE_ID, ["a", 0], ["b", 1]));
});

test("a subscription that the server did not answer is told again, though it has the session", () => {
	const bench = Bench.open();
	bench.session.subscribe("a", 1);
	bench.send();
	bench.reconnect(true);
	assert.equal(bench.send(), subscribe(SUBSCRIBE_ID, ["a", 1]));
});

test("a session that may have begun with a CONNECT of which the answer was lost is told everything", () => {
	const bench = Bench.open();
	bench.session.subscribe("a", 1);
	bench.send();
	bench.receive(suback(SUBSCRIBE_ID, 1));
	bench.lose();
	bench.relink();
	bench.send();
	bench.lose();
	bench.relink();
	bench.accept(true);
	assert.equal(bench.send(), subscribe(SUBSCRIBE_ID, ["a", 1]));
	bench.receive(suback(SUBSCRIBE_ID, 1));
	bench.reconnect(true);
	assert.equal(bench.send(), "");
});

test("a device that starts anew subscribes even where the server kept a session of an earlier life", () => {
	const bench = new Bench();
	bench.session.subscribe("a", 1);
	bench.accept(true);
	assert.equal(bench.send(), subscribe(SUBSCRIBE_ID, ["a", 1]));
});

test("what was not acknowledged is sent again with DUP, in order and with its identifier [MQTT-4.4.0-1] [MQTT-2.3.1-3]", () => {
	const bench = Bench.open();
	for (const payload of ["a", "b", "c"]) bench.session.publish("t", payload, { qos: 1 });
	bench.send();
	assert.deepEqual(bench.receive(puback(2)), ["acknowledged 2"]);
	bench.lose();
	bench.session.publish("t", "d", { qos: 1 });
	bench.relink();
	bench.accept(true);
	const again = (payload: string, id: number, duplicate: boolean): string =>
		publish({ topic: "t", payload: utf8(payload), qos: 1, id, duplicate });
	assert.equal(bench.send(), again("a", 1, true) + again("c", 3, true) + again("d", 4, false));
	assert.deepEqual(bench.receive(puback(1) + puback(3) + puback(4)), ["acknowledged 1", "acknowledged 3", "acknowledged 4"]);
	assert.ok(bench.session.outbox.empty);
});

test("a message of which only some bytes went out is sent again from its beginning, with DUP", () => {
	const bench = Bench.open();
	bench.session.publish("t", "abc", { qos: 1 });
	assert.equal(bench.link.transmit(new Uint8Array(3), 3), 3);
	bench.reconnect();
	assert.equal(bench.send(), publish({ topic: "t", payload: "616263", qos: 1, id: 1, duplicate: true }));
});

test("a message at QoS 0 is gone with the connection, half sent or not sent at all", () => {
	const bench = Bench.open();
	bench.session.publish("t", "abc");
	bench.session.publish("t", "def");
	bench.link.transmit(new Uint8Array(3), 3);
	bench.reconnect();
	assert.equal(bench.send(), "");
	assert.ok(bench.session.outbox.empty);
});

test("nothing that was under way on one link leaks into the next", () => {
	const bench = Bench.open();
	bench.session.subscribe("a", 1);
	bench.link.transmit(new Uint8Array(3), 3);
	assert.deepEqual(bench.receive("3105000174"), []);
	bench.lose();
	bench.relink();
	assert.equal(bench.send(), CONNECT);
	assert.deepEqual(bench.receive(connack(true)), ["connected true"]);
	assert.equal(bench.send(), subscribe(SUBSCRIBE_ID, ["a", 1]));
});

test("a link that is lost says so once, whatever is said to it afterwards", () => {
	const bench = Bench.open();
	bench.lose();
	assert.deepEqual(bench.receive(publish({ topic: "t" })), []);
	bench.link.disconnect(bench.now + 2_000);
	bench.wait(1_000_000);
	assert.equal(bench.send(), "");
	assert.deepEqual(bench.events(), []);
	assert.equal(bench.link.deadline, Infinity);
	assert.ok(!bench.link.failed);
});
