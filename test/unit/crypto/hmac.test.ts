// SPDX-License-Identifier: Apache-2.0
/** HMAC against the examples of RFC 4231, and HKDF against those of RFC 5869; both against Wycheproof. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { crypto } from "../../../hosts/node/digest.js";
import { expand, extract } from "../../../src/crypto/hkdf.js";
import { HMAC } from "../../../src/crypto/hmac.js";
import { codeOf } from "../failure.js";
import { fromHex, toHex } from "../hex.js";
import hkdfRFC from "../../vectors/hkdf-rfc5869.json" with { type: "json" };
import hkdfRows from "../../vectors/hkdf-sha256-wycheproof.json" with { type: "json" };
import hmacRFC from "../../vectors/hmac-sha256-rfc4231.json" with { type: "json" };
import hmacRows from "../../vectors/hmac-sha256-wycheproof.json" with { type: "json" };

type HMACRow = readonly [number: number, comment: string, key: string, message: string, tag: string, result: string];
type HKDFRow = readonly [number: number, comment: string, secret: string, salt: string, info: string, length: number, key: string, result: string];

function hmac(key: string, ...messages: Uint8Array[]): string {
	const it = new HMAC(crypto, fromHex(key));
	for (const message of messages) it.update(message);
	return toHex(it.digest());
}

test("HMAC: the examples of RFC 4231 come out, whole and in pieces", () => {
	for (const { tc, key, data, hmacSha256 } of hmacRFC.cases) {
		const bytes = fromHex(data);
		assert.equal(hmac(key, bytes).slice(0, hmacSha256.length), hmacSha256, String(tc));
		assert.equal(hmac(key, bytes.subarray(0, 5), bytes.subarray(5)).slice(0, hmacSha256.length), hmacSha256, String(tc));
	}
});

test("HMAC: every row of Wycheproof has its result", () => {
	for (const [number, comment, key, message, tag, result] of hmacRows as unknown as HMACRow[]) {
		assert.equal(hmac(key, fromHex(message)).slice(0, tag.length) === tag, result === "valid", `${number}: ${comment}`);
	}
});

test("HKDF: the examples of RFC 5869 with SHA-256 come out", () => {
	const rows = hkdfRFC.cases.filter(({ hash }) => hash === "SHA-256");
	assert.equal(rows.length, 3);
	for (const { tc, ikm, salt, info, prk, okm, L } of rows) {
		const key = extract(crypto, fromHex(salt), fromHex(ikm));
		assert.equal(toHex(key), prk, String(tc));
		assert.equal(toHex(expand(crypto, key, fromHex(info), L)), okm, String(tc));
	}
});

test("HKDF: every row of Wycheproof has its result", () => {
	for (const [number, comment, secret, salt, info, length, expected, result] of hkdfRows as unknown as HKDFRow[]) {
		const derive = (): Uint8Array => expand(crypto, extract(crypto, fromHex(salt), fromHex(secret)), fromHex(info), length);
		if (result === "valid") assert.equal(toHex(derive()), expected, `${number}: ${comment}`);
		else assert.equal(codeOf(derive), "argument", `${number}: ${comment}`);
	}
	assert.equal(codeOf(() => expand(crypto, new Uint8Array(32), new Uint8Array(0), 0)), "argument");
});
