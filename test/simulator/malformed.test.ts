// SPDX-License-Identifier: Apache-2.0
/** What is malformed or out of order ends the connection that sent it, with the reason, and harms nobody else. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { Broker } from "../../hosts/simulator/broker/broker.js";
import type { EndReason } from "../../hosts/simulator/broker/owner.js";
import { ScriptedClient } from "./scripted.js";

/** Sent by a client that is connected. */
const CONNECTED: readonly [name: string, hex: string, reason: EndReason][] = [
	["packet type 0", "00 00", "malformed"],
	["packet type 15", "f0 00", "malformed"],
	["remaining length of five bytes", "30 ff ff ff ff 01", "malformed"],
	["larger than the limit, before it has come", "30 ff ff ff 7f", "too-large"],
	["PUBLISH with QoS 3", "36 05 0001 74 0001", "malformed"],
	["PUBLISH with QoS 0 and the duplicate flag", "38 03 0001 74", "malformed"],
	["PUBLISH with packet identifier 0", "32 05 0001 74 0000", "malformed"],
	["PUBLISH that ends in its packet identifier", "32 04 0001 74 00", "malformed"],
	["PUBLISH that ends in its topic", "30 03 0005 74", "malformed"],
	["PUBLISH that ends in its topic's length", "30 01 00", "malformed"],
	["PUBLISH with an empty topic", "30 02 0000", "violation"],
	["PUBLISH to a wildcard", "30 03 0001 2b", "violation"],
	["PUBLISH to a topic with U+0000", "30 03 0001 00", "malformed"],
	["PUBLISH to a topic with a cut UTF-8 sequence", "30 05 0003 f09f98", "malformed"],
	["PUBLISH to a topic with a surrogate in UTF-8", "30 05 0003 eda080", "malformed"],
	["PUBACK with flags", "41 02 0001", "malformed"],
	["PUBACK with trailing bytes", "40 03 0001 00", "malformed"],
	["PUBACK without identifier", "40 00", "malformed"],
	["PUBACK with identifier 0", "40 02 0000", "malformed"],
	["PUBREL without its flags", "60 02 0001", "malformed"],
	["SUBSCRIBE without its flags", "80 06 0001 0001 74 00", "malformed"],
	["SUBSCRIBE without filters", "82 02 0001", "malformed"],
	["SUBSCRIBE with QoS 3", "82 06 0001 0001 74 03", "malformed"],
	["SUBSCRIBE with reserved bits", "82 06 0001 0001 74 80", "malformed"],
	["SUBSCRIBE that ends before its QoS", "82 05 0001 0001 74", "malformed"],
	["SUBSCRIBE with packet identifier 0", "82 06 0000 0001 74 00", "malformed"],
	["SUBSCRIBE to what is no filter", "82 08 0001 0003 612b62 00", "violation"],
	["SUBSCRIBE to a # in the middle", "82 08 0001 0003 232f62 00", "violation"],
	["UNSUBSCRIBE without filters", "a2 02 0001", "malformed"],
	["PINGREQ with a body", "c0 01 00", "malformed"],
	["DISCONNECT with a body", "e0 01 00", "malformed"],
	["DISCONNECT with flags", "e1 00", "malformed"],
	["a second CONNECT", "10 0d 0004 4d515454 04 02 003c 0001 61", "violation"],
	["CONNACK from a client", "20 02 0000", "violation"],
	["SUBACK from a client", "90 03 0001 00", "violation"],
	["AUTH in 3.1.1", "f0 02 0000", "malformed"],
];

/** Sent as the first packet. */
const FIRST: readonly [name: string, hex: string][] = [
	["PUBLISH before CONNECT", "30 03 0001 74"],
	["another protocol's name", "10 0d 0004 4d515455 04 02 003c 0001 61"],
	["CONNECT with the reserved flag", "10 0d 0004 4d515454 04 03 003c 0001 61"],
	["CONNECT with a will QoS but no will", "10 0d 0004 4d515454 04 0a 003c 0001 61"],
	["CONNECT with will QoS 3", "10 13 0004 4d515454 04 1e 003c 0001 61 0001 74 0001 78"],
	["CONNECT with a wildcard in its will topic", "10 13 0004 4d515454 04 06 003c 0001 61 0001 23 0001 78"],
	["CONNECT with a password but no user name", "10 10 0004 4d515454 04 42 003c 0001 61 0001 78"],
	["CONNECT that ends in its client id", "10 0d 0004 4d515454 04 02 003c 0002 61"],
	["CONNECT with trailing bytes", "10 0e 0004 4d515454 04 02 003c 0001 61 00"],
	["CONNECT with U+0000 in its client id", "10 0d 0004 4d515454 04 02 003c 0001 00"],
	["an empty CONNECT", "10 00"],
	["HTTP", Buffer.from("GET / HTTP/1.1\r\n\r\n").toString("hex")],
	["TLS", "16 03 01 00 05 01 00 00 01 00"],
];

suite("Malformed packets", () => {
	for (const [name, hex, reason] of CONNECTED) {
		test(`${name} ends the connection as "${reason}", and the session survives`, () => {
			const reasons: EndReason[] = [];
			const broker = new Broker({ onDisconnected(_client, why) { reasons.push(why); } });
			const bystander = new ScriptedClient(broker).connect("b").subscribe("t");
			const offender = new ScriptedClient(broker).connect("a", { clean: false }).subscribe("mine");
			offender.raw(hex);
			assert.equal(offender.closed, true);
			assert.deepEqual(reasons, [reason]);
			bystander.take();
			new ScriptedClient(broker).connect("c").publish("t", "x");
			assert.deepEqual(bystander.takeTexts(), ["t=x"]);
			assert.deepEqual([...broker.session("a")!.subscriptions.keys()], ["mine"]);
		});
	}

	for (const [name, hex] of FIRST) {
		test(`${name} is not answered`, () => {
			const broker = new Broker();
			const client = new ScriptedClient(broker).raw(hex);
			assert.deepEqual([client.closed, client.received.length, broker.connectionCount, broker.sessionCount], [true, 0, 0, 0]);
		});
	}

	test("an acknowledgement that does not fit the QoS is a violation", () => {
		const reasons: EndReason[] = [];
		const broker = new Broker({ onDisconnected(_client, why) { reasons.push(why); } });
		const receiver = new ScriptedClient(broker).connect("r").subscribe("t", 2);
		broker.attach().publish("t", Buffer.from("x"), { qos: 1 });
		receiver.send({ cmd: "pubrec", messageId: receiver.takePublished()[0]!.messageId! });
		assert.deepEqual(reasons, ["violation"]);
	});

	test("U+FFFD that is meant is a character like any other", () => {
		const client = new ScriptedClient(new Broker()).connect("a").subscribe("\uFFFD").publish("\uFFFD", "x");
		assert.equal(client.closed, false);
		assert.deepEqual(client.takeTexts(), ["\uFFFD=x"]);
	});

	test("acknowledgements of what was never sent are no violation", () => {
		const client = new ScriptedClient(new Broker()).connect("a");
		client.send({ cmd: "puback", messageId: 9 }).send({ cmd: "pubrec", messageId: 9 }).send({ cmd: "pubcomp", messageId: 9 }).send({ cmd: "pubrel", messageId: 9 });
		assert.deepEqual(client.take().map(packet => packet.cmd), ["connack", "pubrel", "pubcomp"]);
		assert.equal(client.closed, false);
	});

	test("a packet of exactly the limit is taken, one byte more is not", () => {
		const broker = new Broker({ limits: { packetMaximum: 100 } });
		const fits = new ScriptedClient(broker).connect("a").publish("t", "x".repeat(95));
		const large = new ScriptedClient(broker).connect("b").publish("t", "x".repeat(96));
		assert.deepEqual([fits.closed, large.closed], [false, true]);
	});
});
