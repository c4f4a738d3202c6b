// SPDX-License-Identifier: Apache-2.0
/** Secrets and their stand-ins: replaced in every form and place, and with the rest as it was. */
import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, randomBytes } from "node:crypto";
import { test } from "node:test";
import { Secrets } from "../../hosts/record/index.js";
import { encodeSlot } from "../../src/identity/slots.js";
import { encodeParameters } from "../../src/oscore/parameters.js";
import { text } from "../../hosts/world/text.js";
import { assertSecret, formsIn, secretsOf } from "../secrets.js";

function generate(): Uint8Array {
	return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "der", type: "pkcs8" });
}

/** The forms of a secret, with `before` and `behind` around it. */
function formsOf(secret: Uint8Array, before: Uint8Array, behind: Uint8Array): Record<string, Buffer> {
	const whole = Buffer.concat([before, secret, behind]), pem = secret.byteLength > 48 ? Buffer.from(secret).toString("base64").match(/.{1,64}/g)! : [];
	return {
		bytes: whole, hex: Buffer.from(whole.toString("hex")), HEX: Buffer.from(whole.toString("hex").toUpperCase()),
		base64: Buffer.from(whole.toString("base64")), base64url: Buffer.from(whole.toString("base64url")),
		...pem.length > 0 && { pem: Buffer.from(pem.join("\n")), json: Buffer.from(JSON.stringify(pem.join("\n"))), crlf: Buffer.from(pem.join("\r\n")) },
	};
}

test("every form of a secret, wherever it begins, becomes the same form of its stand-in, and what is around stays", () => {
	for (const secret of [generate(), randomBytes(8), randomBytes(16), randomBytes(31), randomBytes(32)]) {
		const secrets = new Secrets(), standIn = secrets.learn(secret);
		assert.equal(standIn.byteLength, secret.byteLength);
		for (let before = 0; before < 4; before++) for (let behind = 0; behind < 4; behind++) {
			const around = [randomBytes(before), randomBytes(behind)] as const;
			const real = formsOf(secret, ...around), expected = formsOf(standIn, ...around);
			for (const [name, form] of Object.entries(real)) {
				assert.deepEqual(Buffer.from(secrets.mask(form)), expected[name], `${name}, ${before} before, ${behind} behind, of ${secret.byteLength}`);
				assert.equal(secrets.maskText(form.toString("latin1")).includes("\ufffd"), false);
			}
		}
	}
});

test("the scalar of a key, and the primes of an RSA key, are secret without their wrapping", () => {
	const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
	for (const key of [generate(), rsa.export({ format: "der", type: "pkcs8" }), rsa.export({ format: "der", type: "pkcs1" })]) {
		const secrets = new Secrets();
		secrets.learn(key);
		for (const [name, part] of secretsOf(key)) {
			for (const [form, bytes] of Object.entries(formsOf(part, randomBytes(5), randomBytes(5)))) {
				assert.deepEqual(formsIn(secrets.mask(bytes), part), [], `${name} in ${form}`);
			}
		}
	}
});

test("what is no secret is the very same object", () => {
	const secrets = new Secrets(), bytes = randomBytes(1000);
	assert.equal(secrets.mask(bytes), bytes);
	secrets.learn(generate());
	assert.equal(secrets.mask(bytes), bytes);
	assert.equal(secrets.maskText("nothing of it"), "nothing of it");
});

test("the identity's secrets are known by their place, and what they lie in stays whole", () => {
	const secrets = new Secrets(), key = generate(), psk = randomBytes(5), masterSecret = randomBytes(16);
	const none = new Uint8Array(0);
	const parameters = { masterSecret, masterSalt: none, senderId: Uint8Array.of(1), recipientId: Uint8Array.of(2), idContext: undefined, renews: false };
	const slot = { number: 2, credentials: { id: "lamp", endpoint: undefined, anchor: undefined, certificate: randomBytes(20), key }, note: undefined };
	const maskedSlot = secrets.maskValue("identity", "slot0", encodeSlot(text, slot));
	const standIn = secrets.learn(key);
	assert.deepEqual(maskedSlot, encodeSlot(text, { ...slot, credentials: { ...slot.credentials, key: standIn } }));
	assert.notDeepEqual(secrets.maskValue("identity", "psk", psk), new Uint8Array(psk));
	const maskedParameters = secrets.maskValue("identity", "oscore", encodeParameters(text, parameters));
	assert.deepEqual(maskedParameters, encodeParameters(text, { ...parameters, masterSecret: secrets.learn(masterSecret) }));
	assertSecret(key, { slot: maskedSlot });
	assertSecret(masterSecret, { parameters: maskedParameters });
	// A damaged slot has the key anywhere.
	const damaged = new Uint8Array(encodeSlot(text, slot)).fill(1, 0, 1);
	assertSecret(key, { damaged: secrets.maskValue("identity", "slot1", damaged) });
});

test("what HMAC mixes with a secret, and what was computed from one, is a secret, too", () => {
	const secrets = new Secrets(), secret = randomBytes(16), derived = createHash("sha256").update(secret).digest();
	secrets.learn(secret);
	const block = Buffer.alloc(64, 0x36).map((byte, index) => byte ^ (secret[index] ?? 0));
	assert.equal(secrets.isIn(block), true);
	assert.equal(secrets.isIn(derived), false);
	const standIn = secrets.learn(derived, true);
	assert.equal(secrets.isIn(derived), true);
	assert.equal(secrets.mask(derived), standIn);
});

test("the search finds what it looks for", () => {
	const secret = randomBytes(32);
	for (const [name, form] of Object.entries(formsOf(secret, randomBytes(7), randomBytes(2)))) assert.notDeepEqual(formsIn(form, secret), [], name);
	const key = generate(), pem = `-----BEGIN PRIVATE KEY-----\n${Buffer.from(key).toString("base64").match(/.{1,64}/g)!.join("\n")}\n`;
	assert.throws(() => assertSecret(key, { log: pem }), /d is in log/);
	assert.throws(() => assertSecret(key, { log: JSON.stringify(pem) }), /d is in log/);
});
