// SPDX-License-Identifier: Apache-2.0
/** The work with private keys that the relay does for the XS host: the engine's sources bring no arithmetic for it. */
import { createPrivateKey, generateKeyPair, sign, type KeyObject } from "node:crypto";
import { promisify } from "node:util";

const RSA_LENGTH = 2048;

const signAsync = promisify<string, Uint8Array, KeyObject, Buffer>(sign);
const generateAsync = promisify(generateKeyPair);

/**
 * `P-256` and `RSA-2048` ask for a key: its length in 2 bytes, PKCS#8, SubjectPublicKeyInfo. `sign` asks for the
 * signature of `bytes` with `key`.
 * @throws when the key cannot be used, or the question is none
 */
export async function answer(question: string, key: Buffer | undefined, bytes: Buffer): Promise<Buffer> {
	switch (question) {
	case "P-256": return encodePair(await generateAsync("ec", { namedCurve: "prime256v1" }));
	case "RSA-2048": return encodePair(await generateAsync("rsa", { modulusLength: RSA_LENGTH }));
	case "sign": return signAsync("sha256", bytes, decode(key!));
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
