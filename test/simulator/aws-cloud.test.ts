// SPDX-License-Identifier: Apache-2.0
/** The simulated AWS on TLS, its devices played by MQTT.js, and in the world. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import type { IClientOptions } from "mqtt";
import { createAuthority } from "../../hosts/simulator/authority.js";
import type { AwsCloud } from "../../hosts/simulator/clouds/aws/cloud.js";
import { createAwsCloud } from "../../hosts/simulator/clouds/aws/cloud.js";
import type { Server } from "../../hosts/simulator/serve.js";
import { Client, credentialsOf, refusalOf } from "./clients.js";

const TIMEOUT = 30_000;

/** What a device does first: listens to all answers of its shadow. */
async function listen(device: Client, prefix: string): Promise<void> {
	const answers = ["get/accepted", "get/rejected", "update/accepted", "update/rejected", "update/delta", "update/documents", "delete/accepted", "delete/rejected"];
	await device.mqtt.subscribeAsync(answers.map(answer => `${prefix}/${answer}`), { qos: 1 });
}

/** The next message, as what stands behind `prefix` in its topic and the document. */
async function next(device: Client, prefix: string): Promise<[string, any]> {
	const { topic, text, qos } = await device.next();
	assert.equal(qos, 1);
	return [topic.slice(prefix.length + 1), JSON.parse(text)];
}

suite("AWS cloud on TLS", { timeout: TIMEOUT }, () => {
	let cloud: AwsCloud;
	let server: Server;
	let refused: string[];

	before(async () => {
		cloud = await createAwsCloud({ limits: { connectsPerSecond: Infinity } });
		refused = [];
		server = await cloud.serve({ tlsPort: 0, alpnPort: 0, onRefused: reason => { refused.push(reason); } });
	});
	after(() => cloud.close());

	for (const [version, name] of [[4, undefined], [5, undefined], [4, "config"], [5, "config"]] as const) {
		test(`${name ?? "classic"} shadow by MQTT ${version}: get, update, delta, delete`, async () => {
			const identity = await cloud.manufacture(`lamp-${version}-${name ?? "classic"}`);
			const { id } = identity;
			const prefix = `$aws/things/${id}/shadow${name === undefined ? "" : `/name/${name}`}`;
			const device = await Client.connect(identity.endpoint, { ...credentialsOf(identity), protocolVersion: version });
			await listen(device, prefix);
			const ask = (verb: string, body: object) => device.mqtt.publishAsync(`${prefix}/${verb}`, JSON.stringify(body), { qos: 1 });

			await ask("get", { clientToken: "t1" });
			const [topic, { timestamp, ...missing }] = await next(device, prefix);
			assert.deepEqual([topic, missing], ["get/rejected", { code: 404, message: `No shadow exists with name: '${name ?? id}'`, clientToken: "t1" }]);
			assert.ok(Math.abs(timestamp - Date.now() / 1000) < 60);

			await ask("update", { state: { reported: { on: false, level: 3 } }, clientToken: "t2" });
			const stamp = (value: any) => value.metadata.reported.on.timestamp;
			const [, accepted] = await next(device, prefix);
			assert.deepEqual(accepted, {
				state: { reported: { on: false, level: 3 } }, metadata: { reported: { on: { timestamp: stamp(accepted) }, level: { timestamp: stamp(accepted) } } },
				version: 1, timestamp: accepted.timestamp, clientToken: "t2",
			});
			const [documents, { previous, current }] = await next(device, prefix);
			assert.deepEqual([documents, previous.version, current.version, current.state], ["update/documents", 0, 1, { reported: { on: false, level: 3 } }]);

			assert.equal(cloud.shadows.desire(id, { on: true, level: 3 }, { name }), 2);
			assert.deepEqual((await next(device, prefix))[0], "update/accepted");
			assert.deepEqual((await next(device, prefix))[0], "update/documents");
			const [delta, difference] = await next(device, prefix);
			assert.deepEqual([delta, difference.version, difference.state], ["update/delta", 2, { on: true }]);
			assert.deepEqual(difference.metadata, { on: { timestamp: difference.timestamp } });

			await ask("get", {});
			const [got, document] = await next(device, prefix);
			assert.deepEqual([got, document.state], ["get/accepted", { desired: { on: true, level: 3 }, reported: { on: false, level: 3 }, delta: { on: true } }]);
			assert.deepEqual(cloud.shadows.get(id, name)?.state, document.state);

			await ask("delete", { clientToken: "t3" });
			const [deleted, { version: last, clientToken }] = await next(device, prefix);
			assert.deepEqual([deleted, last, clientToken], ["delete/accepted", 2, "t3"]);
			assert.deepEqual(cloud.shadows.list(id), []);
			await device.end();
		});
	}

	test("the ALPN port takes a thing with x-amzn-mqtt-ca, and nobody without a certificate", async () => {
		const identity = await cloud.manufacture("alpn");
		const url = `mqtts://localhost:${server.sharedPort}`;
		const options = (protocol: string): IClientOptions => ({ ...credentialsOf(identity), ALPNProtocols: [protocol] });
		assert.equal(await refusalOf(url, options("x-amzn-mqtt-ca")), "connected");
		const { cert, key, ...bare } = options("x-amzn-mqtt-ca") as IClientOptions & { cert: string; key: string };
		assert.ok(cert && key);
		assert.notEqual(await refusalOf(url, bare), "connected");
		assert.equal(refused.at(-1), "no client certificate that is trusted");
		assert.equal(await refusalOf(url, options("mqtt")), 5);
		assert.notEqual(await refusalOf(url, options("smtp")), "connected");
	});

	test("who gives no server name, and whose certificate is unknown, does not come in", async () => {
		const identity = await cloud.manufacture("strict");
		const credentials = credentialsOf(identity);
		assert.notEqual(await refusalOf(`mqtts://127.0.0.1:${server.tlsPort}`, credentials), "connected");
		assert.equal(refused.at(-1), "no server name (SNI)");
		const stranger = await cloud.authority.issueDevice({ id: "strict" });
		assert.equal(await refusalOf(identity.endpoint, { ...credentials, cert: stranger.certificatePem, key: stranger.keyPem }), 5);
		const foreign = await (await createAuthority()).issueDevice({ id: "strict" });
		assert.notEqual(await refusalOf(identity.endpoint, { ...credentials, cert: foreign.certificatePem, key: foreign.keyPem }), "connected");
		assert.equal(await refusalOf(identity.endpoint, { ...credentials, clientId: "another" }), 5);
		assert.equal(await refusalOf(identity.endpoint, credentials), "connected");
	});

	test("with a list of endpoint names, another one is turned away", async () => {
		const named = await cloud.serve({ tlsPort: 0, serverName: ["prefix-ats.iot.test"], onRefused: reason => { refused.push(reason); } });
		const identity = await cloud.manufacture("named", { endpoint: `mqtts://localhost:${named.tlsPort}` });
		assert.notEqual(await refusalOf(identity.endpoint, credentialsOf(identity)), "connected");
		assert.equal(refused.at(-1), "another server name: localhost");
		await named.close();
	});
});
