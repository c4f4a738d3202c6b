// SPDX-License-Identifier: Apache-2.0
/**
 * Verification of signatures, those in certificates above all: RSA PKCS#1 v1.5 and ECDSA, with SHA-2.
 *
 * The arithmetic is the SDK's. Padding is computed and compared whole, points are held to their curve and the numbers of
 * a signature to their range, before it is asked. Spec: RFC 8017 §8.2.2, FIPS 186-5 §6.4.2, SEC 1 §3.2.2.1, RFC 5480,
 * RFC 8423.
 */
import { Digest } from "crypt";
import Curve from "curve";
import ECDSA from "ecdsa";
import ECPoint from "ecp";
import RSA from "rsa";
import { DeviceError } from "../../src/base/error.js";
import { DER, hex, malformed, Tag } from "./der.js";

/** AlgorithmIdentifiers of keys and signatures, whole. */
export const RSA_KEY = "300d06092a864886f70d0101010500";
export const P256_KEY = "301306072a8648ce3d020106082a8648ce3d030107";
const P384_KEY = "301006072a8648ce3d020106052b81040022";
const RSA_SHA256 = "300d06092a864886f70d01010b0500";
const RSA_SHA384 = "300d06092a864886f70d01010c0500";
const RSA_SHA512 = "300d06092a864886f70d01010d0500";
const ECDSA_SHA256 = "300a06082a8648ce3d040302";
const ECDSA_SHA384 = "300a06082a8648ce3d040303";
const ECDSA_SHA512 = "300a06082a8648ce3d040304";

/** RSA below 2048 bits is too weak; above 4096 the chip would compute for a minute. */
const MODULUS_MINIMUM = 2048 / 8;
const MODULUS_MAXIMUM = 4096 / 8;
/** Smaller exponents turn mistakes in padding into forgeries; longer ones only cost time. */
const EXPONENT_MINIMUM = 65_537n;
const EXPONENT_MAXIMUM_LENGTH = 4;

type Hash = "SHA256" | "SHA384" | "SHA512";

/** The DigestInfo of a digest up to the digest itself (RFC 8017 §9.2, note 1), behind the zero that ends the padding. */
const DIGEST_INFO: Readonly<Record<Hash, bigint>> = Object.freeze({
	SHA256: 0x3031300d060960864801650304020105000420n,
	SHA384: 0x3041300d060960864801650304020205000430n,
	SHA512: 0x3051300d060960864801650304020305000440n,
});
const DIGEST_INFO_BITS = 19 * 8;

/**
 * Whether `signature` is one over `signed` by the owner of `key`.
 * @param key       a SubjectPublicKeyInfo
 * @param algorithm an AlgorithmIdentifier
 * @throws DeviceError `tls` when key or signature are malformed or of a kind that is not accepted
 */
export function verifySignature(key: Uint8Array, algorithm: Uint8Array, signed: Uint8Array, signature: Uint8Array): boolean {
	const info = new DER(key).enter(Tag.SEQUENCE);
	const keyAlgorithm = hex(info.value(Tag.SEQUENCE));
	const publicKey = info.bits();
	info.end();
	switch (hex(algorithm)) {
		case RSA_SHA256: return keyAlgorithm === RSA_KEY && verifyRSA(publicKey, "SHA256", signed, signature);
		case RSA_SHA384: return keyAlgorithm === RSA_KEY && verifyRSA(publicKey, "SHA384", signed, signature);
		case RSA_SHA512: return keyAlgorithm === RSA_KEY && verifyRSA(publicKey, "SHA512", signed, signature);
		case ECDSA_SHA256: return verifyECDSA(curveOf(keyAlgorithm), publicKey, "SHA256", signed, signature);
		case ECDSA_SHA384: return verifyECDSA(curveOf(keyAlgorithm), publicKey, "SHA384", signed, signature);
		case ECDSA_SHA512: return verifyECDSA(curveOf(keyAlgorithm), publicKey, "SHA512", signed, signature);
		default: throw new DeviceError("tls", "a certificate is signed with an algorithm that is not accepted");
	}
}

/** @throws DeviceError `tls` when a peer must not authenticate itself with this SubjectPublicKeyInfo */
export function checkKey(key: Uint8Array): void {
	const info = new DER(key).enter(Tag.SEQUENCE);
	const algorithm = hex(info.value(Tag.SEQUENCE));
	if (algorithm === RSA_KEY) decodeRSA(info.bits());
	else decodePoint(curveOf(algorithm), info.bits());
}

function verifyRSA(publicKey: Uint8Array, hash: Hash, signed: Uint8Array, signature: Uint8Array): boolean {
	const { exponent, modulus, byteLength } = decodeRSA(publicKey);
	const value = toBigInt(signature);
	if (signature.byteLength !== byteLength || value >= modulus) return false;
	// What a signature must be is computed and compared whole: nothing of the padding is parsed.
	const expected = encodeRSASignature(hash, digestOf(hash, signed), byteLength);
	return new RSA(exponent, modulus).process(value) === expected;
}

/** EMSA-PKCS1-v1_5 of a digest, for a modulus of so many bytes (RFC 8017 §9.2). */
export function encodeRSASignature(hash: Hash, digest: ArrayBuffer, byteLength: number): bigint {
	const digestBits = BigInt(digest.byteLength * 8);
	const tailBits = digestBits + BigInt(DIGEST_INFO_BITS);
	const paddingBits = BigInt(byteLength * 8 - 3 * 8) - tailBits;
	const padding = (1n << paddingBits) - 1n;
	const head = 1n << (paddingBits + 8n) | padding << 8n;
	return head << tailBits | DIGEST_INFO[hash] << digestBits | BigInt.fromArrayBuffer(digest);
}

function verifyECDSA(curve: Curve, publicKey: Uint8Array, hash: Hash, signed: Uint8Array, signature: Uint8Array): boolean {
	const outer = new DER(signature);
	const numbers = outer.enter(Tag.SEQUENCE);
	outer.end();
	const r = toBigInt(numbers.unsigned());
	const s = toBigInt(numbers.unsigned());
	numbers.end();
	// The leftmost bits of a digest that is longer than the order of the group.
	const digest = digestOf(hash, signed);
	const shortened = digest.byteLength > curve.orderSize ? digest.slice(0, curve.orderSize) : digest;
	return verifyPair(curve, decodePoint(curve, publicKey), shortened, r, s);
}

/** Of the two numbers of a signature, by the replacement below. */
export function verifyPair(curve: Curve, key: ECPoint, digest: ArrayBuffer, r: bigint, s: bigint): boolean {
	return new ECDSA(key, curve)._verify(digest, r, s);
}

function decodeRSA(publicKey: Uint8Array): { modulus: bigint; exponent: bigint; byteLength: number } {
	const outer = new DER(publicKey);
	const numbers = outer.enter(Tag.SEQUENCE);
	outer.end();
	const modulusBytes = numbers.unsigned();
	const exponentBytes = numbers.unsigned();
	numbers.end();
	const { byteLength } = modulusBytes;
	if (byteLength < MODULUS_MINIMUM || byteLength > MODULUS_MAXIMUM || modulusBytes[0]! < 0x80) {
		throw new DeviceError("tls", "a certificate has an RSA key whose length is not accepted");
	}
	const exponent = exponentBytes.byteLength <= EXPONENT_MAXIMUM_LENGTH ? toBigInt(exponentBytes) : 0n;
	if (exponent < EXPONENT_MINIMUM || exponent % 2n === 0n) {
		throw new DeviceError("tls", "a certificate has an RSA key whose exponent is not accepted");
	}
	return { modulus: toBigInt(modulusBytes), exponent, byteLength };
}

function curveOf(algorithm: string): Curve {
	switch (algorithm) {
		case P256_KEY: return new Curve("secp256r1");
		case P384_KEY: return new Curve("secp384r1");
		default: throw new DeviceError("tls", "a certificate has a key of a kind that is not accepted");
	}
}

/** @throws DeviceError `tls` for anything but an uncompressed point of the curve */
export function decodePoint(curve: Curve, publicKey: Uint8Array): ECPoint {
	if (publicKey[0] !== 4 || publicKey.byteLength !== 1 + 2 * curve.orderSize) throw malformed();
	const point = ECPoint.fromOctetString(publicKey);
	const { X, Y } = point;
	const { a, b, m } = curve.ec;
	if (X >= m || Y >= m || (Y * Y - (X * X + a) * X - b) % m !== 0n) throw malformed();
	return point;
}

function digestOf(hash: Hash, bytes: Uint8Array): ArrayBuffer {
	const digest = new Digest(hash);
	digest.write(bytes);
	return digest.close();
}

export function toBigInt(bytes: Uint8Array): bigint {
	return BigInt.fromArrayBuffer(bytes.slice().buffer);
}

// Built into the SDK's class while this module is preloaded, because the handshake verifies the server's key exchange with
// it, too. The SDK's own takes numbers out of range, and refuses the rare signature whose x is not below the order.
ECDSA.prototype._verify = function (digest, r, s) {
	const { n, ec, G, u } = this;
	const order = n.m;
	if (r <= 0n || r >= order || s <= 0n || s >= order) return false;
	const inverse = n.mulinv(s);
	const R = ec.mul2(G, n.mul(BigInt.fromArrayBuffer(digest), inverse), u, n.mul(r, inverse));
	return !R.isZero() && R.X % order === r;
};
