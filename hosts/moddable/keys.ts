// SPDX-License-Identifier: Apache-2.0
/**
 * Key pairs and signatures by the SDK's native arithmetic: P-256 is made, signs and verifies, RSA only signs.
 *
 * RSA keys are not made here: the search for two primes would stall the device for minutes. The SDK's TLS, on the
 * other hand, takes RSA client keys alone. A P-256 key is therefore good for requests and signatures; for TLS the device
 * is given an RSA key by its cloud or its factory.
 *
 * Random bytes come from the chip (`platform.random`), never from the SDK's `rng` or `Math.random`, which the simulator
 * seeds alike in every run. The nonce of a signature needs none (RFC 6979). The arithmetic does not take constant time:
 * nobody but the device itself should choose what is signed, or measure how long it takes.
 *
 * Spec: FIPS 186-5 §6.4, RFC 6979 §3.2, RFC 5915, RFC 5480, RFC 8017 §8.2.1.
 */
import { Digest } from "crypt";
import Curve from "curve";
import type ECPoint from "ecp";
import Mont from "mont";
import RSA from "rsa";
import Timer from "timer";
import platform from "moddable:moorline/platform";
import { DeviceError } from "../../src/base/error.js";
import type { GenerateKeyOptions, Keys, SignOptions, VerifyOptions } from "../../src/host.js";
import { checkBytes, checkCallback } from "./check.js";
import { DER, hex, Tag } from "./der.js";
import { decodePoint, encodeRSASignature, P256_KEY, RSA_KEY, toBigInt, verifyPair } from "./signature.js";

const ORDER_LENGTH = 32;
/** Bytes that SHA-256 takes at a time. */
const BLOCK_LENGTH = 64;
/** Below 2048 bits a key is too weak, above 4096 the chip would compute for minutes. */
const MODULUS_MINIMUM = 2048 / 8;
const MODULUS_MAXIMUM = 4096 / 8;

/** What precedes the private number in PKCS#8, and what stands between it and the public point. */
const PRIVATE_HEAD = "308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420";
const PRIVATE_MIDDLE = "a14403420004";
const PUBLIC_HEAD = "3059301306072a8648ce3d020106082a8648ce3d03010703420004";

/** A key that was read and found good. */
interface Signer { sign(digest: ArrayBuffer): Uint8Array }

export const keys: Keys = Object.freeze({
	generate(options: GenerateKeyOptions): void {
		const { type, onKey, onError } = options;
		if (type !== "P-256") throw new DeviceError("unsupported", `this platform makes no keys of type ${String(type)}`);
		checkAnswers(onKey, onError);
		Timer.set(() => {
			const d = randomNumber();
			const point = pointOf(d);
			options.onKey(join(fromHex(PRIVATE_HEAD), toBytes(d), fromHex(PRIVATE_MIDDLE), point), join(fromHex(PUBLIC_HEAD), point));
		}, 0);
	},
	verify(options: VerifyOptions): void {
		const { key, bytes, signature, onVerified, onError } = options;
		for (const each of [key, bytes, signature]) checkBytes(each);
		checkAnswers(onVerified, onError);
		const digest = sha256(bytes);
		const curve = new Curve("secp256r1");
		const point = decodePublic(curve, key);
		// Of another length, it is as invalid as one out of range.
		const numbers = signature.byteLength === 2 * ORDER_LENGTH ? signature : new Uint8Array(2 * ORDER_LENGTH);
		const r = toBigInt(numbers.subarray(0, ORDER_LENGTH));
		const s = toBigInt(numbers.subarray(ORDER_LENGTH));
		Timer.set(() => {
			if (point === undefined) options.onError(new DeviceError("credential", "the key is no point of P-256"));
			else options.onVerified(verifyPair(curve, point, digest, r, s));
		}, 0);
	},
	sign(options: SignOptions): void {
		const { key, bytes, onSignature, onError } = options;
		checkBytes(key);
		checkBytes(bytes);
		checkAnswers(onSignature, onError);
		const digest = sha256(bytes);
		const signer = decode(key);
		Timer.set(() => {
			if (signer === undefined) options.onError(new DeviceError("credential", "the key is none of P-256 or RSA in PKCS#8"));
			else options.onSignature(signer.sign(digest));
		}, 0);
	},
});

function checkAnswers(onSuccess: unknown, onError: unknown): void {
	if (onSuccess === undefined || onError === undefined) throw new DeviceError("argument", "a callback is missing");
	checkCallback(onSuccess);
	checkCallback(onError);
}

/** `undefined` for what is no key that can sign here: why is nobody's business but its owner's. */
function decode(key: Uint8Array): Signer | undefined {
	try {
		const outer = new DER(key);
		const info = outer.enter(Tag.SEQUENCE);
		outer.end();
		info.content(Tag.INTEGER);
		const algorithm = hex(info.value(Tag.SEQUENCE));
		const inner = info.enter(Tag.OCTET_STRING).enter(Tag.SEQUENCE);
		inner.content(Tag.INTEGER);
		if (algorithm === P256_KEY) return decodeP256(inner);
		if (algorithm === RSA_KEY) return decodeRSA(inner);
	} catch {
		// As any other key that is of no use.
	}
	return undefined;
}

function decodePublic(curve: Curve, key: Uint8Array): ECPoint | undefined {
	try {
		return decodePoint(curve, key);
	} catch {
		return undefined;
	}
}

function decodeP256(inner: DER): Signer | undefined {
	const number = inner.content(Tag.OCTET_STRING);
	const d = toBigInt(number);
	const { n } = new Curve("secp256r1");
	if (number.byteLength !== ORDER_LENGTH || d <= 0n || d >= n) return undefined;
	return { sign: digest => signP256(d, digest) };
}

function decodeRSA(inner: DER): Signer | undefined {
	const modulus = inner.unsigned();
	inner.unsigned();
	const d = toBigInt(inner.unsigned());
	const { byteLength } = modulus;
	if (byteLength < MODULUS_MINIMUM || byteLength > MODULUS_MAXIMUM || modulus[0]! < 0x80) return undefined;
	const m = toBigInt(modulus);
	if (d <= 1n || d >= m) return undefined;
	return { sign: digest => new Uint8Array(ArrayBuffer.fromBigInt(new RSA(d, m).process(encodeRSASignature("SHA256", digest, byteLength)), byteLength)) };
}

/** From 1 to the order less 1, each with the same chance: what is out of range is drawn again (FIPS 186-5 §A.2.2). */
function randomNumber(): bigint {
	const { n } = new Curve("secp256r1");
	const bytes = new Uint8Array(ORDER_LENGTH);
	for (;;) {
		platform.random(bytes);
		const number = toBigInt(bytes);
		if (number > 0n && number < n) return number;
	}
}

/** Both coordinates of the public point. */
function pointOf(d: bigint): Uint8Array {
	const { ec, G } = new Curve("secp256r1");
	const { X, Y } = ec.mul(G, d);
	return join(toBytes(X), toBytes(Y));
}

function signP256(d: bigint, digest: ArrayBuffer): Uint8Array {
	const { ec, G, n } = new Curve("secp256r1");
	const z = BigInt.fromArrayBuffer(digest);
	const nonces = new Nonces(d, z % n);
	for (;;) {
		const k = nonces.next(n);
		const r = ec.mul(G, k).X % n;
		const s = new Mont({ m: n }).mulinv(k) * ((z + r * d) % n) % n;
		if (r !== 0n && s !== 0n) return encodeSignature(r, s);
	}
}

/** The deterministic nonces of RFC 6979 §3.2, for an order as long as the digest. */
class Nonces {
	#key: Uint8Array = new Uint8Array(ORDER_LENGTH);
	#value: Uint8Array = new Uint8Array(ORDER_LENGTH).fill(1);

	constructor(d: bigint, z: bigint) {
		const secrets = join(toBytes(d), toBytes(z));
		for (const step of [0, 1]) this.#update(Uint8Array.of(step), secrets);
	}

	next(order: bigint): bigint {
		for (;;) {
			this.#value = hmac(this.#key, this.#value);
			const k = toBigInt(this.#value);
			if (k > 0n && k < order) return k;
			this.#update(Uint8Array.of(0), new Uint8Array(0));
		}
	}

	#update(step: Uint8Array, secrets: Uint8Array): void {
		this.#key = hmac(this.#key, this.#value, step, secrets);
		this.#value = hmac(this.#key, this.#value);
	}
}

/** HMAC-SHA-256 with a key of 32 bytes (RFC 2104). */
function hmac(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
	const padded = new Uint8Array(BLOCK_LENGTH);
	padded.set(key);
	const inner = sha256(padded.map(byte => byte ^ 0x36), ...parts);
	return new Uint8Array(sha256(padded.map(byte => byte ^ 0x5c), new Uint8Array(inner)));
}

function sha256(...parts: readonly Uint8Array[]): ArrayBuffer {
	const digest = new Digest("SHA256");
	for (const part of parts) digest.write(part);
	return digest.close();
}

/** ECDSA-Sig-Value (RFC 3279 §2.2.3). */
function encodeSignature(r: bigint, s: bigint): Uint8Array {
	const numbers = join(encodeInteger(r), encodeInteger(s));
	return join(Uint8Array.of(Tag.SEQUENCE, numbers.byteLength), numbers);
}

function encodeInteger(value: bigint): Uint8Array {
	// Whole bytes and the sign bit.
	const length = (BigInt.bitLength(value) >> 3) + 1;
	return join(Uint8Array.of(Tag.INTEGER, length), toBytes(value, length));
}

function toBytes(value: bigint, byteLength = ORDER_LENGTH): Uint8Array {
	return new Uint8Array(ArrayBuffer.fromBigInt(value, byteLength));
}

function fromHex(text: string): Uint8Array {
	return toBytes(BigInt(`0x${text}`), text.length / 2);
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
	const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
	let position = 0;
	for (const part of parts) {
		bytes.set(part, position);
		position += part.byteLength;
	}
	return bytes;
}
