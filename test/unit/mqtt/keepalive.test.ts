// SPDX-License-Identifier: Apache-2.0
/** Session and link: keep alive, and a peer that is gone without a word. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { RESPONSE_TIMEOUT } from "../../../src/mqtt/link.js";
import { PINGREQ, PINGRESP, publish, puback, suback } from "../wire.js";
import { Bench, START } from "./bench.js";

const KEEP_ALIVE = 60_000;
/** An eighth before the keep alive is over. */
const PING_AFTER = 52_500;

test("a ping goes out before the keep alive is over [MQTT-3.1.2-23]", () => {
	const bench = Bench.open();
	assert.equal(bench.link.deadline, START + PING_AFTER);
	bench.wait(PING_AFTER - 1);
	assert.equal(bench.send(), "");
	bench.wait(1);
	assert.equal(bench.send(), PINGREQ);
	assert.equal(bench.send(), "", "one ping at a time");
	assert.equal(bench.link.deadline, bench.now + RESPONSE_TIMEOUT);
	bench.wait(10);
	assert.deepEqual(bench.receive(PINGRESP), []);
	assert.equal(bench.link.deadline, bench.now - 10 + PING_AFTER);
});

test("keep alive counts from the last byte that was sent, not from the last that was received", () => {
	const bench = Bench.open();
	bench.wait(10_000);
	bench.receive(publish({ topic: "t" }));
	assert.equal(bench.link.deadline, START + PING_AFTER);
	bench.session.publish("t", "x");
	bench.send();
	bench.wait(5_000);
	bench.receive(publish({ topic: "t" }));
	assert.equal(bench.link.deadline, START + 10_000 + PING_AFTER);
});

test("keep alive counts from the last byte of a packet that goes out in pieces", () => {
	const bench = Bench.open();
	bench.session.publish("t", "x");
	const target = new Uint8Array(2);
	for (let at = 0; at < 3; at++) {
		bench.wait(1_000);
		bench.receive(publish({ topic: "t" }));
		assert.equal(bench.link.transmit(target, 2), 2);
	}
	assert.equal(bench.link.deadline, START + 3_000 + PING_AFTER);
});

test("a client that only sends still asks whether the server is there", () => {
	const bench = Bench.open();
	let sent = "";
	for (let second = 0; second < 53; second++) {
		bench.session.publish("t", "");
		bench.wait(1_000);
		sent += bench.send();
	}
	assert.ok(sent.includes(PINGREQ), "a half-open connection would swallow messages for ever");
});

test("a ping without answer ends the link [MQTT-3.12.4-1]", () => {
	const bench = Bench.open();
	bench.wait(PING_AFTER);
	bench.send();
	bench.wait(RESPONSE_TIMEOUT - 1);
	assert.deepEqual(bench.events(), []);
	bench.wait(1);
	assert.deepEqual(bench.events(), ["closed timeout"]);
});

test("a ping that cannot even be written ends the link all the same", () => {
	const bench = Bench.open();
	bench.wait(PING_AFTER);
	bench.wait(RESPONSE_TIMEOUT);
	assert.deepEqual(bench.events(), ["closed timeout"]);
});

test("a message that is long in coming shows that the server is there", () => {
	const bench = Bench.open({ packetBuffer: 16 });
	const bytes = publish({ topic: "t", payload: "00".repeat(200) });
	bench.wait(PING_AFTER);
	bench.send();
	for (let at = 0; at < bytes.length; at += 40) {
		bench.wait(RESPONSE_TIMEOUT - 1);
		assert.ok(bench.receive(bytes.slice(at, at + 40)).every((line) => line.startsWith("message")));
	}
	bench.receive(PINGRESP);
	assert.ok(bench.link.open);
});

test("the server's count is kept alive too while its answer is held up by a long message [MQTT-3.1.2-23]", () => {
	const bench = Bench.open({ packetBuffer: 16 });
	const bytes = publish({ topic: "t", payload: "00".repeat(400) });
	let silent = 0;
	for (let at = 0; at < bytes.length; at += 2) {
		bench.wait(1_000);
		silent = bench.send() === "" ? silent + 1_000 : 0;
		assert.ok(silent < KEEP_ALIVE, `silent for ${silent} ms`);
		bench.receive(bytes.slice(at, at + 2));
	}
	assert.ok(bench.link.open);
});

test("a keep alive shorter than the time for an answer is kept", () => {
	const bench = Bench.open({ keepAlive: 8_000 });
	bench.wait(7_000);
	assert.equal(bench.send(), PINGREQ);
	bench.wait(7_000);
	assert.equal(bench.send(), PINGREQ);
	bench.wait(RESPONSE_TIMEOUT - 7_000);
	assert.deepEqual(bench.events(), ["closed timeout"]);
});

test("without keep alive there is no ping and no deadline", () => {
	const bench = Bench.open({ keepAlive: 0 });
	assert.equal(bench.link.deadline, Infinity);
	bench.wait(1e9);
	assert.equal(bench.send(), "");
	assert.deepEqual(bench.events(), []);
});

test("an answer that nobody asked for is no harm", () => {
	const bench = Bench.open();
	assert.deepEqual(bench.receive(PINGRESP + PINGRESP + puback(9) + suback(9, 0)), []);
	assert.ok(bench.link.open);
});

test("expire called early or often changes nothing", () => {
	const bench = Bench.open();
	const { deadline } = bench.link;
	for (let at = 0; at < 100; at++) bench.link.expire(START + at);
	assert.equal(bench.link.deadline, deadline);
	assert.equal(bench.transmit(), "");
});

test("a SUBSCRIBE without answer ends the link", () => {
	const bench = Bench.open();
	bench.session.subscribe("a", 1);
	bench.send();
	assert.equal(bench.link.deadline, START + RESPONSE_TIMEOUT);
	bench.wait(RESPONSE_TIMEOUT);
	assert.deepEqual(bench.events(), ["closed timeout"]);
});
