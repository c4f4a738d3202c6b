// SPDX-License-Identifier: Apache-2.0
/**
 * The signature of a manifest: a COSE_Sign1 (RFC 9052 §4.2) of exactly one shape.
 *
 * Tagged; protected header `{1: alg, 4: kid}` in deterministic encoding (RFC 8949 §4.2); unprotected header empty; the
 * payload attached; 64 bytes of signature. As there is only one way to write each part, what was signed is put together
 * from the bytes as they came.
 *
 * Algorithms: ES256 (RFC 9053 §2.1) by the platform, EdDSA (RFC 9053 §2.2) with Ed25519 by what comes with its key.
 */
import type { DeviceError } from "../base/error.js";
import { Reader } from "../bytes/reader.js";
import { isEqual } from "../bytes/word.js";
import { Writer } from "../bytes/writer.js";
import { Info, Major } from "../cbor/value.js";
import type { Digest, Host, TextCodec, VerifyOptions } from "../host.js";
import { malformed, UpdateError } from "./failure.js";
import type { Ed25519, ReleaseKey } from "./manifest.js";

/** What verification needs of a host. */
export type VerifyingHost = Pick<Host, "keys" | "crypto" | "timer" | "text">;

export interface SignatureCallbacks {
	/** `bytes[start, end)`, a copy that is the receiver's, is what was signed. */
	onVerified(bytes: Uint8Array, start: number, end: number): void;
	/** An `UpdateError`, unless the platform cannot verify. */
	onRefused(error: DeviceError): void;
}

/** COSE algorithms. Spec: RFC 9053 §2. */
const ES256 = -7;
const EDDSA = -8;
/** The tag of COSE_Sign1 before an array of four. */
const SIGN1 = 0xd2;
const ARRAY_OF_4 = 0x84;
const MAP_OF_2 = 0xa2;
const EMPTY_MAP = 0xa0;
/** Labels of header parameters, as CBOR. Spec: RFC 9052 §3.1. */
const ALG = 1;
const KID = 4;
const SIGNATURE_LENGTH = 64;
/** The context of Sig_structure, and the empty bytes that stand for external data. Spec: RFC 9052 §4.4. */
const CONTEXT = "Signature1";
const CONTEXT_HEAD = Major.TEXT << 5 | CONTEXT.length;
const NO_EXTERNAL_DATA = Major.BYTES << 5;
/** The order of P-256, in words of 32 bits. Spec: FIPS 186-5 §6.1, SP 800-186 §3.2.1.3. */
const ORDER = Object.freeze([
	0xffff_ffff, 0, 0xffff_ffff, 0xffff_ffff, 0xbce6_faad, 0xa717_9e84, 0xf3b9_cac2, 0xfc63_2551,
]);

/** Where everything lies in a COSE_Sign1 that was looked through; `bytes` is borrowed. */
export interface Sign1 {
	readonly bytes: Uint8Array;
	readonly algorithm: number;
	/** The key identifier; a view. */
	readonly kid: Uint8Array;
	/** The protected header, with the head of its byte string. */
	readonly protectedStart: number;
	readonly protectedEnd: number;
	/** The payload, with the head of its byte string, and where it begins behind that. */
	readonly payloadHead: number;
	readonly payloadStart: number;
	readonly payloadEnd: number;
	/** A view. */
	readonly signature: Uint8Array;
}

/**
 * Looks through `bytes[start, end)`.
 * @throws UpdateError `malformed`, `trailing`, `algorithm`
 */
export function openSign1(text: TextCodec, bytes: Uint8Array, start: number, end: number): Sign1 {
	const reader = new Sign1Reader(text);
	reader.reset(bytes, start, end);
	try {
		return reader.sign1();
	} catch (error) {
		throw malformed(error);
	}
}

class Sign1Reader extends Reader {
	sign1(): Sign1 {
		this.expect(SIGN1);
		this.expect(ARRAY_OF_4);
		const protectedStart = this.position;
		const protectedLength = this.byteString();
		const protectedEnd = this.position + protectedLength;
		this.expect(MAP_OF_2);
		this.expect(ALG);
		const algorithm = this.algorithm();
		this.expect(KID);
		const kid = this.view();
		if (this.position !== protectedEnd) throw new UpdateError("malformed", "a protected header of another length");
		this.expect(EMPTY_MAP);
		const payloadHead = this.position;
		const payloadLength = this.byteString();
		const payloadStart = this.skip(payloadLength);
		const payloadEnd = this.position;
		const signature = this.view();
		if (signature.byteLength !== SIGNATURE_LENGTH) throw new UpdateError("malformed", "no signature of 64 bytes");
		if (this.remaining > 0) throw new UpdateError("trailing", "bytes behind the signature");
		if (algorithm !== ES256 && algorithm !== EDDSA) throw new UpdateError("algorithm", `algorithm ${algorithm}`);
		const { bytes } = this;
		return {
			bytes, algorithm, kid, protectedStart, protectedEnd, payloadHead, payloadStart, payloadEnd, signature,
		};
	}

	private expect(byte: number): void {
		if (this.uint8() !== byte) throw new UpdateError("malformed", "no COSE_Sign1 as releases have it");
	}

	/** A label of the registry that is a number. */
	private algorithm(): number {
		const head = this.uint8();
		const argument = this.argument(head & 31);
		switch (head >> 5) {
			case Major.UNSIGNED: return argument;
			case Major.NEGATIVE: return -1 - argument;
			default: throw new UpdateError("malformed", "an algorithm that is no number");
		}
	}

	/** The length of a byte string, which is left to be read. */
	private byteString(): number {
		const head = this.uint8();
		if (head >> 5 !== Major.BYTES) throw new UpdateError("malformed", "no bytes where bytes should be");
		return this.argument(head & 31);
	}

	private view(): Uint8Array {
		const length = this.byteString();
		const start = this.skip(length);
		return this.bytes.subarray(start, start + length);
	}

	/** In the fewest bytes. 16 bits are enough for whatever fits a block. Spec: RFC 8949 §4.2.1. */
	private argument(info: number): number {
		if (info < Info.UINT8) return info;
		if (info === Info.UINT8) {
			const value = this.uint8();
			if (value >= Info.UINT8) return value;
		} else if (info === Info.UINT16) {
			const value = this.uint16();
			if (value > 0xff) return value;
		}
		throw new UpdateError("malformed", "a head that is not in deterministic encoding");
	}
}

/**
 * Verifies a signature with that of `keys` which it names. Exactly one callback follows, from the event loop; what can
 * be said at once is thrown.
 * @param sign1 may be forgotten when this returns
 * @param revoked identifiers of keys that are good for nothing
 * @throws UpdateError `key-revoked`, `key-unknown`, `algorithm`, `signature`
 * @throws DeviceError `unsupported` when the platform verifies nothing
 */
export function verifySign1(
	host: VerifyingHost, sign1: Sign1, keys: readonly ReleaseKey[], revoked: readonly Uint8Array[],
	callbacks: SignatureCallbacks,
): void {
	const { kid, algorithm } = sign1;
	if (revoked.some((id) => isEqual(id, kid))) throw new UpdateError("key-revoked", "signed with a revoked key");
	const key = keys.find(({ id }) => isEqual(id, kid));
	if (key === undefined) throw new UpdateError("key-unknown", "signed with a key that is not known here");
	if ((key.ed25519 === undefined ? ES256 : EDDSA) !== algorithm) {
		throw new UpdateError("algorithm", `the algorithm ${algorithm} is not that of the key`);
	}
	if (algorithm === ES256) checkRange(host.text, sign1.signature);
	const verification = new Verification(host, sign1, key, callbacks);
	if (algorithm === ES256) host.keys.verify(verification);
	// In a turn of its own: what is due now is not to wait for a second.
	else host.timer.set(() => verification.verifyEdDSA(), 0);
}

class Verification implements VerifyOptions {
	readonly key: Uint8Array;
	/** Sig_structure. */
	readonly bytes: Uint8Array;
	readonly signature: Uint8Array;
	readonly #ed25519: Ed25519 | undefined;
	/** For Ed25519. Made beforehand, where its absence can still be thrown. */
	readonly #digest: Digest | undefined;
	readonly #payloadLength: number;
	readonly #callbacks: SignatureCallbacks;

	constructor(host: VerifyingHost, sign1: Sign1, { key, ed25519 }: ReleaseKey, callbacks: SignatureCallbacks) {
		this.key = key;
		this.bytes = sigStructure(host.text, sign1);
		this.signature = sign1.signature.slice();
		this.#ed25519 = ed25519;
		this.#digest = ed25519 === undefined ? undefined : host.crypto.digest("SHA-512");
		this.#payloadLength = sign1.payloadEnd - sign1.payloadStart;
		this.#callbacks = callbacks;
	}

	/** Takes long. */
	verifyEdDSA(): void {
		this.onVerified(this.#ed25519!.verify(this.signature, this.bytes, this.key, this.#digest!));
	}

	onVerified(isValid: boolean): void {
		const { bytes } = this;
		const end = bytes.byteLength;
		if (isValid) this.#callbacks.onVerified(bytes, end - this.#payloadLength, end);
		else this.#callbacks.onRefused(new UpdateError("signature", "the signature is wrong"));
	}

	onError(cause: DeviceError): void {
		this.#callbacks.onRefused(new UpdateError("key-unknown", "the key is none", cause));
	}
}

/** What was signed; at its end is the payload. Spec: RFC 9052 §4.4. */
function sigStructure(text: TextCodec, sign1: Sign1): Uint8Array {
	const { bytes, protectedStart, protectedEnd, payloadHead, payloadEnd } = sign1;
	// Heads of the array, of the context and of the external data.
	const heads = 3;
	const length = heads + CONTEXT.length + protectedEnd - protectedStart + payloadEnd - payloadHead;
	const writer = new Writer(text);
	const structure = new Uint8Array(length);
	writer.reset(structure, 0, length);
	writer.uint8(ARRAY_OF_4);
	writer.uint8(CONTEXT_HEAD);
	writer.utf8Bytes(CONTEXT);
	writer.copy(bytes, protectedStart, protectedEnd);
	writer.uint8(NO_EXTERNAL_DATA);
	writer.copy(bytes, payloadHead, payloadEnd);
	return structure;
}

/** r and s are from 1 to the order less 1, whatever the platform makes of others. Spec: FIPS 186-5 §6.4.2. */
function checkRange(text: TextCodec, signature: Uint8Array): void {
	const reader = new Reader(text);
	reader.reset(signature, 0, signature.byteLength);
	if (!isInRange(reader) || !isInRange(reader)) throw new UpdateError("signature", "r or s is out of range");
}

/** Reads a number of 32 bytes. */
function isInRange(reader: Reader): boolean {
	let difference = 0;
	let isZero = true;
	for (const word of ORDER) {
		const value = reader.uint32();
		if (difference === 0) difference = value - word;
		if (value !== 0) isZero = false;
	}
	return difference < 0 && !isZero;
}
