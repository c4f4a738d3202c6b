// SPDX-License-Identifier: Apache-2.0
/** Contents and release files of updates in a world, good ones and such as no tool of ours would make. */
import { createHash } from "node:crypto";
import { crypto } from "../../hosts/node/digest.js";
import { text } from "../../hosts/node/text.js";
import { wrapImage } from "../../hosts/boot/index.js";
import { encode, encodeSign1, payloadOf, toBeSigned } from "../../hosts/release/cose.js";
import { readSigner } from "../../hosts/release/index.js";
import { Random } from "../../hosts/world/index.js";
import { Vocabulary } from "../../src/bytes/vocabulary.js";
import { decodeCBOR } from "../../src/cbor/decode.js";
import type { CBORObject, CBORValue } from "../../src/cbor/value.js";
import { releaseKey } from "./scene.js";

export const BLOCK = 4_096;
/** "MRL1", and bytes up to the message. */
const MAGIC = 0x4d52_4c31;
const HEADER_LENGTH = 8;
const DIGEST_LENGTH = 32;
const MEMBERS = Object.freeze([
	"product", "version", "counter", "hardware", "minimum", "expires", "revoked", "components",
	"name", "kind", "size", "digest", "group", "groups", "requires", "payloads", "base", "baseSize",
]);

/** `size` bytes that begin with a line. */
export function contentOf(line: string, size: number, seed: string = line): Uint8Array {
	const content = new Uint8Array(size);
	new Random(seed).fill(content);
	content.set(Buffer.from(`${line}\n`));
	return content;
}

/** An image of `size` bytes whose program is `name`. */
export function imageOf(name: string, size: number, seed?: string): Uint8Array {
	return wrapImage(contentOf(name, size - 48, seed), crypto);
}

/** Another version of what `imageOf` makes: half of its blocks are news, and what is not has moved. */
export function successorOf(base: Uint8Array, name: string, size: number): Uint8Array {
	const content = contentOf(name, size - 48, `news of ${name}`);
	for (let at = 1_000; at + 2_048 < content.length; at += BLOCK) {
		content.set(base.subarray(16 + (at * 7) % (base.length - 3_000)).subarray(0, 2_048), at);
	}
	return wrapImage(content, crypto);
}

/** The signed message in a release file. */
export function messageOf(file: Uint8Array): Uint8Array {
	const length = new DataView(file.buffer, file.byteOffset).getUint32(4);
	return file.slice(HEADER_LENGTH, HEADER_LENGTH + length);
}

/** The manifest in a release file, to be changed and put back by `sealed`. */
export function manifestOf(file: Uint8Array): CBORObject {
	const payload = payloadOf(messageOf(file));
	return decodeCBOR(text, payload, 0, payload.byteLength, new Vocabulary(MEMBERS)) as CBORObject;
}

/** `file` with another manifest, and a signature that is right. */
export function sealed(file: Uint8Array, manifest: CBORValue, key = releaseKey.privateKey): Uint8Array {
	return sealedBytes(file, encode(manifest), key);
}

/** The same for what need not be CBOR. */
export function sealedBytes(file: Uint8Array, payload: Uint8Array, key = releaseKey.privateKey): Uint8Array {
	const signer = readSigner(key);
	return withMessage(file, encodeSign1(payload, signer, signer.sign(toBeSigned(payload, signer))));
}

export function withMessage(file: Uint8Array, message: Uint8Array): Uint8Array {
	const copy = file.slice().fill(0, 0, BLOCK);
	const view = new DataView(copy.buffer);
	view.setUint32(0, MAGIC);
	view.setUint32(4, message.byteLength);
	copy.set(message, HEADER_LENGTH);
	return copy;
}

/** `file` with groups of `group` bytes: such as only larger contents have otherwise. */
export function regrouped(file: Uint8Array, group: number, contents: readonly Uint8Array[]): Uint8Array {
	const manifest = manifestOf(file);
	(manifest["components"] as CBORObject[]).forEach((component, index) => {
		const content = contents[index]!;
		const count = Math.ceil(content.length / group);
		const groups = new Uint8Array(count * DIGEST_LENGTH);
		for (let each = 0; each < count; each++) {
			const part = content.subarray(each * group, (each + 1) * group);
			groups.set(createHash("sha256").update(part).digest(), each * DIGEST_LENGTH);
		}
		component["group"] = group;
		component["groups"] = groups;
	});
	return sealed(file, manifest);
}
