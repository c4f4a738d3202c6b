// SPDX-License-Identifier: Apache-2.0
/**
 * Modelled key pairs of the world, and the requests for certificates that are made with them.
 *
 * A key is 32 random bytes and its public key their hash in the clothes of a SubjectPublicKeyInfo of its type, so
 * that whoever builds DER around it builds what it would build around a real one. A signature is the hash of the
 * public key and of what is signed: nobody forges anything here, but a request that was altered, or that names
 * another key than the one that signed it, is told apart as in the real thing.
 *
 * `verify` is of real P-256 all the same: who signs releases is no part of the world. Whoever makes the world brings it.
 */
import { DeviceError } from "../../src/base/error.js";
import type { GenerateKeyOptions, Keys, KeyType, SignOptions, VerifyOptions } from "../../src/host.js";
import { checkBytes, checkCallback } from "./address.js";
import { keyIdOf } from "./certificate.js";
import type { Clock } from "./clock.js";
import { Hash } from "./hash.js";
import type { Party } from "./party.js";
import { Task } from "./queue.js";
import type { Random } from "./random.js";
import { fromBytes, toBytes } from "./text.js";

const KEY_LENGTH = 32;
/** ms of virtual time, as long as an ESP32 takes. */
const GENERATION: Readonly<Record<KeyType, number>> = Object.freeze({ "P-256": 100, "RSA-2048": 8_000 });
const SIGNATURE = 100, VERIFICATION = 300;

/** AlgorithmIdentifiers: ecPublicKey on prime256v1, rsaEncryption; ecdsa-with-SHA256, sha256WithRSAEncryption. */
const KEY_ALGORITHMS: Readonly<Record<KeyType, readonly number[]>> = Object.freeze({
	"P-256": [0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
	"RSA-2048": [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00],
});
const SIGNATURE_ALGORITHMS: Readonly<Record<KeyType, readonly number[]>> = Object.freeze({
	"P-256": [0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
	"RSA-2048": [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00],
});
const TYPES = Object.freeze(["P-256", "RSA-2048"] as const);
const SEQUENCE = 0x30, SET = 0x31, OBJECT_IDENTIFIER = 0x06, UTF8_STRING = 0x0c, BIT_STRING = 0x03;
const COMMON_NAME = Object.freeze([0x55, 0x04, 0x03]);

/** What a request for a certificate of the world says. */
export interface CSR {
	/** Common name. */
	subject: string;
	/** Identifier of the requester's key, for a certificate's field of that name. */
	keyId: string;
	type: KeyType;
}

/** Judges a signature of P-256 as `host.keys.verify` does. Throws when the key is no point of the curve. */
export type Verify = (key: Uint8Array, bytes: Uint8Array, signature: Uint8Array) => boolean;

/** The `host.keys` of one boot. */
export function createKeys(clock: Clock, random: Random, party: Party, verify: Verify | undefined): Keys {
	const later = (delay: number, callback: () => void): void => {
		clock.schedule(new Task(() => party.enter(callback, undefined)), delay);
	};
	return Object.freeze({
		generate(options: GenerateKeyOptions) {
			party.check();
			const { type } = options;
			if (!TYPES.includes(type)) throw new DeviceError("unsupported", `the world makes no keys of type ${String(type)}`);
			checkCallback("onKey", options.onKey, true);
			checkCallback("onError", options.onError, true);
			const key = new Uint8Array(KEY_LENGTH);
			random.fill(key);
			later(GENERATION[type], () => options.onKey(key, encodePublicKey(type, keyIdOf(key))));
		},
		verify(options: VerifyOptions) {
			party.check();
			if (verify === undefined) throw new DeviceError("unsupported", "this world was not given `verify`");
			const { key, bytes, signature } = options;
			checkBytes("key", key);
			checkBytes("bytes", bytes);
			checkBytes("signature", signature);
			checkCallback("onVerified", options.onVerified, true);
			checkCallback("onError", options.onError, true);
			let isValid: boolean;
			try {
				isValid = verify(key, bytes, signature);
			} catch (cause) {
				later(VERIFICATION, () => options.onError(new DeviceError("credential", "the key is no point of P-256", { cause })));
				return;
			}
			later(VERIFICATION, () => options.onVerified(isValid));
		},
		sign(options: SignOptions) {
			party.check();
			const { key, bytes } = options;
			checkBytes("key", key);
			checkBytes("bytes", bytes);
			checkCallback("onSignature", options.onSignature, true);
			checkCallback("onError", options.onError, true);
			if (key.byteLength !== KEY_LENGTH) {
				later(SIGNATURE, () => options.onError(new DeviceError("credential", "the key is none of the world")));
				return;
			}
			const signature = signatureOf(keyIdOf(key), bytes);
			later(SIGNATURE, () => options.onSignature(signature));
		},
	});
}

/** True when the key of this public key signed these bytes. */
export function verifySignature(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
	const { keyId } = decodePublicKey(publicKey);
	return fromBytes(signature) === fromBytes(signatureOf(keyId, bytes));
}

/**
 * What a request in DER asks for, once its form and its signature have been checked.
 * @throws DeviceError `malformed`, `signature`
 */
export function openCSR(der: Uint8Array): CSR {
	const outer = new Values(der), request = outer.enter(SEQUENCE);
	outer.end();
	const signed = request.whole(SEQUENCE), algorithm = request.whole(SEQUENCE), signature = request.content(BIT_STRING);
	request.end();
	const information = new Values(signed).enter(SEQUENCE);
	if (String(information.content(0x02)) !== "0") throw malformed("its version is not 1");
	const subject = commonNameOf(information.enter(SEQUENCE)), { type, keyId } = decodePublicKey(information.whole(SEQUENCE));
	information.content(0xa0);
	information.end();
	if (String(algorithm) !== String(SIGNATURE_ALGORITHMS[type])) throw malformed("its signature is of another kind than its key");
	if (signature[0] !== 0 || fromBytes(signature.subarray(1)) !== fromBytes(signatureOf(keyId, signed))) {
		throw new DeviceError("signature", "the request is not signed with the key that it names");
	}
	return { subject, keyId, type };
}

function signatureOf(keyId: string, bytes: Uint8Array): Uint8Array {
	return toBytes(new Hash().text(keyId).bytes(bytes).hex());
}

function encodePublicKey(type: KeyType, keyId: string): Uint8Array {
	const algorithm = KEY_ALGORITHMS[type], bits = [BIT_STRING, 1 + keyId.length, 0, ...toBytes(keyId)];
	return Uint8Array.of(SEQUENCE, algorithm.length + bits.length, ...algorithm, ...bits);
}

function decodePublicKey(der: Uint8Array): { type: KeyType; keyId: string } {
	const values = new Values(der).enter(SEQUENCE), algorithm = String(values.whole(SEQUENCE));
	const type = TYPES.find(type => String(KEY_ALGORITHMS[type]) === algorithm), bits = values.content(BIT_STRING);
	values.end();
	if (type === undefined || bits[0] !== 0) throw malformed("its key is of no kind that the world has");
	return { type, keyId: fromBytes(bits.subarray(1)) };
}

function commonNameOf(name: Values): string {
	while (name.more) {
		const attribute = name.enter(SET).enter(SEQUENCE);
		if (String(attribute.content(OBJECT_IDENTIFIER)) === String(COMMON_NAME)) return fromBytes(attribute.content(UTF8_STRING));
	}
	throw malformed("it has no common name");
}

/** A cursor over DER. */
class Values {
	readonly #bytes: Uint8Array;
	#position = 0;

	constructor(bytes: Uint8Array) {
		this.#bytes = bytes;
	}

	get more(): boolean {
		return this.#position < this.#bytes.byteLength;
	}

	/** The next value with its header. */
	whole(tag: number): Uint8Array {
		const start = this.#position;
		this.content(tag);
		return this.#bytes.subarray(start, this.#position);
	}

	content(tag: number): Uint8Array {
		const bytes = this.#bytes, start = this.#position, first = bytes[start + 1] ?? 0, count = first < 0x80 ? 0 : first & 0x7f;
		if (bytes[start] !== tag || count > 2 || first === 0x80) throw malformed("a value in it is not what it should be");
		let length = count === 0 ? first : 0;
		for (let index = 0; index < count; index++) length = length << 8 | (bytes[start + 2 + index] ?? 0);
		const content = start + 2 + count, end = content + length;
		if (end > bytes.byteLength || count > 0 && length < (count === 1 ? 0x80 : 0x100)) throw malformed("a length in it is wrong");
		this.#position = end;
		return bytes.subarray(content, end);
	}

	enter(tag: number): Values {
		return new Values(this.content(tag));
	}

	end(): void {
		if (this.more) throw malformed("something follows a value in it");
	}
}

function malformed(why: string): DeviceError {
	return new DeviceError("malformed", `no request for a certificate: ${why}`);
}
