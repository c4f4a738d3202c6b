// SPDX-License-Identifier: Apache-2.0
/**
 * From a claim to a thing that does its first job, on the simulated AWS in the world: with keys of the cloud's and of the
 * device's, in both formats, on a network that loses and flaps, while power fails.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { AwsServices } from "../../hosts/simulator/clouds/aws/services.js";
import type { CertificateIssuer, SignedCertificate } from "../../hosts/simulator/clouds/aws/provisioning.js";
import { AwsWorldCloud } from "../../hosts/simulator/clouds/aws/world.js";
import { identityValues } from "../../hosts/simulator/identity.js";
import { decodeCertificate } from "../../hosts/world/certificate.js";
import { createWorld, openCSR, type World } from "../../hosts/world/index.js";
import { aws, type AwsOptions } from "../../src/clouds/aws/index.js";
import { Device } from "../../src/device.js";
import type { KeyType } from "../../src/host.js";
import { readCredentials } from "../../src/identity/credentials.js";
import { decodePEM, encodePEM } from "../../src/identity/pem.js";

const CLAIM = "claim";
const THING = "lamp-7";
const LONG = 4 * 3_600_000;

/** Certificates of the world's own kind, by the key's identifier. */
function issuerIn(world: World): CertificateIssuer {
	const signed = (certificates: readonly Uint8Array[]): SignedCertificate => ({
		certificateId: decodeCertificate(certificates[0]!).keyId,
		certificatePem: certificates.map((der) => encodePEM("CERTIFICATE", der)).join(""),
	});
	return {
		create: (done) => {
			const { certificates, key } = world.authority.issue({ subject: "AWS IoT Certificate" });
			done({ ...signed(certificates), privateKeyPem: encodePEM("PRIVATE KEY", key) });
		},
		sign: (csr, done) => done(signed(world.authority.certify(openCSR(decodePEM("CERTIFICATE REQUEST", csr)[0]!).keyId, { subject: "AWS IoT Certificate" }))),
		activate: () => undefined,
	};
}

interface Outcome { boots: number; configured: number; errors: string[]; lost: number }

function becomesThing(seed: number, keyType: KeyType | undefined, options: AwsOptions, troubled: boolean): Outcome {
	const world = createWorld({ seed });
	const { random, network } = world;
	let services!: AwsServices;
	let tokens = 0;
	const cloud: AwsWorldCloud = new AwsWorldCloud(world, {
		services: [(context) => services = new AwsServices(context, {
			provisioning: {
				issuer: issuerIn(world), newToken: () => `token-${++tokens}`, reusableTokens: random.chance(0.5),
				templates: { lamps: { parameters: ["SerialNumber"], thingName: ({ SerialNumber }) => `lamp-${SerialNumber}`, deviceConfiguration: { interval: "5" } } },
				onRegistered: (thing, certificateId) => {
					cloud.registry.register(thing, certificateId);
					services.jobs.create({ jobId: `welcome-${certificateId}`.slice(0, 64), document: { color: "red" }, things: [thing] });
				},
			},
		})],
	});
	const outcome: Outcome = { boots: 0, configured: 0, errors: [], lost: 0 };
	const done: string[] = [];
	const lamp = world.device({
		id: "lamp", storage: { identity: identityValues(cloud.manufactureClaim(CLAIM)) },
		program: (host) => {
			new Device({
				host, cloud: aws({ ...options, provisioningTemplate: "lamps" }), provisioning: { keyType, parameters: { SerialNumber: "7" } },
				onProvisioned(id) {
					assert.equal(id, THING);
				},
				onConfiguration(configuration) {
					assert.deepEqual(configuration, { interval: "5" });
					outcome.configured++;
				},
				onDisconnected: () => outcome.lost++,
				onError: ({ code, message }) => outcome.errors.push(`${code}: ${message}`),
				onJob(job) {
					assert.equal(this.id, THING);
					done.push(job.id);
					job.succeed();
				},
			});
		},
	});
	if (troubled) {
		network.delay(1, random.between(5, 400));
		network.lose(random.between(0, 30) / 100);
		const calm = network.flap({ up: [2_000, 60_000], down: [100, 30_000], kill: 0.5 });
		for (let cut = 0; cut < 5; cut++) world.timer.set(() => lamp.cutPower(), random.between(0, 15_000));
		world.timer.set(() => {
			calm();
			network.calm();
		}, 600_000);
	}
	world.run(() => services.jobs.executions(THING).some(({ status }) => status === "SUCCEEDED"), { within: LONG });
	assert.deepEqual(lamp.crashes.map(({ error }) => String(error)), [], `seed ${seed}`);
	assert.equal(readCredentials(lamp.host).id, THING, `seed ${seed}: ${outcome.errors.join("; ")}`);
	assert.ok(done.length > 0, `seed ${seed}`);
	return { ...outcome, boots: lamp.boots };
}

for (const keyType of [undefined, "P-256"] as const) {
	for (const format of ["json", "cbor"] as const) {
		const what = `${keyType === undefined ? "a key of the cloud's" : "a key of its own"}, in ${format}`;

		test(`a claim becomes a thing with ${what}`, () => {
			assert.deepEqual(becomesThing(1, keyType, { format }, false), { boots: 1, configured: 1, errors: [], lost: 0 });
			assert.deepEqual(becomesThing(2, keyType, { format, protocol: 4 }, false), { boots: 1, configured: 1, errors: [], lost: 0 });
		});

		test(`a claim becomes a thing with ${what}, whatever happens meanwhile`, () => {
			let boots = 0;
			for (let seed = 1; seed <= 25; seed++) boots += becomesThing(seed, keyType, { format }, true).boots;
			assert.ok(boots > 25 * 3, `${boots} boots`);
		});
	}
}
