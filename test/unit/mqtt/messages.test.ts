// SPDX-License-Identifier: Apache-2.0
/** Session and link: messages both ways, subscriptions, and saying goodbye. */
import assert from "node:assert/strict";
import { SUBSCRIBE_ID } from "../../../src/mqtt/constants.js";
import { test } from "node:test";
import { utf8, DISCONNECT, puback, publish, suback, subscribe, unsuback, unsubscribe } from "../wire.js";
import { Bench } from "./bench.js";

const incoming = (id: number): string => publish({ topic: "t", payload: "78", qos: id === 0 ? 0 : 1, id });
const outgoing = (payload: string, id: number): string => publish({ topic: "t", payload: utf8(payload), qos: id === 0 ? 0 : 1, id });

test("a message at QoS 0 is sent once and answered by nothing, either way", () => {
	const bench = Bench.open();
	assert.equal(bench.session.publish("t", "x"), 0);
	assert.equal(bench.send(), outgoing("x", 0));
	assert.ok(bench.session.outbox.empty);
	assert.deepEqual(bench.receive(publish({ topic: "t", payload: "78", retain: true })), ["message t q0 retain 78"]);
	assert.equal(bench.send(), "");
});

test("a message at QoS 1 waits for its PUBACK, and for no other", () => {
	const bench = Bench.open();
	assert.equal(bench.session.publish("t", "x", { qos: 1, retain: true }), 1);
	assert.equal(bench.send(), publish({ topic: "t", payload: "78", qos: 1, id: 1, retain: true }));
	assert.deepEqual(bench.receive(puback(2)), []);
	assert.ok(!bench.session.outbox.empty);
	assert.deepEqual(bench.receive(puback(1) + puback(1)), ["acknowledged 1"]);
	assert.ok(bench.session.outbox.empty);
});

test("PUBACK is sent only once the application came back from the message", () => {
	const bench = Bench.open();
	const bytes = Uint8Array.from([0x32, 6, 0, 1, 0x74, 0, 7, 0x78]);
	bench.link.receive(bytes, 0, bytes.length, bench.now);
	assert.equal(bench.link.next()?.packetId, 7);
	assert.equal(bench.transmit(), "", "the application has the message in hand");
	assert.ok(bench.link.flushed);
	assert.equal(bench.link.next(), undefined);
	assert.ok(!bench.link.flushed);
	assert.equal(bench.transmit(), puback(7));
	assert.ok(bench.link.flushed);
});

test("a message that the application did not come back from is not acknowledged", () => {
	const bench = Bench.open();
	const bytes = Uint8Array.from([0x32, 6, 0, 1, 0x74, 0, 7, 0x78]);
	bench.link.receive(bytes, 0, bytes.length, bench.now);
	bench.link.next();
	bench.lose();
	bench.relink();
	bench.accept(true);
	assert.equal(bench.send(), "");
	assert.deepEqual(bench.receive(publish({ topic: "t", payload: "78", qos: 1, id: 7, duplicate: true })), ["message t q1 #7 dup 78"]);
	assert.equal(bench.send(), puback(7));
});

test("PUBACKs are in the order of the messages, each once, a repeated identifier too [MQTT-4.6.0-2] [MQTT-4.3.2-2]", () => {
	const bench = Bench.open();
	const ids = [9, 3, 65_535, 3, 1];
	const lines = bench.receive(ids.map(incoming).join(incoming(0)));
	assert.equal(lines.length, 9);
	assert.equal(bench.send(), ids.map(puback).join(""));
});

test("a message in fragments is acknowledged after the last of them", () => {
	const bench = Bench.open({ packetBuffer: 16 });
	const bytes = publish({ topic: "t", payload: "00112233445566778899aabbccddeeff0011", qos: 1, id: 5 });
	assert.deepEqual(bench.receive(bytes.slice(0, 40)), ["message t q1 #5 0+13/18 00112233445566778899aabbcc"]);
	assert.equal(bench.send(), "");
	assert.deepEqual(bench.receive(bytes.slice(40)), ["message t q1 #5 13+5/18 ddeeff0011"]);
	assert.equal(bench.send(), puback(5));
});

test("the first fragment of a message has bytes, though its topic fills the buffer", () => {
	for (let spare = 0; spare < 3; spare++) {
		const topic = "t".repeat(12 - spare);
		const bench = Bench.open({ packetBuffer: 16 });
		const lines = bench.receive(publish({ topic, payload: "0102030405", qos: 1, id: 5 }), 1);
		assert.equal(lines.filter((line) => line.includes(" 0+")).length, 1, `one first fragment: ${lines.join()}`);
		assert.ok(lines.every((line) => !line.includes("+0/")), `no empty fragment: ${lines.join()}`);
		assert.equal(lines.map((line) => line.split(" ").at(-1)).join(""), "0102030405");
		assert.equal(bench.send(), puback(5));
	}
});

test("not more messages are unacknowledged than the receive maximum; others pass it by", () => {
	const bench = Bench.open({ receiveMaximum: 2 });
	for (const payload of ["a", "b", "c", "d"]) bench.session.publish("t", payload, { qos: 1 });
	assert.equal(bench.send(), outgoing("a", 1) + outgoing("b", 2));
	bench.receive(incoming(9));
	bench.session.subscribe("f", 0);
	assert.equal(bench.send(), puback(9) + subscribe(SUBSCRIBE_ID, ["f", 0]));
	bench.receive(puback(2));
	assert.equal(bench.send(), outgoing("c", 3));
	assert.equal(bench.send(), "");
	bench.receive(puback(1) + puback(3));
	assert.equal(bench.send(), outgoing("d", 4));
});

test("a lost connection gives back what the receive maximum counted", () => {
	const bench = Bench.open({ receiveMaximum: 1 });
	bench.session.publish("t", "a", { qos: 1 });
	bench.session.publish("t", "b", { qos: 1 });
	bench.send();
	bench.reconnect();
	assert.equal(bench.send(), publish({ topic: "t", payload: utf8("a"), qos: 1, id: 1, duplicate: true }));
	bench.receive(puback(1));
	assert.equal(bench.send(), outgoing("b", 2));
});

test("filters are subscribed to in batches of eight, the next after the answer", () => {
	const bench = Bench.open();
	const filters = Array.from({ length: 10 }, (_, index): [string, 0 | 1] => [`f${index}`, index % 2 === 0 ? 1 : 0]);
	for (const [filter, qos] of filters) bench.session.subscribe(filter, qos);
	assert.equal(bench.send(), subscribe(SUBSCRIBE_ID, ...filters.slice(0, 8)));
	assert.equal(bench.send(), "");
	assert.deepEqual(bench.receive(suback(SUBSCRIBE_ID, 1, 0, 1, 0, 1, 0x80, 1, 0)), filters.slice(0, 8)
		.map(([filter, qos], index) => `subscribed ${filter} ${index === 5 ? 0x80 : qos}`));
	assert.equal(bench.send(), subscribe(SUBSCRIBE_ID, ...filters.slice(8)));
	assert.deepEqual(bench.receive(suback(SUBSCRIBE_ID, 0, 0)), ["subscribed f8 0", "subscribed f9 0"]);
	assert.ok(bench.session.subscriptions.settled);
	assert.equal(bench.send(), "");
});

test("an answer with another identifier, or of the other kind, is not taken for ours [MQTT-2.3.1-7]", () => {
	const bench = Bench.open();
	bench.session.subscribe("a", 1);
	bench.send();
	assert.deepEqual(bench.receive(suback(2, 1) + unsuback(1) + puback(1)), []);
	assert.deepEqual(bench.receive(suback(SUBSCRIBE_ID, 1)), ["subscribed a 1"]);
});

test("a filter is unsubscribed from after the answer to what went before", () => {
	const bench = Bench.open();
	bench.session.subscribe("a", 1);
	bench.send();
	bench.session.unsubscribe("a");
	assert.equal(bench.send(), "");
	assert.deepEqual(bench.receive(suback(SUBSCRIBE_ID, 1)), ["subscribed a 1"]);
	assert.equal(bench.send(), unsubscribe(SUBSCRIBE_ID, "a"));
	assert.deepEqual(bench.receive(unsuback(SUBSCRIBE_ID)), ["unsubscribed a"]);
	bench.reconnect(false);
	assert.equal(bench.send(), "");
});

test("an identifier under way for a subscription is not given to a message [MQTT-2.3.1-2]", () => {
	const bench = Bench.open();
	bench.session.subscribe("a", 1);
	assert.equal(bench.send(), subscribe(SUBSCRIBE_ID, ["a", 1]));
	const given = new Set<unknown>();
	for (let count = 0; count < 0x10000; count++) {
		const id = bench.session.publish("t", "", { qos: 1 });
		given.add(id);
		bench.send();
		bench.receive(puback(id as number));
	}
	assert.ok(!given.has(SUBSCRIBE_ID) && !given.has(0));
	assert.equal(given.size, 0xfffe);
});

test("DISCONNECT is the last packet, and the end [MQTT-3.14.4-1] [MQTT-3.14.4-2]", () => {
	const bench = Bench.open();
	bench.link.disconnect(bench.now + 2_000);
	bench.link.disconnect(bench.now + 2_000);
	assert.ok(!bench.link.open);
	assert.equal(bench.send(), DISCONNECT);
	assert.ok(bench.link.failed);
	bench.session.publish("t", "x");
	assert.equal(bench.send(), "");
	assert.deepEqual(bench.events(), ["closed closed"]);
});

test("what is queued goes out before DISCONNECT, subscriptions do not", () => {
	const bench = Bench.open();
	bench.receive(incoming(9));
	bench.session.publish("t", "a", { qos: 1 });
	bench.session.publish("t", "b");
	bench.session.subscribe("f", 1);
	bench.link.disconnect(bench.now + 2_000);
	assert.equal(bench.send(), puback(9) + outgoing("a", 1) + outgoing("b", 0));
	assert.deepEqual(bench.receive(puback(1)), ["acknowledged 1"]);
	assert.equal(bench.send(), DISCONNECT);
});

test("DISCONNECT waits for acknowledgements until its deadline, and for none beyond it", () => {
	const bench = Bench.open();
	bench.session.publish("t", "a", { qos: 1 });
	bench.link.disconnect(bench.now + 2_000);
	assert.equal(bench.send(), outgoing("a", 1));
	bench.wait(1_999);
	assert.equal(bench.send(), "");
	bench.wait(1);
	assert.equal(bench.send(), DISCONNECT);
	assert.deepEqual(bench.events(), ["closed closed"]);
});

test("DISCONNECT follows a packet that is half out, whichever it is", () => {
	const begin: readonly [name: string, start: (bench: Bench) => void, packet: string][] = [
		["SUBSCRIBE", ({ session }) => session.subscribe("f", 1), subscribe(SUBSCRIBE_ID, ["f", 1])],
		["PUBLISH", ({ session }) => session.publish("t", "x"), outgoing("x", 0)],
		["PUBACK", (bench) => bench.receive(incoming(9)), puback(9)],
		["PINGREQ", (bench) => bench.wait(60_000), "c000"],
	];
	for (const [name, start, packet] of begin) {
		for (let cut = 1; cut < packet.length / 2; cut++) {
			const bench = Bench.open();
			start(bench);
			assert.equal(bench.link.transmit(new Uint8Array(cut), cut), cut, name);
			bench.link.disconnect(bench.now + 2_000);
			assert.equal(bench.send(), packet.slice(2 * cut) + DISCONNECT, name);
			assert.deepEqual(bench.events(), ["closed closed"]);
		}
	}
});

test("a message that comes after disconnect is neither delivered nor acknowledged: the server keeps it", () => {
	const bench = Bench.open();
	bench.session.publish("t", "a", { qos: 1 });
	bench.link.disconnect(bench.now + 2_000);
	assert.deepEqual(bench.receive(incoming(9)), []);
	assert.equal(bench.send(), outgoing("a", 1));
	bench.receive(puback(1));
	assert.equal(bench.send(), DISCONNECT);
});

test("the message in whose callback the application disconnects is acknowledged, those behind it are not", () => {
	const bench = Bench.open();
	const bytes = Uint8Array.from([0x32, 5, 0, 1, 0x74, 0, 7, 0x32, 5, 0, 1, 0x74, 0, 8]);
	bench.link.receive(bytes, 0, bytes.length, bench.now);
	assert.equal(bench.link.next()?.packetId, 7);
	bench.link.disconnect(bench.now + 2_000);
	assert.equal(bench.link.next(), undefined);
	assert.equal(bench.send(), puback(7) + DISCONNECT);
});

test("disconnect before the server accepted ends the link without a word", () => {
	const bench = new Bench();
	bench.send();
	bench.link.disconnect(bench.now + 2_000);
	assert.equal(bench.send(), "");
	assert.deepEqual(bench.events(), ["closed closed"]);
});

/** A life of a link, with its bytes going out `limit` at a time. */
function life(limit: number): { sent: string; lines: string[] } {
	const bench = new Bench({ receiveMaximum: 2 });
	let sent = bench.send(limit);
	const lines = bench.receive("20020000", 3);
	bench.session.subscribe("a", 1);
	bench.session.subscribe("b/#", 0);
	for (const payload of ["one", "two", "three"]) bench.session.publish("t", payload, { qos: 1 });
	bench.session.publish("t", "zero");
	sent += bench.send(limit);
	lines.push(...bench.receive(incoming(5) + incoming(6) + puback(2) + suback(SUBSCRIBE_ID, 1, 0), 5));
	sent += bench.send(limit);
	lines.push(...bench.receive(incoming(7) + puback(3) + puback(1)));
	sent += bench.send(limit);
	bench.wait(60_000);
	sent += bench.send(limit);
	lines.push(...bench.receive(`d000${incoming(8)}`, 1));
	bench.session.unsubscribe("a");
	sent += bench.send(limit);
	lines.push(...bench.receive(unsuback(SUBSCRIBE_ID)));
	bench.session.publish("t", "last");
	bench.link.disconnect(bench.now + 2_000);
	sent += bench.send(limit);
	lines.push(...bench.events());
	return { sent, lines };
}

test("the same bytes go out however small the pieces", () => {
	const whole = life(4096);
	assert.ok(whole.sent.endsWith(outgoing("last", 0) + DISCONNECT));
	assert.equal(whole.lines.at(-1), "closed closed");
	for (let limit = 1; limit < 40; limit++) assert.deepEqual(life(limit), whole, `pieces of ${limit}`);
});
