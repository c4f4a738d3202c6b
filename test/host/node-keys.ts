// SPDX-License-Identifier: Apache-2.0
/** Judges keys, signatures and requests by means that are not ours. */
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { createPublicKey, verify, webcrypto } from "node:crypto";

x509.cryptoProvider.set(webcrypto as never);

export function verifySignature(publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array): boolean {
	return verify("sha256", bytes, createPublicKey({ key: Buffer.from(publicKey), format: "der", type: "spki" }), signature);
}

/** @returns the common name. @throws Error when the request is malformed or its signature is wrong */
export async function openRequest(der: Uint8Array): Promise<string> {
	const request = new x509.Pkcs10CertificateRequest(new Uint8Array(der));
	if (!await request.verify()) throw new Error("the signature is wrong");
	return request.subjectName.getField("CN")[0]!;
}
