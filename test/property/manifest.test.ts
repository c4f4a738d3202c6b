// SPDX-License-Identifier: Apache-2.0
/** Manifests that were damaged, or made up: each is read or refused, and none does anything else. */
import assert from "node:assert/strict";
import { openSign1 } from "../../src/ota/cose.js";
import { HEADER_LENGTH, readHeader, RELEASE_LIMITS, type Manifest } from "../../src/ota/manifest.js";
import { encoded } from "../unit/cbor/encoding.js";
import { toHex } from "../unit/hex.js";
import { decode, EDDSA, encodeSign1, ES256, firstBlock, fullDocument, reasonThrown } from "../unit/ota/release.js";
import { text } from "../unit/text.js";
import { property, type Random } from "./random.js";

const SEEDS = Number((globalThis as { SEEDS?: number }).SEEDS ?? 300) * 10;
const BLOCK = 4_096;

/** Some of what happens to bytes: changed, left out, put in, said twice, cut. */
function damaged(random: Random, bytes: Uint8Array): Uint8Array {
	let list = Array.from(bytes);
	for (let count = 1 + random.below(3); count > 0; count--) {
		const at = random.below(list.length);
		switch (random.below(6)) {
			case 0: list[at] = list[at]! ^ 1 << random.below(8); break;
			case 1: list[at] = random.pick([0, 0x17, 0x18, 0x1b, 0x3b, 0x5f, 0x7f, 0x80, 0x9f, 0xa0, 0xbf, 0xf4, 0xf6, 0xfb, 0xff]); break;
			case 2: list.splice(at, 1 + random.below(4)); break;
			case 3: list.splice(at, 0, random.below(256)); break;
			case 4: list.splice(at, 0, ...list.slice(at, at + 1 + random.below(40))); break;
			default: list = list.slice(0, at);
		}
	}
	return Uint8Array.from(list);
}

/** What every manifest keeps to that was not refused. */
function check(manifest: Manifest): void {
	const { components, counter, revoked, hardware } = manifest;
	assert.ok(Number.isSafeInteger(counter) && counter >= 0);
	assert.ok(revoked.length <= RELEASE_LIMITS.revoked && hardware.length <= RELEASE_LIMITS.hardware);
	assert.ok(components.length >= 1 && components.length <= RELEASE_LIMITS.components);
	assert.equal(new Set(components.map(({ name }) => name)).size, components.length);
	const payloads = components.flatMap((component) => component.payloads).sort((left, right) => left.offset - right.offset);
	let offset = BLOCK;
	for (const payload of payloads) {
		assert.equal(payload.offset, offset);
		offset += Math.ceil(payload.size / BLOCK) * BLOCK;
	}
	assert.equal(manifest.length, offset);
	for (const { kind, name, size, group, groups, digest, payloads } of components) {
		assert.equal(kind === "image", name === "main");
		assert.ok(size >= 1 && size <= RELEASE_LIMITS.size);
		assert.equal(group % BLOCK, 0);
		assert.equal(groups.byteLength, 32 * Math.ceil(size / group));
		assert.ok(groups.byteLength <= 32 * RELEASE_LIMITS.groups);
		assert.equal(digest.byteLength, 32);
		const kinds = payloads.map((payload) => payload.kind);
		assert.deepEqual(kinds, [...kinds].sort().reverse());
	}
}

property("a damaged manifest is refused, or is one", SEEDS, (random) => {
	const bytes = damaged(random, encoded(fullDocument()));
	const reason = reasonThrown(() => check(decode(bytes)));
	assert.ok(reason === "malformed" || reason === "nothing", reason);
});

property("a damaged COSE_Sign1 is refused, or is read as another that is encoded in the same way", SEEDS, (random) => {
	const bytes = damaged(random, encodeSign1({ payload: encoded(fullDocument()) }));
	const reason = reasonThrown(() => {
		const { algorithm, kid, payloadStart, payloadEnd, signature } = openSign1(text, bytes, 0, bytes.byteLength);
		assert.ok(algorithm === ES256 || algorithm === EDDSA);
		assert.equal(toHex(encodeSign1({ algorithm, kid, payload: bytes.slice(payloadStart, payloadEnd), signature })), toHex(bytes));
	});
	assert.ok(["nothing", "malformed", "trailing", "algorithm"].includes(reason), reason);
});

property("a damaged first block is refused, or has one COSE_Sign1 and zeros", SEEDS, (random) => {
	const sign1 = encodeSign1();
	const block = firstBlock(sign1);
	for (let count = 1 + random.below(3); count > 0; count--) block[random.below(random.once(2) ? 8 : BLOCK)]! ^= 1 << random.below(8);
	const reason = reasonThrown(() => {
		const end = readHeader(text, block, 0, BLOCK);
		assert.ok(end > HEADER_LENGTH && end <= BLOCK);
		assert.ok(block.subarray(end).every((byte) => byte === 0));
	});
	assert.ok(["nothing", "malformed", "trailing"].includes(reason), reason);
});
