// SPDX-License-Identifier: Apache-2.0
/** Commands signed on the developer's machine, and taken by the device's own code with real keys of both kinds. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Point } from "@noble/ed25519";
import host from "moorline/host";
import { ed25519 } from "moorline/ed25519";
import { generateReleaseKey, readSigner, signCommand } from "moorline/release";
import { Vocabulary } from "../../src/bytes/vocabulary.js";
import { openSign1 } from "../../src/ota/cose.js";
import { CLAIM_NAMES, openEnvelope, readClaims, refusalOf, type Claims } from "../../src/operations/envelope.js";
import { trustedKey } from "../../src/ota/key.js";
import { codeOf } from "../unit/failure.js";

const COMMAND = { device: "lock-7", id: "command-1", expires: 1_800_000_000, command: "unlock", parameters: { seconds: 5, a: { b: [1, "x"] } } };

/** What a device finds in an envelope, or why it refuses it. */
function open(signed: Uint8Array | string, ...texts: string[]): Promise<Claims | string> {
	const keys = texts.map((text) => trustedKey(text, ed25519(Point)));
	return new Promise((resolve) => {
		try {
			openEnvelope(host, signed, keys, {
				onVerified: (bytes, start, end) => resolve(readClaims(host.text, bytes, start, end, new Vocabulary(CLAIM_NAMES, 10))),
				onRefused: (error) => resolve(refusalOf(error)),
			});
		} catch (error) {
			resolve(refusalOf(error));
		}
	});
}

for (const algorithm of ["ES256", "EdDSA"] as const) {
	test(`${algorithm}: what is signed here is taken there, and nothing that was altered`, async () => {
		const { privateKey, text } = generateReleaseKey({ algorithm });
		const other = generateReleaseKey({ algorithm });
		const envelope = signCommand({ key: readSigner(privateKey), ...COMMAND });
		const { device, id, expires, command: name, parameters } = COMMAND;
		assert.deepEqual(await open(envelope, other.text, text), { device, id, isNonce: false, expires, name, parameters });
		assert.deepEqual(await open(Buffer.from(envelope).toString("base64url"), text), { device, id, isNonce: false, expires, name, parameters });
		const once = signCommand({ key: readSigner(privateKey), ...COMMAND, id: undefined, nonce: "once" });
		assert.deepEqual(await open(once, text), { device, id: "once", isNonce: true, expires, name, parameters });
		assert.equal(await open(envelope, other.text), "UNKNOWN_KEY");
		const { payloadStart, payloadEnd } = openSign1(host.text, envelope, 0, envelope.byteLength);
		for (const at of [payloadStart, payloadEnd - 1, envelope.byteLength - 1]) {
			const altered = envelope.slice();
			altered[at]! ^= 1;
			assert.equal(await open(altered, text), "BAD_SIGNATURE", `byte ${at}`);
		}
		// The same key under the other's name.
		const stolen = signCommand({ key: { ...readSigner(other.privateKey), id: readSigner(privateKey).id }, ...COMMAND });
		assert.equal(await open(stolen, text), "BAD_SIGNATURE");
	});
}

test("the same command is the same bytes, whoever put its parameters together", () => {
	const key = { ...readSigner(generateReleaseKey({ algorithm: "EdDSA" }).privateKey) };
	const { parameters, ...rest } = COMMAND;
	const { seconds, a } = parameters;
	assert.deepEqual(signCommand({ key, ...rest, parameters: { a, seconds } }), signCommand({ key, ...COMMAND }));
	assert.notDeepEqual(signCommand({ key, ...rest }), signCommand({ key, ...COMMAND }));
});

test("nothing is signed that no device would take", () => {
	const key = readSigner(generateReleaseKey().privateKey);
	for (const wrong of [{ device: "" }, { id: "" }, { nonce: "both" }, { id: undefined }, { id: undefined, nonce: "" }, { command: "" }, { expires: 0 }, { expires: 1.5 }, { expires: NaN }]) {
		assert.equal(codeOf(() => signCommand({ key, ...COMMAND, ...wrong })), "argument", JSON.stringify(wrong));
	}
});
