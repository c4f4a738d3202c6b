// SPDX-License-Identifier: Apache-2.0
/** Modelled keys: what is made with them is told apart as with real ones, and serves TLS. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createWorld, openCSR, verifySignature, type Device, type World, type WorldOptions } from "../../hosts/world/index.js";
import type { KeyType } from "../../src/host.js";
import { createCSR } from "../../src/identity/csr.js";

const ADDRESS = "10.0.0.1", PORT = 8883;

interface Pair { key: Uint8Array; publicKey: Uint8Array }

function start(seed = 1, options: Partial<WorldOptions> = {}): { world: World; device: Device } {
	const world = createWorld({ seed, ...options });
	const device = world.device({ id: "lamp", program() {} });
	world.run(() => device.running);
	return { world, device };
}

function makeKey(world: World, device: Device, type: KeyType = "P-256"): Pair {
	let pair: Pair | undefined;
	device.host.keys.generate({ type, onKey: (key, publicKey) => { pair = { key, publicKey }; }, onError: assert.fail });
	world.run(() => pair !== undefined);
	return pair!;
}

function request(world: World, device: Device, pair: Pair, type: KeyType = "P-256"): Uint8Array {
	let der: Uint8Array | undefined;
	createCSR(device.host, { type, ...pair, subject: { commonName: "lamp", organization: "Fleet" }, onRequest: (made) => { der = made; }, onError: assert.fail });
	world.run(() => der !== undefined);
	return der!;
}

test("keys are of the seed: the same seed makes the same keys, another others", () => {
	const [one, same, other] = [1, 1, 2].map((seed) => {
		const { world, device } = start(seed);
		return makeKey(world, device);
	});
	assert.deepEqual(one, same);
	assert.notDeepEqual(one, other);
});

test("a certificate for a key that the device made lets it in over TLS, and no other key does", () => {
	const { world, device } = start();
	const pair = makeKey(world, device);
	const { subject, keyId } = openCSR(request(world, device, pair));
	const clientCertificates = world.authority.certify(keyId, { subject, use: "client" });
	const server = world.authority.issue({ subject: "cloud.test" });
	const seen: (string | undefined)[] = [];
	world.network.listen({ address: ADDRESS, port: PORT, tls: { ...server, clientAuthorities: [world.authority.certificate] } }, (incoming) => {
		seen.push(incoming.peer.certificate?.subject);
		incoming.accept({});
	});
	const secure = { certificates: [world.authority.certificate], clientCertificates, clientKey: pair.key };
	new device.host.tls.io({ address: ADDRESS, port: PORT, host: "cloud.test", secure });
	world.run(() => seen.length > 0);
	assert.deepEqual(seen, ["lamp"]);
	const foreign = makeKey(world, device);
	assert.throws(() => new device.host.tls.io({ address: ADDRESS, port: PORT, host: "cloud.test", secure: { ...secure, clientKey: foreign.key } }), { code: "argument" });
});

test("a request tells type, name and key", () => {
	const { world, device } = start();
	for (const type of ["P-256", "RSA-2048"] as const) {
		const opened = openCSR(request(world, device, makeKey(world, device, type), type));
		assert.equal(opened.subject, "lamp");
		assert.equal(opened.type, type);
	}
});

test("a request that was altered anywhere, cut or lengthened is refused", () => {
	const { world, device } = start();
	const der = request(world, device, makeKey(world, device));
	for (let bit = 0; bit < der.byteLength * 8; bit++) {
		const altered = der.slice();
		altered[bit >> 3]! ^= 1 << (bit & 7);
		assert.throws(() => openCSR(altered), (error: { code?: string }) => error.code === "malformed" || error.code === "signature", `bit ${bit}`);
	}
	for (let length = 0; length < der.byteLength; length++) assert.throws(() => openCSR(der.subarray(0, length)), { code: "malformed" });
	assert.throws(() => openCSR(Uint8Array.of(...der, 0)), { code: "malformed" });
});

test("a request signed with another key, or as another type, is refused", () => {
	const { world, device } = start();
	const [one, other] = [makeKey(world, device), makeKey(world, device)];
	assert.throws(() => openCSR(request(world, device, { key: other.key, publicKey: one.publicKey })), { code: "signature" });
	assert.throws(() => openCSR(request(world, device, one, "RSA-2048")), { code: "malformed" });
	assert.equal(verifySignature(one.publicKey, Uint8Array.of(1), Uint8Array.of(2)), false);
});

test("foreign signatures are judged by what the world was given, in as much time as a chip takes", () => {
	const point = new Uint8Array(65), bytes = Uint8Array.of(1), signature = new Uint8Array(64);
	const refuse = (): never => assert.fail("an answer to what was refused");
	const without = start().device.host;
	assert.throws(() => without.keys.verify({ key: point, bytes, signature, onVerified: refuse, onError: refuse }), { code: "unsupported" });
	const asked: Uint8Array[][] = [], heard: string[] = [];
	const { world, device } = start(1, {
		verify(...given) {
			asked.push(given);
			if (given[0].byteLength !== 65) throw new RangeError("no point");
			return given[2].byteLength === 64;
		},
	});
	for (const [key, signed] of [[point, signature], [point, bytes], [bytes, signature]] as const) {
		const began = world.clock.now, count = heard.length;
		const hear = (what: string): void => { heard.push(`${what} ${world.clock.now - began}`); };
		device.host.keys.verify({ key, bytes, signature: signed, onVerified: (isValid) => hear(String(isValid)), onError: ({ code }) => hear(code) });
		assert.equal(heard.length, count);
		world.run(() => heard.length > count);
	}
	assert.deepEqual(heard, ["true 300", "false 300", "credential 300"]);
	assert.deepEqual(asked[0], [point, bytes, signature]);
});

test("no answer reaches a program whose device was reset", () => {
	const { world, device } = start();
	let answers = 0;
	const count = (): void => { answers++; };
	device.host.keys.generate({ type: "RSA-2048", onKey: count, onError: count });
	device.host.keys.sign({ key: new Uint8Array(32), bytes: new Uint8Array(1), onSignature: count, onError: count });
	const { host } = device;
	device.cutPower();
	world.advance(60_000);
	assert.equal(answers, 0);
	assert.throws(() => host.keys.generate({ type: "P-256", onKey: count, onError: count }), (error: unknown) => !(error instanceof Error));
});
