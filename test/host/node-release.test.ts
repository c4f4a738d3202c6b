// SPDX-License-Identifier: Apache-2.0
/**
 * Releases that were made by others' means (cbor-x, OpenSSL), opened as the device opens them; and what an attacker may
 * try with one. Keys are made at test time.
 */
import assert from "node:assert/strict";
import { Point } from "@noble/ed25519";
import { Encoder, Tag } from "cbor-x";
import { createHash, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { describe, it } from "node:test";
import { DeviceError } from "../../src/base/error.js";
import { createHost } from "../../hosts/node/index.js";
import { openSign1, verifySign1 } from "../../src/ota/cose.js";
import { ed25519 } from "../../src/ota/ed25519.js";
import { reasonOf, UpdateError } from "../../src/ota/failure.js";
import { decodeManifest, HEADER_LENGTH, readHeader, type Manifest, type ReleaseKey } from "../../src/ota/manifest.js";
import { pointOf } from "./node-keys.js";

const BLOCK = 4_096;
const host = createHost({ directory: "unused" });
const options = { useRecords: false, mapsAsObjects: true, variableMapSize: true, tagUint8Array: false, useTag259ForMaps: false };
const encoder = new Encoder(options);

interface Signer { algorithm: number; id: Uint8Array; privateKey: KeyObject; key: ReleaseKey }

function makeES256(id: Uint8Array): Signer {
	const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
	return { algorithm: -7, id, privateKey, key: { id, key: pointOf(publicKey) } };
}

function makeEdDSA(id: Uint8Array): Signer {
	const { privateKey, publicKey } = generateKeyPairSync("ed25519");
	const key = new Uint8Array(Buffer.from(publicKey.export({ format: "jwk" }).x!, "base64url"));
	return { algorithm: -8, id, privateKey, key: { id, key, ed25519: ed25519(Point) } };
}

const image = Buffer.alloc(200_000, "lamp");
const group = 65_536;
const digest = (bytes: Uint8Array): Buffer => createHash("sha256").update(bytes).digest();
const groups = Buffer.concat([0, 1, 2, 3].map((index) => digest(image.subarray(index * group, (index + 1) * group))));
const document = {
	product: "lamp", version: "2.0.0", counter: 3,
	components: [{
		name: "main", kind: "image", size: image.length, digest: digest(image), group, groups, payloads: [{ kind: "full", size: image.length }],
	}],
};

function signature({ algorithm, privateKey }: Signer, bytes: Buffer): Buffer {
	return algorithm === -7 ? sign("sha256", bytes, { key: privateKey, dsaEncoding: "ieee-p1363" }) : sign(null, bytes, privateKey);
}

function firstBlock(signer: Signer, payload: Buffer = encoder.encode(document), signed: Buffer = payload): Buffer {
	const header = encoder.encode(new Map<number, unknown>([[1, signer.algorithm], [4, Buffer.from(signer.id)]]));
	const structure = encoder.encode(["Signature1", header, Buffer.alloc(0), signed]);
	const sign1 = encoder.encode(new Tag([header, new Map(), payload, signature(signer, structure)], 18));
	const block = Buffer.alloc(BLOCK);
	block.write("MRL1");
	block.writeUInt32BE(sign1.length, 4);
	sign1.copy(block, HEADER_LENGTH);
	return block;
}

/** The manifest, or the reason why there is none. What is thrown or told must be of the SDK. */
async function open(block: Uint8Array, keys: readonly ReleaseKey[], revoked: readonly Uint8Array[] = []): Promise<Manifest | string> {
	const { text } = host;
	try {
		const end = readHeader(text, block, 0, block.byteLength);
		const sign1 = openSign1(text, block, HEADER_LENGTH, end);
		return await new Promise((resolve, reject) => {
			verifySign1(host, sign1, keys, revoked, {
				onVerified(...range) {
					try {
						resolve(decodeManifest(text, ...range));
					} catch (error) {
						reject(error);
					}
				},
				onRefused: reject,
			});
		});
	} catch (error) {
		assert.ok(error instanceof DeviceError, String(error));
		assert.ok(error instanceof UpdateError, error.message);
		return reasonOf(error, "storage");
	}
}

for (const [name, make] of [["ES256", makeES256], ["EdDSA", makeEdDSA]] as const) {
	describe(`a release signed with ${name}`, () => {
		const id = Uint8Array.of(1, 2, 3, 4);
		const signer = make(id);
		const block = firstBlock(signer);
		const end = HEADER_LENGTH + block.readUInt32BE(4);

		it("is opened", async () => {
			const manifest = await open(block, [make(Uint8Array.of(1)).key, signer.key]);
			assert.ok(typeof manifest !== "string", String(manifest));
			assert.equal(manifest.version, "2.0.0");
			assert.equal(manifest.length, BLOCK * 50);
			assert.deepEqual(Buffer.from(manifest.components[0]!.groups), groups);
		});

		it("is refused with another key of its name, without its key, and when its key was revoked", async () => {
			assert.equal(await open(block, [make(id).key]), "signature");
			assert.equal(await open(block, [make(Uint8Array.of(1)).key]), "key-unknown");
			assert.equal(await open(block, []), "key-unknown");
			assert.equal(await open(block, [signer.key], [id]), "key-revoked");
			const other = name === "ES256" ? makeEdDSA : makeES256;
			assert.equal(await open(block, [other(id).key]), "algorithm");
		});

		it("is refused with the signature of another manifest", async () => {
			const payload = encoder.encode({ ...document, version: "9.0.0" });
			assert.equal(await open(firstBlock(signer, payload, encoder.encode(document)), [signer.key]), "signature");
		});

		it("is refused when what was signed is no manifest", async () => {
			for (const payload of [encoder.encode({ ...document, version: "nine" }), Buffer.alloc(0), Buffer.alloc(3_000), encoder.encode([document])]) {
				assert.equal(await open(firstBlock(signer, payload), [signer.key]), "malformed");
			}
		});

		it("is refused with one bit changed, wherever it is", async () => {
			const reasons = new Set<Manifest | string>();
			for (let index = 0; index < end; index++) {
				const altered = Buffer.from(block);
				altered[index]! ^= 1 << index % 8;
				const reason = await open(altered, [signer.key]);
				assert.equal(typeof reason, "string", `byte ${index}`);
				reasons.add(reason);
			}
			assert.deepEqual([...reasons].sort(), ["algorithm", "key-unknown", "malformed", "signature", "trailing"]);
		});

		it("is refused when anything but zeros follows, and when it is cut", async () => {
			for (const index of [end, BLOCK - 1]) {
				const altered = Buffer.from(block);
				altered[index] = 1;
				assert.equal(await open(altered, [signer.key]), "trailing");
			}
			for (let length = 0; length < end; length++) {
				assert.equal(await open(block.subarray(0, length), [signer.key]), "malformed");
				const altered = Buffer.from(block).fill(0, length);
				const reason = await open(altered, [signer.key]);
				// What was cut off may have been zeros.
				if (!altered.equals(block)) assert.equal(typeof reason, "string", `${length} bytes`);
			}
		});
	});
}
