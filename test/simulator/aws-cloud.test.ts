// SPDX-License-Identifier: Apache-2.0
/** The simulated AWS on TLS, its devices played by MQTT.js, and in the world. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import type { IClientOptions } from "mqtt";
import { generate } from "mqtt-packet";
import { crypto } from "../../hosts/node/digest.js";
import { createAuthority } from "../../hosts/simulator/authority.js";
import type { AuthorizerRequest } from "../../hosts/simulator/clouds/aws/authorizer.js";
import type { AwsCloud } from "../../hosts/simulator/clouds/aws/cloud.js";
import { createAwsCloud } from "../../hosts/simulator/clouds/aws/cloud.js";
import type { AwsWorldCloudOptions } from "../../hosts/simulator/clouds/aws/world.js";
import { AwsWorldCloud } from "../../hosts/simulator/clouds/aws/world.js";
import { identityValues } from "../../hosts/simulator/identity.js";
import type { Server } from "../../hosts/simulator/serve.js";
import type { World } from "../../hosts/world/index.js";
import { createWorld } from "../../hosts/world/index.js";
import type { AwsOptions } from "../../src/clouds/aws/index.js";
import { aws } from "../../src/clouds/aws/index.js";
import { Device } from "../../src/device.js";
import type { Stream } from "../../src/host.js";
import { Client, credentialsOf, refusalOf } from "./clients.js";

const TIMEOUT = 30_000;

/** What a device does first: listens to all answers of its shadow. */
async function listen(device: Client, prefix: string): Promise<void> {
	const answers = ["get/accepted", "get/rejected", "update/accepted", "update/rejected", "update/delta", "update/documents", "delete/accepted", "delete/rejected"];
	await device.mqtt.subscribeAsync(answers.map(answer => `${prefix}/${answer}`), { qos: 1 });
}

/** What answers may hold, as far as it is looked at. */
interface Body {
	state: unknown;
	metadata: { reported: { on: { timestamp: number } } };
	version: number;
	timestamp: number;
	clientToken?: string;
	previous: { version: number };
	current: { version: number; state: unknown };
}

/** The next message, as what stands behind `prefix` in its topic and the document. */
async function next(device: Client, prefix: string): Promise<[string, Body]> {
	const { topic, text, qos } = await device.next();
	assert.equal(qos, 1);
	return [topic.slice(prefix.length + 1), JSON.parse(text) as Body];
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
			const stamp = (value: Body): number => value.metadata.reported.on.timestamp;
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

	test("a custom authorizer's clients come by ALPN mqtt and over WebSocket, on /mqtt alone, whatever certificate they have", async () => {
		const asked: AuthorizerRequest[] = [];
		const guarded = await createAwsCloud({ limits: { connectsPerSecond: Infinity }, authorizer: {
			name: "door", tokenKeyName: "token",
			decide(request) {
				asked.push(request);
				return request.token === "right" ? { isAuthenticated: true, principalId: "user" } : undefined;
			},
		} });
		const { sharedPort } = await guarded.serve({ alpnPort: 0, serverName: ["localhost"] });
		const ca = guarded.authority.certificatePem;
		const { certificatePem: cert, keyPem: key } = await guarded.authority.issueDevice({ id: "ignored" });
		const options = { ca, cert, key, clientId: "lamp", username: "?x-amz-customauthorizer-name=door&token=right" };
		const ways: readonly [url: string, more: IClientOptions][] = [[`mqtts://localhost:${sharedPort}`, { ALPNProtocols: ["mqtt"] }], [`wss://localhost:${sharedPort}/mqtt?x=1`, {}]];
		for (const [url, more] of ways) {
			const device = await Client.connect(url, { ...options, ...more });
			await listen(device, "$aws/things/lamp/shadow");
			await device.mqtt.publishAsync("$aws/things/lamp/shadow/get", "", { qos: 1 });
			assert.equal((await next(device, "$aws/things/lamp/shadow"))[0], "get/rejected");
			await device.end();
			assert.equal(await refusalOf(url, { ...options, ...more, username: "?token=wrong" }), 5);
		}
		assert.notEqual(await refusalOf(`wss://localhost:${sharedPort}/elsewhere`, options), "connected");
		assert.deepEqual(asked.map(({ protocols, protocolData }) => [protocols.length, protocolData.tls.serverName, protocolData.http?.queryString]), [
			[2, "localhost", undefined], [2, "localhost", undefined], [3, "localhost", "/mqtt?x=1"], [3, "localhost", "/mqtt?x=1"],
		]);
		await guarded.close();
	});

	test("with a list of endpoint names, another one is turned away", async () => {
		const named = await cloud.serve({ tlsPort: 0, serverName: ["prefix-ats.iot.test"], onRefused: reason => { refused.push(reason); } });
		const identity = await cloud.manufacture("named", { endpoint: `mqtts://localhost:${named.tlsPort}` });
		assert.notEqual(await refusalOf(identity.endpoint, credentialsOf(identity)), "connected");
		assert.equal(refused.at(-1), "another server name: localhost");
		await named.close();
	});
});

suite("AWS cloud in the world", () => {
	/** A device of ours on that cloud, and what it has seen of its shadow. */
	function run(options: AwsWorldCloudOptions, cloudOptions: AwsOptions = {}): { world: World; cloud: AwsWorldCloud; seen: unknown[]; errors: unknown[] } {
		const world = createWorld({ seed: 5, digest: algorithm => crypto.digest(algorithm) });
		const cloud = new AwsWorldCloud(world, options);
		const seen: unknown[] = [];
		const errors: unknown[] = [];
		world.device({
			// The factory names AWS's own port, also where it is shut.
			id: "lamp", storage: { identity: identityValues({ ...cloud.manufacture("lamp"), endpoint: cloud.endpoint.replace(/:1$/, ":8883") }) },
			program: host => {
				new Device({
					host, cloud: aws(cloudOptions),
					onDelta(delta) {
						seen.push({ ...delta });
						this.report(delta);
					},
					onError: error => { errors.push(error); },
				});
			},
		});
		cloud.shadows.desire("lamp", { on: true });
		return { world, cloud, seen, errors };
	}

	const AUTHORIZER = { name: "door", tokenKeyName: "token", decide: () => ({ isAuthenticated: true, principalId: "user" }) };
	for (const [name, options, cloudOptions] of [
		["on its own port", {}, {}],
		["on the port with ALPN, the other being shut", { port: 1, alpnPort: 443 }, {}],
		["without TLS", { tls: false }, {}],
		["by a custom authorizer", { alpnPort: 443, authorizer: AUTHORIZER }, { customAuthorizer: { tokenKey: "token", token: "t" } }],
	] as const) {
		test(`a device of ours is let in and brought up to date: ${name}`, () => {
			const { world, cloud, seen, errors } = run(options, cloudOptions);
			world.run(() => cloud.shadows.get("lamp")?.state.delta === undefined, { within: 60_000 });
			assert.deepEqual(seen, [{ on: true }]);
			assert.deepEqual(cloud.shadows.get("lamp")?.state, { desired: { on: true }, reported: { on: true } });
			assert.equal(cloud.registry.get("lamp")?.online, true);
			assert.deepEqual(errors, []);
		});
	}

	test("a WebSocket on the port with ALPN, for who cannot name a protocol", () => {
		const { world, cloud } = run({ alpnPort: 443, authorizer: AUTHORIZER });
		const texts: string[] = [];
		world.device({ id: "browser", bootDelay: 0, program: host => {
			const connection: Stream = new host.websocket.io({
				address: "10.0.0.1", port: 443, host: "cloud.test", path: "/mqtt", protocol: "mqtt", secure: { certificates: [world.authority.certificate] },
				onReadable(count: number) {
					const bytes = new Uint8Array(count);
					connection.read(bytes);
					texts.push(Buffer.from(bytes).toString("hex"));
				},
				onWritable: once(() => { connection.write(generate({ cmd: "connect", protocolId: "MQTT", protocolVersion: 4, clean: true, clientId: "browser", username: "?token=t", keepalive: 60 })); }),
				onError() { texts.push("error"); },
			});
		} });
		world.run(() => texts.length > 0, { within: 60_000 });
		assert.deepEqual(texts, ["20020000"]);
		assert.equal(cloud.broker.session("browser")?.connected, true);
	});

	const TROUBLES: readonly (readonly [name: string, trouble: (cloud: AwsWorldCloud) => void])[] = [
		["subscriptions that count later", ({ faults }) => { faults.delaySubscriptions(300); }],
		["answers that come late", ({ shadows }) => { shadows.faults.delay(2_000); }],
		["answers that are lost", ({ shadows }) => { for (const kind of ["accepted", "delta"] as const) shadows.faults.drop(kind, { count: 2 }); }],
		["deltas that come twice", ({ shadows }) => { shadows.faults.duplicateDeltas(); }],
		["deltas that come before their update is accepted", ({ shadows }) => { shadows.faults.deltaFirst(); }],
		["deltas that come after newer ones", ({ shadows }) => { shadows.faults.overtakeDeltas({ count: 2 }); }],
	];
	for (const [name, trouble] of TROUBLES) {
		test(`a device of ours ends with what is desired in spite of ${name}`, () => {
			const { world, cloud, seen } = run({});
			trouble(cloud);
			for (let level = 1; level <= 5; level++) {
				world.run(world.clock.now + 700 * level);
				cloud.shadows.desire("lamp", { level });
			}
			world.run(() => cloud.shadows.get("lamp")?.state.delta === undefined, { within: 600_000 });
			const { desired, reported } = cloud.shadows.get("lamp")!.state;
			assert.deepEqual([desired, reported], [{ on: true, level: 5 }, { on: true, level: 5 }]);
			const levels = seen.map(delta => (delta as { level?: number }).level ?? 0).filter(level => level > 0);
			assert.deepEqual(levels, [...levels].sort((left, right) => left - right));
			assert.equal(new Set(levels).size, levels.length);
		});
	}

	test("it stops and starts again with all that it knew", () => {
		const { world, cloud, seen } = run({});
		world.run(() => cloud.shadows.get("lamp")?.state.delta === undefined, { within: 60_000 });
		cloud.restart(5_000, { forget: true });
		cloud.shadows.desire("lamp", { on: false });
		world.run(() => cloud.shadows.get("lamp")?.state.delta === undefined, { within: 120_000 });
		assert.deepEqual(seen, [{ on: true }, { on: false }]);
	});
});

/** Runs the first time only. */
function once(action: () => void): () => void {
	let isDone = false;
	return () => {
		if (!isDone) action();
		isDone = true;
	};
}
