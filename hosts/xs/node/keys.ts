// SPDX-License-Identifier: Apache-2.0
/** The work with keys that the relay does for the XS host: the engine's sources bring no arithmetic for it. */
import { createPrivateKey, createPublicKey, generateKeyPair, sign, verify, type KeyObject } from "node:crypto";
import { promisify } from "node:util";

const RSA_LENGTH = 2048;

/** What precedes an uncompressed point in a SubjectPublicKeyInfo of P-256 (RFC 5480 §2). */
const POINT_HEAD = Buffer.from("3059301306072a8648ce3d020106082a8648ce3d030107034200", "hex");
const POINT_LENGTH = 65;
const UNCOMPRESSED = 4;

const signAsync = promisify<string, Uint8Array, KeyObject, Buffer>(sign);
const generateAsync = promisify(generateKeyPair);

/**
 * `P-256` and `RSA-2048` ask for a key: its length in 2 bytes, PKCS#8, SubjectPublicKeyInfo. `sign` asks for the
 * signature of `bytes` with `key`. `verify`, whose `key` is a point of P-256 and behind it r and s, is answered by a byte:
 * 1 when they sign `bytes`.
 * @throws when the key cannot be used, or the question is none
 */
export async function answer(question: string, key: Buffer | undefined, bytes: Buffer): Promise<Buffer> {
	switch (question) {
	case "P-256": return encodePair(await generateAsync("ec", { namedCurve: "prime256v1" }));
	case "RSA-2048": return encodePair(await generateAsync("rsa", { modulusLength: RSA_LENGTH }));
	case "sign": return signAsync("sha256", bytes, decode(key!));
	case "verify": return Buffer.of(Number(verifyPoint(key!, bytes)));
	default: throw new RangeError(`no question "${question}"`);
	}
}

function encodePair({ privateKey, publicKey }: { privateKey: KeyObject; publicKey: KeyObject }): Buffer {
	const key = privateKey.export({ type: "pkcs8", format: "der" });
	return Buffer.concat([Buffer.from([key.length >> 8, key.length & 0xff]), key, publicKey.export({ type: "spki", format: "der" })]);
}

function decode(der: Buffer): KeyObject {
	const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
	if (key.asymmetricKeyType !== "rsa" && key.asymmetricKeyDetails?.namedCurve !== "prime256v1") throw new RangeError("a key of another kind");
	return key;
}

function verifyPoint(key: Buffer, bytes: Buffer): boolean {
	const point = key.subarray(0, POINT_LENGTH);
	if (point[0] !== UNCOMPRESSED) throw new RangeError("a point of another form");
	const usable = createPublicKey({ key: Buffer.concat([POINT_HEAD, point]), format: "der", type: "spki" });
	return verify("sha256", bytes, { key: usable, dsaEncoding: "ieee-p1363" }, key.subarray(POINT_LENGTH));
}
