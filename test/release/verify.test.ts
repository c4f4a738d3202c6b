// SPDX-License-Identifier: Apache-2.0
/** Releases as they are verified: what is whole passes, and one wrong byte anywhere is found, with the device's reason. */
import assert from "node:assert/strict";
import { sign } from "node:crypto";
import { test } from "node:test";
import {
	attachSignature, bytesToSign, contentsOf, createRelease, generateReleaseKey, isRelease, readManifest, type ReleaseComponent, type ReleaseOptions,
	signRelease, verifyRelease, type VerifyReleaseOptions,
} from "../../hosts/release/index.js";
import { reasonOf } from "../../src/ota/failure.js";
import { codeOf } from "../unit/failure.js";
import { noise, touched } from "./contents.js";

const BLOCK = 4_096;
const ES256 = generateReleaseKey(), EDDSA = generateReleaseKey({ algorithm: "EdDSA" }), STRANGER = generateReleaseKey();
const old = noise(100_000, 1);
const image: ReleaseComponent = { name: "main", kind: "image", content: touched(old, 40), bases: [old] };
const options: ReleaseOptions = { product: "lamp", version: "2.0.0", counter: 3, components: [image], key: ES256.privateKey };
const small: ReleaseOptions = { ...options, components: [{ name: "rules", kind: "mod", content: noise(300, 4) }] };

async function reason(file: Uint8Array, keys = [ES256, EDDSA], verifying: VerifyReleaseOptions = {}): Promise<string> {
	try {
		await verifyRelease(file, keys, verifying);
		return "nothing";
	} catch (error) {
		const found = reasonOf(error, "crashed");
		if (found === "crashed") throw error;
		return found;
	}
}

test("verifyRelease takes what createRelease made, with either algorithm, and follows patches whose base it has", async () => {
	for (const key of [ES256, EDDSA]) {
		const { file, manifest } = createRelease({ ...options, key: key.privateKey });
		const followed = await verifyRelease(file, [STRANGER, ES256, EDDSA], { bases: [noise(5, 5), old] });
		assert.deepEqual(followed.manifest, manifest);
		assert.equal(followed.key, key);
		assert.deepEqual(followed.unfollowed, []);
		const blind = await verifyRelease(file, [key]);
		assert.deepEqual(blind.unfollowed, [manifest.components[0]!.payloads[0]]);
	}
});

test("one byte changed anywhere is found: in the manifest, in a content, and in the zeros", { timeout: 60_000 }, async () => {
	for (const key of [ES256, EDDSA]) {
		const { file } = createRelease({ ...small, key: key.privateKey });
		assert.equal(file.byteLength, 2 * BLOCK);
		// Ed25519 takes milliseconds each time: of the zeros and of the content a few bytes will do.
		const step = key === ES256 ? 1 : 40;
		for (let at = 0; at < file.byteLength; at += at < 500 ? 1 : step) {
			file[at]! ^= 1 << at % 8;
			assert.notEqual(await reason(file, [key]), "nothing", `byte ${at}`);
			file[at]! ^= 1 << at % 8;
		}
		assert.equal(await reason(file, [key]), "nothing");
	}
});

test("each way to be wrong has its reason", async () => {
	const { file, manifest } = createRelease({ ...options, expires: 1_000 });
	const [patch, full] = manifest.components[0]!.payloads;
	const changed = (at: number): Uint8Array => {
		const copy = file.slice();
		copy[at]! ^= 1;
		return copy;
	};
	const bases = [old];
	const cases: [string, string][] = [
		["nothing", await reason(file, [ES256], { bases, now: 1_000 })],
		["expired", await reason(file, [ES256], { now: 1_001 })],
		["key-unknown", await reason(file, [STRANGER])],
		["key-unknown", await reason(file, [])],
		["algorithm", await reason(file, [{ ...EDDSA, id: ES256.id }])],
		["signature", await reason(file, [{ ...STRANGER, id: ES256.id }])],
		["malformed", await reason(new Uint8Array(0))],
		["malformed", await reason(file.subarray(0, BLOCK - 1))],
		["malformed", await reason(changed(0))],
		["trailing", await reason(changed(BLOCK - 1))],
		["truncated", await reason(file.subarray(0, BLOCK))],
		["truncated", await reason(file.subarray(0, file.byteLength - 1))],
		["trailing", await reason(Buffer.concat([file, new Uint8Array(1)]))],
		["block-digest", await reason(changed(full!.offset))],
		["trailing", await reason(changed(patch!.offset + patch!.size))],
		["patch", await reason(changed(patch!.offset), [ES256], { bases })],
		["malformed", await reason(createRelease({ ...options, key: undefined }).file)],
	];
	for (const [index, [expected, found]] of cases.entries()) assert.equal(found, expected, `case ${index}`);
});

test("signRelease signs anew, and changes nothing behind the first block", async () => {
	const unsigned = createRelease({ ...options, key: undefined }).file;
	const once = signRelease(unsigned, ES256.privateKey), again = signRelease(once, EDDSA.privateKey);
	assert.deepEqual([once, again].map(file => Buffer.compare(file.subarray(BLOCK), unsigned.subarray(BLOCK))), [0, 0]);
	assert.deepEqual(await Promise.all([once, again].map(file => reason(file, [ES256]))), ["nothing", "key-unknown"]);
	assert.deepEqual(await Promise.all([once, again].map(file => reason(file, [EDDSA]))), ["key-unknown", "nothing"]);
	assert.deepEqual(signRelease(again, EDDSA.privateKey), again, "Ed25519 signs alike each time");
	assert.ok(isRelease(unsigned));
	assert.equal(codeOf(() => signRelease(noise(2 * BLOCK, 1), ES256.privateKey)), "malformed");
	assert.equal(codeOf(() => signRelease(new Uint8Array(3), ES256.privateKey)), "malformed");
});

test("a key elsewhere signs bytesToSign; a signature of another length is refused", async () => {
	const unsigned = createRelease({ ...options, key: undefined }).file;
	const signature = sign("sha256", bytesToSign(unsigned, ES256), { key: ES256.privateKey, dsaEncoding: "ieee-p1363" });
	assert.equal(await reason(attachSignature(unsigned, ES256, signature)), "nothing");
	assert.equal(await reason(attachSignature(unsigned, { ...ES256, id: EDDSA.id }, signature)), "algorithm");
	assert.equal(await reason(attachSignature(unsigned, ES256, new Uint8Array(64))), "signature");
	assert.equal(codeOf(() => attachSignature(unsigned, ES256, signature.subarray(1))), "argument");
	const { privateKey: _, ...elsewhere } = ES256;
	const signer = { ...elsewhere, sign: (bytes: Uint8Array) => new Uint8Array(sign("sha256", bytes, { key: ES256.privateKey, dsaEncoding: "ieee-p1363" })) };
	assert.equal(await reason(createRelease({ ...options, key: signer }).file), "nothing");
});

test("a release without a signature leaves room for one, and signed it may fill its block to the last byte", async () => {
	// As many as bring the manifest near its limit; the length of one word then decides.
	const requires = [undefined, "r".repeat(64), "r".repeat(20)];
	const components = Array.from({ length: 8 }, (_, index): ReleaseComponent => {
		return { name: `d${index}`, kind: "data", content: new Uint8Array(11 * 65_536), requires: requires[index] };
	});
	const create = (length: number, key?: string): Uint8Array => {
		return createRelease({ ...options, key, components: [{ ...components[0]!, requires: "r".repeat(length) }, ...components.slice(1)] }).file;
	};
	const most = Array.from({ length: 64 }, (_, index) => index + 1).filter(length => codeOf(() => create(length)) === "nothing").at(-1)!;
	assert.ok(most < 64);
	const signed = signRelease(create(most), ES256.privateKey);
	assert.equal(new DataView(signed.buffer).getUint32(4), BLOCK - 8);
	assert.equal(await reason(signed), "nothing");
	assert.deepEqual([create(most, ES256.privateKey).byteLength, codeOf(() => create(most + 1, ES256.privateKey))], [signed.byteLength, "too-large"]);
});

test("contentsOf and readManifest read whatever nobody need have signed", () => {
	const { file, manifest } = createRelease({ ...options, key: undefined });
	assert.deepEqual(readManifest(file), manifest);
	assert.deepEqual(contentsOf(file), new Map([["main", image.content]]));
	assert.deepEqual(contentsOf(createRelease({ ...options, components: [{ ...image, full: false }] }).file), new Map());
	file[file.byteLength - BLOCK]! ^= 1;
	assert.equal(codeOf(() => contentsOf(file)), "digest");
});
