// SPDX-License-Identifier: Apache-2.0
/** Signatures of Project Wycheproof and of RFC 8032, as the device judges them: on Node, where they take no minute. */
import assert from "node:assert/strict";
import { Point } from "@noble/ed25519";
import { test } from "node:test";
import { createHost } from "../../hosts/node/index.js";
import { ed25519 } from "../../src/ota/ed25519.js";
import { verifySign1, type Sign1 } from "../../src/ota/cose.js";
import type { Ed25519, ReleaseKey } from "../../src/ota/manifest.js";
import { fromHex } from "../unit/hex.js";
import p256 from "../vectors/ecdsa-p256-wycheproof.json" with { type: "json" };
import edwards from "../vectors/ed25519-wycheproof.json" with { type: "json" };
import rfc from "../vectors/ed25519-rfc8032.json" with { type: "json" };

type Row = readonly [number: number, comment: string, message: string, signature: string, result: string];

const SIGNATURE_LENGTH = 64;
const host = createHost({ directory: "unused" });

function verifyP256(key: Uint8Array, bytes: Uint8Array, signature: Uint8Array): Promise<boolean> {
	return new Promise((resolve, reject) => {
		host.keys.verify({ key, bytes, signature, onVerified: resolve, onError: reject });
	});
}

function verifyEd25519(verifier: Ed25519, key: string, message: string, signature: string): boolean {
	return verifier.verify(fromHex(signature), fromHex(message), fromHex(key), host.crypto.digest("SHA-512"));
}

/** Whether our own look at r and s lets a signature pass to the platform. */
function passesRange(key: Uint8Array, signature: Uint8Array): boolean {
	const id = Uint8Array.of(1);
	let isAsked = false;
	const keys: ReleaseKey[] = [{ id, key }];
	const sign1: Sign1 = {
		bytes: new Uint8Array(2), algorithm: -7, kid: id, signature,
		protectedStart: 0, protectedEnd: 1, payloadHead: 1, payloadStart: 2, payloadEnd: 2,
	};
	const platform = { ...host, keys: { ...host.keys, verify() { isAsked = true; } } };
	try {
		verifySign1(platform, sign1, keys, [], { onVerified: () => assert.fail(), onRefused: assert.fail });
	} catch (error) {
		assert.equal((error as { reason?: string }).reason, "signature");
	}
	return isAsked;
}

test("ECDSA with P-256: every row of Wycheproof has its result", async () => {
	let rows = 0, refused = 0;
	for (const { key, rows: list } of p256) {
		for (const [number, comment, message, signature, result] of list as unknown as Row[]) {
			const isValid = await verifyP256(fromHex(key), fromHex(message), fromHex(signature));
			assert.equal(isValid, result === "valid", `${number}: ${comment}`);
			rows++;
			if (signature.length !== 2 * SIGNATURE_LENGTH) continue;
			const passes = passesRange(fromHex(key), fromHex(signature));
			// What is refused beforehand is none that is valid.
			assert.ok(passes || !isValid, `${number}: ${comment}`);
			if (!passes) refused++;
		}
	}
	assert.equal(rows, 262);
	assert.ok(refused > 40, `${refused} were out of range`);
});

test("Ed25519: every row of Wycheproof has its result", () => {
	const verifier = ed25519(Point);
	let rows = 0;
	for (const { key, rows: list } of edwards) {
		for (const [number, comment, message, signature, result] of list as unknown as Row[]) {
			assert.equal(verifyEd25519(verifier, key, message, signature), result === "valid", `${number}: ${comment}`);
			rows++;
		}
	}
	assert.equal(rows, 151);
});

test("Ed25519: the signatures of RFC 8032 are valid, and no other", () => {
	const verifier = ed25519(Point);
	for (const { name, publicKey, message, signature } of rfc.cases) {
		assert.ok(verifyEd25519(verifier, publicKey, message, signature), name);
		assert.ok(!verifyEd25519(verifier, publicKey, `${message}00`, signature), name);
		assert.ok(!verifyEd25519(verifier, rfc.cases.find((other) => other.name !== name)!.publicKey, message, signature), name);
	}
});

test("Ed25519: keys of small order, points that are not canonical and what is no key at all are not valid", () => {
	const verifier = ed25519(Point);
	const { message, signature } = rfc.cases[0]!;
	// With the neutral element as key and as R, and S of 0, the equation holds for every message.
	const neutral = `01${"00".repeat(31)}`;
	assert.equal(verifyEd25519(verifier, neutral, message, neutral + "00".repeat(32)), false);
	// The same point, with p added to its y; and with the sign of an x that is 0.
	for (const key of [`ee${"ff".repeat(30)}7f`, `01${"00".repeat(30)}80`, "", "00", "ff".repeat(32), `02${"00".repeat(31)}`]) {
		assert.equal(verifyEd25519(verifier, key, message, neutral + "00".repeat(32)), false, key);
		assert.equal(verifyEd25519(verifier, key, message, signature), false, key);
	}
	for (const length of [0, 32, 63]) {
		assert.equal(verifyEd25519(verifier, rfc.cases[0]!.publicKey, message, signature.slice(0, 2 * length)), false);
	}
});
