// SPDX-License-Identifier: Apache-2.0
/** Releases as they are made: read back byte for byte with tools of others, and every limit. */
import assert from "node:assert/strict";
import { createHash, verify } from "node:crypto";
import { test } from "node:test";
import { Decoder } from "cbor-x";
import { createRelease, generateReleaseKey, type ReleaseComponent, type ReleaseOptions, viewManifest } from "../../hosts/release/index.js";
import { codeOf } from "../unit/failure.js";
import { noise, touched } from "./contents.js";

const BLOCK = 4_096;
const key = generateReleaseKey();
const image: ReleaseComponent = { name: "main", kind: "image", content: noise(10_000, 1) };
const options: ReleaseOptions = { product: "lamp", version: "1.4.3", counter: 7, components: [image], key: key.privateKey };
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const decoder = new Decoder({ mapsAsObjects: true, useRecords: false });

/** The fields of the file's COSE_Sign1, and all behind it in its block. */
function messageOf(file: Uint8Array): { fields: [Uint8Array, object, Uint8Array, Uint8Array]; rest: Uint8Array } {
	const view = new DataView(file.buffer);
	assert.equal(Buffer.from(file.subarray(0, 4)).toString(), "MRL1");
	const length = view.getUint32(4);
	const message = file.subarray(8, 8 + length);
	assert.equal(message[0], 0xd2, "tag 18");
	return { fields: decoder.decode(message.subarray(1)), rest: file.subarray(8 + length, BLOCK) };
}

test("a release is header, manifest and payloads, each from the beginning of a block, with zeros between", () => {
	const mod: ReleaseComponent = { name: "rules", kind: "mod", content: noise(5_000, 2), requires: "rules-1" };
	const data: ReleaseComponent = { name: "assets1", kind: "data", content: noise(BLOCK, 3) };
	const { file, manifest } = createRelease({ ...options, components: [image, mod, data] });
	const { fields: [, , payload], rest } = messageOf(file);
	const offsets = [BLOCK, BLOCK + 12_288, BLOCK + 12_288 + 8_192];
	assert.equal(file.byteLength, BLOCK + 12_288 + 8_192 + BLOCK);
	assert.equal(manifest.length, file.byteLength);
	assert.ok(rest.every(byte => byte === 0));
	[image, mod, data].forEach(({ content }, index) => {
		const start = offsets[index]!, end = start + content.byteLength;
		assert.deepEqual(file.slice(start, end), content);
		assert.ok(file.subarray(end, offsets[index + 1]).every(byte => byte === 0));
		assert.equal(manifest.components[index]!.payloads[0]!.offset, start);
	});
	const read = decoder.decode(payload);
	assert.deepEqual(Object.keys(read), ["product", "version", "counter", "components"]);
	assert.deepEqual(Object.keys(read.components[1]), ["name", "kind", "size", "digest", "group", "groups", "requires", "payloads"]);
	assert.deepEqual({ ...read, components: read.components.map((one: object & { digest: Uint8Array; groups: Uint8Array }) => {
		return { ...one, digest: Buffer.from(one.digest).toString("hex"), groups: Buffer.from(one.groups).toString("hex") };
	}) }, {
		product: "lamp", version: "1.4.3", counter: 7,
		components: [image, mod, data].map(({ name, kind, content, requires }) => ({
			name, kind, size: content.byteLength, digest: sha256(content), group: 65_536, groups: sha256(content),
			...(requires !== undefined && { requires }), payloads: [{ kind: "full", size: content.byteLength }],
		})),
	});
});

test("the signature is over the Sig_structure, and the headers are exactly an algorithm and a key", () => {
	for (const algorithm of ["ES256", "EdDSA"] as const) {
		const pair = generateReleaseKey({ algorithm });
		const { fields: [header, unprotected, payload, signature] } = messageOf(createRelease({ ...options, key: pair.privateKey }).file);
		const id = Buffer.from(pair.id);
		assert.deepEqual(Buffer.from(header), Buffer.concat([Buffer.from([0xa2, 0x01, algorithm === "ES256" ? 0x26 : 0x27, 0x04, 0x48]), id]));
		assert.deepEqual(unprotected, {});
		const length = Buffer.from([0x58, payload.byteLength]);
		assert.ok(payload.byteLength >= 24 && payload.byteLength < 256, "one byte of length");
		const signed = Buffer.concat([Buffer.from("846a5369676e617475726531", "hex"), Buffer.from([0x40 + header.byteLength]), header, Buffer.from([0x40]), length, payload]);
		assert.ok(verify(algorithm === "ES256" ? "sha256" : null, signed, { key: pair.publicKey, dsaEncoding: "ieee-p1363" }, signature));
	}
});

test("members that say nothing are left out, and the others come in their order", () => {
	const { file, manifest } = createRelease({
		...options, hardware: ["lamp-a", "lamp-b"], minimum: "1.0.0-rc.1+b", expires: 1_800_000_000, revoked: [Uint8Array.of(1, 2)],
	});
	const read = decoder.decode(messageOf(file).fields[2]);
	assert.deepEqual(Object.keys(read), ["product", "version", "counter", "hardware", "minimum", "expires", "revoked", "components"]);
	assert.equal(read.expires, 1_800_000_000);
	const { hardware, minimum, expires, revoked } = viewManifest(manifest);
	assert.deepEqual({ hardware, minimum, expires, revoked }, {
		hardware: ["lamp-a", "lamp-b"], minimum: "1.0.0-rc.1+b", expires: "2027-01-15T08:00:00.000Z", revoked: ["0102"],
	});
});

test("groups are of 64 KB and more, a multiple of a block, 16 at most, and the last is what is left", () => {
	const sizes = [[1, 65_536], [65_536, 65_536], [65_537, 65_536], [1_048_576, 65_536], [1_048_577, 69_632], [4_000_001, 253_952]] as const;
	for (const [size, group] of sizes) {
		const content = noise(size, size);
		const [component] = createRelease({ ...options, components: [{ ...image, content }] }).manifest.components;
		assert.equal(component!.group, group);
		const count = Math.ceil(size / group);
		assert.ok(count <= 16);
		assert.equal(component!.groups.byteLength, 32 * count);
		const last = component!.groups.slice(-32);
		assert.equal(Buffer.from(last).toString("hex"), sha256(content.subarray((count - 1) * group)));
	}
});

test("patches come first, are kept where they save a tenth, and never against the same or what is there already", () => {
	const { content } = image;
	const old = touched(content, 10), older = touched(content, 20);
	const bases = [noise(10_000, 5), old, older, old.slice(), content.slice()];
	const { file, manifest } = createRelease({ ...options, components: [{ ...image, bases }] });
	const { payloads } = manifest.components[0]!;
	assert.deepEqual(payloads.map(({ kind, offset, baseSize }) => ({ kind, offset, baseSize })), [
		{ kind: "patch", offset: BLOCK, baseSize: 10_000 },
		{ kind: "patch", offset: 2 * BLOCK, baseSize: 10_000 },
		{ kind: "full", offset: 3 * BLOCK, baseSize: 0 },
	]);
	[old, older].forEach((base, index) => {
		assert.equal(Buffer.from(payloads[index]!.base!).toString("hex"), sha256(base));
		assert.equal(Buffer.from(file.subarray(payloads[index]!.offset).subarray(0, 3)).toString("hex"), "d6c3c4", "VCDIFF");
	});
});

test("without the whole of it a component has its patches alone, and at least one", () => {
	const partial = { ...image, bases: [touched(image.content, 3)], full: false };
	const { manifest } = createRelease({ ...options, components: [partial] });
	assert.deepEqual(manifest.components[0]!.payloads.map(({ kind }) => kind), ["patch"]);
	assert.equal(codeOf(() => createRelease({ ...options, components: [{ ...partial, bases: [noise(10, 5)] }] })), "argument");
});

test("every limit is one", () => {
	const one = (index: number): ReleaseComponent => ({ name: `data${index}`, kind: "data", content: Uint8Array.of(index) });
	const many = <Item>(count: number, make: (index: number) => Item): Item[] => Array.from({ length: count }, (_, index) => make(index));
	const bases = (count: number) => ({ components: [{ ...image, bases: many(count, index => touched(image.content, index + 1)) }] });
	const within: Partial<ReleaseOptions>[] = [
		{ components: many(8, one) }, { hardware: many(16, index => `h${index}`) }, { revoked: many(8, index => Uint8Array.of(index)) },
		bases(7), { counter: 2 ** 32 - 1 }, { product: "p".repeat(64) },
	];
	for (const change of within) assert.equal(codeOf(() => createRelease({ ...options, ...change })), "nothing", JSON.stringify(Object.keys(change)));
	const beyond: Partial<ReleaseOptions>[] = [
		{ components: many(9, one) }, { hardware: many(17, index => `h${index}`) }, { revoked: many(9, index => Uint8Array.of(index)) },
		bases(8), { components: [{ ...image, content: new Uint8Array(24 * 1024 * 1024 + 1) }] },
		{ components: many(8, index => ({ ...one(index), content: noise(16 * 65_536, index) })) },
	];
	for (const change of beyond) assert.equal(codeOf(() => createRelease({ ...options, ...change })), "too-large", JSON.stringify(Object.keys(change)));
});

test("what no release can say is an argument", () => {
	const wrong: Partial<ReleaseOptions>[] = [
		...["", "1", "1.2", "01.2.3", "1.2.3-", "1.2.3-01", "1.2.3+", "v1.2.3", "1.2.3.4", " 1.2.3"].map(version => ({ version })),
		{ minimum: "1" }, { product: "" }, { product: "p".repeat(65) }, { product: "a\nb" }, { hardware: [""] }, { hardware: ["a", "a"] },
		{ counter: -1 }, { counter: 1.5 }, { counter: 2 ** 32 }, { expires: -1 }, { expires: NaN }, { revoked: [new Uint8Array(0)] },
		{ revoked: [new Uint8Array(33)] }, { components: [] }, { components: [image, image] },
		{ components: [{ ...image, name: "other" }] }, { components: [{ ...image, kind: "data" }] },
		...["", "Upper", "a-b", "abcdefghijklm"].map(name => ({ components: [{ ...image, kind: "data" as const, name }] })),
		{ components: [{ ...image, content: new Uint8Array(0) }] },
	];
	for (const change of wrong) assert.equal(codeOf(() => createRelease({ ...options, ...change })), "argument", JSON.stringify(change));
	for (const version of ["0.0.0", "1.2.3-rc.1", "1.2.3-0a.x-y.0", "1.2.3-1+b.01", "10.20.30+build"]) {
		assert.equal(createRelease({ ...options, version }).manifest.version, version);
	}
	assert.equal(codeOf(() => createRelease({ ...options, key: "no key" })), "credential");
});
