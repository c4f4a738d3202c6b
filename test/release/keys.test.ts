// SPDX-License-Identifier: Apache-2.0
/** Release keys on the developer's side: what is made is what the device reads, and nothing says more than it should. */
import assert from "node:assert/strict";
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import { test } from "node:test";
import { formatReleaseKey, generateReleaseKey, parseReleaseKey, readPublicKey, readSigner } from "../../hosts/release/index.js";
import { codeOf } from "../unit/failure.js";

const ALGORITHMS = ["ES256", "EdDSA"] as const;

test("generateReleaseKey makes one key in four forms, whose identifier is of its own bytes", () => {
	for (const algorithm of ALGORITHMS) {
		const { id, key, privateKey, publicKey, text } = generateReleaseKey({ algorithm });
		const known = { id, algorithm, key };
		assert.equal(key.byteLength, algorithm === "ES256" ? 65 : 32);
		assert.deepEqual(id, new Uint8Array(createHash("sha256").update(key).digest().subarray(0, 8)));
		assert.deepEqual(parseReleaseKey(text), known);
		assert.deepEqual(readPublicKey(text), known);
		assert.deepEqual(readPublicKey(publicKey), known);
		assert.equal(formatReleaseKey(readSigner(privateKey)), text);
		assert.match(privateKey, /^-----BEGIN PRIVATE KEY-----\n/);
		assert.equal(createPublicKey(privateKey).export({ type: "spki", format: "pem" }), publicKey);
	}
	assert.equal(generateReleaseKey().algorithm, "ES256");
	assert.notEqual(generateReleaseKey().text, generateReleaseKey().text);
});

test("a signer's signatures are 64 bytes that OpenSSL verifies", () => {
	for (const algorithm of ALGORITHMS) {
		const { privateKey, publicKey } = generateReleaseKey({ algorithm });
		const bytes = Uint8Array.of(1, 2, 3);
		const signature = readSigner(privateKey).sign(bytes);
		assert.equal(signature.byteLength, 64);
		const key = { key: publicKey, dsaEncoding: "ieee-p1363" } as const;
		const hash = algorithm === "ES256" ? "sha256" : null;
		assert.ok(verify(hash, bytes, key, signature));
		assert.ok(!verify(hash, Uint8Array.of(1, 2, 2), key, signature));
	}
});

test("keys of other kinds, of other forms, and behind a passphrase are refused", () => {
	const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
	const p384 = generateKeyPairSync("ec", { namedCurve: "secp384r1" });
	const { privateKey, publicKey } = generateReleaseKey();
	const locked = createPrivateKey(privateKey).export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "secret" }).toString();
	const pem = { type: "pkcs8", format: "pem" } as const;
	for (const text of [rsa.privateKey.export(pem).toString(), p384.privateKey.export(pem).toString(), locked, publicKey, "", privateKey.slice(0, 80)]) {
		assert.equal(codeOf(() => readSigner(text)), "credential");
	}
	for (const text of [p384.publicKey.export({ type: "spki", format: "pem" }).toString(), privateKey, "", publicKey.slice(0, 60), "es256:00"]) {
		assert.equal(codeOf(() => readPublicKey(text)), "credential");
	}
});

test("no error about a private key repeats any of it", () => {
	const { privateKey } = generateReleaseKey();
	const secret = privateKey.split("\n")[1]!;
	for (const text of [privateKey.replace("PRIVATE", "SECRET"), privateKey.slice(0, -20), secret, privateKey.replace(secret, `${secret}!`)]) {
		try {
			readSigner(text);
		} catch (error) {
			assert.ok(!JSON.stringify([String(error), (error as Error).stack, String((error as Error).cause)]).includes(secret.slice(0, 20)));
			continue;
		}
		assert.fail("it was read");
	}
});

test("a text whose identifier is that of another key is refused by who can tell", () => {
	const [one, other] = [generateReleaseKey(), generateReleaseKey()];
	const mixed = formatReleaseKey({ ...one, id: other.id });
	assert.equal(codeOf(() => readPublicKey(mixed)), "credential");
});
