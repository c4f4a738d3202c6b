// SPDX-License-Identifier: Apache-2.0
/** The broker on real TCP sockets, judged by MQTT.js. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectSocket } from "node:net";
import { after, before, suite, test } from "node:test";
import { generate } from "mqtt-packet";
import { Broker } from "../../hosts/simulator/broker/broker.js";
import type { Server } from "../../hosts/simulator/serve.js";
import { serve } from "../../hosts/simulator/serve.js";
import { Client, refusalOf } from "./clients.js";

const TIMEOUT = 30_000;

suite("Broker on TCP", { timeout: TIMEOUT }, () => {
	let broker: Broker;
	let server: Server;
	let url: string;

	before(async () => {
		broker = new Broker({ limits: { connectTimeout: 50 } });
		server = await serve(broker, { port: 0 });
		url = `mqtt://127.0.0.1:${server.port}`;
	});
	after(() => server.close());

	for (const qos of [0, 1, 2] as const) {
		test(`a publication at QoS ${qos} arrives once, at that QoS, with its payload`, async () => {
			const receiver = await Client.connect(url);
			const sender = await Client.connect(url);
			await receiver.mqtt.subscribeAsync(`q${qos}/#`, { qos: 2 });
			const large = "x".repeat(100_000);
			await sender.mqtt.publishAsync(`q${qos}/large`, large, { qos });
			await sender.mqtt.publishAsync(`q${qos}/empty`, "", { qos });
			assert.deepEqual(await receiver.next(), { topic: `q${qos}/large`, text: large, qos, retain: false });
			assert.deepEqual(await receiver.next(), { topic: `q${qos}/empty`, text: "", qos, retain: false });
			await Promise.all([receiver.end(), sender.end()]);
		});
	}

	test("a hundred publications at QoS 2 arrive in order, through 20 in flight", async () => {
		const receiver = await Client.connect(url);
		const sender = await Client.connect(url);
		await receiver.mqtt.subscribeAsync("many", { qos: 2 });
		const expected = Array.from({ length: 100 }, (_, index) => `many=${index}`);
		await Promise.all(expected.map((_, index) => sender.mqtt.publishAsync("many", String(index), { qos: 2 })));
		assert.deepEqual(await receiver.texts(100), expected);
		await Promise.all([receiver.end(), sender.end()]);
	});

	test("retained messages and wildcards", async () => {
		const sender = await Client.connect(url);
		await sender.mqtt.publishAsync("keep/a/x", "1", { qos: 1, retain: true });
		await sender.mqtt.publishAsync("keep/b/x", "2", { qos: 1, retain: true });
		const receiver = await Client.connect(url);
		await receiver.mqtt.subscribeAsync("keep/+/x", { qos: 1 });
		assert.deepEqual([await receiver.next(), await receiver.next()], [
			{ topic: "keep/a/x", text: "1", qos: 1, retain: true },
			{ topic: "keep/b/x", text: "2", qos: 1, retain: true },
		]);
		await Promise.all([receiver.end(), sender.end()]);
	});

	test("the will of a client that vanishes is published, that of one that leaves is not", async () => {
		const watcher = await Client.connect(url);
		await watcher.mqtt.subscribeAsync("will/#", { qos: 1 });
		const leaving = await Client.connect(url, { will: { topic: "will/leaving", payload: Buffer.from("x"), qos: 1, retain: false } });
		await leaving.end();
		const vanishing = await Client.connect(url, { will: { topic: "will/vanishing", payload: Buffer.from("y"), qos: 1, retain: false } });
		await vanishing.drop();
		assert.deepEqual(await watcher.texts(1), ["will/vanishing=y"]);
		await watcher.end();
	});

	test("a persistent session gets what it missed, also after the server was closed and the port served again", async () => {
		const options = { clientId: "persistent", clean: false };
		const first = await Client.connect(url, options);
		assert.equal(first.sessionPresent, false);
		await first.mqtt.subscribeAsync("missed", { qos: 1 });
		await first.end();
		broker.attach().publish("missed", Buffer.from("1"));
		const port = server.port!;
		const bystander = await Client.connect(url);
		const closed = bystander.closed();
		await server.close();
		await closed;
		server = await serve(broker, { port });
		const second = await Client.connect(url, options);
		assert.equal(second.sessionPresent, true);
		assert.deepEqual(await second.texts(1), ["missed=1"]);
		await second.end();
	});

	test("a restart that forgets leaves no session", async () => {
		const options = { clientId: "forgotten", clean: false };
		const first = await Client.connect(url, options);
		const closed = first.closed();
		broker.restart(performance.now(), { forget: true });
		await closed;
		const second = await Client.connect(url, options);
		assert.equal(second.sessionPresent, false);
		await second.end();
	});

	test("the second connection with a client id takes over", async () => {
		const first = await Client.connect(url, { clientId: "same" });
		const closed = first.closed();
		const second = await Client.connect(url, { clientId: "same" });
		await closed;
		assert.equal(second.mqtt.connected, true);
		await second.end();
	});

	test("MQTT 3.1 is refused, in words that the client understands", async () => {
		assert.equal(await refusalOf(url, { protocolId: "MQIsdp", protocolVersion: 3 }), 1);
	});

	test("a connection that says nothing, and one that says nonsense, are closed", async () => {
		for (const bytes of ["", "GET / HTTP/1.1\r\n\r\n"]) {
			const socket = connectSocket(server.port!, "127.0.0.1");
			socket.on("error", () => {});
			socket.write(bytes);
			socket.resume();
			await once(socket, "close");
		}
	});

	test("the keep-alive timer is armed for a client on its own", async () => {
		const socket = connectSocket(server.port!, "127.0.0.1");
		socket.write(generate({ cmd: "connect", clientId: "sleepy", keepalive: 1 }));
		const started = performance.now();
		socket.resume();
		await once(socket, "close");
		assert.ok(performance.now() - started >= 1_400);
	});

	test("a client that does not read costs a bounded buffer, and gets everything once it reads", async () => {
		const slow = connectSocket(server.port!, "127.0.0.1");
		slow.write(Buffer.concat([
			generate({ cmd: "connect", clientId: "slow", keepalive: 0 }),
			generate({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "flood", qos: 0 }] }),
		]));
		const [answer] = await once(slow, "data") as [Buffer];
		assert.ok(answer.byteLength >= 4);
		slow.pause();
		const { dropped } = broker.statistics;
		const payload = new Uint8Array(100_000);
		const channel = broker.attach();
		for (let index = 0; index < 300; index++) channel.publish("flood", payload);
		const waiting = broker.session("slow")!.waiting;
		assert.ok(waiting > 0 && waiting <= 42, `${waiting} wait`);
		assert.ok(broker.statistics.dropped > dropped);
		const expected = 300 - (broker.statistics.dropped - dropped);
		let bytes = 0;
		await new Promise<void>(resolve => {
			slow.on("data", chunk => {
				bytes += chunk.byteLength;
				if (bytes >= expected * payload.byteLength) resolve();
			});
			slow.resume();
		});
		assert.equal(broker.session("slow")!.waiting, 0);
		slow.destroy();
	});

	test("a port that is taken is refused with a code, and nothing stays open", async () => {
		await assert.rejects(serve(new Broker(), { port: server.port }), { code: "unreachable" });
	});
});
