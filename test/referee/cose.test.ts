// SPDX-License-Identifier: Apache-2.0
/**
 * The signatures of releases beside COSE libraries of others: cose-js for ES256, @ldclabs/cose-ts for both algorithms.
 *
 * Each verifies what we sign and we verify what each signs, with the same headers; and neither takes what has one bit
 * changed.
 */
import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { createRequire } from "node:module";
import { test } from "node:test";
import { build } from "esbuild";
import { createRelease, generateReleaseKey, type GeneratedReleaseKey, verifyRelease } from "../../hosts/release/index.js";
import { decodeCBOR } from "../../src/cbor/decode.js";
import { Vocabulary } from "../../src/bytes/vocabulary.js";
import { text } from "../unit/text.js";
import { ROOT } from "../tidy/sources.js";

/** A COSE library: what it makes of a payload, and whether it takes a message. */
interface Referee {
	readonly algorithms: readonly GeneratedReleaseKey["algorithm"][];
	sign(payload: Uint8Array, key: GeneratedReleaseKey): Promise<Uint8Array>;
	/** @returns the payload; throws for what it refuses */
	verify(message: Uint8Array, key: GeneratedReleaseKey): Promise<Uint8Array>;
}

/** Of @ldclabs/cose-ts, which has none that is all of it. */
const PARTS = Object.freeze(["sign1", "header", "ecdsa", "ed25519", "iana"]);
const BLOCK = 4_096, HEADER = 8;
const content = Uint8Array.from({ length: 100 }, (_, index) => index);

/** The secret and public numbers of a key. */
function numbersOf({ privateKey }: GeneratedReleaseKey): { d: Buffer; x: Buffer; y: Buffer } {
	const { d = "", x = "", y = "" } = createPrivateKey(privateKey).export({ format: "jwk" });
	return { d: Buffer.from(d, "base64url"), x: Buffer.from(x, "base64url"), y: Buffer.from(y, "base64url") };
}

function coseJs(): Referee {
	const { sign } = createRequire(import.meta.url)("cose-js") as {
		sign: {
			create(headers: object, payload: Buffer, signer: object): Promise<Buffer>;
			verify(message: Buffer, verifier: object): Promise<Buffer>;
		};
	};
	return {
		algorithms: ["ES256"],
		sign: (payload, key) => sign.create({ p: { alg: "ES256", kid: Buffer.from(key.id) }, u: {} }, Buffer.from(payload), { key: numbersOf(key) }),
		verify: (message, key) => sign.verify(Buffer.from(message), { key: numbersOf(key) }),
	};
}

/** Its modules name each other as bundlers do, and not as Node: so they go through one. */
async function coseTs(): Promise<Referee> {
	const { outputFiles } = await build({
		stdin: { contents: PARTS.map(part => `export * from "@ldclabs/cose-ts/${part}";`).join("\n"), resolveDir: ROOT }, bundle: true, write: false, format: "esm", platform: "node", logLevel: "silent",
	});
	const library = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0]!.contents).toString("base64")}`);
	const { Sign1Message, Header, ECDSAKey, Ed25519Key } = library;
	const keyOf = (key: GeneratedReleaseKey, bytes: "secret" | "public"): unknown => {
		const type = key.algorithm === "ES256" ? ECDSAKey : Ed25519Key;
		return bytes === "secret" ? type.fromSecret(new Uint8Array(numbersOf(key).d)) : type.fromPublic(key.key);
	};
	return {
		algorithms: ["ES256", "EdDSA"],
		sign: async (payload, key) => {
			const header = new Header();
			header.setParam(library.HeaderParameterAlg, key.algorithm === "ES256" ? library.AlgorithmES256 : library.AlgorithmEdDSA);
			header.setParam(library.HeaderParameterKid, key.id);
			return Sign1Message.withTag(new Sign1Message(payload, header, new Header()).toBytes(keyOf(key, "secret")));
		},
		verify: async (message, key) => Sign1Message.fromBytes(keyOf(key, "public"), message).payload,
	};
}

function release(key: GeneratedReleaseKey): { file: Uint8Array; message: Uint8Array; payload: Uint8Array } {
	const { file } = createRelease({
		product: "lamp", version: "1.4.3", counter: 7, components: [{ name: "rules", kind: "mod", content }], key: key.privateKey,
	});
	const message = file.slice(HEADER, HEADER + new DataView(file.buffer).getUint32(4));
	const fields = decodeCBOR(text, message, 1, message.byteLength, new Vocabulary([])) as Uint8Array[];
	return { file, message, payload: fields[2]!.slice() };
}

/** `file` with another signed manifest. */
function withMessage(file: Uint8Array, message: Uint8Array): Uint8Array {
	const changed = file.slice().fill(0, HEADER, BLOCK);
	changed.set(message, HEADER);
	new DataView(changed.buffer).setUint32(4, message.byteLength);
	return changed;
}

/** `message`, one bit after the other wrong: of each byte one. */
function* damaged(message: Uint8Array): Generator<[at: number, message: Uint8Array]> {
	for (let at = 0; at < message.byteLength; at++) {
		const copy = message.slice();
		copy[at]! ^= 1 << at % 8;
		yield [at, copy];
	}
}

for (const [name, make] of Object.entries({ "cose-js": coseJs, "@ldclabs/cose-ts": coseTs })) {
	test(`${name}: each verifies what the other signed, and neither a bit that is wrong`, { timeout: 120_000 }, async () => {
		const referee = await make();
		for (const algorithm of referee.algorithms) {
			const key = generateReleaseKey({ algorithm }), stranger = generateReleaseKey({ algorithm });
			const { file, message, payload } = release(key);

			assert.deepEqual(new Uint8Array(await referee.verify(message, key)), payload);
			await assert.rejects(async () => referee.verify(message, stranger));
			for (const [at, wrong] of damaged(message)) await assert.rejects(async () => referee.verify(wrong, key), `${name} took byte ${at}`);

			const theirs = new Uint8Array(await referee.sign(payload, key));
			assert.equal(theirs.byteLength, message.byteLength);
			const signatureAt = message.byteLength - 64;
			assert.deepEqual(theirs.slice(0, signatureAt), message.slice(0, signatureAt), "all but the signature is the same");
			const { manifest } = await verifyRelease(withMessage(file, theirs), [key]);
			assert.equal(manifest.version, "1.4.3");
			await assert.rejects(verifyRelease(withMessage(file, theirs), [stranger]), { reason: "key-unknown" });
			for (const [at, wrong] of damaged(theirs)) await assert.rejects(verifyRelease(withMessage(file, wrong), [key]), `we took byte ${at}`);
		}
	});
}
