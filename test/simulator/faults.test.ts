// SPDX-License-Identifier: Apache-2.0
/** Faults on demand: what each does to clients of both versions, and that it ends when it should. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { IConnackPacket, IPublishPacket, Packet } from "mqtt-packet";
import { Broker } from "../../hosts/simulator/broker/broker.js";
import { ScriptedClient } from "./scripted.js";

/** Lets the broker do what is due up to `until`. */
function pass(broker: Broker, until: number): void {
	while (broker.deadline <= until) broker.expire(Math.max(0, broker.deadline));
	broker.expire(until);
}

const cmds = (packets: Packet[]) => packets.map(packet => packet.cmd);

for (const version of [4, 5] as const) {
	const connect = (broker: Broker, clientId: string, now = 0) => {
		const client = new ScriptedClient(broker, now);
		const options = { clean: false, keepalive: 0, ...(version === 5 ? { properties: { sessionExpiryInterval: 1_000 } } : {}) };
		return version === 5 ? client.connect5(clientId, options, now) : client.connect(clientId, options, now);
	};
	/** A client that is connected and has seen its CONNACK. */
	const connected = (broker: Broker, clientId = "a") => {
		const client = connect(broker, clientId);
		client.take();
		return client;
	};
	const codeOf = (client: ScriptedClient) => {
		const { reasonCode, returnCode } = client.received[0] as IConnackPacket;
		return version === 5 ? reasonCode : returnCode;
	};

	suite(`Faults, MQTT ${version === 5 ? "5" : "3.1.1"}`, () => {
		test("refuse: the next connections, with the reason; then no more", () => {
			const broker = new Broker();
			broker.faults.refuse("unavailable", { count: 2 });
			broker.faults.refuse({ reasonCode: 0x87 }, { clientId: "b" });
			assert.deepEqual([connect(broker, "a"), connect(broker, "a"), connect(broker, "a"), connect(broker, "b"), connect(broker, "b")].map(codeOf),
				version === 5 ? [0x88, 0x88, 0, 0x87, 0x87] : [3, 3, 0, 5, 5]);
			broker.faults.clear();
			assert.equal(codeOf(connect(broker, "b")), 0);
		});

		test("delay: everything comes later, in order, and the broker goes on at its time", () => {
			const broker = new Broker();
			const client = connected(broker);
			broker.faults.delay(300, { clientId: "a" });
			client.subscribe("t").publish("t", "1", { qos: 1, messageId: 2 }, 100).send({ cmd: "pingreq" }, 200);
			assert.deepEqual(client.take(), []);
			pass(broker, 299);
			assert.deepEqual(client.take(), []);
			pass(broker, 300);
			assert.deepEqual(cmds(client.take()), ["suback"]);
			broker.faults.delay(0, { clientId: "a" });
			client.send({ cmd: "pingreq" }, 310);
			assert.deepEqual(client.take(), []);
			pass(broker, 500);
			assert.deepEqual(cmds(client.take()), ["publish", "puback", "pingresp", "pingresp"]);
			client.send({ cmd: "pingreq" }, 501);
			assert.deepEqual(cmds(client.take()), ["pingresp"]);
		});

		test("delay: a connection that ends says what it had to say", () => {
			const broker = new Broker();
			const client = connected(broker);
			broker.faults.delay(1_000);
			client.send({ cmd: "pingreq" });
			broker.kick("a", 0, 0x98);
			assert.deepEqual([cmds(client.take()), client.closed], [version === 5 ? ["pingresp", "disconnect"] : ["pingresp"], true]);
			const other = connected(broker, "b");
			other.send({ cmd: "pingreq" });
			other.connection.lost(0);
			assert.deepEqual(other.take(), []);
		});

		for (const type of ["puback", "pubrec", "pubcomp", "suback", "unsuback", "pubrel"] as const) {
			test(`drop: the next ${type} is lost, the one after it is not`, () => {
				const broker = new Broker();
				const client = connected(broker);
				connected(broker, "r").subscribe("own", 2);
				broker.faults.dropAcknowledgements(type, { count: 1 });
				const provoke = (messageId: number) => {
					switch (type) {
						case "puback": return client.publish("t", "x", { qos: 1, messageId });
						case "pubrec": return client.publish("t", "x", { qos: 2, messageId });
						case "pubcomp": return client.send({ cmd: "pubrel", messageId });
						case "suback": return client.subscribe("t", 1, messageId);
						case "unsuback": return client.send({ cmd: "unsubscribe", messageId, unsubscriptions: ["t"] });
						case "pubrel": return client.send({ cmd: "pubrec", messageId });
					}
				};
				assert.deepEqual([cmds(provoke(1).take()), cmds(provoke(2).take())], [[], [type]]);
			});
		}

		test("drop: a PUBREC that was lost is sent again when the message is, and the message is heard once", () => {
			const broker = new Broker();
			const receiver = connected(broker, "r").subscribe("t");
			receiver.take();
			broker.faults.dropAcknowledgements("pubrec", { clientId: "a" });
			const client = connected(broker).publish("t", "x", { qos: 2, messageId: 1 });
			assert.deepEqual(client.take(), []);
			client.connection.lost(0);
			broker.faults.clear();
			const again = connected(broker).publish("t", "x", { qos: 2, messageId: 1, dup: true }).send({ cmd: "pubrel", messageId: 1 });
			assert.deepEqual(cmds(again.take()), ["pubrec", "pubcomp"]);
			assert.deepEqual(receiver.takeTexts(), ["t=x"]);
		});

		test("duplicate: the same identifier again, with the duplicate flag; acknowledging both does no harm", () => {
			const broker = new Broker();
			const client = connected(broker).subscribe("t", 2);
			client.take();
			broker.faults.duplicate({ count: 2 });
			const sender = connected(broker, "s");
			sender.publish("t", "0").publish("t", "1", { qos: 1, messageId: 1 }).publish("t", "2", { qos: 2, messageId: 2 }).publish("t", "3", { qos: 1, messageId: 3 });
			const packets = client.takePublished();
			assert.deepEqual(packets.map(({ payload, dup }) => [String(payload), dup]), [["0", false], ["1", false], ["1", true], ["2", false], ["2", true], ["3", false]]);
			const [, one, oneAgain, two, twoAgain, three] = packets as [IPublishPacket, IPublishPacket, IPublishPacket, IPublishPacket, IPublishPacket, IPublishPacket];
			assert.deepEqual([one.messageId, two.messageId], [oneAgain.messageId, twoAgain.messageId]);
			for (const { messageId } of [one, oneAgain, three]) client.send({ cmd: "puback", messageId: messageId! });
			for (const cmd of ["pubrec", "pubrec", "pubcomp", "pubcomp"] as const) client.send({ cmd, messageId: two.messageId! });
			assert.deepEqual([cmds(client.take()), client.closed, broker.session("a")!.inflight], [["pubrel", "pubrel"], false, 0]);
		});

		test("delaySubscriptions: granted at once, what is published meanwhile is missed; given up meanwhile, it never counts", () => {
			const broker = new Broker();
			broker.faults.delaySubscriptions(100, { clientId: "a" });
			const client = connected(broker);
			for (const [index, filter] of ["t", "given up"].entries()) assert.deepEqual(cmds(client.subscribe(filter, 1, index + 1).take()), ["suback"]);
			client.send({ cmd: "unsubscribe", messageId: 3, unsubscriptions: ["given up"] });
			const unsuback = client.takeOne("unsuback");
			if (version === 5) assert.deepEqual(unsuback.granted, [0]);
			client.publish("t", "missed");
			assert.deepEqual([client.take(), broker.deadline], [[], 100]);
			broker.expire(100);
			client.publish("t", "heard").publish("given up", "x");
			assert.deepEqual(client.takeTexts(), ["t=heard"]);
			broker.faults.delaySubscriptions(0, { clientId: "a" });
			client.subscribe("now").take();
			assert.deepEqual(client.publish("now", "x").takeTexts(), ["now=x"]);
			broker.faults.delaySubscriptions(100);
			connected(broker, "b").subscribe("t");
			broker.restart(0, { forget: true });
			broker.expire(200);
			const back = connected(broker, "b");
			connected(broker, "c").publish("t", "of a session that is no more");
			assert.deepEqual(back.take(), []);
		});

		test("kick and restart happen when the broker looks at the time", () => {
			const broker = new Broker();
			const watcher = connected(broker, "w").subscribe("will");
			watcher.take();
			const kicked = version === 5 ? ["connack", "disconnect"] : ["connack"];
			const will = { topic: "will", payload: Buffer.from("gone") };
			const client = new ScriptedClient(broker);
			if (version === 5) client.connect5("a", { will });
			else client.connect("a", { will });
			broker.faults.kick("a", 0x98);
			assert.deepEqual([broker.deadline, client.closed], [0, false]);
			pass(broker, 1);
			assert.deepEqual([cmds(client.take()), client.closed, watcher.takeTexts()], [kicked, true, ["will=gone"]]);
			broker.faults.restart({ notice: true });
			pass(broker, 2);
			assert.deepEqual([cmds(watcher.take()), watcher.closed, broker.sessionCount], [kicked.slice(1), true, 1]);
			assert.equal((connect(broker, "w", 2).received[0] as IConnackPacket).sessionPresent, true);
			broker.faults.restart({ forget: true });
			pass(broker, 3);
			assert.deepEqual([broker.connectionCount, broker.sessionCount], [0, 0]);
		});

		test("silence: what comes is taken and not answered, no message goes out, no time runs out; then all of it is done", () => {
			const broker = new Broker({ limits: { connectTimeout: 1_000 } });
			const client = connected(broker).subscribe("t");
			client.take();
			broker.faults.silence();
			const late = connect(broker, "late");
			client.send({ cmd: "pingreq" }).publish("t", "own", { qos: 1, messageId: 1 });
			broker.attach().publish("t", Buffer.from("service"));
			pass(broker, 1e6);
			assert.deepEqual([client.take(), late.take(), client.closed, late.closed], [[], [], false, false]);
			broker.faults.speak();
			pass(broker, 1e6 + 1);
			assert.deepEqual([cmds(client.take()).sort(), cmds(late.take())], [["pingresp", "puback", "publish", "publish"], ["connack"]]);
			assert.equal(late.closed, false);
		});

		test("silence towards one client leaves the others alone", () => {
			const broker = new Broker();
			const [client, other] = [connected(broker, "a"), connected(broker, "b")];
			broker.faults.silence({ clientId: "a" });
			for (const each of [client, other]) each.send({ cmd: "pingreq" });
			assert.deepEqual([client.take(), cmds(other.take())], [[], ["pingresp"]]);
			broker.kick("a", 0, 0x98);
			assert.deepEqual([client.take(), client.closed], [[], true]);
		});

		test("silence begins between two packets of one piece", () => {
			const broker: Broker = new Broker({ onPublish() { broker.faults.silence(); } });
			const client = connected(broker).raw(version === 5 ? "30 04 0001 74 00 c000" : "30 03 0001 74 c000");
			assert.deepEqual(client.take(), []);
			broker.faults.clear();
			pass(broker, 1);
			assert.deepEqual(cmds(client.take()), ["pingresp"]);
		});

		test("what a silent broker holds is bounded", () => {
			const broker = new Broker();
			const client = connected(broker);
			broker.faults.silence();
			for (let index = 0; index <= 1024 * 1024 && !client.closed; index += 1024) client.connection.receive(new Uint8Array(1024), 0);
			assert.equal(client.closed, true);
		});

		test("while answers are delayed beyond a bound, messages wait in their session", () => {
			const broker = new Broker();
			const client = connected(broker).subscribe("t", 0);
			broker.faults.delay(1_000);
			for (let index = 0; index < 20; index++) broker.attach().publish("t", new Uint8Array(100_000));
			const { waiting } = broker.session("a")!;
			assert.ok(waiting > 5 && waiting < 15, `${waiting} wait`);
			pass(broker, 1_000);
			pass(broker, 2_000);
			assert.deepEqual([client.takePublished().length, broker.session("a")!.waiting], [20, 0]);
		});
	});
}

suite("Faults", () => {
	test("a PUBACK that was lost goes on counting against what a client may send", () => {
		const broker = new Broker({ limits: { receiveMaximum: 1 } });
		const client = new ScriptedClient(broker).connect5("a");
		broker.faults.dropAcknowledgements("puback", { count: 1 });
		client.publish("t", "1", { qos: 1, messageId: 1 }).publish("t", "2", { qos: 1, messageId: 2 });
		const last = client.received.at(-1)!;
		assert.deepEqual([last.cmd, "reasonCode" in last && last.reasonCode], ["disconnect", 0x93]);
	});

	test("what makes no sense is refused, and what is armed is bounded", () => {
		const { faults } = new Broker();
		for (const arm of [() => { faults.delay(-1); }, () => { faults.delay(Infinity); }, () => { faults.duplicate({ count: 0 }); }]) assert.throws(arm, { code: "argument" });
		for (const arm of [() => { faults.duplicate(); }, () => { faults.kick("a"); }]) {
			assert.throws(() => { for (let index = 0; index <= 1_000; index++) arm(); }, { code: "full" });
		}
	});

	test("who serves the broker is told when there is something to do", () => {
		const broker = new Broker();
		let count = 0;
		const unwatch = broker.watch(() => { count++; });
		broker.faults.kick("nobody");
		assert.equal(count, 1);
		broker.expire(0);
		unwatch();
		broker.faults.kick("nobody");
		assert.equal(count, 1);
	});
});
