// SPDX-License-Identifier: Apache-2.0
/**
 * The first block of a release, where the signed manifest is: written when a release is made, and again when somebody
 * else signs it. The rest of the file never changes.
 */
import { DeviceError } from "../../src/base/error.js";
import type { PublicReleaseKey } from "../../src/ota/key.js";
import { HEADER_LENGTH, readHeader, RELEASE_LIMITS } from "../../src/ota/manifest.js";
import { BLOCK_LENGTH } from "../../src/ota/source.js";
import { text } from "../node/text.js";
import { encodeSign1, encodeUnsigned, payloadOf, toBeSigned } from "./cose.js";
import { readSigner, type ReleaseSigner } from "./keys.js";

/** "MRL1" */
const MAGIC = 0x4d52_4c31;
/** Bytes that signing adds: a protected header with an identifier of ours, and a signature. */
const SIGNED_EXCESS = 78;

/**
 * The release with its manifest signed, whoever signed it before, or nobody.
 * @param key a private key in PEM, or what signs with one
 * @throws DeviceError `credential` for a key that cannot be used, `malformed` for what is no release
 */
export function signRelease(file: Uint8Array, key: string | ReleaseSigner): Uint8Array {
	const signer = typeof key === "string" ? readSigner(key) : key;
	return attachSignature(file, signer, signer.sign(bytesToSign(file, signer)));
}

/** What a key elsewhere, as in a security module, has to sign. @throws DeviceError `malformed` */
export function bytesToSign(file: Uint8Array, key: PublicReleaseKey): Uint8Array {
	return toBeSigned(payloadOf(messageOf(file)), key);
}

/**
 * The release with a signature that was made elsewhere. It is not verified here.
 * @param signature 64 bytes, as `ReleaseSigner.sign` makes them
 * @throws DeviceError `malformed`; `argument` for a signature of another length
 */
export function attachSignature(file: Uint8Array, key: PublicReleaseKey, signature: Uint8Array): Uint8Array {
	const signed = file.slice();
	writeMessage(signed, encodeSign1(payloadOf(messageOf(file)), key, signature));
	return signed;
}

/** Puts the manifest into the first block, without a signature, but with room for one. @throws DeviceError `too-large` */
export function writeUnsigned(file: Uint8Array, payload: Uint8Array): void {
	writeMessage(file, encodeUnsigned(payload), SIGNED_EXCESS);
}

export function isRelease(bytes: Uint8Array): boolean {
	return bytes.byteLength >= BLOCK_LENGTH && viewOf(bytes).getUint32(0) === MAGIC;
}

/** The COSE_Sign1 in the first block, borrowed. @throws UpdateError `malformed`, `trailing` */
export function messageOf(file: Uint8Array): Uint8Array {
	const block = file.subarray(0, BLOCK_LENGTH);
	return block.subarray(HEADER_LENGTH, readHeader(text, block, 0, block.byteLength));
}

function writeMessage(file: Uint8Array, message: Uint8Array, excess = 0): void {
	const length = message.byteLength + excess;
	if (length > RELEASE_LIMITS.manifest) {
		throw new DeviceError("too-large", `the signed manifest is ${length} bytes of at most ${RELEASE_LIMITS.manifest}`);
	}
	file.fill(0, 0, BLOCK_LENGTH).set(message, HEADER_LENGTH);
	viewOf(file).setUint32(0, MAGIC);
	viewOf(file).setUint32(4, message.byteLength);
}

function viewOf(bytes: Uint8Array): DataView {
	return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
