// SPDX-License-Identifier: Apache-2.0
/**
 * Releases that no device may install, end to end: each is refused with its own reason, which the cloud is told, and the
 * device goes on as it was. What can be known before the download is known before a byte of a slot is changed.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { encode } from "../../hosts/release/cose.js";
import { createRelease, generateReleaseKey, type ReleaseOptions } from "../../hosts/release/index.js";
import type { CBORObject } from "../../src/cbor/value.js";
import type { FailureReason } from "../../src/ota/failure.js";
import {
	BLOCK, contentOf, imageOf, manifestOf, messageOf, sealed, sealedBytes, successorOf, withMessage,
} from "./releases.js";
import { ID, releaseKey, Scene } from "./scene.js";

const otherKey = generateReleaseKey();
const secondKey = generateReleaseKey();
const factory = imageOf("1.0.0", 16_000);
const image = imageOf("2.0.0", 18_000);
const patched = successorOf(factory, "2.0.0", 18_000);
const SLOT = 65_536;
const partitions = { ui_0: 2 * BLOCK, ui_1: 2 * BLOCK };
const slots = ["ota_0", "ota_1", "ui_0", "ui_1"];
/** The wall clock of worlds, in s. */
const NOW = 1_767_225_600;

function release(options: Partial<ReleaseOptions> = {}): Uint8Array {
	return createRelease({
		product: "lamp", version: "2.0.0", counter: 1, key: releaseKey.privateKey,
		components: [{ name: "main", kind: "image", content: image }], ...options,
	}).file;
}

const good = release();
const mod = (content: Uint8Array, name = "ui") => ({ name, kind: "mod" as const, content });

/** The good release with its manifest changed, and signed again. */
function forged(change: (manifest: CBORObject, main: CBORObject) => void, file = good): Uint8Array {
	const manifest = manifestOf(file);
	change(manifest, (manifest["components"] as CBORObject[])[0]!);
	return sealed(file, manifest);
}

function spoilt(at: number, file = good): Uint8Array {
	const copy = file.slice();
	copy[at]! ^= 1;
	return copy;
}

function withTrailing(): Uint8Array {
	const message = messageOf(good);
	return withMessage(good, Uint8Array.of(...message, 0));
}

function resized(name: "size" | "counter", value: number): Uint8Array {
	return forged((manifest, main) => {
		if (name === "size") main["size"] = value;
		else manifest["counter"] = value;
	});
}

function sha256(bytes: Uint8Array): Uint8Array {
	return new Uint8Array(createHash("sha256").update(bytes).digest());
}

/** A patch for the factory's image, whose bytes are changed as `change` wants, and signed for. */
function patchOf(change: (patch: Uint8Array) => void): Uint8Array {
	const { file, manifest } = createRelease({
		product: "lamp", version: "2.0.0", counter: 1, key: releaseKey.privateKey,
		components: [{ name: "main", kind: "image", content: patched, bases: [factory], full: false }],
	});
	const copy = file.slice();
	const { offset, size } = manifest.components[0]!.payloads[0]!;
	change(copy.subarray(offset, offset + size));
	return copy;
}

const BEFORE_DOWNLOAD: [what: string, file: () => Uint8Array, reason: FailureReason][] = [
	["whose signature is wrong", () => spoilt(8 + messageOf(good).length - 1), "signature"],
	["whose manifest was changed", () => spoilt(8 + 40), "signature"],
	["whose signature is zero", () => withMessage(good, messageOf(good).fill(0, -64)), "signature"],
	["signed with another key", () => release({ key: otherKey.privateKey }), "key-unknown"],
	["that nobody signed", () => release({ key: undefined }), "malformed"],
	["with bytes behind its manifest", () => spoilt(BLOCK - 1), "trailing"],
	["with bytes behind its signature", withTrailing, "trailing"],
	["with a byte behind its CBOR", () => sealedBytes(good, Uint8Array.of(...encode(manifestOf(good)), 0)), "malformed"],
	["that is no release", () => spoilt(0), "malformed"],
	["that is empty flash", () => new Uint8Array(4 * BLOCK).fill(0xff), "malformed"],
	["whose CBOR is cut", () => sealedBytes(good, encode(manifestOf(good)).slice(0, -3)), "malformed"],
	["whose CBOR is no map", () => sealed(good, [1, 2]), "malformed"],
	["without components", () => forged((manifest) => { manifest["components"] = []; }), "malformed"],
	["with a component twice", () => forged((manifest, main) => { manifest["components"] = [main, main]; }), "malformed"],
	["of an absurd size", () => resized("size", 2 ** 40), "malformed"],
	["of no size", () => resized("size", 0), "malformed"],
	["with a counter that is no number", () => resized("counter", -1), "malformed"],
	["for another product", () => release({ product: "toaster" }), "product"],
	["for other hardware", () => release({ hardware: ["c6", "s3"] }), "hardware"],
	["that expired", () => release({ expires: NOW - 1 }), "expired"],
	["with an older counter", () => release({ counter: 0 }), "counter"],
	["that is not newer", () => release({ version: "1.0.0" }), "version"],
	["that is a preview of what runs", () => release({ version: "1.0.0-rc.1" }), "version"],
	["that needs what comes between", () => release({ minimum: "1.5.0" }), "minimum"],
	["that is larger than the slot", () => release({ components: [{ name: "main", kind: "image", content: imageOf("2.0.0", SLOT + BLOCK) }] }), "too-large"],
	["with a mod that has no slot", () => release({ components: [mod(contentOf("good", 3_000), "radio")] }), "component"],
	["with an image, and a mod that has no slot", () => release({
		components: [{ name: "main", kind: "image", content: image }, mod(contentOf("good", 3_000), "radio")],
	}), "component"],
	["with an image, and a mod that is larger than its slot", () => release({
		components: [{ name: "main", kind: "image", content: image }, mod(contentOf("good", 3 * BLOCK))],
	}), "too-large"],
	["with a mod that requires another image", () => release({ components: [{ ...mod(contentOf("good", 3_000)), requires: "lamp-9" }] }), "compatibility"],
	["that is a patch for something else", () => release({
		components: [{ name: "main", kind: "image", content: successorOf(image, "2.0.0", 18_000), bases: [image], full: false }],
	}), "base"],
	["that is a patch for a mod which is not there", () => release({
		components: [{ ...mod(contentOf("good", 6_000, "a").fill(1, 100)), bases: [contentOf("good", 6_000, "a").fill(1, 90)], full: false }],
	}), "base"],
	["with half a block", () => good.slice(0, 2_000), "truncated"],
];

const IN_DOWNLOAD: [what: string, file: () => Uint8Array, reason: FailureReason][] = [
	["with another bit in its first block", () => spoilt(BLOCK + 100), "block-digest"],
	["with another bit in the middle", () => spoilt(3 * BLOCK + 100), "block-digest"],
	["with another bit in its last block", () => spoilt(BLOCK + 17_999), "block-digest"],
	["whose file ends early", () => good.slice(0, 4 * BLOCK), "truncated"],
	["whose file ends in a block", () => good.slice(0, 4 * BLOCK + 1), "truncated"],
	["with the digest of something else", () => forged((_, main) => { main["digest"] = sha256(factory); }), "digest"],
	["that is no image", () => release({ components: [{ name: "main", kind: "image", content: contentOf("2.0.0", 9_000) }] }), "image"],
	["whose patch makes more than it says", () => forged((_, main) => { main["size"] = 12_000; main["groups"] = sha256(patched.subarray(0, 12_000)); }, patchOf(() => {})), "patch-bomb"],
	["whose patch makes less than it says", () => forged((_, main) => { main["size"] = 19_000; }, patchOf(() => {})), "patch"],
	["whose patch is none", () => patchOf((patch) => { patch[3] = 9; }), "patch"],
	["whose patch copies from nowhere", () => patchOf((patch) => { patch.fill(0xff, 6, 12); }), "patch"],
	["whose patch has another bit", () => patchOf((patch) => { patch[patch.length - 9]! ^= 1; }), "block-digest"],
];

function begin(): Scene {
	const scene = new Scene({ image: factory, slot: SLOT, partitions, counter: 1, hardware: "c3", provides: ["lamp-1"] });
	scene.world.run(() => scene.program?.inSync ?? false, { within: 60_000 });
	return scene;
}

function cells(scene: Scene, names: readonly string[]): string {
	const hash = createHash("sha256");
	for (const name of names) hash.update(scene.bytes(name));
	return hash.digest("hex");
}

function refuse(file: Uint8Array, reason: FailureReason, changed: readonly string[]): void {
	const scene = begin();
	const same = ["otadata", ...slots.filter((name) => !changed.includes(name))];
	const before = cells(scene, same);
	const job = scene.offerFile(file);
	scene.settle(job);
	assert.equal(scene.outcome(job), `FAILED {"update":"failed","version":"1.0.0","reason":"${reason}"}`);
	assert.equal(cells(scene, same), before, "what boots, and the rest of the flash, is as before");
	assert.deepEqual(scene.boots, ["1.0.0"]);
	assert.equal(scene.ends.length, 1);
	assert.ok(scene.ends[0]!.endsWith(reason), scene.ends[0]);
	assert.equal(scene.device.crashes.length, 0);
	assert.equal(scene.record?.transaction, undefined);
	// And again, after a reset; then the device takes the good one.
	scene.device.restart();
	scene.settle(scene.offerFile(file));
	const next = scene.offerFile(good);
	scene.settle(next);
	assert.equal(scene.reason(next), "SUCCEEDED");
	assert.equal(scene.device.image!.name, "2.0.0");
}

for (const [what, file, reason] of BEFORE_DOWNLOAD) {
	test(`a release ${what} is refused before its download: ${reason}`, () => {
		refuse(file(), reason, []);
	});
}

for (const [what, file, reason] of IN_DOWNLOAD) {
	test(`a release ${what} does not boot: ${reason}`, () => {
		refuse(file(), reason, ["ota_1"]);
	});
}

test("a key that was revoked by what is installed is good for nothing", () => {
	const scene = new Scene({ image: factory, keys: [releaseKey.text, secondKey.text] });
	scene.world.advance(10_000);
	const last = scene.offerFile(release({ key: secondKey.privateKey, revoked: [releaseKey.id] }));
	scene.settle(last);
	assert.equal(scene.reason(last), "SUCCEEDED");
	const next = (key: string): string => scene.offerFile(release({
		key, version: "3.0.0", components: [{ name: "main", kind: "image", content: imageOf("3.0.0", 9_000) }],
	}));
	const revoked = next(releaseKey.privateKey);
	scene.settle(revoked);
	assert.equal(scene.reason(revoked), "key-revoked");
	const other = next(secondKey.privateKey);
	scene.settle(other);
	assert.equal(scene.reason(other), "SUCCEEDED");
});

test("keys that a release revokes are good until it is confirmed", () => {
	const scene = new Scene({ image: factory, keys: [releaseKey.text, secondKey.text] });
	scene.world.advance(10_000);
	scene.settle(scene.offerFile(release({
		key: secondKey.privateKey, revoked: [releaseKey.id],
		components: [{ name: "main", kind: "image", content: imageOf("crash", 9_000) }],
	})));
	const next = scene.offerFile(good);
	scene.settle(next);
	assert.equal(scene.reason(next), "SUCCEEDED");
});

test("a file that is replaced in the middle of its download is noticed", () => {
	const scene = begin();
	const job = scene.offerFile(good);
	scene.world.run(() => (scene.progress?.blocks ?? 0) >= 2, { within: 60_000 });
	const stream = { version: 0, description: "", files: { 0: good } };
	scene.cloud.services.streams.put(ID, "release-1", { ...stream, isReplaced: true });
	scene.device.cutPower();
	scene.settle(job);
	assert.equal(scene.reason(job), "changed");
	assert.deepEqual(scene.boots, ["1.0.0", "1.0.0"]);
});

for (const [what, document] of [
	["nothing", {}], ["both", { url: "https://cloud.test/a.mrl", stream: "release" }], ["a number", { stream: 7 }],
	["a file that is none", { stream: "release", file: 256 }], ["a percentage in words", { stream: "release", percent: "all" }],
] as const) {
	test(`a job that says ${what} of its release is rejected`, () => {
		const scene = begin();
		const job = scene.offerDocument({ update: document as Record<string, string | number> });
		scene.settle(job);
		assert.equal(scene.outcome(job), 'REJECTED {"update":"failed","version":"1.0.0","reason":"malformed"}');
	});
}

for (const [what, document, reason] of [
	["of a stream that is none", { stream: "nowhere" }, "not-found"],
	["of a web server that nobody knows", { url: "https://nowhere.test/a.mrl" }, "unreachable"],
	["of a place that is no web server", { url: "ftp://cloud.test/a.mrl" }, "malformed"],
	["of a server without TLS", { url: "http://cloud.test/a.mrl" }, "malformed"],
] as const) {
	test(`a release ${what} is not waited for without an end: ${reason}`, () => {
		const scene = begin();
		const job = scene.offerDocument({ update: document });
		scene.settle(job, 6 * 3_600_000);
		assert.equal(scene.reason(job), reason);
	});
}
