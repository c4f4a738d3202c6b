// SPDX-License-Identifier: Apache-2.0
/** The form in which the identity keeps what a security context is made of. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeParameters, encodeParameters, type OSCOREParameters } from "../../../src/oscore/parameters.js";
import { codeOf } from "../failure.js";
import { fromHex, toHex } from "../hex.js";
import { text } from "../text.js";
import { CLIENT } from "./rig.js";

const FULL: OSCOREParameters = { ...CLIENT, senderId: fromHex("0a0b"), idContext: fromHex("37cb"), renews: true };

test("parameters come back as they were", () => {
	assert.equal(toHex(encodeParameters(text, CLIENT)), "8701500102030405060708090a0b0c0d0e0f10489e7ca92223786340404101f6f4");
	for (const parameters of [CLIENT, FULL, { ...FULL, masterSalt: fromHex(""), idContext: fromHex("") }]) {
		assert.deepEqual(decodeParameters(text, encodeParameters(text, parameters)), parameters);
	}
});

test("what is decoded is no view of what it came from", () => {
	const bytes = encodeParameters(text, FULL), decoded = decodeParameters(text, bytes);
	bytes.fill(0);
	assert.deepEqual(decoded, FULL);
});

test("lengths that are not allowed, and one ID for both, are refused", () => {
	const wrong: Partial<OSCOREParameters>[] = [
		{ masterSecret: new Uint8Array(15) }, { masterSecret: new Uint8Array(65) }, { masterSalt: new Uint8Array(65) },
		{ senderId: new Uint8Array(8) }, { recipientId: new Uint8Array(8) }, { recipientId: FULL.senderId }, { idContext: new Uint8Array(33) },
	];
	for (const [index, one] of wrong.entries()) assert.equal(codeOf(() => encodeParameters(text, { ...FULL, ...one })), "argument", String(index));
});

test("what is cut, lengthened or of another form is corrupt, and the error says nothing of it", () => {
	const bytes = encodeParameters(text, FULL), hex = toHex(bytes);
	const damaged: Uint8Array[] = Array.from(bytes, (_, length) => bytes.slice(0, length));
	damaged.push(fromHex(`${hex}00`), fromHex(`8702${hex.slice(4)}`), fromHex(`86${hex.slice(2)}`), fromHex(`${hex.slice(0, -2)}01`), fromHex("f6"), fromHex("a0"));
	for (const each of damaged) {
		try {
			decodeParameters(text, each);
			assert.fail(toHex(each));
		} catch (error) {
			assert.equal((error as { code?: string }).code, "corrupt", toHex(each));
			assert.equal((error as Error).cause, undefined);
			assert.equal((error as Error).message, "the parameters of the security context are damaged");
		}
	}
});
