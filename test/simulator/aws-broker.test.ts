// SPDX-License-Identifier: Apache-2.0
/** The rules of AWS's broker, each on a clock of its own: who is let in, what is granted, what ends a connection. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { IConnectPacket, IPublishPacket, Packet } from "mqtt-packet";
import { AwsScene, EPOCH, THING } from "./aws-scene.js";
import type { AwsClient } from "./aws-scene.js";

const QUICK = { limits: { connectsPerSecond: Infinity } } as const;
const HOUR = 3_600_000;
const WEEK = 7 * 24 * HOUR;

/** How a connection ended: the reason that MQTT 5 was told, "closed" without one, "open" when it did not. */
function endOf(client: AwsClient): number | "closed" | "open" {
	const packet = client.take().find(({ cmd }) => cmd === "disconnect");
	if (packet?.cmd === "disconnect") return packet.reasonCode ?? 0;
	return client.closed ? "closed" : "open";
}

const publish = (topic: string, options: Partial<IPublishPacket> = {}): Packet => ({ cmd: "publish", topic, payload: "x", qos: 0, dup: false, retain: false, ...options });

suite("AWS broker: CONNECT", () => {
	test("CONNACK of MQTT 5 says all that AWS says", () => {
		const client = new AwsScene().dial({ fingerprint: "fingerprint" }).connect5(THING, { keepalive: 60 });
		assert.deepEqual(client.takeOne("connack").properties, {
			sessionExpiryInterval: 0, receiveMaximum: 100, maximumQoS: 1, retainAvailable: true, maximumPacketSize: 149_504, topicAliasMaximum: 8,
			wildcardSubscriptionAvailable: true, subscriptionIdentifiersAvailable: false, sharedSubscriptionAvailable: true,
		});
	});

	const KEEP_ALIVES = [[0, 1200], [1, 30], [29, 30], [30, undefined], [1200, undefined], [1201, 1200]] as const;
	for (const [asked, granted] of KEEP_ALIVES) {
		test(`keep alive of ${asked} s is one of ${granted ?? asked} s in both versions`, () => {
			for (const version of [4, 5] as const) {
				const scene = new AwsScene();
				const client = scene.dial({ fingerprint: "fingerprint" });
				if (version === 5) client.speak5();
				client.connect(THING, { protocolVersion: version, keepalive: asked });
				const { properties } = client.takeOne("connack");
				if (version === 5) assert.equal(properties?.serverKeepAlive, granted);
				const silence = (granted ?? asked) * 1_500;
				scene.wait(silence - 1);
				assert.equal(endOf(client), "open");
				scene.wait(1);
				assert.equal(endOf(client), version === 5 ? 0x8D : "closed");
			}
		});
	}

	const IDS = [["x".repeat(128), 0], ["x".repeat(129), 0x85], [`${"x".repeat(127)}é`, 0x85], ["$lamp", 0x85], ["a b/c", 0]] as const;
	for (const [clientId, code] of IDS) {
		test(`client id ${clientId.slice(0, 5)} of ${Buffer.byteLength(clientId)} bytes: ${code}`, () => {
			const scene = new AwsScene({ permit: () => true });
			assert.equal(scene.dial().connect5(clientId).takeOne("connack").reasonCode, code);
		});
	}

	test("without a client id MQTT 5 gets one, and 3.1.1 needs a clean session", () => {
		const scene = new AwsScene({ permit: () => true });
		assert.match(scene.dial().connect5("").takeOne("connack").properties!.assignedClientIdentifier!, /./);
		assert.equal(scene.dial().connect("").takeOne("connack").returnCode, 0);
		assert.equal(scene.dial().raw("10 0c 0004 4d515454 04 00 003c 0000").takeOne("connack").returnCode, 2);
	});

	test("a user name says nothing about who has a certificate", () => {
		const client = new AwsScene().dial({ fingerprint: "fingerprint" }).connect(THING, { username: "?SDK=JS&Version=1" });
		assert.equal(client.takeOne("connack").returnCode, 0);
	});

	test("certificates that nobody knows, and names that are not the thing's, are not authorized", () => {
		for (const [fingerprint, clientId] of [["unknown", THING], ["fingerprint", "another"]] as const) {
			const scene = new AwsScene();
			const client = scene.dial({ fingerprint }).connect5(clientId);
			assert.equal(client.takeOne("connack").reasonCode, 0x87);
			assert.equal(client.closed, true);
			scene.wait(1_000);
			assert.equal(scene.dial({ fingerprint }).connect(clientId, {}, scene.now).takeOne("connack").returnCode, 5);
		}
	});

	test("over TLS, who has no certificate is nobody; without TLS the client id is believed", () => {
		const scene = new AwsScene();
		assert.equal(scene.dial({ origin: { secure: true } }).connect(THING).takeOne("connack").returnCode, 5);
		assert.equal(scene.dial().connect("plain").takeOne("connack").returnCode, 0);
	});

	test("one client id connects once a second; the account so often as it may", () => {
		const scene = new AwsScene({ limits: { accountConnectsPerSecond: 3 } });
		scene.thing();
		assert.equal(scene.dial({ fingerprint: "fingerprint" }).connect5(THING).takeOne("connack").reasonCode, 0x97);
		assert.equal(scene.dial().connect("other").takeOne("connack").returnCode, 0);
		assert.equal(scene.dial().connect("third").takeOne("connack").returnCode, 3);
		scene.wait(1_000);
		scene.thing();
	});

	test("a second connection of one client id evicts the first", () => {
		for (const version of [4, 5] as const) {
			const scene = new AwsScene(QUICK);
			const first = scene.thing(version);
			const second = scene.thing(version);
			assert.equal(endOf(first), version === 5 ? 0x8E : "closed");
			assert.equal(endOf(second), "open");
		}
	});

	test("a will is published; at QoS 2, to what is not permitted, or with a topic too long, it is refused", () => {
		const will = (topic: string, qos: 0 | 1 | 2 = 1): Partial<IConnectPacket> => ({ will: { topic, payload: Buffer.from("gone"), qos, retain: false } });
		const scene = new AwsScene(QUICK);
		const watcher = scene.dial().connect("watcher").listen("wills/+");
		const client = scene.thing(4, will("wills/lamp"));
		client.connection.lost(scene.now);
		assert.deepEqual(watcher.takeTexts(), ["wills/lamp=gone"]);
		for (const [topic, qos, code] of [["wills/lamp", 2, 0x9B], ["$aws/things/other/shadow/update", 1, 0x87], ["x".repeat(257), 1, 0x90]] as const) {
			const refused = scene.dial({ fingerprint: "fingerprint" }).connect5(THING, will(topic, qos));
			assert.equal(refused.takeOne("connack").reasonCode, code);
		}
	});

	test("a will to one's shadow is an update", () => {
		const scene = new AwsScene();
		const will = { topic: `$aws/things/${THING}/shadow/update`, payload: Buffer.from('{"state":{"reported":{"connected":false}}}'), qos: 1, retain: false } as const;
		scene.thing(4, { will }).connection.lost(scene.now);
		assert.deepEqual(scene.aws.shadows.get(THING)?.state, { reported: { connected: false } });
	});
});

suite("AWS broker: what ends a connection", () => {
	const LONG = "x".repeat(257);
	const ENDS: readonly (readonly [name: string, packet: Packet, reason: number])[] = [
		["a publication at QoS 2", publish("t", { qos: 2, messageId: 1 }), 0x9B],
		["a subscription at QoS 2", { cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "t", qos: 2 }] }, 0x9B],
		["a topic of 257 bytes", publish(LONG), 0x90],
		["a filter of 257 bytes", { cmd: "subscribe", messageId: 1, subscriptions: [{ topic: LONG, qos: 1 }] }, 0x8F],
		["eight slashes", publish("1/2/3/4/5/6/7/8/9"), 0x90],
		["eight slashes in a filter", { cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "1/2/3/4/5/6/7/8/#", qos: 1 }] }, 0x8F],
		["eight slashes in a shared filter", { cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "$share/s/1/2/3/4/5/6/7/8/9", qos: 1 }] }, 0x8F],
		["a share with a name of 129", { cmd: "subscribe", messageId: 1, subscriptions: [{ topic: `$share/${"s".repeat(129)}/t`, qos: 1 }] }, 0x8F],
		["nine filters at a time", { cmd: "subscribe", messageId: 1, subscriptions: [..."123456789"].map(topic => ({ topic, qos: 1 as const })) }, 0x97],
		["a payload of more than 128 KB", publish("t", { payload: Buffer.alloc(131_073) }), 0x97],
		["a publication to another thing's topic, at QoS 0", publish("$aws/things/other/shadow/get"), 0x87],
		["a reserved topic that there is not", publish(`$aws/things/${THING}/nothing`), 0x90],
		["a topic that begins with another $", publish("$SYS/x"), 0x90],
		["a reserved filter that there is not", { cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "$SYS/#", qos: 1 }] }, 0x8F],
		["a filter for another family of a thing's topics", { cmd: "subscribe", messageId: 1, subscriptions: [{ topic: `$aws/things/${THING}/nothing/#`, qos: 1 }] }, 0x8F],
		["commands in any format", { cmd: "subscribe", messageId: 1, subscriptions: [{ topic: `$aws/commands/things/${THING}/executions/+/request/+`, qos: 1 }] }, 0x8F],
		["a subscription to Basic Ingest", { cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "$aws/rules/r/t", qos: 1 }] }, 0x8F],
		["a reserved topic that is to be retained", publish(`$aws/things/${THING}/shadow/get`, { retain: true }), 0x87],
	];
	for (const [name, packet, reason] of ENDS) {
		test(name, () => {
			for (const version of [4, 5] as const) {
				const scene = new AwsScene();
				const client = scene.thing(version);
				client.send(packet);
				assert.equal(endOf(client), version === 5 ? reason : "closed");
			}
		});
	}

	test("the subscription identifiers and topic aliases that AWS has not", () => {
		for (const [packet, reason] of [
			[{ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "t", qos: 1 }], properties: { subscriptionIdentifier: 1 } }, 0xA1],
			[publish("t", { properties: { topicAlias: 9 } }), 0x94],
		] as const) {
			const client = new AwsScene().thing(5);
			client.send(packet as Packet);
			assert.equal(endOf(client), reason);
		}
	});

	test("what is not permitted: PUBACK or DISCONNECT by MQTT 5, a close in 3.1.1", () => {
		const topic = "$aws/things/other/shadow/get";
		const modern = new AwsScene().thing(5);
		modern.send(publish(topic, { qos: 1, messageId: 7 }));
		assert.equal(modern.takeOne("puback").reasonCode, 0x87);
		assert.equal(endOf(modern), "open");
		const early = new AwsScene().thing(4);
		early.send(publish(topic, { qos: 1, messageId: 7 }));
		assert.equal(endOf(early), "closed");
	});

	test("a subscription that is not permitted is answered with a failure, or ends the connection if that is wanted", () => {
		const filter = "$aws/things/other/shadow/update/delta";
		assert.deepEqual(new AwsScene().thing(4).subscribe(filter).takeOne("suback").granted, [0x80]);
		assert.deepEqual(new AwsScene().thing(5).subscribe(filter).takeOne("suback").granted, [0x87]);
		assert.equal(endOf(new AwsScene({ deniedSubscribeEnds: true }).thing(5).subscribe(filter)), 0x87);
	});

	test("a thing touches its own, Basic Ingest, its commands and what is nobody's; a claim provisioning only", () => {
		const scene = new AwsScene(QUICK);
		scene.aws.registerClaim("claim");
		const codes = (client: AwsClient, filters: readonly string[]): number[] => filters.map(filter => Number(client.subscribe(filter).takeOne("suback").granted[0]));
		const claim = (): AwsClient => {
			const client = scene.dial({ fingerprint: "claim" }).connect("any-name");
			client.take();
			return client;
		};
		const mine = [`$aws/things/${THING}/jobs/notify`, `$aws/commands/things/${THING}/executions/+/request/json`, `$aws/commands/clients/${THING}/executions/+/request`, "free/#"];
		const others = ["$aws/things/+/shadow/get", "$aws/things/#", "$aws/commands/things/other/executions/+/request/json", "$aws/events/presence/#"];
		const provisioning = ["$aws/certificates/create/json/accepted", "$aws/certificates/create-from-csr/cbor/rejected", "$aws/provisioning-templates/t/provision/json/accepted"];
		assert.deepEqual(codes(scene.thing(), mine), [1, 1, 1, 1]);
		assert.deepEqual(codes(scene.thing(), [...others, ...provisioning]), Array(7).fill(0x80));
		assert.deepEqual(codes(claim(), provisioning), [1, 1, 1]);
		assert.deepEqual(codes(claim(), [...mine, ...others]), Array(8).fill(0x80));
		assert.equal(endOf(claim().publish("free/x", "x")), "closed");
		assert.equal(endOf(scene.thing().publish("$aws/rules/r/t", "x")), "open");
	});
});

suite("AWS broker: limits that only refuse or slow down", () => {
	test("256 bytes, seven slashes, and the exclusions of Basic Ingest, of shares and of AWS's own topics", () => {
		const scene = new AwsScene();
		const client = scene.thing();
		for (const topic of ["x".repeat(256), "1/2/3/4/5/6/7/8", `$aws/rules/${"r".repeat(100)}/1/2/3/4/5/6/7/8`, `$aws/rules/r/${"x".repeat(256)}`]) {
			client.publish(topic, "x");
			assert.equal(endOf(client), "open", topic);
		}
		assert.deepEqual(client.subscribe(`$aws/commands/things/${THING}/executions/+/response/accepted/json`).takeOne("suback").granted, [1]);
		assert.deepEqual(client.subscribe(`$share/${"s".repeat(128)}/1/2/3/4/5/6/7/8`).takeOne("suback").granted, [1]);
		assert.deepEqual(client.subscribe(`$share/s/${"x".repeat(256)}`).takeOne("suback").granted, [1]);
	});

	test("the 51st subscription of a connection is refused", () => {
		const client = new AwsScene().thing(5);
		for (let index = 0; index < 50; index++) assert.deepEqual(client.subscribe(`t/${index}`).takeOne("suback").granted, [1]);
		assert.deepEqual(client.subscribe("t/50").takeOne("suback").granted, [0x97]);
		assert.deepEqual(client.subscribe("t/49").takeOne("suback").granted, [1]);
	});

	test("the account's subscriptions in a second", () => {
		const scene = new AwsScene({ limits: { accountSubscriptionsPerSecond: 2 } });
		const client = scene.thing();
		client.send({ cmd: "subscribe", messageId: 1, subscriptions: ["a", "b", "c"].map(topic => ({ topic, qos: 1 })) });
		assert.deepEqual(client.takeOne("suback").granted, [1, 1, 0x80]);
		scene.wait(500);
		assert.deepEqual(client.subscribe("c", 1, 1, {}, {}, scene.now).takeOne("suback").granted, [1]);
	});

	test("publications of a connection in a second, both ways: its own are dropped, those to it wait", () => {
		const scene = new AwsScene({ brokerLimits: { publicationsPerSecond: 10 } });
		const [sender, receiver] = [scene.dial().connect5("sender"), scene.dial().connect5("receiver")];
		receiver.listen("t");
		sender.take();
		for (let index = 1; index <= 12; index++) sender.send(publish("t", { payload: String(index), qos: 1, messageId: index }));
		const codes = sender.take().map(packet => packet.cmd === "puback" ? packet.reasonCode : packet.cmd);
		assert.deepEqual(codes, [...Array<number>(10).fill(0), 0x97, 0x97]);
		assert.equal(receiver.takePublished().length, 10);
		for (let index = 0; index < 10; index++) scene.aws.context.publish("t", Buffer.from("service"));
		assert.equal(receiver.takePublished().length, 0);
		scene.wait(500);
		assert.equal(receiver.takePublished().length, 5);
		scene.wait(500);
		assert.equal(receiver.takePublished().length, 5);
	});

	test("bytes of a connection in a second, both ways: what is more waits; a megabyte that waits ends it", () => {
		const scene = new AwsScene({ brokerLimits: { bytesPerSecond: 10_000 } });
		const sender = scene.dial().connect5("sender");
		const receiver = scene.dial().connect5("receiver");
		receiver.listen("t");
		sender.take();
		for (const messageId of [1, 2, 3]) sender.send(publish("t", { payload: "x".repeat(9_000), qos: 1, messageId }));
		const counts = () => [sender.take().length, receiver.takePublished().length];
		assert.deepEqual(counts(), [2, 2]);
		scene.wait(500);
		assert.deepEqual(counts(), [0, 0]);
		scene.wait(500);
		assert.deepEqual(counts(), [1, 1]);
		for (let index = 0; index < 12 && !sender.closed; index++) sender.send(publish("t", { payload: Buffer.alloc(100_000) }), scene.now);
		assert.equal(endOf(sender), 0x97);
	});

	test("a 3.1.1 client gets no PUBACK for what is dropped", () => {
		const scene = new AwsScene({ brokerLimits: { publicationsPerSecond: 1 } });
		const client = scene.thing();
		for (const messageId of [1, 2]) client.send(publish("t", { qos: 1, messageId }));
		assert.equal(client.takeOne("puback").messageId, 1);
	});

	test("a hundred messages are in flight, and more are for later; MQTT 5 may not send more itself", () => {
		const scene = new AwsScene({ brokerLimits: { publicationsPerSecond: Infinity } });
		const client = scene.thing().listen("t");
		for (let index = 0; index < 105; index++) scene.aws.context.publish("t", Buffer.from("x"));
		const sent = client.takePublished();
		assert.equal(sent.length, 100);
		client.send({ cmd: "puback", messageId: sent[0]!.messageId! });
		assert.equal(client.takePublished().length, 1);
	});

	test("retained messages: for exact filters, per topic once a second, deleted by nothing", () => {
		const scene = new AwsScene();
		const client = scene.thing(5);
		const retain = (payload: string): number | undefined => {
			client.send(publish("r/1", { payload, qos: 1, messageId: 1, retain: true }), scene.now);
			return client.takeOne("puback").reasonCode;
		};
		assert.equal(retain("kept"), 0);
		assert.equal(retain("too soon"), 0x97);
		const heard = (filter: string): string[] => {
			client.subscribe(filter, 1, 1, {}, {}, scene.now);
			return client.takeTexts();
		};
		assert.deepEqual([heard("r/1"), heard("r/+"), heard("r/#")], [["r/1=kept"], [], []]);
		assert.deepEqual(scene.dial().connect("sharer").subscribe("$share/s/r/1").takeTexts(), []);
		scene.wait(1_000);
		client.send(publish("r/1", { payload: "", retain: true }), scene.now);
		assert.deepEqual(client.takeTexts(), ["r/1="]);
		assert.deepEqual(heard("r/1"), []);
	});

	test("sensor/# does not concern sensor, and # and + concern nothing of AWS's own", () => {
		const scene = new AwsScene();
		const client = scene.thing().listen("sensor/#", "#", "+/events/#");
		const other = scene.dial().connect("other").listen("sensor/#");
		for (const topic of ["sensor", "sensor/1", "sensor/1/2"]) client.publish(topic, "x");
		assert.deepEqual(other.takeTexts(), ["sensor/1=x", "sensor/1/2=x"]);
		assert.equal(client.takeTexts().length, 3);
		scene.aws.context.publish("$aws/events/x", Buffer.from("x"));
		assert.deepEqual(client.takeTexts(), []);
	});

	test("success is code 0, whoever listened", () => {
		const client = new AwsScene().thing(5);
		client.send(publish("nobody", { qos: 1, messageId: 1 }));
		assert.equal(client.takeOne("puback").reasonCode, 0);
		client.send({ cmd: "unsubscribe", messageId: 1, unsubscriptions: ["never"] });
		assert.deepEqual(client.takeOne("unsuback").granted, [0]);
	});

	test("a message's expiry is from a second to a week, and what is left of it is passed on", () => {
		for (const [asked, left] of [[0, 1], [10, 10], [700_000, 604_800]] as const) {
			const client = new AwsScene().thing(5).listen("t");
			client.send(publish("t", { properties: { messageExpiryInterval: asked } }));
			assert.equal(client.takePublished()[0]?.properties?.messageExpiryInterval, left);
		}
	});

	test("properties of MQTT 5 are passed on", () => {
		const client = new AwsScene().thing(5).listen("t");
		const properties = { payloadFormatIndicator: true, contentType: "text/plain", responseTopic: "answers", correlationData: Buffer.from("c"), userProperties: { k: "v" } };
		client.send(publish("t", { properties }));
		const { userProperties, ...others } = client.takePublished()[0]!.properties!;
		assert.deepEqual({ ...others, userProperties: { ...userProperties } }, properties);
	});
});

suite("AWS broker: persistent sessions", () => {
	test("an hour in 3.1.1; by MQTT 5 as asked, an hour at most", () => {
		for (const [version, options, granted] of [
			[4, { clean: false }, HOUR], [5, { properties: { sessionExpiryInterval: 600 } }, 600_000], [5, { properties: { sessionExpiryInterval: 90_000 } }, HOUR],
		] as const) {
			for (const [away, isPresent] of [[granted - 1, true], [granted, false]] as const) {
				const scene = new AwsScene();
				const client = scene.dial({ fingerprint: "fingerprint" });
				if (version === 5) client.speak5();
				client.connect(THING, { protocolVersion: version, ...options });
				const { properties } = client.takeOne("connack");
				if (version === 5) assert.equal(properties?.sessionExpiryInterval, granted / 1000);
				client.connection.lost(0);
				scene.wait(away);
				const back = scene.dial({ fingerprint: "fingerprint" });
				if (version === 5) back.speak5();
				back.connect(THING, { protocolVersion: version, clean: false }, scene.now);
				assert.equal(back.takeOne("connack").sessionPresent, isPresent);
			}
		}
	});

	test("an account may have more, a week at most", () => {
		const scene = new AwsScene({ brokerLimits: { sessionExpiryMaximum: Infinity } });
		const client = scene.dial({ fingerprint: "fingerprint" }).connect5(THING, { properties: { sessionExpiryInterval: 0xFFFF_FFFF } });
		assert.equal(client.takeOne("connack").properties?.sessionExpiryInterval, WEEK / 1000);
	});

	test("one version's session is not the other's", () => {
		const scene = new AwsScene(QUICK);
		scene.thing(4, { clean: false }).connection.lost(0);
		const client = scene.dial({ fingerprint: "fingerprint" }).connect5(THING, { clean: false });
		assert.equal(client.takeOne("connack").sessionPresent, false);
	});

	test("what waited is sent ten times a second, QoS 1 only; what comes then waits behind it", () => {
		const scene = new AwsScene();
		scene.thing(4, { clean: false }).listen("t").connection.lost(0);
		const sender = scene.dial().connect("sender");
		for (let index = 0; index < 25; index++) sender.publish("t", String(index), { qos: 1, messageId: index + 1 });
		sender.publish("t", "not kept");
		scene.wait(1_000);
		const back = scene.dial({ fingerprint: "fingerprint" }).connect(THING, { clean: false }, scene.now);
		sender.publish("t", "new", { qos: 1, messageId: 26 }, scene.now);
		const counts = [back.takePublished().length];
		for (let second = 0; second < 3; second++) counts.push(scene.wait(1_000) && back.takePublished().length);
		assert.deepEqual(counts, [1, 10, 10, 5]);
	});
});

suite("AWS broker: lifecycle events", () => {
	const watch = (): { scene: AwsScene; watcher: AwsClient } => {
		const scene = new AwsScene({ ...QUICK, permit: () => true });
		const watcher = scene.dial().connect("watcher").listen("$aws/events/#");
		watcher.heard();
		return { scene, watcher };
	};

	test("connected, subscribed, unsubscribed, disconnected", () => {
		const { scene, watcher } = watch();
		const client = scene.dial({ fingerprint: "fingerprint", origin: { address: "10.0.0.9" } }).connect(THING);
		client.subscribe("a").send({ cmd: "unsubscribe", messageId: 1, unsubscriptions: ["a"] }).send({ cmd: "disconnect" });
		const common = { clientId: THING, timestamp: EPOCH, sessionIdentifier: "session-2", principalIdentifier: "fingerprint" };
		assert.deepEqual(watcher.heard(), [
			{ topic: `$aws/events/presence/connected/${THING}`, body: { ...common, eventType: "connected", versionNumber: 0, ipAddress: "10.0.0.9" } },
			{ topic: `$aws/events/subscriptions/subscribed/${THING}`, body: { ...common, eventType: "subscribed", topics: ["a"] } },
			{ topic: `$aws/events/subscriptions/unsubscribed/${THING}`, body: { ...common, eventType: "unsubscribed", topics: ["a"] } },
			{ topic: `$aws/events/presence/disconnected/${THING}`, body: {
				...common, eventType: "disconnected", versionNumber: 0, clientInitiatedDisconnect: true, disconnectReason: "CLIENT_INITIATED_DISCONNECT",
			} },
		]);
		scene.dial({ fingerprint: "fingerprint" }).connect(THING);
		assert.equal(watcher.heard()[0]?.body["versionNumber"], 1);
	});

	const REASONS: readonly (readonly [reason: string, end: (scene: AwsScene, client: AwsClient) => void])[] = [
		["CONNECTION_LOST", (scene, client) => { client.connection.lost(scene.now); }],
		["MQTT_KEEP_ALIVE_TIMEOUT", scene => { scene.wait(90_000); }],
		["DUPLICATE_CLIENTID", scene => { scene.thing(); }],
		["CLIENT_ERROR", (_scene, client) => { client.publish("t", "x", { qos: 2, messageId: 1 }); }],
		["CLIENT_ERROR", (_scene, client) => { client.publish("$aws/nothing", "x"); }],
		["THROTTLED", (_scene, client) => { client.publish("t", "x".repeat(131_073)); }],
		["API_INITIATED_DISCONNECT", scene => { scene.aws.broker.kick(THING, scene.now, 0x98); }],
		["SERVER_INITIATED_DISCONNECT", scene => { scene.aws.broker.kick(THING, scene.now, 0x8B); }],
	];
	for (const [reason, end] of REASONS) {
		test(`disconnected: ${reason}`, () => {
			const { scene, watcher } = watch();
			const client = scene.thing(4, { keepalive: 60 });
			watcher.heard();
			end(scene, client);
			const gone = watcher.takePublished().filter(({ topic }) => topic === `$aws/events/presence/disconnected/${THING}`);
			assert.equal((JSON.parse(String(gone[0]?.payload)) as { disconnectReason: string }).disconnectReason, reason);
		});
	}

	test("what is refused by policy is FORBIDDEN_ACCESS", () => {
		const scene = new AwsScene({ permit: ({ clientId }, _action, resource) => clientId === "watcher" || resource !== "secret" });
		const watcher = scene.dial().connect("watcher").listen("$aws/events/presence/disconnected/+");
		scene.thing().publish("secret", "x");
		assert.equal(watcher.heard()[0]?.body["disconnectReason"], "FORBIDDEN_ACCESS");
	});
});
