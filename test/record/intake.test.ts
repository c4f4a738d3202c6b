// SPDX-License-Identifier: Apache-2.0
/** Secrets that a stream brings in pieces: nothing of them is written, wherever the pieces end. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { encode } from "cbor-x";
import { Intake } from "../../hosts/record/intake.js";
import { Secrets } from "../../hosts/record/index.js";
import { assertSecret, formsIn } from "../secrets.js";

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey, ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
const KEYS = {
	"PKCS #1": rsa.export({ format: "pem", type: "pkcs1" }).toString(), "PKCS #8": ec.export({ format: "pem", type: "pkcs8" }).toString(),
	"SEC 1": ec.export({ format: "pem", type: "sec1" }).toString(),
};
const TOKEN = "eyJ2ZXJzaW9uIjoiMjAxOTEwMjMiLCJjaXBoZXIiOiJ".repeat(10);

/** What is recorded of `text` that comes in pieces of this length. */
function pass(text: Buffer, length: number, secrets: Secrets): { recorded: Buffer; held: number; intake: Intake } {
	const intake = new Intake(secrets), pieces: Uint8Array[] = [];
	let held = 0;
	for (let at = 0; at < text.byteLength; at += length) {
		const piece = new Uint8Array(text.subarray(at, at + length));
		pieces.push(piece);
		intake.add(7, piece);
		if (intake.isHolding) held++;
	}
	return { recorded: Buffer.concat(pieces), held, intake };
}

test("a key and its token, in JSON and in CBOR, become stand-ins of the same form", () => {
	for (const [name, privateKey] of Object.entries(KEYS)) {
		const message = { certificatePem: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", privateKey, certificateOwnershipToken: TOKEN };
		for (const text of [Buffer.from(JSON.stringify(message)), encode(message)]) {
			for (const length of [5, 100, 1436, text.byteLength]) {
				const secrets = new Secrets(), { recorded, intake } = pass(Buffer.concat([Buffer.from("before -----BEG"), text, Buffer.from("behind")]), length, secrets);
				assert.equal(intake.isHolding, false, `${name} ${length}`);
				assertSecret((name === "PKCS #1" ? rsa : ec).export({ format: "der", type: "pkcs8" }), { [name]: recorded });
				assert.deepEqual(formsIn(recorded, Buffer.from(TOKEN)), []);
				const { byteLength } = text;
				assert.equal(recorded.byteLength, byteLength + 21);
				assert.ok(recorded.includes("-----BEGIN CERTIFICATE-----") && recorded.toString("latin1").endsWith("behind"));
				// What goes out again with it has the stand-in that came in.
				const again = Buffer.from(secrets.mask(Buffer.from(`"${TOKEN}"`))).toString();
				assert.ok(recorded.includes(again.slice(1, -1)));
			}
		}
	}
});

test("what only looks like a beginning is held back no longer than it does", () => {
	const text = Buffer.from("-----BEGIN CERTIFICATE----- -- - certificateOwner certificateOwnershipToken in words");
	const { recorded, intake, held } = pass(text, 1, new Secrets());
	assert.deepEqual(recorded, text);
	assert.equal(intake.isHolding, false);
	assert.ok(held > 0 && held < 10, String(held));
});

test("a key without an end is not recorded: not when it is too long, and not when nothing follows", () => {
	const begun = Buffer.from(`before -----BEGIN PRIVATE KEY-----\n${"TUlJ".repeat(10)}`);
	const { recorded, intake } = pass(begun, begun.byteLength, new Secrets());
	assert.equal(intake.isHolding, true);
	assert.deepEqual(recorded, begun);
	const piece = new Uint8Array(begun), other = new Intake(new Secrets());
	other.add(1, piece);
	other.release();
	assert.equal(other.isHolding, false);
	assert.match(Buffer.from(piece).toString(), /^before \?+$/);
	other.add(1, new Uint8Array(begun));
	other.end(1);
	assert.equal(other.isHolding, false);
	const long = pass(Buffer.concat([begun, Buffer.alloc(40_000, "T")]), 1436, new Secrets());
	assert.ok(!long.recorded.includes("TUlJ"));
});
