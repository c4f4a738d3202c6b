// SPDX-License-Identifier: Apache-2.0
/**
 * Certificates as AWS IoT makes them for devices: its own common name, RSA keys in PKCS#1, and the SHA-256 of the
 * certificate for a name.
 *
 * The common name says nothing of the thing: who owns a certificate is the registry's knowledge.
 */
// @peculiar/x509 refuses to load without it.
import "reflect-metadata";
import { createPrivateKey, webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";
import { DeviceError } from "../../../../src/base/error.js";
import type { Authority, KeyType } from "../../authority.js";
import type { CertificateIssuer, IssuedCertificate, SignedCertificate } from "./provisioning.js";

const COMMON_NAME = "AWS IoT Certificate";
const RSA_BITS_MINIMUM = 2048;
const CURVES: readonly string[] = Object.freeze(["P-256", "P-384", "P-521"]);

export class Certificates implements CertificateIssuer {
	readonly #authority: Authority;
	readonly #keyType: KeyType;
	readonly #onActivated: (certificateId: string, thingName: string) => void;

	/** @param options `keyType` of the keys that the cloud makes; default RSA, as at AWS */
	constructor(authority: Authority, options: { keyType?: KeyType; onActivated?: (certificateId: string, thingName: string) => void } = {}) {
		this.#authority = authority;
		this.#keyType = options.keyType ?? "RSA-2048";
		this.#onActivated = options.onActivated ?? (() => undefined);
	}

	create(done: (issued: IssuedCertificate) => void, fail: (error: unknown) => void): void {
		this.#create().then(done, fail);
	}

	sign(csrPem: string, done: (signed: SignedCertificate) => void, fail: (error: unknown) => void): void {
		this.#sign(csrPem).then(done, fail);
	}

	activate(certificateId: string, thingName: string): void {
		this.#onActivated(certificateId, thingName);
	}

	async #create(): Promise<IssuedCertificate> {
		const { fingerprint, certificatePem, keyPem } = await this.#authority.issueClient({ name: COMMON_NAME, keyType: this.#keyType });
		const privateKeyPem = this.#keyType === "RSA-2048" ? createPrivateKey(keyPem).export({ type: "pkcs1", format: "pem" }).toString() : keyPem;
		return { certificateId: fingerprint, certificatePem, privateKeyPem };
	}

	async #sign(csrPem: string): Promise<SignedCertificate> {
		const { fingerprint, certificatePem } = await this.#authority.certify(await openRequest(csrPem), { name: COMMON_NAME });
		return { certificateId: fingerprint, certificatePem };
	}
}

/**
 * The key that a certificate is asked for, once its owner has proved to have it.
 * @throws DeviceError `malformed`, `signature`, `unsupported`
 */
async function openRequest(csrPem: string): Promise<webcrypto.CryptoKey> {
	let request: x509.Pkcs10CertificateRequest, key: webcrypto.CryptoKey;
	try {
		request = new x509.Pkcs10CertificateRequest(x509.PemConverter.decodeFirst(csrPem));
		key = await request.publicKey.export(webcrypto);
	} catch (error) {
		throw new DeviceError("malformed", "not a request for a certificate", { cause: error });
	}
	const { modulusLength, namedCurve } = key.algorithm as Partial<webcrypto.RsaKeyAlgorithm & webcrypto.EcKeyAlgorithm>;
	if ((modulusLength ?? 0) < RSA_BITS_MINIMUM && !CURVES.includes(namedCurve ?? "")) {
		throw new DeviceError("unsupported", "a key of a kind that certificates are not made for");
	}
	// What throws here is a signature, too: one of another length, or of another algorithm.
	if (!await request.verify(webcrypto).catch(() => false)) throw new DeviceError("signature", "the request is not signed with its key");
	return key;
}
