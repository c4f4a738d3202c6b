// SPDX-License-Identifier: Apache-2.0
/** Judges and makes keys, signatures and requests by means that are not ours. */
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { createPublicKey, generateKeyPairSync, sign, verify, webcrypto, type KeyObject } from "node:crypto";

x509.cryptoProvider.set(webcrypto as never);

export function verifySignature(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
	return verify("sha256", bytes, createPublicKey({ key: Buffer.from(publicKey), format: "der", type: "spki" }), signature);
}

/** A key that is made now, as an uncompressed point of P-256, and its signature: r and s. */
export function makeSignature(bytes: Uint8Array): { key: Uint8Array; signature: Uint8Array } {
	const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
	return { key: pointOf(publicKey), signature: new Uint8Array(sign("sha256", bytes, { key: privateKey, dsaEncoding: "ieee-p1363" })) };
}

/** Judges as `host.keys.verify` does; for worlds. @throws when the key is no point of P-256 */
export function verifyPoint(key: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
	if (key.byteLength !== 65 || key[0] !== 4) throw new RangeError("no uncompressed point");
	const part = (start: number): string => Buffer.from(key.subarray(start, start + 32)).toString("base64url");
	const usable = createPublicKey({ key: { kty: "EC", crv: "P-256", x: part(1), y: part(33) }, format: "jwk" });
	return verify("sha256", bytes, { key: usable, dsaEncoding: "ieee-p1363" }, signature);
}

/** The uncompressed point of a key of P-256. */
export function pointOf(publicKey: KeyObject): Uint8Array {
	const { x = "", y = "" } = publicKey.export({ format: "jwk" });
	return Uint8Array.of(4, ...Buffer.from(x, "base64url"), ...Buffer.from(y, "base64url"));
}

/** @returns the common name. @throws Error when the request is malformed or its signature is wrong */
export async function openRequest(der: Uint8Array): Promise<string> {
	const request = new x509.Pkcs10CertificateRequest(new Uint8Array(der));
	if (!await request.verify()) throw new Error("the signature is wrong");
	return request.subjectName.getField("CN")[0]!;
}
