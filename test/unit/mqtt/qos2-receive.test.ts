// SPDX-License-Identifier: Apache-2.0
/** Session and link: messages that we receive at QoS 2, each delivered once however often it comes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { puback, pubcomp, publish, pubrec, pubrel, suback } from "../wire.js";
import { Bench } from "./bench.js";

const incoming = (id: number, payload = "78", duplicate = false): string => publish({ topic: "t", payload, qos: 2, id, duplicate });

test("a message at QoS 2 is delivered and answered by PUBREC, its PUBREL by PUBCOMP [MQTT-3.3.4-1] [MQTT-4.3.3-2]", () => {
	const bench = Bench.open();
	assert.deepEqual(bench.receive(incoming(7)), ["message t q2 #7 78"]);
	assert.equal(bench.send(), pubrec(7));
	assert.deepEqual(bench.receive(pubrel(7)), []);
	assert.equal(bench.send(), pubcomp(7));
	assert.equal(bench.send(), "");
});

test("a message that comes again before its PUBREL is answered and not delivered [MQTT-4.3.3-2]", () => {
	const bench = Bench.open();
	bench.receive(incoming(7));
	assert.equal(bench.send(), pubrec(7));
	for (const duplicate of [true, false]) {
		assert.deepEqual(bench.receive(incoming(7, "78", duplicate)), []);
		assert.equal(bench.send(), pubrec(7));
	}
	bench.reconnect(true);
	assert.deepEqual(bench.receive(incoming(7, "78", true)), []);
	assert.equal(bench.send(), pubrec(7));
	assert.deepEqual(bench.receive(pubrel(7) + pubrel(7)), []);
	assert.equal(bench.send(), pubcomp(7) + pubcomp(7), "every PUBREL is answered");
});

test("a message that comes again in fragments is not delivered either", () => {
	const bench = Bench.open({ packetBuffer: 16 });
	const payload = "00".repeat(100);
	assert.ok(bench.receive(incoming(7, payload), 20).length > 1);
	assert.equal(bench.send(), pubrec(7));
	assert.deepEqual(bench.receive(incoming(7, payload, true), 20), []);
	assert.equal(bench.send(), pubrec(7));
});

test("after PUBCOMP an identifier means a new message", () => {
	const bench = Bench.open();
	bench.receive(incoming(7));
	bench.receive(pubrel(7));
	bench.send();
	assert.deepEqual(bench.receive(incoming(7, "79")), ["message t q2 #7 79"]);
	assert.equal(bench.send(), pubrec(7));
});

test("a PUBREL for what is not known is answered, also after the session was resumed", () => {
	const bench = Bench.open();
	bench.receive(incoming(7));
	bench.receive(pubrel(7));
	bench.lose();
	bench.relink();
	bench.accept(true);
	assert.deepEqual(bench.receive(pubrel(7)), []);
	assert.equal(bench.send(), pubcomp(7));
});

test("PUBRECs are in the order of the messages, and PUBACKs among them [MQTT-4.6.0-3] [MQTT-4.6.0-2]", () => {
	const bench = Bench.open();
	const at1 = publish({ topic: "t", qos: 1, id: 5 });
	bench.receive(incoming(9) + at1 + incoming(3) + incoming(9, "78", true) + incoming(4));
	assert.equal(bench.send(), pubrec(9) + puback(5) + pubrec(3) + pubrec(9) + pubrec(4));
	bench.receive(pubrel(4) + pubrel(9) + pubrel(3));
	assert.equal(bench.send(), pubcomp(4) + pubcomp(9) + pubcomp(3));
});

test("PUBREC is sent only once the application came back from the message; a message that it had in hand is not delivered twice", () => {
	const bench = Bench.open();
	const bytes = Uint8Array.from([0x34, 6, 0, 1, 0x74, 0, 7, 0x78]);
	bench.link.receive(bytes, 0, bytes.length, bench.now);
	assert.equal(bench.link.next()?.packetId, 7);
	assert.equal(bench.transmit(), "");
	bench.lose();
	bench.relink();
	bench.accept(true);
	assert.equal(bench.send(), "");
	assert.deepEqual(bench.receive(incoming(7, "78", true)), []);
	assert.equal(bench.send(), pubrec(7));
});

test("a message at QoS 2 of which only a part came is delivered when it comes whole", () => {
	const bench = Bench.open({ packetBuffer: 16 });
	const payload = "00112233445566778899aabbccddeeff";
	assert.equal(bench.receive(incoming(7, payload).slice(0, 40)).length, 1);
	bench.reconnect(true);
	assert.equal(bench.send(), "");
	assert.deepEqual(bench.receive(incoming(7, payload, true)), [`message t q2 #7 dup ${payload}`]);
	assert.equal(bench.send(), pubrec(7));
});

test("a new session knows no identifiers of the old one [MQTT-3.1.2-6]", () => {
	for (const options of [{}, { cleanStart: true }]) {
		const bench = Bench.open(options);
		bench.receive(incoming(7));
		bench.send();
		bench.reconnect(false);
		assert.deepEqual(bench.receive(incoming(7, "79")), ["message t q2 #7 79"]);
	}
});

test("a filter is subscribed to at QoS 2 [MQTT-3-8.3-4]", () => {
	const bench = Bench.open();
	bench.session.subscribe("f", 2);
	const sent = bench.send();
	assert.match(sent, /^8206....00016602$/);
	assert.deepEqual(bench.receive(suback(Number.parseInt(sent.slice(4, 8), 16), 2)), ["subscribed f 2"]);
});
