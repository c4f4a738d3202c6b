// SPDX-License-Identifier: Apache-2.0
/** The broker on WebSockets: for MQTT.js on real sockets, for our own client there and in the world. */
import assert from "node:assert/strict";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { generate } from "mqtt-packet";
import { WebSocket } from "ws";
import { crypto } from "../../hosts/node/digest.js";
import { createHost } from "../../hosts/node/index.js";
import { createCloud, type Cloud } from "../../hosts/simulator/cloud.js";
import { Broker } from "../../hosts/simulator/broker/broker.js";
import { serve, type Server } from "../../hosts/simulator/serve.js";
import { WorldCloud } from "../../hosts/simulator/world.js";
import { createWorld } from "../../hosts/world/index.js";
import { Client as OurClient, type ClientOptions } from "../../src/mqtt/index.js";
import { Client, refusalOf } from "./clients.js";

const TIMEOUT = 30_000;
const connectPacket = generate({ cmd: "connect", clientId: "raw", keepalive: 0 });

suite("Broker on WebSocket", { timeout: TIMEOUT }, () => {
	let cloud: Cloud, server: Server, url: string;
	const refused: string[] = [], directory = mkdtempSync(join(tmpdir(), "moorline-ws-"));

	before(async () => {
		cloud = await createCloud();
		server = await cloud.serve({ webSocketPort: 0, secureWebSocketPort: 0, onRefused: reason => { refused.push(reason); } });
		url = `ws://127.0.0.1:${server.webSocketPort}/any/path`;
	});
	after(async () => {
		await cloud.close();
		rmSync(directory, { recursive: true, force: true });
	});

	test("ports that were not asked for are not served", () => {
		assert.deepEqual([server.port, server.tlsPort, cloud.endpoint], [undefined, undefined, undefined]);
		assert.ok(server.webSocketPort! > 0 && server.secureWebSocketPort! > 0);
	});

	for (const qos of [0, 1, 2] as const) {
		test(`a publication at QoS ${qos} arrives once, large and empty`, async () => {
			const open = await serve(new Broker(), { webSocketPort: 0 }), openURL = `ws://127.0.0.1:${open.webSocketPort}`;
			const receiver = await Client.connect(openURL), sender = await Client.connect(openURL);
			await receiver.mqtt.subscribeAsync(`q${qos}/#`, { qos: 2 });
			const large = "x".repeat(200_000);
			await sender.mqtt.publishAsync(`q${qos}/large`, large, { qos });
			await sender.mqtt.publishAsync(`q${qos}/empty`, "", { qos });
			assert.deepEqual(await receiver.next(), { topic: `q${qos}/large`, text: large, qos, retain: false });
			assert.deepEqual(await receiver.next(), { topic: `q${qos}/empty`, text: "", qos, retain: false });
			await Promise.all([receiver.end(), sender.end()]);
			await open.close();
		});
	}

	test("a packet may come in several messages, and a message may have several packets (MQTT 5.0 §6.0)", async () => {
		const socket = new WebSocket(url, "mqtt");
		await once(socket, "open");
		assert.equal(socket.protocol, "mqtt");
		for (const byte of connectPacket) socket.send(Uint8Array.of(byte));
		const [connack] = await once(socket, "message") as [Buffer];
		assert.deepEqual([...connack], [0x20, 2, 0, 0]);
		socket.send(Buffer.concat([generate({ cmd: "pingreq" }), generate({ cmd: "pingreq" })]));
		const [pong] = await once(socket, "message") as [Buffer];
		assert.equal(pong[0], 0xd0);
		socket.terminate();
	});

	test("a text message ends the connection [MQTT-6.0.0-1], and nothing of it is obeyed", async () => {
		const socket = new WebSocket(url, "mqtt");
		await once(socket, "open");
		socket.on("error", () => {});
		socket.send(connectPacket.toString("latin1"));
		await once(socket, "close");
		assert.equal(cloud.broker.session("raw"), undefined);
	});

	test("who does not offer the subprotocol, or wants no WebSocket, is refused", async () => {
		refused.length = 0;
		for (const protocols of [[], ["amqp"]]) {
			const socket = new WebSocket(url, protocols);
			const [error] = await once(socket, "error") as [Error];
			assert.match(error.message, /400/);
		}
		const ask = request({ host: "127.0.0.1", port: server.webSocketPort }).end();
		const [{ statusCode }] = await once(ask, "response") as [{ statusCode: number }];
		assert.equal(statusCode, 426);
		assert.equal(refused.length, 3);
	});

	test("with TLS a client is whom its certificate names; without one it is refused", async () => {
		const secureUrl = `wss://localhost:${server.secureWebSocketPort}/`;
		const identity = await cloud.manufacture("lamp-1", { endpoint: "mqtts://unused:1" });
		const ca = new X509Certificate(identity.anchor).toString();
		const credentials = {
			ca, cert: new X509Certificate(identity.certificate).toString(),
			key: createPrivateKey({ key: Buffer.from(identity.key), format: "der", type: "pkcs8" }).export({ format: "pem", type: "pkcs8" }),
		};
		const device = await Client.connect(secureUrl, { ...credentials, clientId: "lamp-1" });
		await device.end();
		assert.notEqual(await refusalOf(secureUrl, { ...credentials, clientId: "lamp-2" }), undefined);
		await assert.rejects(Client.connect(secureUrl, { ca }));
	});

	test("our own client, over WebSocket with TLS, publishes and receives", async () => {
		const identity = await cloud.manufacture("lamp-3", { endpoint: "mqtts://unused:1" });
		const host = createHost({ directory });
		const secure = { certificates: [identity.anchor], clientCertificates: [identity.certificate], clientKey: identity.key };
		const text = await new Promise<string>((resolve, reject) => {
			const client = new OurClient({
				host, clientId: "lamp-3",
				server: { name: "localhost", port: server.secureWebSocketPort!, secure, websocket: "/mqtt" },
				onConnected: () => { client.subscribe("moorline/lamp-3/#", 1); },
				onSubscribed: () => { client.publish("moorline/lamp-3/x", "hello", { qos: 1 }); },
				onMessage: ({ bytes, start, end }) => {
					resolve(host.text.decode(bytes!, start, end));
					client.close();
				},
				onDisconnected: error => {
					reject(error);
					client.close();
				},
			} satisfies ClientOptions);
		});
		assert.equal(text, "hello");
	});

	test("a server that is closed ends its WebSockets", async () => {
		const second = await cloud.serve({ webSocketPort: 0 });
		const client = await Client.connect(`ws://127.0.0.1:${second.webSocketPort}/`);
		const idle = new WebSocket(`ws://127.0.0.1:${second.webSocketPort}/`, "mqtt");
		await once(idle, "open");
		const closed = Promise.all([client.closed(), once(idle, "close")]);
		await second.close();
		await closed;
	});
});

suite("Broker on WebSocket in the world", () => {
	for (const tls of [undefined, false] as const) {
		test(`a device publishes and receives ${tls === false ? "in the clear" : "over TLS"}, through splits, loss, a restart of the broker and one of its own`, () => {
			const world = createWorld({ seed: 11, digest: algorithm => crypto.digest(algorithm) });
			const cloud = new WorldCloud(world, { tls, webSocketPort: 443 });
			world.network.lose(0.05);
			world.network.split(0.5);
			const { certificate, key, anchor } = cloud.manufacture("lamp"), received: string[] = [];
			const secure = { certificates: [anchor], clientCertificates: [certificate], clientKey: key };
			let count = 0;
			const device = world.device({
				id: "lamp",
				program(host) {
					const client = new OurClient({
						host, clientId: "lamp",
						server: { name: "cloud.test", port: 443, websocket: "/mqtt", ...(tls === false ? {} : { secure }) },
						onConnected: () => {
							client.subscribe("moorline/lamp/#", 2);
							client.publish("moorline/lamp/x", String(++count).padStart(600, "."), { qos: 2 });
						},
						onMessage: ({ bytes, start, end, more }) => {
							if (!more) received.push(host.text.decode(bytes!, Math.max(start, end - 10), end).replaceAll(".", ""));
						},
					});
				},
			});
			world.run(() => received.length === 1, { within: 120_000 });
			cloud.restart(5_000);
			world.run(() => received.length === 2, { within: 300_000 });
			// What the device has not acknowledged it would get again: a reset forgets what it received.
			world.advance(10_000);
			device.restart();
			world.run(() => received.length === 3, { within: 300_000 });
			assert.deepEqual(received, ["1", "2", "3"]);
			assert.deepEqual(device.crashes, []);
		});
	}

	test("a WebSocket on the broker's own port, and a broker's stream on the WebSocket's, find nobody", () => {
		const world = createWorld({ seed: 3, digest: algorithm => crypto.digest(algorithm) });
		new WorldCloud(world, { tls: false, webSocketPort: 80 });
		const errors: string[] = [];
		world.device({
			id: "lamp",
			program(host) {
				const client = new OurClient({
					host, clientId: "lamp", server: { name: "cloud.test", port: 1883, websocket: "/mqtt" },
					onDisconnected: ({ code }) => {
						errors.push(code);
						client.close();
					},
				});
				const other = new OurClient({
					host, clientId: "lamp-2", server: { name: "cloud.test", port: 80 },
					onDisconnected: ({ code }) => {
						errors.push(code);
						other.close();
					},
				});
			},
		});
		world.run(() => errors.length === 2, { within: 120_000 });
		assert.equal(errors.filter(code => code === "closed" || code === "malformed").length, 2, errors.join());
	});

	test("a world without digests has no WebSocket, and says so", () => {
		const world = createWorld({ seed: 1 });
		const device = world.device({ id: "lamp", program() {} });
		world.run(() => device.running);
		assert.throws(() => new device.host.websocket.io({ address: "10.0.0.1", port: 80, host: "a", path: "/", protocol: "mqtt" }), { code: "unsupported" });
	});
});
