// SPDX-License-Identifier: Apache-2.0
/** The cloud on TLS with client certificates, and beside mosquitto; the devices are played by MQTT.js. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { createAuthority } from "../../hosts/simulator/authority.js";
import { connectBridge } from "../../hosts/simulator/bridge.js";
import { Broker } from "../../hosts/simulator/broker/broker.js";
import type { Cloud } from "../../hosts/simulator/cloud.js";
import { createCloud } from "../../hosts/simulator/cloud.js";
import { writeIdentity } from "../../hosts/simulator/identity.js";
import type { Server } from "../../hosts/simulator/serve.js";
import { serve } from "../../hosts/simulator/serve.js";
import { Client, credentialsOf, refusalOf } from "./clients.js";
import { findMosquitto, Mosquitto } from "./mosquitto.js";

const TIMEOUT = 30_000;

const statusOf = (id: string, online: boolean) => ({ topic: `moorline/${id}/status`, payload: Buffer.from(JSON.stringify({ online })), qos: 1 as const, retain: true });

/** Resolves when the registry has seen the device come or go. */
function seen(cloud: Cloud, id: string, online: boolean): Promise<void> {
	return new Promise(resolve => {
		cloud.registry.onChanged = device => { if (device.id === id && device.online === online) resolve(); };
		if (cloud.registry.get(id)?.online === online) resolve();
	});
}

suite("Cloud", { timeout: TIMEOUT }, () => {
	let cloud: Cloud;
	let server: Server;
	let refused: string[];

	before(async () => {
		cloud = await createCloud();
		await assert.rejects(cloud.manufacture("early"), { code: "state" });
		refused = [];
		server = await cloud.serve({ tlsPort: 0, port: 0, onRefused: reason => { refused.push(reason); } });
	});
	after(() => cloud.close());

	for (const keyType of ["P-256", "RSA-2048"] as const) {
		test(`a device with a ${keyType} key connects, is online, and syncs its shadow`, async () => {
			const identity = await cloud.manufacture(`lamp-${keyType}`, { keyType });
			const { id, endpoint } = identity;
			assert.equal(endpoint, `mqtts://localhost:${server.tlsPort}`);
			const device = await Client.connect(endpoint, credentialsOf(identity));
			await device.mqtt.subscribeAsync(["document", "delta", "accepted", "rejected"].map(verb => `moorline/${id}/shadow/${verb}`), { qos: 1 });
			assert.equal(cloud.registry.get(id)?.online, true);
			cloud.shadows.desire(id, { on: true });
			assert.deepEqual(await device.texts(1), [`moorline/${id}/shadow/delta={"version":1,"delta":{"on":true}}`]);
			await device.mqtt.publishAsync(`moorline/${id}/shadow/report`, '{"token":"t","reported":{"on":true}}', { qos: 1 });
			assert.deepEqual(await device.texts(1), [`moorline/${id}/shadow/accepted={"token":"t","version":2}`]);
			assert.deepEqual(cloud.shadows.delta(id), {});
			await device.end();
			await seen(cloud, id, false);
			const { connections, messages } = cloud.registry.get(id)!;
			assert.deepEqual([connections, messages], [1, 1]);
		});
	}

	test("a device can neither hear nor speak for another", async () => {
		const [one, other] = [await cloud.manufacture("one"), await cloud.manufacture("other")];
		const device = await Client.connect(one.endpoint, credentialsOf(one));
		for (const filter of ["#", "moorline/#", "moorline/+/shadow/delta", "moorline/other/#", "moorline/one"]) {
			await assert.rejects(device.mqtt.subscribeAsync(filter), (error: { packet?: { granted: number[] } }) => error.packet?.granted[0] === 0x80);
		}
		await device.mqtt.publishAsync(`moorline/other/shadow/report`, '{"reported":{"stolen":true}}', { qos: 1 });
		assert.deepEqual(cloud.shadows.get("other").reported, {});
		assert.equal(await refusalOf(one.endpoint, { ...credentialsOf(one), will: statusOf("other", false) }), 5);
		assert.equal(await refusalOf(one.endpoint, { ...credentialsOf(one), clientId: other.id }), 2);
		assert.equal(device.mqtt.connected, true);
		await device.end();
	});

	test("no certificate, a foreign one, and one that has expired are refused by TLS", async () => {
		const identity = await cloud.manufacture("strict");
		const good = credentialsOf(identity);
		const foreign = await (await createAuthority()).issueDevice({ id: "strict" });
		const expired = await cloud.authority.issueDevice({ id: "strict", notAfter: new Date(Date.now() - 1000) });
		const before = refused.length;
		assert.notEqual(await refusalOf(identity.endpoint, { ca: good.ca, clientId: "strict" }), "connected");
		for (const { certificatePem, keyPem } of [foreign, expired]) {
			assert.notEqual(await refusalOf(identity.endpoint, { ca: good.ca, cert: certificatePem, key: keyPem, clientId: "strict" }), "connected");
		}
		assert.equal(await refusalOf(identity.endpoint, good), "connected");
		assert.equal(refused.length, before + 3);
	});

	test("plain TCP believes the client id, if it is one", async () => {
		const url = `mqtt://127.0.0.1:${server.port}`;
		assert.equal(await refusalOf(url, { clientId: "a/b" }), 2);
		const device = await Client.connect(url, { clientId: "plain" });
		assert.equal(cloud.registry.get("plain")?.online, true);
		await device.end();
	});

	test("a broker that is restarted on the same port is found again, and the shadow is still there", async () => {
		const identity = await cloud.manufacture("back");
		const first = await Client.connect(identity.endpoint, credentialsOf(identity));
		const { tlsPort, port } = server;
		const closed = first.closed();
		await server.close();
		await closed;
		assert.equal(cloud.registry.get("back")?.online, false);
		cloud.shadows.desire("back", { on: true });
		server = await cloud.serve({ tlsPort, port });
		const second = await Client.connect(identity.endpoint, credentialsOf(identity));
		await second.mqtt.subscribeAsync("moorline/back/shadow/document", { qos: 1 });
		await second.mqtt.publishAsync("moorline/back/shadow/get", "{}", { qos: 1 });
		assert.deepEqual(await second.texts(1), ['moorline/back/shadow/document={"version":1,"desired":{"on":true},"reported":{}}']);
		await second.end();
	});

	test("while a bridge's broker is away, only so many publications wait, and the rest are counted", async () => {
		const broker = new Broker();
		const there = await serve(broker, { port: 0 });
		const bridge = await connectBridge({ url: `mqtt://127.0.0.1:${there.port}` });
		const gone = new Promise<void>(resolve => { broker.attach().subscribe("last", () => { resolve(); }); });
		bridge.publish("last", new Uint8Array(0));
		await gone;
		await there.close();
		for (let index = 0; index < 1_002; index++) bridge.publish("t", new Uint8Array(1));
		assert.ok(bridge.dropped >= 2 && bridge.dropped <= 3, String(bridge.dropped));
		await bridge.close();
	});

	test("an identity is written as the device's host will read it, the id last", () => {
		const written: [string, string][] = [];
		const domain = { read: () => undefined, write(key: string, value: Uint8Array) { written.push([key, Buffer.from(value).toString()]); }, delete() {}, keys: () => [], close() {} };
		writeIdentity(domain, { id: "lamp", certificate: Buffer.from("c"), key: Buffer.from("k"), anchor: Buffer.from("a"), endpoint: "mqtts://localhost:1" });
		assert.deepEqual(written, [["endpoint", "mqtts://localhost:1"], ["anchor", "a"], ["certificate", "c"], ["key", "k"], ["id", "lamp"]]);
	});
});

const command = findMosquitto();
suite("Cloud beside mosquitto", { timeout: TIMEOUT, skip: command === undefined ? "MOSQUITTO IS NOT INSTALLED" : false }, () => {
	let cloud: Cloud;
	let mosquitto: Mosquitto;

	before(async () => {
		cloud = await createCloud();
		mosquitto = await Mosquitto.start(command!, cloud.authority);
	});
	after(async () => {
		await cloud.close();
		await mosquitto.stop();
	});

	test("shadow and online state work over the bridge, and again after mosquitto was killed and restarted", async () => {
		const states: string[] = [];
		let onOnline = () => {};
		const bridge = await cloud.bridge({ url: mosquitto.url, onState(state) { states.push(state); if (state === "online") onOnline(); } });
		const identity = await cloud.manufacture("lamp", { keyType: "RSA-2048" });
		for (let round = 0; round < 2; round++) {
			const device = await Client.connect(identity.endpoint, { ...credentialsOf(identity), will: statusOf("lamp", false) });
			const online = seen(cloud, "lamp", true);
			const status = statusOf("lamp", true);
			await device.mqtt.publishAsync(status.topic, status.payload, { qos: 1, retain: true });
			await online;
			await device.mqtt.subscribeAsync("moorline/lamp/shadow/+", { qos: 1 });
			cloud.shadows.desire("lamp", { round });
			assert.equal((await device.next()).topic, "moorline/lamp/shadow/delta");
			await device.mqtt.publishAsync("moorline/lamp/shadow/report", JSON.stringify({ token: "t", reported: { round } }), { qos: 1 });
			assert.deepEqual([(await device.next()).topic, (await device.next()).text], ["moorline/lamp/shadow/report", `{"token":"t","version":${2 * round + 2}}`]);
			const offline = seen(cloud, "lamp", false);
			await device.drop();
			await offline;
			if (round > 0) break;
			const back = new Promise<void>(resolve => { onOnline = resolve; });
			await mosquitto.kill();
			await mosquitto.run();
			await back;
			assert.equal(bridge.connected, true);
		}
		assert.ok(states.includes("offline") && states.at(-1) === "online");
		assert.equal(bridge.dropped, 0);
	});

	test("a broker that is not there is reported, with its address", async () => {
		await assert.rejects(cloud.bridge({ url: "mqtt://127.0.0.1:1" }), { code: "unreachable", message: /127\.0\.0\.1:1/ });
	});

	test("a broker that refuses the services' subscriptions is reported", async () => {
		const strict = await createCloud();
		const { port } = await strict.serve({ port: 0 });
		await assert.rejects(cloud.bridge({ url: `mqtt://127.0.0.1:${port}` }), { code: "rejected" });
		await strict.close();
	});
});
