// SPDX-License-Identifier: Apache-2.0
/** The signature of a custom authorizer's token: RSA with SHA-256, on Node's cryptography. */
import { createPublicKey, verify } from "node:crypto";

/** @param publicKey PEM @returns for `AwsAuthorizer.verify` */
export function signedBy(publicKey: string): (token: string, signature: Uint8Array) => boolean {
	const key = createPublicKey(publicKey);
	return (token, signature) => verify("sha256", Buffer.from(token), key, signature);
}
