// SPDX-License-Identifier: Apache-2.0
/** Subscriptions in MQTT 5: their options and identifiers, shared ones, and what a broker may lack. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { IDisconnectPacket, ISubackPacket } from "mqtt-packet";
import { Broker } from "../../hosts/simulator/broker/broker.js";
import { sharedFilter } from "../../hosts/simulator/broker/share.js";
import { ScriptedClient } from "./scripted.js";

const lasting = { clean: false, properties: { sessionExpiryInterval: 100 } };
const granted = (client: ScriptedClient) => (client.take().find(packet => packet.cmd === "suback") as ISubackPacket | undefined)?.granted;

suite("MQTT 5 subscription options", () => {
	test("no-local keeps a client's own messages away, and only those", () => {
		const broker = new Broker();
		const client = new ScriptedClient(broker).connect5("a").subscribe("t", 1, 1, { nl: true });
		const other = new ScriptedClient(broker).connect5("b").subscribe("t", 1);
		client.take();
		other.take();
		client.publish("t", "own");
		other.publish("t", "other");
		assert.deepEqual([client.takeTexts(), other.takeTexts()], [["t=other"], ["t=own", "t=other"]]);
		client.publish("t", "alone", { qos: 1, messageId: 1 });
		assert.equal(client.takeOne("puback").reasonCode, 0);
	});

	test("retain-as-published passes the flag on", () => {
		const broker = new Broker();
		const plain = new ScriptedClient(broker).connect5("a").subscribe("t", 0, 1);
		const asPublished = new ScriptedClient(broker).connect5("b").subscribe("t", 0, 1, { rap: true });
		new ScriptedClient(broker).connect5("c").publish("t", "1", { retain: true }).publish("t", "2");
		assert.deepEqual([plain, asPublished].map(client => client.takePublished().map(({ retain }) => retain)), [[false, false], [true, false]]);
	});

	test("retain handling: always, only when new, never", () => {
		const broker = new Broker();
		broker.attach().publish("t", Buffer.from("kept"), { retain: true });
		const replays = (rh: number) => {
			const client = new ScriptedClient(broker).connect5("a");
			const counts = [1, 2].map(messageId => client.subscribe("t", 1, messageId, { rh }).takePublished().filter(({ retain }) => retain).length);
			return counts;
		};
		assert.deepEqual([replays(0), replays(1), replays(2)], [[1, 1], [1, 0], [0, 0]]);
	});

	test("identifiers come with the messages, all that fit, once for each", () => {
		const broker = new Broker();
		broker.attach().publish("a/b", Buffer.from("kept"), { retain: true });
		const client = new ScriptedClient(broker).connect5("a");
		client.subscribe("a/+", 0, 1, {}, { subscriptionIdentifier: 7 }).subscribe("a/#", 1, 2, {}, { subscriptionIdentifier: 268_435_455 }).subscribe("a/b", 0, 3);
		assert.deepEqual(client.takePublished().map(({ properties }) => properties?.subscriptionIdentifier), [7, 268_435_455, undefined]);
		broker.attach().publish("a/b", Buffer.from("x"));
		const { properties, qos } = client.takeOne("publish");
		assert.deepEqual([properties?.subscriptionIdentifier, qos], [[268_435_455, 7], 1]);
		client.subscribe("a/#", 1, 4, { rh: 2 });
		client.take();
		broker.attach().publish("a/b", Buffer.from("x"));
		assert.equal(client.takeOne("publish").properties?.subscriptionIdentifier, 7);
	});

	test("codes: granted, not authorized, quota; and those of UNSUBACK", () => {
		const broker = new Broker({ limits: { subscriptionMaximum: 2, maximumQoS: 1 }, permit: (_client, _action, topic) => topic === "odd" ? 0x83 : topic !== "secret" });
		const client = new ScriptedClient(broker).connect5("a");
		client.send({ cmd: "subscribe", messageId: 1, subscriptions: ["a", "secret", "b", "odd", "c"].map(topic => ({ topic, qos: 2 })) });
		assert.deepEqual(granted(client), [1, 0x87, 1, 0x83, 0x97]);
		client.send({ cmd: "unsubscribe", messageId: 2, unsubscriptions: ["a", "c"] });
		assert.deepEqual(client.takeOne("unsuback").granted, [0, 0x11]);
	});

	for (const [name, limits, filter, properties, reasonCode] of [
		["wildcards", { wildcardSubscriptionAvailable: false }, "a/#", {}, 0xA2],
		["wildcards in a share", { wildcardSubscriptionAvailable: false }, "$share/n/+", {}, 0xA2],
		["shares", { sharedSubscriptionAvailable: false }, "$share/n/a", {}, 0x9E],
		["identifiers", { subscriptionIdentifiersAvailable: false }, "a", { subscriptionIdentifier: 1 }, 0xA1],
	] as const) {
		test(`where ${name} are not available, they end the connection; 3.1.1 gets a failure code`, () => {
			const client = new ScriptedClient(new Broker({ limits })).connect5("a").subscribe(filter, 1, 1, {}, properties);
			assert.deepEqual([client.closed, (client.received.at(-1) as IDisconnectPacket).reasonCode], [true, reasonCode]);
			const old = new ScriptedClient(new Broker({ limits })).connect("a").subscribe(filter);
			assert.deepEqual(granted(old), [name === "identifiers" ? 1 : 0x80]);
			const fine = new ScriptedClient(new Broker({ limits })).connect5("a").subscribe("$other/a", 1);
			assert.deepEqual(granted(fine), [1]);
		});
	}

	test("publications above the maximum QoS or to be retained where that is not available end the connection", () => {
		for (const [limits, options, reasonCode] of [[{ maximumQoS: 1 as const }, { qos: 2 as const, messageId: 1 }, 0x9B], [{ retainAvailable: false }, { retain: true }, 0x9A]] as const) {
			const client = new ScriptedClient(new Broker({ limits })).connect5("a").publish("t", "x", options);
			assert.equal((client.received.at(-1) as IDisconnectPacket).reasonCode, reasonCode);
			assert.equal(new ScriptedClient(new Broker({ limits })).connect("a").publish("t", "x", options).closed, true);
		}
	});
});

suite("Shared subscriptions", () => {
	test("a filter's parts, and what is none", () => {
		assert.deepEqual(["$share/n/a/+", "$share/n//", "$shared/n/a", "a"].map(sharedFilter), [{ name: "n", filter: "a/+" }, { name: "n", filter: "/" }, undefined, undefined]);
		assert.deepEqual(["$share", "$share/", "$share/n", "$share/n/", "$share//a", "$share/+/a", "$share/n#/a", "$share/n/a+"].map(sharedFilter), Array(8).fill(null));
	});

	/** Three members of `$share/g/t`, and one with a subscription of its own. */
	function group(qos: 0 | 1 | 2 = 1): { broker: Broker; members: ScriptedClient[]; own: ScriptedClient; publish(...texts: string[]): void } {
		const broker = new Broker();
		const members = ["a", "b", "c"].map(id => new ScriptedClient(broker).connect5(id, { ...lasting, keepalive: 0 }).subscribe("$share/g/t", qos));
		const own = new ScriptedClient(broker).connect5("d").subscribe("t", 0);
		for (const client of [...members, own]) client.take();
		const sender = new ScriptedClient(broker).connect5("s");
		let messageId = 0;
		return { broker, members, own, publish: (...texts) => { for (const text of texts) sender.publish("t", text, { qos: 2, messageId: ++messageId }); } };
	}

	test("each message goes to one member in turn, and to every other subscription", () => {
		const { members, own, publish } = group();
		publish("1", "2", "3", "4");
		assert.deepEqual(members.map(member => member.takeTexts()), [["t=1", "t=4"], ["t=2"], ["t=3"]]);
		assert.equal(own.takeTexts().length, 4);
	});

	test("3.1.1 shares, too; a member with both subscriptions gets both copies; two groups are two", () => {
		const { broker, members, publish } = group();
		new ScriptedClient(broker).connect("old").subscribe("$share/other/t");
		members[0]!.subscribe("t", 1, 2);
		members[0]!.take();
		publish("1");
		assert.deepEqual(members[0]!.takeTexts(), ["t=1", "t=1"]);
		assert.equal(broker.session("old")!.inflight, 1);
	});

	test("a member that is away is passed over; when all are, one of them keeps the message", () => {
		const { broker, members, publish } = group();
		members[1]!.connection.lost(0);
		publish("1", "2", "3");
		assert.deepEqual([members[0]!.takeTexts(), members[2]!.takeTexts()], [["t=1", "t=3"], ["t=2"]]);
		members[0]!.connection.lost(0);
		members[2]!.connection.lost(0);
		publish("4");
		assert.deepEqual(["a", "b", "c"].map(id => broker.session(id)!.waiting), [0, 1, 0]);
	});

	test("a retained message is not replayed to a share", () => {
		const broker = new Broker();
		broker.attach().publish("t", Buffer.from("kept"), { retain: true });
		assert.deepEqual(new ScriptedClient(broker).connect5("a").subscribe("$share/g/t").takeTexts(), []);
	});

	test("who unsubscribes is out, and the last one closes the share", () => {
		const { members, publish } = group();
		members[1]!.send({ cmd: "unsubscribe", messageId: 2, unsubscriptions: ["$share/g/t"] });
		assert.deepEqual(members[1]!.takeOne("unsuback").granted, [0]);
		publish("1", "2");
		assert.deepEqual(members.map(member => member.takeTexts()), [["t=1"], [], ["t=2"]]);
	});

	test("what a member did not take goes to another when its session ends: QoS 1 in flight and what waits, not QoS 2 that was sent", () => {
		for (const [qos, texts] of [[1, ["t=1", "t=2", "t=3"]], [2, ["t=2", "t=3"]]] as const) {
			const broker = new Broker({ limits: { inflightMaximum: 1 } });
			const first = new ScriptedClient(broker).connect5("a", { ...lasting, keepalive: 0 }).subscribe("$share/g/t", qos);
			const sender = new ScriptedClient(broker).connect5("s");
			for (const [index, text] of ["1", "2", "3"].entries()) sender.publish("t", text, { qos, messageId: index + 1 });
			assert.deepEqual(first.takeTexts(), ["t=1"]);
			first.connection.lost(0);
			const second = new ScriptedClient(broker).connect5("b", { keepalive: 0 }).subscribe("$share/g/t", 1);
			second.take();
			while (broker.deadline <= 100_000) broker.expire(broker.deadline);
			const taken: string[] = [];
			for (let [next] = second.takePublished(); next; [next] = second.takePublished()) {
				taken.push(`${next.topic}=${String(next.payload)}`);
				second.send({ cmd: "puback", messageId: next.messageId!, reasonCode: 0 });
			}
			assert.deepEqual([broker.session("a"), taken], [undefined, texts]);
		}
	});

	test("a member's refusal is final", () => {
		const { broker, members, publish } = group();
		publish("1");
		members[0]!.send({ cmd: "puback", messageId: members[0]!.takePublished()[0]!.messageId!, reasonCode: 0x80 });
		broker.kick("a", 0);
		assert.deepEqual(members.map(member => member.takeTexts()), [[], [], []]);
	});

	test("no-local on a share, and an ill-formed share, end the connection", () => {
		for (const [filter, nl, reasonCode] of [["$share/g/t", true, 0x82], ["$share/g", false, 0x8F], ["$share//t", false, 0x8F]] as const) {
			const client = new ScriptedClient(new Broker()).connect5("a").subscribe(filter, 1, 1, { nl });
			assert.equal((client.received.at(-1) as IDisconnectPacket).reasonCode, reasonCode);
		}
	});

	test("access is asked for the filter behind the name", () => {
		const asked: string[] = [];
		const broker = new Broker({ permit(_client, _action, topic) { asked.push(topic); return true; } });
		new ScriptedClient(broker).connect5("a").subscribe("$share/g/x/#");
		assert.deepEqual(asked, ["x/#"]);
	});
});
