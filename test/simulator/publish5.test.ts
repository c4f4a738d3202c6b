// SPDX-License-Identifier: Apache-2.0
/** Publications in MQTT 5: reason codes, aliases, flow control, expiry, what is passed on, and how large it may be. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { IConnectPacket, IDisconnectPacket, IPublishPacket } from "mqtt-packet";
import { Broker } from "../../hosts/simulator/broker/broker.js";
import { ScriptedClient } from "./scripted.js";

const codes = (client: ScriptedClient) => client.take().map(packet => [packet.cmd, packet.messageId, "reasonCode" in packet ? packet.reasonCode : undefined]);
const disconnectCode = (client: ScriptedClient) => {
	const last = client.received.at(-1) as IDisconnectPacket;
	assert.deepEqual([last.cmd, client.closed], ["disconnect", true]);
	return last.reasonCode;
};

/** A broker with a receiver of everything. */
function received(properties: IConnectPacket["properties"] = {}, limits = {}): { broker: Broker; receiver: ScriptedClient; sender: ScriptedClient } {
	const broker = new Broker({ limits });
	const receiver = new ScriptedClient(broker).connect5("r", { clean: false, keepalive: 0, properties: { sessionExpiryInterval: 1_000, ...properties } }).subscribe("#", 2);
	const sender = new ScriptedClient(broker).connect5("s", { keepalive: 0 });
	receiver.take();
	sender.take();
	return { broker, receiver, sender };
}

suite("MQTT 5 reason codes of publications", () => {
	test("success, no matching subscribers, not authorized, and what else permit says", () => {
		const broker = new Broker({ permit: (_client, action, topic) => action === "subscribe" || (topic === "full" ? 0x97 : topic !== "secret") });
		const client = new ScriptedClient(broker).connect5("a").subscribe("heard", 0);
		client.take();
		for (const qos of [1, 2] as const) {
			const [ack, base] = qos === 1 ? ["puback", 10] : ["pubrec", 20];
			for (const [index, topic] of ["heard", "unheard", "secret", "full"].entries()) client.publish(topic, "x", { qos, messageId: base + index });
			assert.deepEqual(codes(client).filter(([cmd]) => cmd !== "publish"), [[ack, base, 0], [ack, base + 1, 0x10], [ack, base + 2, 0x87], [ack, base + 3, 0x97]]);
		}
		client.publish("secret", "x");
		assert.deepEqual([client.take(), client.closed], [[], false]);
	});

	test("a refused QoS 2 identifier is free, a service counts as a receiver", () => {
		const broker = new Broker({ permit: (_client, _action, topic) => topic !== "secret" });
		const channel = broker.attach();
		const seen: string[] = [];
		channel.subscribe("t", (_topic, payload) => { seen.push(String(payload)); });
		const client = new ScriptedClient(broker).connect5("a");
		client.publish("secret", "x", { qos: 2, messageId: 1 }).publish("t", "y", { qos: 2, messageId: 1 });
		assert.deepEqual(codes(client).slice(1), [["pubrec", 1, 0x87], ["pubrec", 1, 0]]);
		assert.deepEqual(seen, ["y"]);
	});

	test("identifiers that are in use, and that are not", () => {
		const { receiver, sender } = received();
		sender.publish("t", "1", { qos: 2, messageId: 1 });
		sender.publish("t", "2", { qos: 2, messageId: 1 }).publish("t", "3", { qos: 1, messageId: 1 }).subscribe("x", 1, 1);
		sender.send({ cmd: "unsubscribe", messageId: 1, unsubscriptions: ["x"] });
		assert.deepEqual(codes(sender).slice(0, 3), [["pubrec", 1, 0], ["pubrec", 1, 0x91], ["puback", 1, 0x91]]);
		sender.subscribe("x", 1, 2);
		assert.deepEqual(receiver.takeTexts(), ["t=1"]);
		sender.send({ cmd: "pubrel", messageId: 9, reasonCode: 0 }).send({ cmd: "pubrec", messageId: 9, reasonCode: 0 });
		assert.deepEqual(codes(sender).slice(1), [["pubcomp", 9, 0x92], ["pubrel", 9, 0x92]]);
	});

	test("SUBACK and UNSUBACK say that the identifier is in use", () => {
		const { sender } = received();
		sender.publish("t", "1", { qos: 2, messageId: 1 });
		sender.take();
		sender.subscribe("x", 1, 1).send({ cmd: "unsubscribe", messageId: 1, unsubscriptions: ["x"] });
		assert.deepEqual(sender.take().map(packet => "granted" in packet && packet.granted), [[0x91], [0x91]]);
	});

	test("who repeats after a reconnect, with the duplicate flag or without, is acknowledged and not heard twice", () => {
		const { broker, receiver } = received();
		const lasting = { clean: false, properties: { sessionExpiryInterval: 10 } };
		new ScriptedClient(broker).connect5("p", lasting).publish("t", "x", { qos: 2, messageId: 1 }).connection.lost(0);
		const again = new ScriptedClient(broker).connect5("p", lasting).publish("t", "x", { qos: 2, messageId: 1 });
		assert.deepEqual(codes(again).slice(1), [["pubrec", 1, 0]]);
		again.publish("t", "x", { qos: 2, messageId: 1, dup: true }).send({ cmd: "pubrel", messageId: 1, reasonCode: 0 });
		assert.deepEqual(codes(again), [["pubrec", 1, 0], ["pubcomp", 1, 0]]);
		assert.deepEqual(receiver.takeTexts(), ["t=x"]);
	});

	test("a receiver's refusal ends the message", () => {
		const { broker, receiver, sender } = received();
		sender.publish("t", "1", { qos: 1, messageId: 1 }).publish("t", "2", { qos: 2, messageId: 2 });
		const [one, two] = receiver.takePublished();
		receiver.send({ cmd: "puback", messageId: one!.messageId!, reasonCode: 0x97 }).send({ cmd: "pubrec", messageId: two!.messageId!, reasonCode: 0x80 });
		assert.deepEqual([receiver.take(), broker.session("r")!.inflight], [[], 0]);
	});

	test("reason strings are left out for who wants none, or has no room for them", () => {
		const options = { permit: (_client: unknown, action: string) => action === "subscribe" };
		for (const [properties, expected] of [[{}, "puback with a refusal"], [{ requestProblemInformation: false }, undefined], [{ maximumPacketSize: 20 }, undefined]] as const) {
			const client = new ScriptedClient(new Broker(options)).connect5("a", { properties });
			client.take();
			const puback = client.publish("t", "x", { qos: 1, messageId: 1 }).takeOne("puback");
			assert.deepEqual([puback.reasonCode, puback.properties?.reasonString], [0x87, expected]);
		}
	});
});

suite("MQTT 5 topic aliases", () => {
	test("a client's alias stands for its topic, may be set anew, and means nothing on the next connection", () => {
		const { broker, receiver, sender } = received({}, { topicAliasMaximum: 2 });
		const alias = (topicAlias: number) => ({ properties: { topicAlias } });
		sender.publish("a", "1", alias(2)).publish("", "2", alias(2)).publish("b", "3", alias(2)).publish("", "4", alias(2)).publish("a", "5", alias(1));
		assert.deepEqual(receiver.takeTexts(), ["a=1", "a=2", "b=3", "b=4", "a=5"]);
		const next = new ScriptedClient(broker).connect5("s").publish("", "6", alias(2));
		assert.equal(disconnectCode(next), 0x82);
		assert.deepEqual(receiver.takeTexts(), []);
	});

	for (const [name, topicAlias, maximum, reasonCode] of [["0", 0, 2, 0x94], ["above the maximum", 3, 2, 0x94], ["where none is allowed", 1, 0, 0x94], ["that was never set", 1, 2, 0x82]] as const) {
		test(`an alias ${name} ends the connection`, () => {
			const { sender } = received({}, { topicAliasMaximum: maximum });
			assert.equal(disconnectCode(sender.publish(topicAlias === 1 && maximum > 0 ? "" : "t", "x", { properties: { topicAlias } })), reasonCode);
		});
	}

	test("the broker uses as many as both allow", () => {
		const { broker, receiver } = received({ topicAliasMaximum: 1 }, { outgoingAliasMaximum: 5 });
		const sent = () => receiver.takePublished().map(({ topic, properties }) => [topic, properties?.topicAlias]);
		for (const topic of ["a", "a", "b", "b", "a"]) broker.attach().publish(topic, Buffer.from("x"));
		assert.deepEqual(sent(), [["a", 1], ["", 1], ["b", undefined], ["b", undefined], ["", 1]]);
		const none = received({ topicAliasMaximum: 9 });
		for (const topic of ["a", "a"]) none.broker.attach().publish(topic, Buffer.from("x"));
		assert.deepEqual(none.receiver.takePublished().map(({ topic, properties }) => [topic, properties?.topicAlias]), [["a", undefined], ["a", undefined]]);
	});
});

suite("MQTT 5 flow control", () => {
	test("a client gets no more than it takes, and the next with each end of a message", () => {
		const { receiver, sender } = received({ receiveMaximum: 2 });
		for (const [index, qos] of ([2, 1, 1, 2] as const).entries()) sender.publish("t", String(index), { qos, messageId: index + 1 });
		const [zero, one, ...more] = receiver.takePublished();
		assert.deepEqual(more, []);
		receiver.send({ cmd: "pubrec", messageId: zero!.messageId!, reasonCode: 0 });
		receiver.takeOne("pubrel");
		receiver.send({ cmd: "pubcomp", messageId: zero!.messageId!, reasonCode: 0 });
		const two = receiver.takeOne("publish");
		receiver.send({ cmd: "puback", messageId: one!.messageId!, reasonCode: 0 });
		const three = receiver.takeOne("publish");
		assert.deepEqual([two, three].map(({ payload }) => String(payload)), ["2", "3"]);
		receiver.send({ cmd: "pubrec", messageId: three.messageId!, reasonCode: 0x80 });
		sender.publish("t", "4", { qos: 1, messageId: 9 });
		assert.equal(String(receiver.takeOne("publish").payload), "4");
	});

	test("what is sent again counts, too; a PUBREL does not", () => {
		const { broker, receiver, sender } = received({ receiveMaximum: 3 });
		for (const [index, qos] of ([2, 1, 1, 1] as const).entries()) sender.publish("t", String(index), { qos, messageId: index + 1 });
		receiver.send({ cmd: "pubrec", messageId: receiver.takePublished()[0]!.messageId!, reasonCode: 0 });
		receiver.connection.lost(0);
		const back = new ScriptedClient(broker).connect5("r", { clean: false, properties: { sessionExpiryInterval: 10, receiveMaximum: 1 } });
		const packets = back.take();
		assert.deepEqual(packets.map(packet => packet.cmd), ["connack", "pubrel", "publish"]);
		back.send({ cmd: "puback", messageId: packets[2]!.messageId!, reasonCode: 0 });
		const next = back.takeOne("publish");
		assert.deepEqual([String(next.payload), next.dup], ["2", true]);
		back.send({ cmd: "puback", messageId: next.messageId!, reasonCode: 0 });
		assert.deepEqual([back.takeOne("publish").dup], [false]);
	});

	test("more at a time than the broker takes ends the connection; what was answered before does not count", () => {
		const { sender, receiver } = received({}, { receiveMaximum: 2 });
		for (let id = 1; id <= 10; id++) sender.publish("t", String(id), { qos: 1, messageId: id });
		assert.equal(sender.closed, false);
		sender.publish("t", "a", { qos: 2, messageId: 11 }).publish("t", "b", { qos: 2, messageId: 12 });
		assert.equal(sender.closed, false);
		sender.publish("t", "c", { qos: 2, messageId: 13 });
		assert.equal(disconnectCode(sender), 0x93);
		assert.equal(receiver.takeTexts().at(-1), "t=b");
	});

	test("what comes in one piece was sent without having seen an answer", () => {
		const { sender } = received({}, { receiveMaximum: 2 });
		const one = (id: number) => `32 07 0001 74 000${id} 00 78`;
		sender.raw(one(1) + one(2)).raw(one(1) + one(2));
		assert.equal(sender.closed, false);
		sender.raw(one(1) + one(2) + one(3));
		assert.equal(disconnectCode(sender), 0x93);
	});
});

suite("MQTT 5 message properties", () => {
	test("all of them are passed on unaltered, user properties in their order", () => {
		const { receiver, sender } = received();
		// b=2, a=1, b=3, then one with an empty name and value, then __proto__=x.
		const userProperties = "26 0001 62 0001 32 26 0001 61 0001 31 26 0001 62 0001 33 26 0000 0000 26 0009 5f5f70726f746f5f5f 0001 78";
		const properties = `01 01 03 0001 6d 08 0001 72 09 0002 00ff ${userProperties}`;
		const length = (hex: string) => (hex.replaceAll(" ", "").length / 2).toString(16).padStart(2, "0");
		const body = `0001 74 ${length(properties)} ${properties} 68`;
		sender.raw(`30 ${length(body)} ${body}`);
		assert.equal(receiver.bytes.toString("hex").endsWith(`30${length(body)}${body}`.replaceAll(" ", "")), true, receiver.bytes.toString("hex"));
	});

	test("a message is not retained without its properties", () => {
		const { broker, sender } = received();
		sender.publish("keep", "x", { retain: true, properties: { contentType: "c", messageExpiryInterval: 10 } });
		const late = new ScriptedClient(broker, 4_000).connect5("l", {}, 4_000).subscribe("keep");
		const { properties, retain } = late.takePublished()[0]!;
		assert.deepEqual([properties, retain], [{ contentType: "c", messageExpiryInterval: 10 }, true]);
	});

	test("3.1.1 gets the message without them", () => {
		const { broker, sender } = received();
		const old = new ScriptedClient(broker).connect("old").subscribe("t");
		old.take();
		sender.publish("t", "x", { properties: { contentType: "c", messageExpiryInterval: 1 } });
		assert.equal(old.bytes.toString("hex").endsWith("300400017478"), true);
	});

	test("the expiry shrinks by the time that a message waits, and then the message is gone", () => {
		const { broker, receiver, sender } = received();
		receiver.connection.lost(0);
		for (const [messageId, messageExpiryInterval] of [[1, 10], [2, 3], [3, undefined]] as const) {
			sender.publish("t", String(messageId), { qos: 1, messageId, properties: messageExpiryInterval === undefined ? {} : { messageExpiryInterval } }, 1_000);
		}
		const back = new ScriptedClient(broker, 4_500).connect5("r", { clean: false, properties: { sessionExpiryInterval: 10 } }, 4_500);
		const messages = back.takePublished();
		assert.deepEqual(messages.map(({ payload, properties }) => [String(payload), properties?.messageExpiryInterval]), [["1", 7], ["3", undefined]]);
		assert.equal(broker.statistics.expired, 1);
		back.connection.lost(4_500);
		// Delivery has begun: no expiry takes it away now.
		const again = new ScriptedClient(broker, 60_000).connect5("r", { clean: false, properties: { sessionExpiryInterval: 10 } }, 60_000);
		assert.equal(again.received.length, 1);
	});

	test("a delivery that has begun is repeated after its expiry", () => {
		const { broker, receiver, sender } = received();
		sender.publish("t", "x", { qos: 1, messageId: 1, properties: { messageExpiryInterval: 1 } });
		receiver.connection.lost(0);
		const back = new ScriptedClient(broker, 5_000).connect5("r", { clean: false }, 5_000);
		assert.deepEqual(back.takePublished().map(({ dup, properties }) => [dup, properties?.messageExpiryInterval]), [[true, 0]]);
	});

	test("expired messages make room: in a full queue, and in a full store of retained ones", () => {
		const { broker, receiver, sender } = received({}, { queueMaximum: 2, retainedMaximum: 1 });
		receiver.connection.lost(0);
		sender.publish("a", "1", { qos: 1, messageId: 1, retain: true, properties: { messageExpiryInterval: 1 } }, 0);
		sender.publish("t", "2", { qos: 1, messageId: 2 }, 0).publish("t", "3", { qos: 1, messageId: 3 }, 0);
		assert.deepEqual([broker.statistics.dropped, broker.session("r")!.waiting], [1, 2]);
		sender.publish("b", "4", { qos: 1, messageId: 4, retain: true }, 1_000);
		const back = new ScriptedClient(broker, 1_000).connect5("r", { clean: false, properties: { sessionExpiryInterval: 10 } }, 1_000);
		assert.deepEqual(back.takeTexts(), ["t=2", "b=4"]);
		assert.deepEqual([broker.statistics.dropped, broker.statistics.expired], [1, 1]);
		assert.deepEqual(new ScriptedClient(broker, 1_000).connect5("x", {}, 1_000).subscribe("#").takeTexts(), ["b=4"]);
	});

	test("what is larger than a client takes is not sent to it, and counts as sent", () => {
		const { broker, receiver, sender } = received({ maximumPacketSize: 40 });
		const other = new ScriptedClient(broker).connect5("o").subscribe("#", 1);
		other.take();
		sender.publish("t", "x".repeat(34), { qos: 1, messageId: 1 }).publish("t", "x".repeat(33), { qos: 0 }).publish("t", "y".repeat(32), { qos: 1, messageId: 2 });
		assert.deepEqual(receiver.takePublished().map(({ payload }) => [String(payload)[0], payload.length]), [["x", 33], ["y", 32]]);
		assert.deepEqual([broker.session("r")!.inflight, broker.statistics.dropped, other.takePublished().length], [1, 1, 3]);
	});

	test("the order of a topic holds between QoS 0 and 1", () => {
		const { receiver, sender } = received({ receiveMaximum: 1 });
		sender.publish("t", "1", { qos: 1, messageId: 1 }).publish("t", "2").publish("t", "3", { qos: 1, messageId: 2 });
		sender.publish("t", "4");
		const [first, ...others] = receiver.takePublished() as [IPublishPacket, IPublishPacket];
		assert.deepEqual([first, ...others].map(({ payload }) => String(payload)), ["1", "2"]);
		receiver.send({ cmd: "puback", messageId: first.messageId!, reasonCode: 0 });
		assert.deepEqual(receiver.takeTexts(), ["t=3", "t=4"]);
	});
});
