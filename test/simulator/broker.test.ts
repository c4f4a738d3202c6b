// SPDX-License-Identifier: Apache-2.0
/** The broker without a network: what each packet brings about, on a clock that the test moves. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { IConnackPacket } from "mqtt-packet";
import { generate } from "mqtt-packet";
import { Broker } from "../../hosts/simulator/broker/broker.js";
import { ScriptedClient } from "./scripted.js";

const will = (payload: string) => ({ topic: "will", payload: Buffer.from(payload), qos: 1 as const, retain: false });

suite("Broker connections", () => {
	test("CONNECT is answered, and the session is new", () => {
		const broker = new Broker();
		const client = new ScriptedClient(broker).connect("a");
		const [connack] = client.take() as IConnackPacket[];
		assert.deepEqual([connack?.cmd, connack?.returnCode, connack?.sessionPresent], ["connack", 0, false]);
		assert.equal(broker.sessionCount, 1);
	});

	test("a packet that comes byte by byte is one packet", () => {
		const client = new ScriptedClient(new Broker());
		for (const byte of generate({ cmd: "connect", clientId: "a" })) {
			assert.equal(client.received.length, 0);
			client.connection.receive(Uint8Array.of(byte), 0);
		}
		assert.equal(client.received.length, 1);
	});

	test("many packets in one piece are all answered", () => {
		const client = new ScriptedClient(new Broker());
		client.connection.receive(Buffer.concat([generate({ cmd: "connect", clientId: "a" }), generate({ cmd: "pingreq" }), generate({ cmd: "pingreq" })]), 0);
		assert.deepEqual(client.take().map(packet => packet.cmd), ["connack", "pingresp", "pingresp"]);
	});

	test("silence for one and a half keep-alive periods ends the connection, and not earlier", () => {
		const broker = new Broker();
		const client = new ScriptedClient(broker, 1_000).connect("a", { keepalive: 10 }, 1_000);
		client.send({ cmd: "pingreq" }, 5_000);
		while (broker.deadline < 20_000) broker.expire(broker.deadline);
		broker.expire(19_999);
		assert.equal(client.closed, false);
		assert.equal(broker.deadline, 20_000);
		broker.expire(20_000);
		assert.equal(client.closed, true);
		assert.equal(broker.deadline, Infinity);
	});

	test("keep-alive 0 never ends the connection", () => {
		const broker = new Broker();
		const client = new ScriptedClient(broker).connect("a", { keepalive: 0 });
		broker.expire(1e9);
		assert.equal(client.closed, false);
		assert.equal(broker.deadline, Infinity);
	});

	test("who does not send CONNECT in time is sent away", () => {
		const broker = new Broker({ limits: { connectTimeout: 500 } });
		const client = new ScriptedClient(broker, 100);
		broker.expire(599);
		assert.equal(client.closed, false);
		broker.expire(600);
		assert.equal(client.closed, true);
	});

	test("a second connection with the same client id takes over, after the first one's will", () => {
		const broker = new Broker();
		const watcher = new ScriptedClient(broker).connect("w").subscribe("will");
		watcher.take();
		const first = new ScriptedClient(broker).connect("a", { will: will("gone") });
		const second = new ScriptedClient(broker).connect("a");
		assert.equal(first.closed, true);
		assert.equal(second.closed, false);
		assert.deepEqual(watcher.takeTexts(), ["will=gone"]);
		first.connection.lost(1);
		second.send({ cmd: "pingreq" });
		assert.deepEqual(second.take().map(packet => packet.cmd), ["connack", "pingresp"]);
	});

	test("connections beyond the maximum are closed at once", () => {
		const broker = new Broker({ limits: { connectionMaximum: 1 } });
		const first = new ScriptedClient(broker).connect("a");
		const second = new ScriptedClient(broker).connect("b");
		assert.deepEqual([first.closed, second.closed, second.received.length], [false, true, 0]);
		first.connection.lost(0);
		assert.equal(new ScriptedClient(broker).connect("b").closed, false);
	});

	test("sessions beyond the maximum are refused as unavailable", () => {
		const broker = new Broker({ limits: { sessionMaximum: 1 } });
		new ScriptedClient(broker).connect("a", { clean: false }).send({ cmd: "disconnect" });
		const second = new ScriptedClient(broker).connect("b");
		assert.equal((second.received[0] as IConnackPacket).returnCode, 3);
		assert.equal((new ScriptedClient(broker).connect("a", { clean: false }).received[0] as IConnackPacket).sessionPresent, true);
	});

	for (const [name, packet, returnCode] of [
		["an empty client id with a persistent session", "10 0c 0004 4d515454 04 00 003c 0000", 2],
		["an unknown protocol level", "10 0d 0004 4d515454 06 02 003c 0001 61", 1],
		["MQTT 3.1", "10 0f 0006 4d5149736470 03 02 003c 0001 61", 1],
	] as const) {
		test(`${name} is refused with return code ${returnCode}`, () => {
			const client = new ScriptedClient(new Broker()).raw(packet);
			assert.equal((client.received[0] as IConnackPacket).returnCode, returnCode);
			assert.equal(client.closed, true);
		});
	}

	test("an empty client id with a clean session gets one of its own", () => {
		const broker = new Broker();
		const first = new ScriptedClient(broker).connect("");
		const second = new ScriptedClient(broker).connect("");
		assert.deepEqual([first.closed, second.closed, broker.sessionCount], [false, false, 2]);
	});

	test("authorize decides, and sees who asks", () => {
		const seen: unknown[] = [];
		const broker = new Broker({
			authorize(client) {
				seen.push([client.clientId, client.identity?.name, client.username, client.password && String(client.password)]);
				return client.username === "u" ? undefined : "credentials";
			},
		});
		const identity = { name: "cn", fingerprint: "00" };
		const good = new ScriptedClient(broker, 0, identity).connect("a", { username: "u", password: Buffer.from("p") });
		const bad = new ScriptedClient(broker).connect("b");
		assert.deepEqual(seen, [["a", "cn", "u", "p"], ["b", undefined, undefined, undefined]]);
		assert.equal((good.received[0] as IConnackPacket).returnCode, 0);
		assert.deepEqual([(bad.received[0] as IConnackPacket).returnCode, bad.closed, broker.sessionCount], [4, true, 1]);
	});

	test("hooks tell who came, why they went, and what was published", () => {
		const log: string[] = [];
		const broker = new Broker({
			onConnected(client, now) { log.push(`+${client.clientId}@${now}`); },
			onDisconnected(client, reason, now) { log.push(`-${client.clientId} ${reason}@${now}`); },
			onPublish(message, from) { log.push(`${from?.clientId ?? "cloud"}>${message.topic}`); },
		});
		const a = new ScriptedClient(broker).connect("a", {}, 1);
		a.publish("t", "x").send({ cmd: "disconnect" }, 2);
		new ScriptedClient(broker).connect("b", {}, 3).connection.lost(4);
		new ScriptedClient(broker).connect("c", {}, 5).raw("ff00", 6);
		broker.attach().publish("u", new Uint8Array(0));
		assert.deepEqual(log, ["+a@1", "a>t", "-a disconnect@2", "+b@3", "-b lost@4", "+c@5", "-c malformed@6", "cloud>u"]);
	});
});

suite("Broker publications", () => {
	test("QoS 0, 1 and 2 are acknowledged as they must be, and delivered at the lower QoS", () => {
		const broker = new Broker();
		const receiver = new ScriptedClient(broker).connect("r").subscribe("t", 1);
		receiver.take();
		const sender = new ScriptedClient(broker).connect("s");
		sender.take();
		sender.publish("t", "0").publish("t", "1", { qos: 1, messageId: 7 }).publish("t", "2", { qos: 2, messageId: 8 });
		assert.deepEqual(sender.take().map(packet => [packet.cmd, packet.messageId]), [["puback", 7], ["pubrec", 8]]);
		sender.send({ cmd: "pubrel", messageId: 8 });
		assert.deepEqual(sender.take().map(packet => [packet.cmd, packet.messageId]), [["pubcomp", 8]]);
		assert.deepEqual(receiver.takePublished().map(packet => [String(packet.payload), packet.qos]), [["0", 0], ["1", 1], ["2", 1]]);
	});

	test("a QoS 2 publication that is repeated is delivered once; after PUBREL its identifier is free", () => {
		const broker = new Broker();
		const receiver = new ScriptedClient(broker).connect("r").subscribe("t", 0);
		receiver.take();
		const sender = new ScriptedClient(broker).connect("s");
		sender.publish("t", "x", { qos: 2, messageId: 8 }).publish("t", "x", { qos: 2, messageId: 8, dup: true });
		sender.send({ cmd: "pubrel", messageId: 8 }).publish("t", "y", { qos: 2, messageId: 8 });
		assert.deepEqual(receiver.takeTexts(), ["t=x", "t=y"]);
		assert.equal(sender.received.filter(packet => packet.cmd === "pubrec").length, 3);
	});

	test("the receiver's half of QoS 2 goes from PUBREC over PUBREL to PUBCOMP", () => {
		const broker = new Broker();
		const receiver = new ScriptedClient(broker).connect("r").subscribe("t", 2);
		new ScriptedClient(broker).connect("s").publish("t", "x", { qos: 2, messageId: 1 });
		const [publication] = receiver.takePublished();
		assert.equal(publication?.qos, 2);
		const messageId = publication!.messageId!;
		receiver.send({ cmd: "pubrec", messageId });
		assert.deepEqual(receiver.take().map(packet => [packet.cmd, packet.messageId]), [["pubrel", messageId]]);
		receiver.send({ cmd: "pubcomp", messageId });
		assert.equal(broker.session("r")?.inflight, 0);
	});

	test("retained messages are replayed to new subscribers with the flag, and an empty one deletes", () => {
		const broker = new Broker();
		const sender = new ScriptedClient(broker).connect("s").publish("a/b", "1", { retain: true }).publish("a/c", "2", { retain: true });
		const receiver = new ScriptedClient(broker).connect("r").subscribe("a/+", 1);
		const packets = receiver.take();
		assert.deepEqual(packets.map(packet => packet.cmd), ["connack", "suback", "publish", "publish"]);
		assert.ok(packets.every(packet => packet.cmd !== "publish" || packet.retain));
		sender.publish("a/b", "3", { retain: true });
		assert.deepEqual(receiver.takePublished().map(packet => [String(packet.payload), packet.retain]), [["3", false]]);
		sender.publish("a/b", "", { retain: true });
		assert.equal(broker.retainedCount, 1);
		assert.deepEqual(new ScriptedClient(broker).connect("x").subscribe("#").takeTexts(), ["a/c=2"]);
	});

	test("a full retained store still delivers", () => {
		const broker = new Broker({ limits: { retainedMaximum: 1 } });
		const receiver = new ScriptedClient(broker).connect("r").subscribe("#");
		new ScriptedClient(broker).connect("s").publish("a", "1", { retain: true }).publish("b", "2", { retain: true }).publish("a", "3", { retain: true });
		assert.deepEqual(receiver.takeTexts(), ["a=1", "b=2", "a=3"]);
		assert.deepEqual([broker.retainedCount, broker.statistics.dropped], [1, 1]);
	});

	test("overlapping subscriptions deliver once, with the highest QoS", () => {
		const broker = new Broker();
		const receiver = new ScriptedClient(broker).connect("r").subscribe("a/#", 0, 1).subscribe("a/b", 1, 2).subscribe("+/b", 0, 3);
		receiver.take();
		new ScriptedClient(broker).connect("s").publish("a/b", "x", { qos: 1, messageId: 1 });
		assert.deepEqual(receiver.takePublished().map(packet => packet.qos), [1]);
	});

	test("nothing comes after UNSUBSCRIBE", () => {
		const broker = new Broker();
		const receiver = new ScriptedClient(broker).connect("r").subscribe("a").send({ cmd: "unsubscribe", messageId: 2, unsubscriptions: ["a"] });
		assert.equal(receiver.take().at(-1)?.cmd, "unsuback");
		new ScriptedClient(broker).connect("s").publish("a", "x");
		assert.deepEqual(receiver.take(), []);
	});

	test("the will is published when the connection is lost, and not after DISCONNECT", () => {
		const broker = new Broker();
		const watcher = new ScriptedClient(broker).connect("w").subscribe("will");
		new ScriptedClient(broker).connect("a", { will: will("lost") }).connection.lost(0);
		new ScriptedClient(broker).connect("b", { will: will("never") }).send({ cmd: "disconnect" });
		new ScriptedClient(broker).connect("c", { will: will("silent"), keepalive: 1 });
		broker.expire(1_500);
		new ScriptedClient(broker).connect("d", { will: will("restart") });
		assert.deepEqual(watcher.takeTexts(), ["will=lost", "will=silent"]);
		broker.restart(1_600);
		assert.equal(watcher.closed, true);
		assert.deepEqual(watcher.take(), []);
	});

	test("what permit refuses is neither delivered nor subscribed, and a will is refused at CONNECT", () => {
		const broker = new Broker({ permit: (client, _action, topic) => topic.startsWith(`${client.clientId}/`) });
		const a = new ScriptedClient(broker).connect("a").subscribe("#", 1, 1).subscribe("a/#", 1, 2);
		const subacks = a.take().filter(packet => packet.cmd === "suback");
		assert.deepEqual(subacks.map(packet => packet.granted), [[0x80], [1]]);
		const b = new ScriptedClient(broker).connect("b").publish("a/x", "spoof", { qos: 1, messageId: 1 });
		assert.deepEqual(b.take().map(packet => packet.cmd), ["connack", "puback"]);
		assert.deepEqual(a.take(), []);
		assert.equal(broker.statistics.denied, 2);
		const c = new ScriptedClient(broker).connect("c", { will: will("x") });
		assert.equal((c.received[0] as IConnackPacket).returnCode, 5);
	});
});

suite("Broker sessions", () => {
	test("a persistent session keeps subscriptions and QoS 1 messages, a clean one does not", () => {
		const broker = new Broker();
		new ScriptedClient(broker).connect("p", { clean: false }).subscribe("t", 1).connection.lost(0);
		new ScriptedClient(broker).connect("c").subscribe("t", 1).connection.lost(0);
		new ScriptedClient(broker).connect("s").publish("t", "zero").publish("t", "one", { qos: 1, messageId: 1 });
		const persistent = new ScriptedClient(broker).connect("p", { clean: false });
		assert.equal((persistent.received[0] as IConnackPacket).sessionPresent, true);
		assert.deepEqual(persistent.takeTexts(), ["t=one"]);
		const clean = new ScriptedClient(broker).connect("c", { clean: false });
		assert.equal((clean.received[0] as IConnackPacket).sessionPresent, false);
		assert.deepEqual(clean.takeTexts(), []);
	});

	test("CONNECT with a clean session throws the persistent one away", () => {
		const broker = new Broker();
		new ScriptedClient(broker).connect("p", { clean: false }).subscribe("t").connection.lost(0);
		new ScriptedClient(broker).connect("p").connection.lost(0);
		assert.equal(broker.sessionCount, 0);
		assert.equal((new ScriptedClient(broker).connect("p", { clean: false }).received[0] as IConnackPacket).sessionPresent, false);
	});

	test("what was not acknowledged is sent again with the duplicate flag, in order; a PUBREL too", () => {
		const broker = new Broker();
		const first = new ScriptedClient(broker).connect("p", { clean: false }).subscribe("t", 2);
		const sender = new ScriptedClient(broker).connect("s");
		for (const [index, payload] of ["a", "b", "c"].entries()) sender.publish("t", payload, { qos: index === 0 ? 2 : 1, messageId: index + 1 });
		const [a, b] = first.takePublished();
		first.send({ cmd: "pubrec", messageId: a!.messageId! }).send({ cmd: "puback", messageId: b!.messageId! });
		first.connection.lost(0);
		const second = new ScriptedClient(broker).connect("p", { clean: false });
		assert.deepEqual(second.take().map(packet => packet.cmd === "publish" ? [String(packet.payload), packet.dup, packet.qos] : packet.cmd),
			["connack", "pubrel", ["c", true, 1]]);
		second.send({ cmd: "pubcomp", messageId: a!.messageId! });
		assert.equal(broker.session("p")?.inflight, 1);
	});

	test("a publication received at QoS 2 before a disconnect is still known after it", () => {
		const broker = new Broker();
		const receiver = new ScriptedClient(broker).connect("r").subscribe("t");
		receiver.take();
		new ScriptedClient(broker).connect("p", { clean: false }).publish("t", "x", { qos: 2, messageId: 5 }).connection.lost(0);
		new ScriptedClient(broker).connect("p", { clean: false }).publish("t", "x", { qos: 2, messageId: 5, dup: true }).send({ cmd: "pubrel", messageId: 5 });
		assert.deepEqual(receiver.takeTexts(), ["t=x"]);
	});

	test("only so many are in flight; the next goes out when one is acknowledged, and QoS 0 does not overtake", () => {
		const broker = new Broker({ limits: { inflightMaximum: 2 } });
		const receiver = new ScriptedClient(broker).connect("r").subscribe("t", 1);
		const sender = new ScriptedClient(broker).connect("s");
		for (let id = 1; id <= 4; id++) sender.publish("t", String(id), { qos: 1, messageId: id });
		sender.publish("t", "zero");
		const sent = receiver.takePublished();
		assert.deepEqual(sent.map(packet => String(packet.payload)), ["1", "2"]);
		receiver.send({ cmd: "puback", messageId: sent[1]!.messageId! });
		assert.deepEqual(receiver.takeTexts(), ["t=3"]);
		receiver.send({ cmd: "puback", messageId: sent[0]!.messageId! });
		assert.deepEqual(receiver.takeTexts(), ["t=4", "t=zero"]);
		assert.equal(broker.session("r")?.waiting, 0);
	});

	test("a full queue drops what comes last and counts it, by number and by bytes", () => {
		const broker = new Broker({ limits: { queueMaximum: 2, queueBytesMaximum: 10 } });
		new ScriptedClient(broker).connect("p", { clean: false }).subscribe("t", 1).connection.lost(0);
		const sender = new ScriptedClient(broker).connect("s");
		for (const [index, payload] of ["1", "2", "3"].entries()) sender.publish("t", payload, { qos: 1, messageId: index + 1 });
		const back = new ScriptedClient(broker).connect("p", { clean: false });
		assert.deepEqual(back.takeTexts(), ["t=1", "t=2"]);
		back.connection.lost(0);
		sender.publish("t", "eleven bytes", { qos: 1, messageId: 4 });
		assert.equal(broker.statistics.dropped, 2);
	});

	test("while the network takes nothing, messages wait, and go out in order when it is drained", () => {
		const broker = new Broker();
		const receiver = new ScriptedClient(broker).connect("r").subscribe("t", 0);
		receiver.take();
		const sender = new ScriptedClient(broker).connect("s");
		receiver.writable = false;
		for (const payload of ["1", "2", "3"]) sender.publish("t", payload);
		assert.deepEqual(receiver.takeTexts(), ["t=1"]);
		receiver.writable = true;
		receiver.connection.drained();
		assert.deepEqual(receiver.takeTexts(), ["t=2", "t=3"]);
	});

	test("subscriptions beyond the maximum are answered with a failure", () => {
		const broker = new Broker({ limits: { subscriptionMaximum: 1 } });
		const client = new ScriptedClient(broker).connect("a").subscribe("x", 1, 1).subscribe("y", 1, 2).subscribe("x", 2, 3);
		assert.deepEqual(client.take().filter(packet => packet.cmd === "suback").map(packet => packet.granted), [[1], [0x80], [2]]);
	});
});

suite("Broker attachment", () => {
	test("a service receives and publishes; what it publishes while it receives comes after what it received", () => {
		const broker = new Broker();
		const channel = broker.attach();
		channel.subscribe("ask/+", (topic, payload) => { channel.publish("answer", Buffer.from(`${topic}:${String(payload)}`)); });
		const client = new ScriptedClient(broker).connect("a").subscribe("answer", 1, 1).subscribe("ask/#", 1, 2);
		client.take();
		client.publish("ask/1", "x");
		assert.deepEqual(client.takeTexts(), ["ask/1=x", "answer=ask/1:x"]);
	});

	test("services that answer each other for ever are stopped", () => {
		const broker = new Broker();
		const channel = broker.attach();
		channel.subscribe("a", () => {
			channel.publish("a", new Uint8Array(0));
			channel.publish("a", new Uint8Array(0));
		});
		assert.throws(() => { channel.publish("a", new Uint8Array(0)); }, { code: "internal" });
	});

	test("a retained message comes with the flag at once", () => {
		const broker = new Broker();
		broker.attach().publish("s", Buffer.from("x"), { retain: true });
		const seen: unknown[] = [];
		broker.attach().subscribe("s", (topic, payload, retain) => seen.push([topic, String(payload), retain]));
		assert.deepEqual(seen, [["s", "x", true]]);
	});
});
