// SPDX-License-Identifier: Apache-2.0
/** From a claim to a certificate: each step of it, each answer that can come, and what is kept in between. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError } from "../../../src/base/error.js";
import type { GenerateKeyOptions, Keys, SignOptions } from "../../../src/host.js";
import { CredentialStore, IDENTITY } from "../../../src/identity/credentials.js";
import { decodePEM, encodePEM } from "../../../src/identity/pem.js";
import {
	Provisioning, TOKEN_LIFETIME, type ProvisioningOptions, type ProvisioningPort,
} from "../../../src/identity/provisioning.js";
import { ANSWER_TIMEOUT } from "../../../src/base/service.js";
import { FakeHost, type StorageOperation } from "../fake-host.js";

const WALL = 1_800_000_000_000;
const KEY = Uint8Array.of(0x30, 1, 2, 3), PUBLIC_KEY = Uint8Array.of(0x30, 0), CERTIFICATE = Uint8Array.of(0x30, 9, 9, 9), ISSUER = Uint8Array.of(0x30, 8);
const CHAIN = encodePEM("CERTIFICATE", CERTIFICATE) + encodePEM("CERTIFICATE", ISSUER);
const CREATED = { certificatePem: CHAIN, privateKeyPem: encodePEM("PRIVATE KEY", KEY), certificateId: "c1", ownershipToken: "token-1" };
/** What any pause or timeout is shorter than. */
const LONG = 700_000;

class FakeKeys implements Keys {
	readonly generating: GenerateKeyOptions[] = [];
	readonly signing: SignOptions[] = [];
	refusal: DeviceError | undefined;

	generate(options: GenerateKeyOptions): void {
		if (this.refusal !== undefined) throw this.refusal;
		this.generating.push(options);
	}

	verify(): void {
		assert.fail("nothing is verified here");
	}

	sign(options: SignOptions): void {
		this.signing.push(options);
	}
}

class Rig implements ProvisioningPort {
	readonly host: FakeHost;
	readonly keys = new FakeKeys();
	provisioning: Provisioning;
	readonly asked: string[] = [];
	readonly news: string[] = [];
	readonly errors: DeviceError[] = [];
	readonly configurations: unknown[] = [];
	turns = 0;
	room = true;
	mistake: DeviceError | undefined;
	wall: number | undefined = WALL;
	now = 1_000;
	readonly #options: ProvisioningOptions;

	constructor(options: ProvisioningOptions = { parameters: { SerialNumber: "7" } }, host = new FakeHost()) {
		this.#options = options;
		this.host = host;
		const utf8 = (value: string): Uint8Array => Uint8Array.from(value, (character) => character.charCodeAt(0));
		host.stored[IDENTITY] ??= { id: utf8("claim"), certificate: utf8("cc"), key: utf8("ck"), endpoint: utf8("mqtts://cloud") };
		(host as { keys: Keys }).keys = this.keys;
		(host as { time: unknown }).time = { now: () => this.now, wall: () => this.wall };
		this.provisioning = this.boot();
	}

	boot(): Provisioning {
		return this.provisioning = new Provisioning(this.host, this.#options, {
			onTurn: () => { this.turns++; },
			onProvisioned: ({ id }) => this.news.push(`provisioned ${id}`),
			onConfiguration: (configuration) => this.configurations.push(configuration),
			onError: (error) => this.errors.push(error),
		});
	}

	create(): boolean { return this.ask("create"); }
	createFromCSR(csr: string): boolean { return this.ask(`csr ${decodePEM("CERTIFICATE REQUEST", csr)[0]!.byteLength > 10}`); }
	register(token: string, parameters: object): boolean { return this.ask(`register ${token} ${JSON.stringify(parameters)}`); }

	ask(what: string): boolean {
		if (this.mistake !== undefined) throw this.mistake;
		if (this.room) this.asked.push(what);
		return this.room;
	}

	/** Runs what is due, at most a few turns of it, and returns what was asked. */
	turn(later = 0): string[] {
		this.now += later;
		this.asked.length = 0;
		for (let turn = 0; turn < 10 && this.provisioning.deadline <= this.now; turn++) this.provisioning.expire(this.now);
		assert.ok(this.provisioning.deadline > this.now, "something is due for ever");
		return [...this.asked];
	}

	connect(): string[] {
		this.provisioning.connected(this);
		return this.turn();
	}

	get store(): CredentialStore {
		return new CredentialStore(this.host);
	}
}

test("the cloud makes the key: create, keep, register, and the certificate is in force under the thing's name", () => {
	const rig = new Rig();
	assert.deepEqual(rig.turn(), []);
	assert.deepEqual(rig.connect(), ["create"]);
	rig.provisioning.created(CREATED);
	assert.equal(rig.store.candidate(), undefined, "inputs only change state");
	assert.deepEqual(rig.turn(), ['register token-1 {"SerialNumber":"7"}']);
	assert.equal(rig.store.active().id, "claim");
	assert.deepEqual(rig.store.candidate()!.credentials.key, KEY, "kept before it was registered");
	rig.provisioning.registered({ thingName: "thing-7", configuration: { a: 1 } });
	assert.deepEqual(rig.news, []);
	assert.deepEqual(rig.turn(), []);
	assert.deepEqual(rig.news, ["provisioned thing-7"]);
	assert.deepEqual(rig.configurations, [{ a: 1 }]);
	const active = rig.store.active();
	assert.deepEqual(active, {
		id: "thing-7", endpoint: "mqtts://cloud", anchor: undefined, certificate: CERTIFICATE, intermediates: [ISSUER], key: KEY,
	});
	assert.equal(rig.store.candidate(), undefined);
	assert.equal(rig.provisioning.done, true);
	assert.equal(rig.provisioning.deadline, Infinity);
	assert.deepEqual(rig.errors, []);
});

test("the device makes the key: once it is connected, and the key goes nowhere but into the storage", () => {
	const rig = new Rig({ keyType: "P-256" });
	assert.deepEqual(rig.turn(), []);
	assert.equal(rig.keys.generating.length, 0, "no noise before the radio is on");
	assert.deepEqual(rig.connect(), []);
	rig.keys.generating[0]!.onKey(KEY, PUBLIC_KEY);
	assert.deepEqual(rig.turn(), []);
	assert.deepEqual(rig.keys.signing[0]!.key, KEY);
	rig.keys.signing[0]!.onSignature(Uint8Array.of(1, 2, 3));
	assert.equal(rig.turns, 1);
	assert.deepEqual(rig.turn(), ["csr true"]);
	// Nothing of a private key in the answer, and what there is is not taken.
	rig.provisioning.created({ ...CREATED, privateKeyPem: encodePEM("PRIVATE KEY", Uint8Array.of(0x30, 6, 6, 6)) });
	assert.deepEqual(rig.turn(), ["register token-1 {}"]);
	rig.provisioning.registered({ thingName: "thing-7" });
	rig.turn();
	assert.deepEqual(rig.store.active().key, KEY);
	assert.equal(rig.keys.generating.length, 1);
});

test("AWS's PKCS#1 key is wrapped as TLS takes it", () => {
	const rig = new Rig();
	rig.connect();
	rig.provisioning.created({ ...CREATED, privateKeyPem: encodePEM("RSA PRIVATE KEY", KEY) });
	rig.turn();
	const key = rig.store.candidate()!.credentials.key!;
	assert.deepEqual([...key.subarray(0, 7)], [0x30, key.byteLength - 2, 2, 1, 0, 0x30, 0x0d]);
	assert.deepEqual([...key.subarray(-6)], [4, 4, ...KEY]);
});

test("after a reset it goes on with the token that was kept", () => {
	const rig = new Rig();
	rig.connect();
	rig.provisioning.created(CREATED);
	rig.turn();
	rig.boot();
	assert.deepEqual(rig.turn(), []);
	assert.deepEqual(rig.connect(), ['register token-1 {"SerialNumber":"7"}']);
	rig.provisioning.registered({ thingName: "thing-7" });
	rig.turn();
	assert.equal(rig.store.active().id, "thing-7");
});

test("after a reset before the last write only that is done, and no connection is needed", () => {
	const rig = new Rig();
	rig.connect();
	rig.provisioning.created(CREATED);
	rig.turn();
	rig.provisioning.registered({ thingName: "thing-7" });
	// The name is written, and then the storage fails.
	let writes = 0;
	Object.defineProperty(rig.host, "store", {
		value(operation: StorageOperation) {
			if (operation === "write" && ++writes === 2) throw new DeviceError("storage", "no");
		},
	});
	rig.turn();
	assert.deepEqual(rig.errors.map(({ code }) => code), ["storage"]);
	assert.equal(rig.store.active().id, "claim");
	rig.boot();
	assert.deepEqual(rig.turn(), []);
	assert.deepEqual(rig.news, ["provisioned thing-7"]);
	assert.equal(rig.store.active().id, "thing-7");
});

test("a token that is not taken after a reset begins anew at once, and is no error", () => {
	const rig = new Rig();
	rig.connect();
	rig.provisioning.created(CREATED);
	rig.turn();
	rig.boot();
	rig.connect();
	rig.provisioning.rejected(400, "InvalidCertificateOwnershipToken", "no", rig.now);
	assert.deepEqual(rig.turn(), ["create"]);
	rig.provisioning.created({ ...CREATED, ownershipToken: "token-2" });
	assert.deepEqual(rig.turn(), ['register token-2 {"SerialNumber":"7"}']);
	assert.deepEqual(rig.errors, []);
	// But a token of this very boot should have been good: that is told, and not repeated in a storm.
	rig.provisioning.rejected(400, "InvalidCertificateOwnershipToken", "no", rig.now);
	assert.deepEqual(rig.turn(), []);
	assert.deepEqual(rig.errors.map(({ code, detail }) => [code, detail]), [["rejected", 400]]);
	assert.deepEqual(rig.turn(LONG), ["create"]);
});

test("a token that has run out is not even shown; without a clock it is tried", () => {
	const rig = new Rig();
	rig.connect();
	rig.provisioning.created(CREATED);
	rig.turn();
	rig.wall = WALL + TOKEN_LIFETIME - 2_000;
	rig.boot();
	assert.deepEqual(rig.connect(), ['register token-1 {"SerialNumber":"7"}']);
	rig.wall = undefined;
	rig.boot();
	assert.deepEqual(rig.connect(), ['register token-1 {"SerialNumber":"7"}']);
	rig.wall = WALL + TOKEN_LIFETIME;
	rig.boot();
	assert.deepEqual(rig.connect(), ["create"]);
});

test("a refusal is told with its code, and asked again with growing delays", () => {
	const rig = new Rig();
	rig.connect();
	rig.provisioning.created(CREATED);
	rig.turn();
	let asked = 0, waited = 0;
	for (let second = 0; second < 7_200; second++) {
		if (rig.turn(1_000).length > 0) asked++;
		rig.provisioning.rejected(403, "AccessDenied", "the hook says no", rig.now);
		waited++;
	}
	assert.ok(asked >= 8 && asked < 30, `${asked} requests in two hours, ${waited} s`);
	assert.ok(rig.errors.every(({ code, detail, message }) => code === "rejected" && detail === 403 && message.includes("AccessDenied")));
	assert.equal(rig.errors.length, asked + 1);
});

test("an answer that does not come is asked for again; one that comes twice or unasked is passed over", () => {
	const rig = new Rig();
	rig.provisioning.created(CREATED);
	rig.provisioning.registered({ thingName: "early" });
	rig.provisioning.rejected(400, "X", "y", rig.now);
	assert.deepEqual(rig.connect(), ["create"]);
	assert.deepEqual(rig.turn(ANSWER_TIMEOUT - 1), []);
	assert.deepEqual(rig.turn(1), ["create"]);
	assert.deepEqual(rig.turn(ANSWER_TIMEOUT), [], "it waits longer each time");
	rig.provisioning.registered({ thingName: "early" });
	rig.provisioning.created(CREATED);
	rig.provisioning.created({ ...CREATED, ownershipToken: "token-2" });
	assert.deepEqual(rig.turn(), ['register token-1 {"SerialNumber":"7"}']);
	rig.provisioning.created({ ...CREATED, ownershipToken: "token-3" });
	assert.deepEqual(rig.turn(ANSWER_TIMEOUT), ['register token-1 {"SerialNumber":"7"}']);
	rig.provisioning.registered({ thingName: "thing-7" });
	rig.provisioning.registered({ thingName: "thing-8" });
	rig.turn();
	assert.equal(rig.store.active().id, "thing-7");
});

test("a connection that is lost is a request to make again, of the same key", () => {
	const rig = new Rig({ keyType: "RSA-2048" });
	rig.connect();
	rig.provisioning.disconnected();
	rig.keys.generating[0]!.onKey(KEY, PUBLIC_KEY);
	rig.keys.signing[0]!.onSignature(Uint8Array.of(1));
	assert.deepEqual(rig.turn(), []);
	assert.deepEqual(rig.connect(), ["csr true"]);
	rig.provisioning.disconnected();
	assert.deepEqual(rig.connect(), ["csr true"]);
	rig.provisioning.created(CREATED);
	rig.provisioning.disconnected();
	assert.deepEqual(rig.turn(), []);
	assert.notEqual(rig.store.candidate(), undefined, "it is kept without a connection, too");
	assert.deepEqual(rig.connect(), ["register token-1 {}"]);
	assert.equal(rig.keys.generating.length, 1);
});

test("a connection that comes back while a key is made does not make another", () => {
	const rig = new Rig({ keyType: "RSA-2048" });
	rig.connect();
	rig.provisioning.disconnected();
	rig.connect();
	assert.equal(rig.keys.generating.length, 1);
});

test("what begins anew makes a key anew", () => {
	const rig = new Rig({ keyType: "P-256" });
	for (let round = 1; round < 3; round++) {
		rig.connect();
		rig.keys.generating[round - 1]!.onKey(KEY, PUBLIC_KEY);
		rig.keys.signing[round - 1]!.onSignature(Uint8Array.of(1));
		assert.deepEqual(rig.turn(), ["csr true"]);
		rig.provisioning.created(CREATED);
		assert.deepEqual(rig.turn(), ["register token-1 {}"]);
		rig.provisioning.rejected(400, "InvalidCertificateOwnershipToken", "no", rig.now);
		rig.turn(LONG);
		assert.equal(rig.keys.generating.length, round + 1);
	}
});

test("a candidate that is gone when it is to be put in force begins anew", () => {
	const rig = new Rig();
	rig.connect();
	rig.provisioning.created(CREATED);
	rig.turn();
	rig.store.drop();
	rig.provisioning.registered({ thingName: "thing-7" });
	assert.deepEqual(rig.turn(), []);
	assert.deepEqual(rig.errors.map(({ code }) => code), ["state"]);
	assert.equal(rig.store.active().id, "claim");
	assert.deepEqual(rig.turn(LONG), ["create"]);
});

test("no room is asked again soon", () => {
	const rig = new Rig();
	rig.room = false;
	assert.deepEqual(rig.connect(), []);
	rig.room = true;
	assert.deepEqual(rig.turn(1_000), ["create"]);
});

test("what cannot be said, and a key that cannot be made, is told once and halts", () => {
	const rig = new Rig();
	rig.mistake = new DeviceError("argument", "no such template");
	assert.deepEqual(rig.connect(), []);
	assert.deepEqual(rig.errors.map(({ code }) => code), ["argument"]);
	assert.deepEqual(rig.turn(LONG), []);
	assert.equal(rig.errors.length, 1);
	const other = new Rig({ keyType: "RSA-2048" });
	other.keys.refusal = new DeviceError("unsupported", "no primes");
	other.connect();
	assert.deepEqual(other.errors.map(({ code }) => code), ["unsupported"]);
	assert.deepEqual(other.turn(LONG), []);
	const third = new Rig({ keyType: "P-256", subject: { commonName: "x".repeat(65) } });
	third.connect();
	third.keys.generating[0]!.onKey(KEY, PUBLIC_KEY);
	third.turn();
	assert.deepEqual(third.errors.map(({ code }) => code), ["argument"]);
});

test("a platform that fails at a key or a signature is told, and tried again after a while", () => {
	const rig = new Rig({ keyType: "P-256" });
	rig.connect();
	rig.keys.generating[0]!.onError(new DeviceError("internal", "no noise"));
	assert.equal(rig.turns, 1);
	rig.turn();
	assert.equal(rig.keys.generating.length, 1);
	rig.turn(LONG);
	rig.keys.generating[1]!.onKey(KEY, PUBLIC_KEY);
	rig.keys.signing[0]!.onError(new DeviceError("credential", "no"));
	rig.turn();
	rig.turn(LONG);
	assert.equal(rig.keys.generating.length, 3);
	assert.deepEqual(rig.errors.map(({ code }) => code), ["internal", "credential"]);
});

test("a storage that fails is told, tried again after a while, and nothing is lost", () => {
	const rig = new Rig();
	rig.connect();
	rig.host.failingStore = "write";
	rig.provisioning.created(CREATED);
	assert.deepEqual(rig.turn(), []);
	assert.deepEqual(rig.errors.map(({ code }) => code), ["storage"]);
	rig.host.failingStore = undefined;
	assert.deepEqual(rig.turn(LONG), ['register token-1 {"SerialNumber":"7"}']);
	rig.host.failingStore = "write";
	rig.provisioning.registered({ thingName: "thing-7", configuration: {} });
	rig.turn();
	rig.host.failingStore = undefined;
	rig.turn(LONG);
	assert.deepEqual(rig.news, ["provisioned thing-7"]);
	assert.equal(rig.configurations.length, 1);
	assert.equal(rig.errors.length, 2);
});

test("an answer that is none is malformed, changes nothing, and repeats nothing of a key", () => {
	const rig = new Rig();
	rig.connect();
	const wrong = [
		{ ...CREATED, certificatePem: undefined }, { ...CREATED, certificatePem: "" }, { ...CREATED, certificatePem: "x" },
		{ ...CREATED, privateKeyPem: undefined }, { ...CREATED, privateKeyPem: `${CREATED.privateKeyPem}secret` }, { ...CREATED, privateKeyPem: CHAIN },
		{ ...CREATED, ownershipToken: 7 }, { ...CREATED, ownershipToken: "" },
	];
	for (const answer of wrong) {
		assert.throws(() => rig.provisioning.created(answer), (error: DeviceError) => error.code === "malformed" && !error.message.includes("secret"));
	}
	rig.provisioning.created(CREATED);
	rig.turn();
	for (const thingName of [undefined, "", 7]) assert.throws(() => rig.provisioning.registered({ thingName }), { code: "malformed" });
	rig.provisioning.registered({ thingName: "thing-7" });
	rig.turn();
	assert.equal(rig.store.active().id, "thing-7");
});

test("the note beside a candidate that is not ours is no claim", () => {
	for (const note of [undefined, Uint8Array.of(9), Uint8Array.of(1, 0, 0, 0), Uint8Array.of(3, 0, 0, 0, 0, 65)]) {
		const host = new FakeHost();
		const rig = new Rig({}, host);
		rig.store.stage({ id: "other", endpoint: undefined, anchor: undefined, certificate: CERTIFICATE, key: KEY }, note);
		rig.boot();
		assert.deepEqual(rig.connect(), ["create"]);
	}
});
