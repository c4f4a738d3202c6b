// SPDX-License-Identifier: Apache-2.0
/** MQTT 5 and the faults on real TCP sockets, judged by MQTT.js. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import type { IClientOptions } from "mqtt";
import { Broker } from "../../hosts/simulator/broker/broker.js";
import { createCloud } from "../../hosts/simulator/cloud.js";
import type { Server } from "../../hosts/simulator/serve.js";
import { serve } from "../../hosts/simulator/serve.js";
import { Client, refusalOf } from "./clients.js";

const TIMEOUT = 30_000;
const LASTING = { clean: false, properties: { sessionExpiryInterval: 1_000 } };

suite("MQTT 5 on TCP", { timeout: TIMEOUT }, () => {
	let broker: Broker;
	let server: Server;
	const url = () => `mqtt://127.0.0.1:${server.port}`;
	const connect = (options: IClientOptions = {}) => Client.connect(url(), { protocolVersion: 5, ...options });

	before(async () => {
		broker = new Broker({
			limits: { receiveMaximum: 10, outgoingAliasMaximum: 5 }, responseInformation: () => "answers",
			permit: (_client, _action, topic) => topic !== "secret",
			authenticate: (_client, method) => method === "ECHO" ? {
				respond: data => String(data) === "please" ? { step: "accept" } : { step: "challenge", data: Buffer.from("say please") },
			} : undefined,
		});
		server = await serve(broker, { port: 0 });
	});
	after(() => server.close());

	for (const qos of [0, 1, 2] as const) {
		test(`a publication at QoS ${qos} arrives with its properties`, async () => {
			const receiver = await connect();
			const sender = await connect();
			await receiver.mqtt.subscribeAsync(`p${qos}`, { qos: 2, properties: { subscriptionIdentifier: 9 } });
			const properties = {
				payloadFormatIndicator: true, messageExpiryInterval: 60, responseTopic: "answer", correlationData: Buffer.from([0, 255]), contentType: "text/plain",
				userProperties: { one: "1", many: ["2", "3"] },
			};
			const arrival = receiver.nextPacket();
			await sender.mqtt.publishAsync(`p${qos}`, "x", { qos, properties });
			const packet = await arrival;
			assert.deepEqual([packet.qos, String(packet.payload)], [qos, "x"]);
			assert.deepEqual(JSON.parse(JSON.stringify(packet.properties)), JSON.parse(JSON.stringify({ ...properties, subscriptionIdentifier: 9 })));
			await Promise.all([receiver.end(), sender.end()]);
		});
	}

	test("a hundred publications at QoS 2 arrive in order, by the receive maxima of both sides", async () => {
		const receiver = await connect({ properties: { receiveMaximum: 3 } });
		const sender = await connect();
		await receiver.mqtt.subscribeAsync("many", { qos: 2 });
		const expected = Array.from({ length: 100 }, (_, index) => `many=${index}`);
		// MQTT.js does not look at the server's receive maximum: ten at a time are sent here.
		for (let start = 0; start < 100; start += 10) {
			await Promise.all(expected.slice(start, start + 10).map((_, index) => sender.mqtt.publishAsync("many", String(start + index), { qos: 2 })));
		}
		assert.deepEqual(await receiver.texts(100), expected);
		await Promise.all([receiver.end(), sender.end()]);
	});

	test("topic aliases both ways", async () => {
		const receiver = await connect({ properties: { topicAliasMaximum: 5 } });
		const sender = await connect({ autoAssignTopicAlias: true });
		await receiver.mqtt.subscribeAsync("alias/#", { qos: 1 });
		for (const text of ["1", "2", "3"]) await sender.mqtt.publishAsync("alias/long/topic", text, { qos: 1 });
		assert.deepEqual(await receiver.texts(3), ["1", "2", "3"].map(text => `alias/long/topic=${text}`));
		await Promise.all([receiver.end(), sender.end()]);
	});

	test("reason codes reach the client", async () => {
		const client = await connect();
		const codeOf = (error: { code?: number }) => error.code;
		await assert.rejects(client.mqtt.publishAsync("secret", "x", { qos: 1 }), error => codeOf(error as { code?: number }) === 0x87);
		await assert.rejects(client.mqtt.publishAsync("secret", "x", { qos: 2 }), error => codeOf(error as { code?: number }) === 0x87);
		await client.end();
	});

	test("a session is resumed until it expires, also by 3.1.1", async () => {
		const first = await connect({ clientId: "lasting", ...LASTING });
		assert.equal(first.sessionPresent, false);
		await first.mqtt.subscribeAsync("missed", { qos: 1 });
		await first.end();
		broker.attach().publish("missed", Buffer.from("1"));
		const old = await Client.connect(url(), { clientId: "lasting", clean: false });
		assert.deepEqual([old.sessionPresent, await old.texts(1)], [true, ["missed=1"]]);
		await old.end();
		const last = await connect({ clientId: "lasting", ...LASTING });
		assert.equal(last.sessionPresent, true);
		await last.mqtt.endAsync(false, { reasonCode: 0, properties: { sessionExpiryInterval: 0 } });
		const fresh = await connect({ clientId: "lasting", ...LASTING });
		assert.equal(fresh.sessionPresent, false);
		await fresh.mqtt.endAsync(false, { reasonCode: 0, properties: { sessionExpiryInterval: 0 } });
	});

	test("a will waits for its delay, and the timer is armed for it", async () => {
		const watcher = await connect();
		await watcher.mqtt.subscribeAsync("late/#", { qos: 1 });
		const leaving = await connect({ ...LASTING, clientId: "late", will: { topic: "late/will", payload: Buffer.from("x"), qos: 1, retain: false, properties: { willDelayInterval: 1 } } });
		const began = performance.now();
		await leaving.drop();
		assert.deepEqual(await watcher.texts(1), ["late/will=x"]);
		assert.ok(performance.now() - began >= 990);
		await watcher.end();
	});

	test("members of a share take turns", async () => {
		const [one, two, sender] = [await connect(), await connect(), await connect()];
		for (const member of [one, two]) await member.mqtt.subscribeAsync("$share/g/work", { qos: 1 });
		for (const text of ["1", "2", "3", "4"]) await sender.mqtt.publishAsync("work", text, { qos: 1 });
		assert.deepEqual([await one.texts(2), await two.texts(2)], [["work=1", "work=3"], ["work=2", "work=4"]]);
		await Promise.all([one, two, sender].map(client => client.end()));
	});

	test("subscription options", async () => {
		const client = await connect();
		await client.mqtt.publishAsync("options", "kept", { qos: 1, retain: true });
		await client.mqtt.subscribeAsync("options", { qos: 1, rh: 2, nl: true, rap: true });
		await client.mqtt.publishAsync("options", "own", { qos: 1 });
		const other = await connect();
		await other.mqtt.publishAsync("options", "theirs", { qos: 1, retain: true });
		assert.deepEqual(await client.next(), { topic: "options", text: "theirs", qos: 1, retain: true });
		await Promise.all([client.end(), other.end()]);
	});

	test("the server's DISCONNECT says why", async () => {
		const first = await connect({ clientId: "same" });
		const told = first.disconnected();
		const second = await connect({ clientId: "same" });
		assert.equal(await told, 0x8E);
		const kicked = second.disconnected();
		broker.faults.kick("same", 0x98);
		assert.equal(await kicked, 0x98);
	});

	test("extended authentication", async () => {
		const heard: string[] = [];
		const properties = { authenticationMethod: "ECHO", authenticationData: Buffer.from("let me in") };
		const client = await Client.connect(url(), { protocolVersion: 5, properties }, mqtt => {
			mqtt.handleAuth = (packet, callback) => {
				heard.push(String(packet.properties?.authenticationData));
				callback(undefined, { cmd: "auth", reasonCode: 0x18, properties: { authenticationMethod: "ECHO", authenticationData: Buffer.from("please") } });
			};
		});
		assert.deepEqual(heard, ["say please"]);
		await client.end();
		assert.equal(await refusalOf(url(), { protocolVersion: 5, properties: { authenticationMethod: "OTHER" } }), 0x8C);
	});

	test("faults: refused twice, then let in", async () => {
		broker.faults.refuse("unavailable", { count: 2 });
		assert.deepEqual([await refusalOf(url(), { protocolVersion: 5 }), await refusalOf(url()), await refusalOf(url())], [0x88, 3, "connected"]);
	});

	test("faults: a delayed answer, a lost acknowledgement, a message twice, a silence", async () => {
		const client = await connect({ clientId: "unlucky" });
		await client.mqtt.subscribeAsync("luck", { qos: 1 });
		broker.faults.delay(50, { clientId: "unlucky" });
		const began = performance.now();
		await client.mqtt.publishAsync("luck", "slow", { qos: 1 });
		assert.ok(performance.now() - began >= 49);
		broker.faults.clear();
		assert.deepEqual(await client.texts(1), ["luck=slow"]);
		broker.faults.duplicate({ count: 1 });
		broker.attach().publish("luck", Buffer.from("twice"));
		assert.deepEqual(await client.texts(2), ["luck=twice", "luck=twice"]);
		broker.faults.silence({ clientId: "unlucky" });
		const published = client.mqtt.publishAsync("luck", "late", { qos: 1 });
		broker.faults.speak({ clientId: "unlucky" });
		await published;
		broker.faults.dropAcknowledgements("puback", { count: 1, clientId: "unlucky" });
		const lost = client.mqtt.publishAsync("luck", "unanswered", { qos: 1 });
		assert.deepEqual(await client.texts(2), ["luck=late", "luck=unanswered"]);
		assert.equal(await Promise.race([lost.then(() => "answered"), client.mqtt.publishAsync("luck", "next", { qos: 1 }).then(() => "next")]), "next");
		await client.mqtt.endAsync(true);
		await assert.rejects(lost);
	});
});

suite("Faults of a cloud on TCP", { timeout: TIMEOUT }, () => {
	test("a restart tells MQTT 5 clients, and forgets if it shall", async () => {
		const cloud = await createCloud();
		const server = await cloud.serve({ port: 0 });
		const options = { protocolVersion: 5 as const, clientId: "lamp", ...LASTING };
		const url = `mqtt://127.0.0.1:${server.port}`;
		for (const [forget, sessionPresent] of [[false, true], [true, false]] as const) {
			const client = await Client.connect(url, options);
			const told = client.disconnected();
			const closed = client.closed();
			cloud.faults.restart({ notice: true, forget });
			assert.equal(await told, 0x8B);
			await closed;
			const again = await Client.connect(url, options);
			assert.equal(again.sessionPresent, sessionPresent);
			await again.end();
		}
		await cloud.close();
	});
});
