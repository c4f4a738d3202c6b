// SPDX-License-Identifier: Apache-2.0
/** The services of the simulated AWS in their clouds: on TLS for MQTT.js, and in the world for a device of ours. */
// @peculiar/x509 refuses to load without it.
import "reflect-metadata";
import assert from "node:assert/strict";
import { webcrypto, X509Certificate } from "node:crypto";
import { after, before, suite, test } from "node:test";
import * as x509 from "@peculiar/x509";
import { createAwsCloud, type AwsCloud } from "../../hosts/simulator/clouds/aws/cloud.js";
import { decode, encode, type Format } from "../../hosts/simulator/services/formats.js";
import { disturbance } from "../../hosts/simulator/clouds/aws/selection.js";
import type { AwsServices } from "../../hosts/simulator/clouds/aws/services.js";
import { AwsWorldCloud, type AwsWorldCloudOptions } from "../../hosts/simulator/clouds/aws/world.js";
import { identityValues } from "../../hosts/simulator/identity.js";
import { createWorld, Random, type World } from "../../hosts/world/index.js";
import { aws, ingestTopic } from "../../src/clouds/aws/index.js";
import { Device, type DeviceOptions } from "../../src/device.js";
import { Client, credentialsOf } from "./clients.js";

const TIMEOUT = 30_000;

suite("AWS services on TLS", { timeout: TIMEOUT }, () => {
	let cloud: AwsCloud;

	before(async () => {
		cloud = await createAwsCloud({
			limits: { connectsPerSecond: Infinity },
			provisioning: { templates: { lamps: { parameters: ["SerialNumber"], thingName: ({ SerialNumber }) => `lamp-${SerialNumber}` } } },
		});
		await cloud.serve({ tlsPort: 0 });
	});
	after(() => cloud.close());

	/** Asks, and waits for what comes straight back. */
	async function ask(client: Client, topic: string, body: object, format: Format = "json"): Promise<{ topic: string; body: any }> {
		const answered = client.nextPacket();
		await client.mqtt.publishAsync(topic, Buffer.from(encode(format, body)), { qos: 1 });
		const packet = await answered;
		return { topic: packet.topic, body: decode(format, Uint8Array.from(packet.payload as Buffer)) };
	}

	for (const [what, format] of [["with a key of the cloud's, in JSON", "json"], ["with a key of its own, in CBOR", "cbor"]] as const) {
		test(`a device comes with a claim ${what}, goes as a thing, and does a job`, async () => {
			const claim = await cloud.manufactureClaim(`claim-${format}`), thing = `lamp-${format}`;
			const claimer = await Client.connect(claim.endpoint, credentialsOf(claim));
			let issued: { topic: string; body: any }, key: string;
			if (format === "json") {
				issued = await ask(claimer, "$aws/certificates/create/json", {});
				key = issued.body.privateKey;
			} else {
				const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
				const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
				const csr = await x509.Pkcs10CertificateRequestGenerator.create({ name: `CN=${thing}`, keys, signingAlgorithm: algorithm }, webcrypto);
				issued = await ask(claimer, "$aws/certificates/create-from-csr/cbor", { certificateSigningRequest: csr.toString("pem") }, "cbor");
				key = x509.PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey), "PRIVATE KEY");
			}
			assert.match(issued.topic, /\/accepted$/);
			const { certificatePem: cert, certificateOwnershipToken } = issued.body, permanent = { ...credentialsOf(claim), cert, key, clientId: thing };
			// Before it is registered, the certificate opens nothing.
			await assert.rejects(Client.connect(claim.endpoint, permanent));
			const provision = `$aws/provisioning-templates/lamps/provision/${format}`;
			const registered = await ask(claimer, provision, { certificateOwnershipToken, parameters: { SerialNumber: format } }, format);
			assert.equal(registered.topic, `${provision}/accepted`);
			assert.deepEqual({ ...registered.body, deviceConfiguration: {} }, { deviceConfiguration: {}, thingName: thing });
			await claimer.end();

			const device = await Client.connect(claim.endpoint, permanent);
			const { jobs } = cloud.services;
			jobs.create({ jobId: `job-${format}`, document: { paint: "red" }, things: [thing] });
			const started = await ask(device, `$aws/things/${thing}/jobs/start-next`, { clientToken: "t" });
			assert.deepEqual([started.topic, started.body.execution.jobDocument], [`$aws/things/${thing}/jobs/start-next/accepted`, { paint: "red" }]);
			await ask(device, `$aws/things/${thing}/jobs/job-${format}/update`, { status: "SUCCEEDED", expectedVersion: 2 });
			assert.equal(jobs.execution(thing, `job-${format}`)?.status, "SUCCEEDED");
			assert.equal(cloud.registry.ownerOf(new X509Certificate(cert).fingerprint256.replaceAll(":", "").toLowerCase()), thing);
			await device.end();
		});
	}
});

/** A lamp of ours in a world, and the cloud that it belongs to. */
class Scene {
	readonly world: World;
	readonly cloud: AwsWorldCloud;
	readonly services: AwsServices;
	readonly errors: unknown[] = [];
	device: Device | undefined;

	constructor(handlers: Partial<DeviceOptions>, options: AwsWorldCloudOptions = {}, format: Format = "cbor") {
		this.world = createWorld({ seed: 7 });
		this.cloud = new AwsWorldCloud(this.world, options);
		this.services = this.cloud.services;
		this.world.device({
			id: "lamp", storage: { identity: identityValues(this.cloud.manufacture("lamp")) },
			program: host => {
				this.device = new Device({ host, cloud: aws({ format }), onError: error => { this.errors.push(error); }, ...handlers });
			},
		});
	}

	run(until: () => boolean, within = 60_000): void {
		this.world.run(until, { within });
		assert.ok(until(), `not within ${within} ms: ${this.errors.map(String).join("; ")}`);
	}
}

suite("AWS services in the world", { timeout: TIMEOUT }, () => {
	test("a device of ours does its jobs in their order", () => {
		const done: string[] = [];
		const scene = new Scene({
			onJob(job) {
				done.push(`${job.id} ${JSON.stringify(job.document)}`);
				job.progress({ step: "1" }, { stepTimeoutMinutes: 5 });
				if (job.id === "bad") job.fail({ why: "it is" });
				else job.succeed({ step: "2" });
			},
		});
		const { jobs } = scene.services;
		jobs.create({ jobId: "first", document: { on: true }, things: ["lamp"] });
		jobs.create({ jobId: "bad", document: { level: 3 }, things: ["lamp"], retry: { failed: 1 } });
		scene.run(() => jobs.executions("lamp").length === 3 && jobs.executions("lamp").every(each => each.status === "SUCCEEDED" || each.status === "FAILED"));
		jobs.create({ jobId: "later", document: {}, things: ["lamp"] });
		scene.run(() => jobs.execution("lamp", "later")?.status === "SUCCEEDED");
		assert.deepEqual(done, ['first {"on":true}', 'bad {"level":3}', 'bad {"level":3}', "later {}"]);
		assert.deepEqual({ ...jobs.execution("lamp", "bad")?.statusDetails }, { why: "it is" });
		assert.deepEqual(scene.errors, []);
	});

	test("a device of ours hears that its job was canceled, or took too long", () => {
		const canceled: string[] = [];
		const scene = new Scene({ onJob() { /* It takes its time. */ }, onJobCanceled(job) { canceled.push(job.id); } });
		const { jobs } = scene.services, isBegun = (jobId: string) => () => jobs.execution("lamp", jobId)?.status === "IN_PROGRESS";
		jobs.create({ jobId: "slow", document: {}, things: ["lamp"], inProgressTimeoutInMinutes: 1 });
		scene.run(isBegun("slow"));
		scene.run(() => canceled.length === 1, 120_000);
		assert.equal(jobs.execution("lamp", "slow")?.status, "TIMED_OUT");
		jobs.create({ jobId: "unwanted", document: {}, things: ["lamp"] });
		scene.run(isBegun("unwanted"));
		jobs.cancel("unwanted", { force: true });
		scene.run(() => canceled.length === 2);
		assert.deepEqual(canceled, ["slow", "unwanted"]);
	});

	test("a device of ours answers commands in both formats, too late as well", () => {
		const scene = new Scene({
			onCommand(command) {
				if (command.payload === null || typeof command.payload !== "object") command.reject("MALFORMED");
				else command.succeed({ heard: JSON.stringify(command.payload), well: true });
			},
		});
		scene.run(() => scene.device?.connected === true);
		const { commands } = scene.services, target = { thing: "lamp" };
		const json = commands.send(target, { payload: encode("json", { on: true }), contentType: "application/json" });
		const cbor = commands.send(target, { payload: encode("cbor", { level: 3 }), contentType: "application/cbor" });
		scene.run(() => [json, cbor].every(id => commands.execution(id)?.status === "SUCCEEDED"));
		assert.deepEqual([json, cbor].map(id => ({ ...commands.execution(id)?.result })), [{ heard: '{"on":true}', well: true }, { heard: '{"level":3}', well: true }]);
		assert.deepEqual(scene.errors, []);
	});

	for (const format of ["json", "cbor"] as const) {
		test(`a device of ours reports what it measures, in ${format}`, () => {
			const scene = new Scene({}, {}, format);
			scene.run(() => scene.device?.connected === true);
			scene.device!.measure({
				metrics: { charge: 12.5, levels: [1, 2], names: ["a"], peers: { addresses: ["192.0.2.1"] } },
				network: { bytesIn: 5_000_000_000, bytesOut: 2, packetsIn: 3, packetsOut: 4 },
			});
			scene.run(() => scene.services.defender.reports("lamp").length === 1);
			const [{ metrics, customMetrics }] = scene.services.defender.reports("lamp") as [any];
			assert.deepEqual(metrics, { network_stats: { bytes_in: 5_000_000_000, bytes_out: 2, packets_in: 3, packets_out: 4 } });
			assert.deepEqual({ ...customMetrics }, { charge: 12.5, levels: [1, 2], names: ["a"], peers: ["192.0.2.1"] });
			assert.deepEqual(scene.errors, []);
		});

		test(`a device of ours fetches a file whose blocks are lost, repeated and shuffled, in ${format}`, () => {
			const scene = new Scene({}, { streams: { disturb: disturbance(new Random(format), { drop: 0.2, duplicate: 0.2, reorder: 0.3 }) } }, format);
			const file = Uint8Array.from({ length: 50_001 }, (_, index) => index * 31 ^ index >> 8), fetched = new Uint8Array(file.byteLength);
			scene.services.streams.put("lamp", "image", { version: 2, description: "", files: { 3: file } });
			scene.run(() => scene.device?.connected === true);
			let isComplete = false;
			scene.device!.download("image", 3, {
				onBlock: (index, bytes, start, end) => { fetched.set(bytes.subarray(start, end), index * 1024); },
				onComplete: () => { isComplete = true; }, onFailed: error => { scene.errors.push(error); },
			}, { blockLength: 1024 });
			scene.run(() => isComplete, 600_000);
			assert.deepEqual(fetched, file);
			assert.deepEqual(scene.errors, []);
		});
	}

	test("a device of ours hands messages to a rule", () => {
		const scene = new Scene({}, { rules: ["store"] });
		scene.run(() => scene.device?.connected === true);
		scene.device!.publish(ingestTopic("store", "room/temperature"), "21.5", { qos: 1 });
		scene.run(() => scene.services.ingest.count("store") === 1);
		assert.deepEqual(scene.services.ingest.messages("store").map(({ topic, payload }) => [topic, new TextDecoder().decode(payload)]), [["room/temperature", "21.5"]]);
	});
});
