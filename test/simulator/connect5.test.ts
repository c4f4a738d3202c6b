// SPDX-License-Identifier: Apache-2.0
/** How connections begin and end in MQTT 5: what is asked, granted, refused, and what a session outlives. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { IConnackPacket, IConnectPacket, IDisconnectPacket } from "mqtt-packet";
import type { BrokerOptions } from "../../hosts/simulator/broker/options.js";
import { Broker } from "../../hosts/simulator/broker/broker.js";
import type { Authenticator } from "../../hosts/simulator/broker/authentication.js";
import type { EndReason } from "../../hosts/simulator/broker/owner.js";
import { ScriptedClient } from "./scripted.js";

const lasting = (seconds: number) => ({ clean: false, properties: { sessionExpiryInterval: seconds } });
const will = (properties: NonNullable<IConnectPacket["will"]>["properties"] = {}) =>
	({ topic: "will", payload: Buffer.from("gone"), qos: 1 as const, retain: false, properties });
const connackOf = (client: ScriptedClient) => client.received[0] as IConnackPacket;
const disconnectOf = (client: ScriptedClient) => client.received.at(-1) as IDisconnectPacket;

/** Lets the broker see every deadline up to `until`. */
function pass(broker: Broker, until: number): void {
	while (broker.deadline <= until) broker.expire(broker.deadline);
	broker.expire(until);
}

suite("MQTT 5 connections", () => {
	test("CONNACK says what is special, and nothing of what is usual", () => {
		const plain = connackOf(new ScriptedClient(new Broker()).connect5("a"));
		assert.deepEqual([plain.reasonCode, plain.sessionPresent, plain.properties], [0, false, { maximumPacketSize: 262_144, topicAliasMaximum: 100 }]);
		const little = new Broker({
			limits: {
				packetMaximum: 500, receiveMaximum: 3, topicAliasMaximum: 0, maximumQoS: 1, retainAvailable: false, keepAliveMaximum: 30_000, sessionExpiryMaximum: 60_000,
				wildcardSubscriptionAvailable: false, sharedSubscriptionAvailable: false, subscriptionIdentifiersAvailable: false,
			},
		});
		const client = new ScriptedClient(little).connect5("", { keepalive: 0, properties: { sessionExpiryInterval: 3_600 } });
		assert.deepEqual(connackOf(client).properties, {
			sessionExpiryInterval: 60, receiveMaximum: 3, maximumQoS: 1, retainAvailable: false, maximumPacketSize: 500, assignedClientIdentifier: "anonymous-1",
			wildcardSubscriptionAvailable: false, subscriptionIdentifiersAvailable: false, sharedSubscriptionAvailable: false, serverKeepAlive: 30,
		});
		assert.equal(little.session("anonymous-1")!.expiry, 60_000);
	});

	test("the server's keep-alive counts, also for who asked for none", () => {
		const broker = new Broker({ limits: { keepAliveMaximum: 10_000 } });
		const client = new ScriptedClient(broker).connect5("a", { keepalive: 0 });
		const brief = new ScriptedClient(broker).connect5("b", { keepalive: 4 });
		assert.equal(connackOf(brief).properties?.serverKeepAlive, undefined);
		pass(broker, 14_999);
		assert.deepEqual([client.closed, brief.closed], [false, true]);
		pass(broker, 15_000);
		assert.deepEqual([client.closed, disconnectOf(client).reasonCode], [true, 0x8D]);
	});

	test("hooks see what the client said", () => {
		const seen: unknown[] = [];
		const broker = new Broker({
			authorize(client) {
				const { version, sessionExpiry, receiveMaximum, maximumPacketSize, topicAliasMaximum, userProperties } = client;
				seen.push([version, sessionExpiry, receiveMaximum, maximumPacketSize, topicAliasMaximum, userProperties]);
				return undefined;
			},
		});
		const properties = { sessionExpiryInterval: 0xFFFF_FFFF, receiveMaximum: 7, maximumPacketSize: 900, topicAliasMaximum: 5, userProperties: { a: ["1", "2"], b: "3" } };
		new ScriptedClient(broker).connect5("a", { properties });
		new ScriptedClient(broker).connect("b", { clean: false });
		assert.deepEqual(seen, [[5, Infinity, 7, 900, 5, [["a", "1"], ["a", "2"], ["b", "3"]]], [4, Infinity, 65_535, Infinity, 0, []]]);
	});

	test("response information is given to who asks", () => {
		const broker = new Broker({ responseInformation: client => `answers/${client.clientId}` });
		const asking = new ScriptedClient(broker).connect5("a", { properties: { requestResponseInformation: true } });
		assert.equal(connackOf(asking).properties?.responseInformation, "answers/a");
		assert.equal(connackOf(new ScriptedClient(broker).connect5("b")).properties?.responseInformation, undefined);
	});

	for (const [name, options, connect, reasonCode, properties] of [
		["authorize, by a word", { authorize: () => "credentials" }, {}, 0x86, undefined],
		["authorize, by a code", { authorize: () => ({ reasonCode: 0x9D, reasonString: "moved", serverReference: "other:1883" }) }, {}, 0x9D, { reasonString: "moved", serverReference: "other:1883" }],
		["permit, for the will", { permit: () => false }, { will: will() }, 0x87, undefined],
		["the session limit", { limits: { sessionMaximum: 0 } }, {}, 0x88, undefined],
		["the QoS limit, for the will", { limits: { maximumQoS: 0 } }, { will: will() }, 0x9B, { reasonString: "will at QoS 1" }],
		["the lack of retained messages, for the will", { limits: { retainAvailable: false } }, { will: { ...will(), retain: true } }, 0x9A, { reasonString: "will with the retain flag" }],
		["an authentication method that nobody knows", {}, { properties: { authenticationMethod: "X" } }, 0x8C, undefined],
	] as const satisfies readonly (readonly [string, BrokerOptions, Partial<IConnectPacket>, number, unknown])[]) {
		test(`${name} refuses with 0x${reasonCode.toString(16)}`, () => {
			const broker = new Broker(options);
			const client = new ScriptedClient(broker).connect5("a", connect);
			const connack = client.takeOne("connack");
			assert.deepEqual([connack.reasonCode, connack.properties, connack.sessionPresent], [reasonCode, properties, false]);
			assert.deepEqual([client.closed, broker.connectionCount, broker.sessionCount], [true, 0, 0]);
		});
	}

	test("a refusal by code is told to 3.1.1 as the nearest that it knows", () => {
		for (const [reasonCode, returnCode] of [[0x84, 1], [0x85, 2], [0x86, 4], [0x87, 5], [0x97, 3]] as const) {
			const client = new ScriptedClient(new Broker({ authorize: () => ({ reasonCode }) })).connect("a");
			assert.equal(connackOf(client).returnCode, returnCode);
		}
	});

	test("what ends a connection is told with the right code, and 3.1.1 is told nothing", () => {
		const reasons: EndReason[] = [];
		const broker = new Broker({ limits: { packetMaximum: 100 }, onDisconnected(_client, reason) { reasons.push(reason); } });
		const cases: readonly [(client: ScriptedClient, id: string) => void, number][] = [
			[(_client, id) => { new ScriptedClient(broker).connect(id); }, 0x8E],
			[(_client, id) => { broker.kick(id, 0, 0x98); }, 0x98],
			[() => { broker.restart(0, { notice: true }); }, 0x8B],
			[client => { client.publish("t", "x".repeat(100)); }, 0x95],
			[client => { client.raw("30 ff ff ff ff 01"); }, 0x81],
			[client => { client.raw("20 02 0000"); }, 0x82],
		];
		for (const [index, [offend, reasonCode]] of cases.entries()) {
			const client = new ScriptedClient(broker).connect5(`v5-${index}`);
			offend(client, `v5-${index}`);
			assert.deepEqual([client.closed, disconnectOf(client).cmd, disconnectOf(client).reasonCode], [true, "disconnect", reasonCode]);
			const old = new ScriptedClient(broker).connect(`v3-${index}`);
			offend(old, `v3-${index}`);
			assert.deepEqual([old.closed, old.received.map(packet => packet.cmd)], [true, ["connack"]]);
		}
		const end = ["taken-over", "kicked", "restart", "too-large", "malformed", "violation"];
		assert.deepEqual(reasons.filter(reason => reason !== "disconnect").filter((_reason, index) => index % 2 === 0).length, reasons.length / 2);
		assert.deepEqual([...new Set(reasons)], end);
	});

	test("without a word: kick and restart as the network would do it", () => {
		const broker = new Broker();
		const first = new ScriptedClient(broker).connect5("a");
		broker.kick("a", 0);
		const second = new ScriptedClient(broker).connect5("a");
		broker.restart(0);
		assert.deepEqual([first.closed, first.take().length, second.closed, second.take().length], [true, 1, true, 1]);
	});
});

suite("MQTT 5 sessions", () => {
	const present = (broker: Broker, now: number, clean = false) => {
		const client = new ScriptedClient(broker, now).connect5("a", { clean }, now);
		return connackOf(client).sessionPresent;
	};

	for (const [name, seconds, back, expected] of [
		["no expiry ends with the connection", 0, 0, false],
		["an expiry of ten seconds lives for less", 10, 9_999, true],
		["and no longer", 10, 10_000, false],
		["an expiry of 0xFFFFFFFF stays", 0xFFFF_FFFF, 1e12, true],
	] as const) {
		test(name, () => {
			const broker = new Broker();
			new ScriptedClient(broker).connect5("a", lasting(seconds)).send({ cmd: "disconnect", reasonCode: 0 });
			assert.equal(broker.sessionCount, seconds === 0 ? 0 : 1);
			pass(broker, back);
			assert.equal(broker.sessionCount, expected ? 1 : 0);
			assert.equal(present(broker, back), expected);
		});
	}

	test("the session has ended at its time, even if nobody looked", () => {
		const broker = new Broker();
		new ScriptedClient(broker).connect5("a", lasting(10)).connection.lost(0);
		assert.equal(broker.deadline, 10_000);
		assert.equal(present(broker, 10_000), false);
	});

	test("clean start ends the earlier session", () => {
		const broker = new Broker();
		new ScriptedClient(broker).connect5("a", lasting(10)).subscribe("t").connection.lost(0);
		assert.equal(present(broker, 1, true), false);
		assert.equal(broker.session("a")!.subscriptions.size, 0);
	});

	test("DISCONNECT may change the expiry", () => {
		const broker = new Broker({ limits: { sessionExpiryMaximum: 20_000 } });
		new ScriptedClient(broker).connect5("a", lasting(10)).send({ cmd: "disconnect", reasonCode: 0, properties: { sessionExpiryInterval: 100 } });
		assert.equal(broker.session("a")!.endsAt, 20_000);
		new ScriptedClient(broker).connect5("b", lasting(10)).send({ cmd: "disconnect", reasonCode: 0, properties: { sessionExpiryInterval: 0 } });
		assert.equal(broker.session("b"), undefined);
	});

	test("but not from 0", () => {
		const client = new ScriptedClient(new Broker()).connect5("a").send({ cmd: "disconnect", reasonCode: 0, properties: { sessionExpiryInterval: 1 } });
		assert.equal(disconnectOf(client).reasonCode, 0x82);
	});

	test("a session goes over from one version to the other and back, with its messages", () => {
		const broker = new Broker();
		new ScriptedClient(broker).connect("a", { clean: false }).subscribe("t", 1).connection.lost(0);
		broker.attach().publish("t", Buffer.from("1"));
		const five = new ScriptedClient(broker).connect5("a", lasting(100));
		assert.equal(connackOf(five).sessionPresent, true);
		assert.deepEqual(five.takeTexts(), ["t=1"]);
		five.connection.lost(0);
		broker.attach().publish("t", Buffer.from("2"));
		const four = new ScriptedClient(broker).connect("a", { clean: false });
		assert.equal(connackOf(four).sessionPresent, true);
		assert.deepEqual(four.takePublished().map(({ payload, dup }) => [String(payload), dup]), [["1", true], ["2", false]]);
	});
});

suite("MQTT 5 wills", () => {
	function watched(): { broker: Broker; watcher: ScriptedClient } {
		const broker = new Broker();
		const watcher = new ScriptedClient(broker).connect5("w", { keepalive: 0 }).subscribe("will", 1);
		watcher.take();
		return { broker, watcher };
	}

	test("the delay passes first", () => {
		const { broker, watcher } = watched();
		new ScriptedClient(broker).connect5("a", { will: will({ willDelayInterval: 5 }), ...lasting(60) }).connection.lost(1_000);
		pass(broker, 5_999);
		assert.deepEqual(watcher.takeTexts(), []);
		pass(broker, 6_000);
		assert.deepEqual(watcher.takeTexts(), ["will=gone"]);
		pass(broker, 61_000);
		assert.deepEqual([watcher.takeTexts(), broker.sessionCount], [[], 1]);
	});

	test("it is published when the session ends earlier", () => {
		const { broker, watcher } = watched();
		new ScriptedClient(broker).connect5("a", { will: will({ willDelayInterval: 50 }), ...lasting(5) }).connection.lost(0);
		pass(broker, 5_000);
		assert.deepEqual(watcher.takeTexts(), ["will=gone"]);
		new ScriptedClient(broker).connect5("a", { will: will({ willDelayInterval: 50 }), ...lasting(5) }).connection.lost(5_000);
		new ScriptedClient(broker).connect5("a", {}, 5_001);
		assert.deepEqual(watcher.takeTexts(), ["will=gone"]);
	});

	test("who comes back in time leaves none", () => {
		const { broker, watcher } = watched();
		new ScriptedClient(broker).connect5("a", { will: will({ willDelayInterval: 5 }), ...lasting(60) }).connection.lost(0);
		new ScriptedClient(broker, 4_000).connect5("a", { ...lasting(60), keepalive: 0 }, 4_000);
		pass(broker, 20_000);
		assert.deepEqual(watcher.takeTexts(), []);
	});

	test("DISCONNECT with reason 0 removes it, 0x04 and failures do not", () => {
		const { broker, watcher } = watched();
		for (const reasonCode of [0x00, 0x04, 0x80]) new ScriptedClient(broker).connect5("a", { will: will() }).send({ cmd: "disconnect", reasonCode });
		assert.deepEqual(watcher.takeTexts(), ["will=gone", "will=gone"]);
	});

	test("its properties go with it, and its expiry begins when it is published", () => {
		const { broker, watcher } = watched();
		const properties = { willDelayInterval: 5, messageExpiryInterval: 9, contentType: "text/plain", responseTopic: "r", correlationData: Buffer.from("c"), payloadFormatIndicator: true, userProperties: { k: "v" } };
		new ScriptedClient(broker).connect5("a", { will: will(properties), ...lasting(60) }).connection.lost(0);
		pass(broker, 5_000);
		const { willDelayInterval: _delay, ...passedOn } = properties;
		assert.deepEqual(watcher.takeOne("publish").properties, { ...passedOn, userProperties: Object.assign(Object.create(null), { k: "v" }) });
	});
});

suite("MQTT 5 extended authentication", () => {
	/** Wants the answers "1", "2", … up to `rounds`. */
	const counting = (rounds: number): Authenticator => {
		let round = 0;
		return {
			respond(data) {
				if (String(data) !== String(round)) return "unauthorized";
				if (round === rounds) return { step: "accept", data: Buffer.from("welcome") };
				return { step: "challenge", data: Buffer.from(String(++round)) };
			},
		};
	};
	const authenticating = (rounds: number) => new Broker({ authenticate: (_client, method) => method === "COUNT" ? counting(rounds) : undefined });
	const start = (broker: Broker) => new ScriptedClient(broker).connect5("a", { properties: { authenticationMethod: "COUNT", authenticationData: Buffer.from("0") } });
	const answer = (client: ScriptedClient, data: string, reasonCode = 0x18, authenticationMethod = "COUNT") =>
		client.send({ cmd: "auth", reasonCode, properties: { authenticationMethod, authenticationData: Buffer.from(data) } });

	test("rounds of AUTH go before CONNACK", () => {
		const broker = authenticating(2);
		const client = start(broker);
		const first = client.takeOne("auth");
		assert.deepEqual([first.reasonCode, first.properties?.authenticationMethod, String(first.properties?.authenticationData)], [0x18, "COUNT", "1"]);
		assert.equal(broker.sessionCount, 0);
		answer(client, "1").takeOne("auth");
		const connack = answer(client, "2").takeOne("connack");
		assert.deepEqual([connack.reasonCode, connack.properties?.authenticationMethod, String(connack.properties?.authenticationData)], [0, "COUNT", "welcome"]);
	});

	test("a wrong answer refuses", () => {
		const client = start(authenticating(1));
		client.take();
		assert.deepEqual([answer(client, "9").takeOne("connack").reasonCode, client.closed], [0x87, true]);
	});

	test("authenticating again leaves the session alone, and a wrong answer ends it", () => {
		const broker = authenticating(1);
		const client = answer(start(broker), "1").subscribe("t");
		client.take();
		assert.equal(answer(client, "0", 0x19).takeOne("auth").reasonCode, 0x18);
		client.publish("t", "meanwhile");
		assert.deepEqual(client.takeTexts(), ["t=meanwhile"]);
		assert.equal(answer(client, "1").takeOne("auth").reasonCode, 0);
		assert.equal(answer(client, "5", 0x19).takeOne("disconnect").reasonCode, 0x87);
	});

	test("a method that is not offered any more ends the connection", () => {
		let isOffered = true;
		const broker = new Broker({ authenticate: () => isOffered ? counting(0) : undefined });
		const client = start(broker);
		client.takeOne("connack");
		isOffered = false;
		assert.equal(answer(client, "0", 0x19).takeOne("disconnect").reasonCode, 0x87);
	});

	for (const [name, act, cmd, reasonCode] of [
		["anything else before CONNACK", (client: ScriptedClient) => { client.publish("t", "x"); }, "connack", 0x82],
		["another method", (client: ScriptedClient) => { answer(client, "1", 0x18, "OTHER"); }, "connack", 0x82],
		["re-authentication before CONNACK", (client: ScriptedClient) => { answer(client, "1", 0x19); }, "connack", 0x82],
		["a success that only a server may declare", (client: ScriptedClient) => { answer(client, "1", 0); }, "connack", 0x82],
		["an empty AUTH", (client: ScriptedClient) => { client.raw("f0 00"); }, "connack", 0x82],
		["AUTH that continues nothing", (client: ScriptedClient) => { answer(answer(client, "1"), "2").received.splice(0, 1); }, "disconnect", 0x82],
	] as const) {
		test(`${name} is a protocol error`, () => {
			const client = start(authenticating(1));
			client.take();
			act(client);
			assert.deepEqual([client.takeOne(cmd).reasonCode, client.closed], [reasonCode, true]);
		});
	}

	test("AUTH without a method in CONNECT is a protocol error", () => {
		const client = answer(new ScriptedClient(authenticating(1)).connect5("a"), "0", 0x19);
		assert.equal(disconnectOf(client).reasonCode, 0x82);
	});

	test("a conversation without end is ended", () => {
		const client = start(authenticating(100));
		for (let round = 1; !client.closed; round++) answer(client, String(round));
		assert.deepEqual([client.received.filter(packet => packet.cmd === "auth").length, (client.received.at(-1) as IConnackPacket).reasonCode], [16, 0x97]);
	});

	test("AUTH does not extend the time to connect", () => {
		const broker = new Broker({ limits: { connectTimeout: 1_000 }, authenticate: () => counting(1) });
		const client = start(broker);
		pass(broker, 1_000);
		assert.equal(client.closed, true);
	});
});
