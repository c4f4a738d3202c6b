// SPDX-License-Identifier: Apache-2.0
/** Requests for certificates, as node:crypto, another library and OpenSSL's own tool read them. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { createHost } from "../../hosts/node/index.js";
import type { DeviceError } from "../../src/base/error.js";
import type { KeyType } from "../../src/host.js";
import { createCSR, type Subject } from "../../src/identity/csr.js";
import { CERTIFICATE_REQUEST, decodePEM, decodePrivateKey, encodePEM, PRIVATE_KEY } from "../../src/identity/pem.js";
import { openRequest } from "./node-keys.js";

const host = createHost({ directory: "unused" });
const TYPES: readonly KeyType[] = ["P-256", "RSA-2048"];

function makeKey(type: KeyType): { key: Uint8Array; publicKey: Uint8Array } {
	const { privateKey, publicKey } = type === "P-256"
		? generateKeyPairSync("ec", { namedCurve: "prime256v1" }) : generateKeyPairSync("rsa", { modulusLength: 2048 });
	return {
		key: new Uint8Array(privateKey.export({ type: "pkcs8", format: "der" })),
		publicKey: new Uint8Array(publicKey.export({ type: "spki", format: "der" })),
	};
}

function request(type: KeyType, subject: Subject, pair = makeKey(type)): Promise<Uint8Array> {
	return new Promise((resolve, reject) => createCSR(host, { type, ...pair, subject, onRequest: resolve, onError: reject }));
}

for (const type of TYPES) {
	test(`${type}: a request holds subject and public key, and its signature is of that key`, async () => {
		const pair = makeKey(type);
		const der = await request(type, { commonName: "lamp-7", organization: "Moorline Fleet" }, pair);
		assert.equal(await openRequest(der), "lamp-7");
		assert.notEqual(Buffer.from(der).indexOf(pair.publicKey), -1);
		assert.equal(Buffer.from(der).indexOf(pair.key), -1);
	});

	test(`${type}: OpenSSL verifies the request and shows its subject`, async (t) => {
		const pem = encodePEM(CERTIFICATE_REQUEST, await request(type, { commonName: "lamp-7 ö", organization: "Fleet" }));
		const { error, status, stdout, stderr } = spawnSync("openssl", ["req", "-verify", "-noout", "-subject", "-nameopt", "utf8"], { input: pem, encoding: "utf8" });
		if (error !== undefined) {
			assert.equal(process.env["CI"], undefined, "openssl is missing");
			return t.skip("openssl is missing");
		}
		assert.equal(status, 0, stderr);
		assert.match(stdout + stderr, /verify OK/i);
		assert.match(stdout, /O ?= ?Fleet, ?CN ?= ?lamp-7 ö/);
	});
}

test("a subject of a common name alone, at its longest", async () => {
	const commonName = "x".repeat(64);
	assert.equal(await openRequest(await request("P-256", { commonName })), commonName);
});

test("a name that is empty or too long is refused with argument", () => {
	const pair = makeKey("P-256");
	const callbacks = { onRequest: () => assert.fail(), onError: () => assert.fail() };
	for (const subject of [{ commonName: "" }, { commonName: "x".repeat(65) }, { commonName: "x", organization: "" }]) {
		assert.throws(() => createCSR(host, { type: "P-256", ...pair, subject, ...callbacks }), { code: "argument" });
	}
});

test("a key that cannot sign is told, without a word of it", async () => {
	const pair = { ...makeKey("P-256"), key: new Uint8Array(40).fill(0x41) };
	const error = await request("P-256", { commonName: "x" }, pair).then(() => undefined, (error: DeviceError) => error);
	assert.equal(error?.code, "credential");
	assert.doesNotMatch(String(error.message), /AAA|4141/);
});

test("OpenSSL's PEM is ours, and ours is OpenSSL's", () => {
	const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
	const pem = privateKey.export({ type: "pkcs8", format: "pem" }) as string;
	const der = new Uint8Array(privateKey.export({ type: "pkcs8", format: "der" }));
	assert.deepEqual(decodePEM(PRIVATE_KEY, pem), [der]);
	assert.equal(encodePEM(PRIVATE_KEY, der), pem);
	assert.deepEqual(decodePrivateKey(host.text, pem), der);
	// As AWS gives it: PKCS#1.
	assert.deepEqual(decodePrivateKey(host.text, privateKey.export({ type: "pkcs1", format: "pem" }) as string), der);
});
