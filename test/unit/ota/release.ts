// SPDX-License-Identifier: Apache-2.0
/** Releases as the unit tests make them: a manifest's document, its COSE_Sign1 and the first block. */
import type { CBORObject, CBORValue } from "../../../src/cbor/value.js";
import { decodeManifest, type Manifest } from "../../../src/ota/manifest.js";
import { reasonOf, UpdateError } from "../../../src/ota/failure.js";
import { encoded } from "../cbor/encoding.js";
import { text } from "../text.js";

export const ES256 = -7;
export const EDDSA = -8;
const BLOCK = 4_096;

export const digest = (fill: number): Uint8Array => new Uint8Array(32).fill(fill);

export const KEY_ID = Uint8Array.of(1, 2, 3, 4);
/** r and s in range; nothing more. */
export const SIGNATURE = new Uint8Array(64).fill(0x11);

/** A manifest with all that one can have. */
export function fullDocument(): CBORObject {
	return {
		product: "lamp",
		version: "1.4.3",
		counter: 7,
		hardware: ["lamp-1", "lamp-2"],
		minimum: "1.2.0",
		expires: 1_800_000_000,
		revoked: [Uint8Array.of(9, 9)],
		components: [imageDocument(), {
			name: "words", kind: "data", size: 10, digest: digest(3), group: 65_536, groups: digest(4), requires: "words-2",
			payloads: [{ kind: "full", size: 10 }],
		}],
	};
}

/** 100,000 bytes in two groups; as a whole, and as a patch against another image. */
export function imageDocument(): CBORObject {
	return {
		name: "main", kind: "image", size: 100_000, digest: digest(1), group: 65_536, groups: new Uint8Array(64).fill(2),
		payloads: [
			{ kind: "full", size: 100_000 },
			{ kind: "patch", size: 5_000, base: digest(5), baseSize: 99_000 },
		],
	};
}

/** The least that a manifest can have. */
export function leastDocument(): CBORObject {
	const { name, kind, size, digest, group, groups } = imageDocument() as Record<string, CBORValue>;
	const component = { name: name!, kind: kind!, size: size!, digest: digest!, group: group!, groups: groups! };
	return { product: "lamp", version: "1.0.0", counter: 0, components: [{ ...component, payloads: [{ kind: "full", size: size! }] }] };
}

export function decode(document: CBORValue | Uint8Array): Manifest {
	const bytes = document instanceof Uint8Array ? document : encoded(document);
	return decodeManifest(text, bytes, 0, bytes.byteLength);
}

export function protectedHeader(algorithm = ES256, kid: Uint8Array = KEY_ID): Uint8Array {
	return Uint8Array.of(0xa2, 1, ...encoded(algorithm), 4, ...encoded(kid));
}

export interface Sign1Parts {
	algorithm?: number;
	kid?: Uint8Array;
	protectedHeader?: Uint8Array;
	unprotectedHeader?: CBORValue;
	payload?: CBORValue;
	signature?: CBORValue;
}

export function encodeSign1(parts: Sign1Parts = {}): Uint8Array {
	const { algorithm, kid, payload = encoded(leastDocument()), signature = SIGNATURE, unprotectedHeader = {} } = parts;
	const body = encoded([parts.protectedHeader ?? protectedHeader(algorithm, kid), unprotectedHeader, payload, signature]);
	// Not as arguments: the device's stack has no room for so many.
	const bytes = new Uint8Array(1 + body.byteLength);
	bytes.set([0xd2]);
	bytes.set(body, 1);
	return bytes;
}

export function firstBlock(sign1: Uint8Array, magic = [0x4d, 0x52, 0x4c, 0x31], length = sign1.byteLength): Uint8Array {
	const block = new Uint8Array(BLOCK);
	block.set(magic);
	new DataView(block.buffer).setUint32(4, length);
	block.set(sign1, 8);
	return block;
}

/** The reason of the `UpdateError` that `call` throws; "nothing" when it returns. Anything else that is thrown goes on. */
export function reasonThrown(call: () => unknown): string {
	try {
		call();
	} catch (error) {
		if (error instanceof UpdateError) return reasonOf(error, "storage");
		throw error;
	}
	return "nothing";
}
