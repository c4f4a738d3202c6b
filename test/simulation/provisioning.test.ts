// SPDX-License-Identifier: Apache-2.0
/**
 * From a claim to a certificate in the world, while the power fails at each operation of the storage in turn: the device
 * ends with one credential in force that is whole, certified and registered, and asked for at most one more.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createWorld, openCSR, type StorageValues, type Tear, type World } from "../../hosts/world/index.js";
import { Alarm } from "../../src/base/alarm.js";
import type { Host, KeyType } from "../../src/host.js";
import { CredentialStore, IDENTITY, type Credentials } from "../../src/identity/credentials.js";
import { decodePEM, encodePEM } from "../../src/identity/pem.js";
import { Provisioning, TOKEN_LIFETIME, type ProvisioningPort } from "../../src/identity/provisioning.js";
import { decodeCertificate, keyIdOf } from "../../hosts/world/certificate.js";

const SETTLE = 7_200_000;
/** From a boot until the connection stands, and from a request to its answer, ms. */
const CONNECTING = 300, ANSWERING = 40;
const ENDPOINT = "mqtts://cloud.test";

interface Scenario {
	keyType: KeyType | undefined;
	/** A token may be used again by one who lost the answer. */
	reusableTokens: boolean;
	/** Every so many answers one is lost, and with it the connection. */
	lossy?: number;
	/** The hook refuses the first ones. */
	refusals?: number;
}

/** The cloud's side: what it gave, and to whom. */
class Cloud {
	readonly world: World;
	/** By token: the certificate's key and when the token runs out. */
	readonly tokens = new Map<string, { keyId: string; expiresAt: number; used: boolean }>();
	/** Identifiers of the keys that are registered. */
	readonly registered: string[] = [];
	readonly errors: string[] = [];
	created = 0;
	answers = 0;
	readonly #scenario: Scenario;
	#refusals: number;

	constructor(world: World, scenario: Scenario) {
		this.world = world;
		this.#scenario = scenario;
		this.#refusals = scenario.refusals ?? 0;
	}

	/** A connection of a device, until it boots anew or an answer is lost. */
	connect(host: Host, provisioning: Provisioning, onTurn: () => void): void {
		let connected = true;
		const answer = (action: () => void): true => {
			host.timer.set(() => {
				if (!connected) return;
				const { lossy } = this.#scenario;
				if (lossy !== undefined && ++this.answers % lossy === 0) {
					connected = false;
					provisioning.disconnected();
					host.timer.set(() => this.connect(host, provisioning, onTurn), CONNECTING);
				} else {
					action();
				}
				onTurn();
			}, ANSWERING);
			return true;
		};
		const port: ProvisioningPort = {
			create: () => {
				const { certificates, key } = this.world.authority.issue({ subject: "claimed" });
				const token = this.newToken(keyIdOf(key));
				return answer(() => provisioning.created({ ...pems(certificates), privateKeyPem: encodePEM("PRIVATE KEY", key), ownershipToken: token }));
			},
			createFromCSR: (csr) => {
				const { keyId, subject } = openCSR(decodePEM("CERTIFICATE REQUEST", csr)[0]!);
				assert.equal(subject, "claim");
				const token = this.newToken(keyId);
				return answer(() => provisioning.created({ ...pems(this.world.authority.certify(keyId, { subject: "claimed" })), ownershipToken: token }));
			},
			register: (token, parameters) => {
				assert.deepEqual(parameters, { SerialNumber: "7" });
				const refused = this.register(token);
				return answer(() => {
					if (refused === undefined) provisioning.registered({ thingName: "thing-7", configuration: { interval: 5 } });
					else provisioning.rejected(400, refused, "refused", host.time.now());
				});
			},
		};
		provisioning.connected(port);
		onTurn();
	}

	newToken(keyId: string): string {
		const token = `token-${++this.created}-${keyId}`;
		this.tokens.set(token, { keyId, expiresAt: this.world.clock.now + TOKEN_LIFETIME, used: false });
		return token;
	}

	register(token: string): string | undefined {
		const claim = this.tokens.get(token);
		if (claim === undefined || claim.expiresAt <= this.world.clock.now || claim.used && !this.#scenario.reusableTokens) {
			return "InvalidCertificateOwnershipToken";
		}
		if (this.#refusals-- > 0) return "AccessDenied";
		claim.used = true;
		this.registered.push(claim.keyId);
		return undefined;
	}
}

function pems(certificates: readonly Uint8Array[]): { certificatePem: string } {
	return { certificatePem: certificates.map((der) => encodePEM("CERTIFICATE", der)).join("") };
}

interface Result { operations: number; cloud: Cloud; boots: number; active: Credentials; announced: number; configured: number }

function run(scenario: Scenario, cuts: readonly { at: number; tear: Tear }[] = [], silence = 0): Result {
	const world = createWorld({ seed: 7 });
	const cloud = new Cloud(world, scenario);
	const claim = world.authority.issue({ subject: "claim" });
	const values: StorageValues = {
		id: "claim", endpoint: ENDPOINT, anchor: world.authority.certificate, certificate: claim.certificates[0]!, key: claim.key,
	};
	let announced = 0, configured = 0;
	const device = world.device({
		id: "lamp", storage: { [IDENTITY]: values },
		program(host) {
			const store = new CredentialStore(host);
			const { id, fault } = store.active();
			assert.equal(fault, undefined);
			whole(store.active(), cloud);
			if (id !== "claim") return;
			const provisioning = new Provisioning(host, {
				keyType: scenario.keyType, parameters: { SerialNumber: "7" },
			}, {
				onTurn: () => alarm.set(provisioning.deadline),
				onProvisioned: (credentials) => {
					assert.equal(credentials.id, "thing-7");
					announced++;
				},
				onConfiguration: (configuration) => {
					assert.deepEqual(configuration, { interval: 5 });
					configured++;
				},
				onError: ({ code, message }) => cloud.errors.push(`${code} ${message}`),
			});
			const turn = (): void => alarm.set(provisioning.deadline);
			const alarm = new Alarm(host, {
				expire() {
					provisioning.expire(host.time.now());
					turn();
				},
			});
			turn();
			host.timer.set(() => cloud.connect(host, provisioning, turn), CONNECTING + (device.boots > 1 ? silence : 0));
		},
	});
	for (const { at, tear } of cuts) device.cutPowerAt(at, tear);
	const isDone = (): boolean => device.running && device.boots > cuts.length && new CredentialStore(device.host).active().id === "thing-7";
	world.run(isDone, { within: SETTLE });
	assert.deepEqual(device.crashes, []);
	const { operations } = device;
	world.advance(60_000);
	// A reset in peace changes nothing.
	device.restart();
	world.run(() => device.running);
	const store = new CredentialStore(device.host);
	assert.equal(store.candidate(), undefined);
	return { operations, cloud, boots: device.boots, active: store.active(), announced, configured };
}

/** One credential and no mix: its certificate is of its key, and known to the cloud where it is not the claim's. */
function whole({ id, endpoint, certificate, key, anchor }: Credentials, cloud: Cloud): void {
	const { keyId } = decodeCertificate(certificate!);
	assert.equal(keyId, keyIdOf(key!), "the certificate is of the key");
	assert.deepEqual(anchor, cloud.world.authority.certificate);
	assert.equal(endpoint, ENDPOINT);
	if (id !== "claim") assert.ok(cloud.registered.includes(keyId), "what is in force was registered");
}

function check(scenario: Scenario, cuts: readonly { at: number; tear: Tear }[]): Result {
	const result = run(scenario, cuts);
	const { active, cloud, announced, configured, boots } = result;
	assert.equal(active.id, "thing-7");
	whole(active, cloud);
	assert.ok(cloud.created <= 1 + cuts.length, `${cloud.created} certificates`);
	assert.ok(configured >= 1 && configured <= 1 + cuts.length);
	assert.ok(announced <= 1);
	assert.equal(boots, 2 + cuts.length, "every cut came");
	return result;
}

const SCENARIOS: Record<string, Scenario> = {
	"the cloud makes the key": { keyType: undefined, reusableTokens: true },
	"the cloud makes the key, and takes a token once": { keyType: undefined, reusableTokens: false },
	"the device makes a P-256 key": { keyType: "P-256", reusableTokens: true },
	"the device makes an RSA key, and the cloud takes a token once": { keyType: "RSA-2048", reusableTokens: false },
};

for (const [name, scenario] of Object.entries(SCENARIOS)) {
	test(`${name}: one credential ends in force, whenever the power fails`, () => {
		const calm = check(scenario, []);
		assert.equal(calm.cloud.created, 1);
		assert.equal(calm.announced, 1);
		assert.deepEqual(calm.cloud.errors, []);
		assert.equal(calm.operations, 3, "kept, named, put in force");
		for (let at = 1; at <= calm.operations; at++) {
			for (const tear of ["none", "whole"] as const) {
				check(scenario, [{ at, tear }]);
				for (let next = at + 1; next <= at + 3; next++) {
					// The device may be done before the second cut could come.
					const before = run(scenario, [{ at, tear }]).operations;
					if (next <= before) check(scenario, [{ at, tear }, { at: next, tear: "none" }]);
				}
			}
		}
	});
}

test("answers that are lost are asked for again, and the end is the same", () => {
	for (const keyType of [undefined, "P-256"] as const) {
		for (let lossy = 2; lossy < 5; lossy++) {
			const { active, cloud } = run({ keyType, reusableTokens: true, lossy });
			assert.equal(active.id, "thing-7");
			whole(active, cloud);
			assert.ok(cloud.created <= 2, `${cloud.created} certificates`);
		}
	}
});

test("refusals are told and waited out; what was kept meanwhile serves", () => {
	const { cloud, active } = run({ keyType: undefined, reusableTokens: true, refusals: 3 });
	whole(active, cloud);
	assert.equal(cloud.created, 1);
	assert.deepEqual(cloud.errors, Array.from({ length: 3 }, () => "rejected provisioning refused: AccessDenied: refused"));
});

test("a device that was off for longer than the token lived asks for another", () => {
	const { cloud, active } = run({ keyType: undefined, reusableTokens: true }, [{ at: 1, tear: "whole" }], TOKEN_LIFETIME + 1);
	whole(active, cloud);
	assert.equal(cloud.created, 2);
	assert.deepEqual(cloud.errors, []);
});
