// SPDX-License-Identifier: Apache-2.0
/** Manifests: what one says, where everything lies in the file, and what is none. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CBORObject, CBORValue } from "../../../src/cbor/value.js";
import { decodeManifest, HEADER_LENGTH, readHeader, RELEASE_LIMITS } from "../../../src/ota/manifest.js";
import { encoded } from "../cbor/encoding.js";
import { text } from "../text.js";
import { decode, digest, encodeSign1, firstBlock, fullDocument, imageDocument, leastDocument, reasonThrown } from "./release.js";

type Change = (document: any) => void;

function changed(change: Change): CBORObject {
	const document = fullDocument();
	change(document);
	return document;
}

function refuses(name: string, change: Change): void {
	it(name, () => assert.equal(reasonThrown(() => decode(changed(change))), "malformed"));
}

describe("decodeManifest", () => {
	it("takes in all that a manifest says", () => {
		const manifest = decode(fullDocument());
		const { components, ...rest } = manifest;
		assert.deepEqual(rest, {
			product: "lamp", version: "1.4.3", counter: 7, hardware: ["lamp-1", "lamp-2"], minimum: "1.2.0", expires: 1_800_000_000,
			revoked: [Uint8Array.of(9, 9)],
			// A block of header, 25 of the image, two of the patch, and one of words.
			length: 4_096 * (1 + 25 + 2 + 1),
		});
		const [image, words] = components;
		const { payloads, ...ofImage } = image!;
		assert.deepEqual(ofImage, {
			name: "main", kind: "image", size: 100_000, digest: digest(1), group: 65_536, groups: new Uint8Array(64).fill(2), requires: "",
		});
		assert.equal(words!.requires, "words-2");
		assert.deepEqual(payloads, [
			{ kind: "patch", size: 5_000, offset: 4_096 * 26, base: digest(5), baseSize: 99_000 },
			{ kind: "full", size: 100_000, offset: 4_096, base: undefined, baseSize: 0 },
		]);
		assert.equal(words!.payloads[0]!.offset, 4_096 * 28);
	});

	it("has a value for all that was not said", () => {
		const { hardware, minimum, expires, revoked, components: [image] } = decode(leastDocument());
		assert.deepEqual([hardware, minimum, expires, revoked, image!.requires], [[], "", Infinity, [], ""]);
	});

	it("keeps nothing of the bytes that it was given", () => {
		const bytes = encoded(fullDocument());
		const manifest = decode(bytes);
		bytes.fill(0xff);
		assert.deepEqual(manifest, decode(fullDocument()));
	});

	it("reads what lies amid other bytes", () => {
		const bytes = encoded(fullDocument());
		const amid = Uint8Array.of(1, 2, 3, ...bytes, 4);
		assert.deepEqual(decodeManifest(text, amid, 3, 3 + bytes.byteLength), decode(bytes));
	});

	it("takes members in any order, and leaves out those that it does not know", () => {
		const reversed = Object.fromEntries(Object.entries(fullDocument()).reverse());
		assert.deepEqual(decode(reversed), decode(fullDocument()));
		const later = changed((document) => {
			document.signedBy = { name: "somebody" };
			document.components[0].compression = "none";
			document.components[0].payloads[1].compression = ["none"];
		});
		assert.deepEqual(decode(later), decode(fullDocument()));
	});

	it("refuses what is cut anywhere, lengthened, or said twice", () => {
		const bytes = encoded(fullDocument());
		for (let end = 0; end < bytes.byteLength; end++) {
			assert.equal(reasonThrown(() => decodeManifest(text, bytes, 0, end)), "malformed", String(end));
		}
		assert.equal(reasonThrown(() => decode(Uint8Array.of(...bytes, 0))), "malformed");
		const least = encoded(leastDocument());
		const twice = Uint8Array.of(0xa5, ...least.subarray(1), ...encoded("counter"), 1);
		assert.equal(reasonThrown(() => decode(twice)), "malformed");
	});

	for (const value of [null, true, 1, "text", [], digest(1), {}] as CBORValue[]) {
		it(`refuses ${JSON.stringify(value)} as a manifest, and in place of a component or a payload`, () => {
			assert.equal(reasonThrown(() => decode(encoded(value))), "malformed");
			assert.equal(reasonThrown(() => decode(changed(({ components }) => { components[1] = value; }))), "malformed");
			assert.equal(reasonThrown(() => decode(changed(({ components }) => { components[0].payloads[0] = value; }))), "malformed");
		});
	}

	for (const member of ["product", "version", "counter", "components"]) {
		refuses(`refuses a manifest without ${member}`, (document) => { delete document[member]; });
	}
	for (const member of ["name", "kind", "size", "digest", "group", "groups", "payloads"]) {
		refuses(`refuses a component without ${member}`, ({ components }) => { delete components[1][member]; });
	}
	for (const member of ["kind", "size", "base", "baseSize"]) {
		refuses(`refuses a patch without ${member}`, ({ components }) => { delete components[0].payloads[1][member]; });
	}
	for (const member of Object.keys(fullDocument())) {
		for (const value of [null, false, -1, 0.5, {}, new Uint8Array(1), [[]], "", "x".repeat(65)]) {
			refuses(`refuses ${JSON.stringify(value)} as ${member}`, (document) => { document[member] = value; });
		}
	}
	for (const member of ["name", "kind", "size", "digest", "group", "groups", "requires", "payloads"]) {
		for (const value of [null, false, -1, 0, 0.5, {}, new Uint8Array(31), [[]], ""]) {
			refuses(`refuses ${JSON.stringify(value)} as ${member} of a component`, ({ components }) => { components[1][member] = value; });
		}
	}
	for (const member of ["kind", "size", "base", "baseSize"]) {
		for (const value of [null, false, -1, 0, 0.5, {}, new Uint8Array(33), ["patch"], "fulll"]) {
			refuses(`refuses ${JSON.stringify(value)} as ${member} of a patch`, ({ components }) => { components[0].payloads[1][member] = value; });
		}
	}

	refuses("refuses a version that is none", (document) => { document.version = "1.4"; });
	refuses("refuses a minimum that is none", (document) => { document.minimum = "v1.0.0"; });
	refuses("refuses more components than eight", (document) => {
		document.components = "abcdefghi".split("").map((name) => ({ ...document.components[1], name }));
	});
	refuses("refuses two components of one name", ({ components }) => { components.push(components[1]); });
	refuses("refuses an image of another name", ({ components }) => { components[0].name = "other"; });
	refuses("refuses data with the image's name", ({ components }) => { components.shift(); components[0].name = "main"; });
	refuses("refuses two images", ({ components }) => { components[1] = { ...imageDocument(), name: "main2" }; });
	for (const name of ["Words", "wor ds", "words-2", "ä", "abcdefghijklm", "a\0"]) {
		refuses(`refuses ${JSON.stringify(name)} as a component's name`, ({ components }) => { components[1].name = name; });
	}
	refuses("refuses a component that is too large", ({ components }) => {
		Object.assign(components[1], { size: RELEASE_LIMITS.size + 1, group: RELEASE_LIMITS.size, groups: new Uint8Array(64) });
	});
	refuses("refuses groups that are no whole blocks", ({ components }) => { components[1].group = 65_537; });
	refuses("refuses digests of more groups than there are", ({ components }) => { components[0].groups = new Uint8Array(96); });
	refuses("refuses digests of fewer groups than there are", ({ components }) => { components[0].groups = new Uint8Array(32); });
	refuses("refuses more groups than 32", ({ components }) => {
		Object.assign(components[0], { group: 4_096, size: 33 * 4_096, groups: new Uint8Array(33 * 32) });
		components[0].payloads[0].size = 33 * 4_096;
	});
	refuses("refuses a whole of another length than the component", ({ components }) => { components[0].payloads[0].size--; });
	refuses("refuses a whole with a base", ({ components }) => { components[0].payloads[0].base = digest(1); });
	refuses("refuses more payloads than eight", ({ components }) => {
		components[1].payloads = new Array(9).fill(components[1].payloads[0]);
	});
	refuses("refuses more hardware than 16 names", (document) => {
		document.hardware = Array.from({ length: 17 }, (_, index) => `lamp-${index}`);
	});
	refuses("refuses more than 8 revoked keys, and identifiers of more than 32 bytes", (document) => {
		document.revoked = new Array(9).fill(digest(1));
	});
	refuses("refuses an identifier of more than 32 bytes", (document) => { document.revoked = [new Uint8Array(33)]; });
	refuses("refuses an empty identifier", (document) => { document.revoked = [new Uint8Array(0)]; });

	it("takes the largest of everything", () => {
		const { size } = RELEASE_LIMITS;
		const group = size / 32;
		const component = {
			kind: "data", size, digest: digest(1), group, groups: new Uint8Array(1_024),
			payloads: [...new Array(7).fill({ kind: "patch", size, base: digest(2), baseSize: size }), { kind: "full", size }],
		};
		const manifest = decode({
			product: "p".repeat(64), version: `1.0.0-${"a".repeat(58)}`, counter: Number.MAX_SAFE_INTEGER, expires: Number.MAX_SAFE_INTEGER,
			hardware: Array.from({ length: 16 }, (_, index) => `${index}`.padStart(64, "h")),
			revoked: new Array(8).fill(new Uint8Array(32)),
			components: Array.from({ length: 8 }, (_, index) => ({ ...component, name: `abcdefghij${index}z`, requires: "r".repeat(64) })),
		});
		assert.equal(manifest.length, 4_096 + 64 * size);
		assert.equal(manifest.components[7]!.payloads[7]!.offset, 4_096 + 63 * size);
	});
});

describe("readHeader", () => {
	const sign1 = encodeSign1();
	const read = (block: Uint8Array): number => readHeader(text, block, 0, block.byteLength);

	it("says where the COSE_Sign1 ends", () => {
		assert.equal(read(firstBlock(sign1)), HEADER_LENGTH + sign1.byteLength);
		const amid = new Uint8Array(5_000).fill(7);
		amid.set(firstBlock(sign1), 100);
		assert.equal(readHeader(text, amid, 100, 4_196), 100 + HEADER_LENGTH + sign1.byteLength);
		assert.equal(read(firstBlock(new Uint8Array(RELEASE_LIMITS.manifest).fill(1))), 4_096);
	});

	it("refuses what is no release", () => {
		const malformed = [
			firstBlock(sign1, [0x4d, 0x52, 0x4c, 0x32]), firstBlock(sign1, [0, 0, 0, 0]), new Uint8Array(4_096), new Uint8Array(4_096).fill(0xff),
			firstBlock(sign1, undefined, 0), firstBlock(sign1, undefined, RELEASE_LIMITS.manifest + 1), firstBlock(sign1, undefined, 0xffff_ffff),
			firstBlock(sign1).subarray(1), firstBlock(sign1).subarray(0, 4_095), new Uint8Array(0), new Uint8Array(4_097),
		];
		for (const [index, block] of malformed.entries()) assert.equal(reasonThrown(() => read(block)), "malformed", String(index));
	});

	it("refuses anything but zeros behind the manifest", () => {
		const after = HEADER_LENGTH + sign1.byteLength;
		for (const index of [after, after + 1, 4_095]) {
			const block = firstBlock(sign1);
			block[index] = 1;
			assert.equal(reasonThrown(() => read(block)), "trailing", String(index));
		}
		assert.equal(reasonThrown(() => read(firstBlock(sign1, undefined, sign1.byteLength - 1))), "trailing");
	});
});
