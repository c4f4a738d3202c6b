// SPDX-License-Identifier: Apache-2.0
/**
 * Takes the place of the SDK's module ssl/ciphersuites (see manifest.json): only suites with forward secrecy and
 * authenticated encryption. With the SDK's own list servers choose RSA key transport, or finite-field
 * Diffie-Hellman, with which the SDK cannot authenticate a client.
 */
import { AES, ECDHE_RSA, GCM, SHA256 } from "ssl/constants";

/** The SDK uses one constant for both kinds of signature; the certificate decides. Spec: RFC 5289 §3.2. */
function suite(number: number): object {
	return Object.freeze({
		value: Object.freeze([number >> 8, number & 0xff]),
		isExportable: false,
		keyExchangeAlgorithm: ECDHE_RSA,
		cipherAlgorithm: AES,
		cipherKeySize: 16,
		cipherBlockSize: 16,
		hashAlgorithm: SHA256,
		hashSize: 32,
		encryptionMode: GCM,
		/** The explicit and the implicit part of the nonce. */
		ivSize: 8,
		saltSize: 4,
	});
}

/** TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 and TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256. */
export default Object.freeze([suite(0xc02b), suite(0xc02f)]);
