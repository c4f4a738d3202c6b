// SPDX-License-Identifier: Apache-2.0
/**
 * Certificates of the world for devices of the simulated AWS.
 *
 * What a request for a certificate is in the world is its key store's knowledge, and passed in.
 */
import { DeviceError } from "../../../../src/base/error.js";
import type { Credentials, IssueOptions } from "../../../world/authority.js";
import { decodeCertificate } from "../../../world/certificate.js";
import type { CertificateIssuer, IssuedCertificate, SignedCertificate } from "./provisioning.js";

/** What is asked of an authority of the world. */
export interface ModelledAuthority {
	issue(options: IssueOptions): Credentials;
	/** @returns the leaf first */
	certify(keyId: string, options: { subject: string; use: "client" }): Uint8Array[];
}

export interface ModelledOptions {
	authority: ModelledAuthority;
	/** @throws DeviceError `malformed`, `signature` */
	openRequest: (der: Uint8Array) => { keyId: string };
	onActivated?: (certificateId: string, thingName: string) => void;
}

const LEAF = Object.freeze({ subject: "AWS IoT Certificate", use: "client" as const });
const LINE_LENGTH = 64;

/** A certificate's identifier is its key's: the world's stand-in for a fingerprint. */
export class ModelledCertificates implements CertificateIssuer {
	readonly #options: ModelledOptions;

	constructor(options: ModelledOptions) {
		this.#options = options;
	}

	create(done: (issued: IssuedCertificate) => void): void {
		const { certificates, key } = this.#options.authority.issue(LEAF);
		done({ ...signed(certificates[0]!), privateKeyPem: encodePem("PRIVATE KEY", key) });
	}

	sign(csrPem: string, done: (signed: SignedCertificate) => void, fail: (error: unknown) => void): void {
		let certificates: Uint8Array[];
		try {
			const { keyId } = this.#options.openRequest(decodePem("CERTIFICATE REQUEST", csrPem));
			certificates = this.#options.authority.certify(keyId, LEAF);
		} catch (error) {
			fail(error);
			return;
		}
		done(signed(certificates[0]!));
	}

	activate(certificateId: string, thingName: string): void {
		this.#options.onActivated?.(certificateId, thingName);
	}
}

function signed(certificate: Uint8Array): SignedCertificate {
	return { certificateId: decodeCertificate(certificate).keyId, certificatePem: encodePem("CERTIFICATE", certificate) };
}

function encodePem(label: string, bytes: Uint8Array): string {
	const text = Buffer.from(bytes).toString("base64"), lines: string[] = [];
	for (let start = 0; start < text.length; start += LINE_LENGTH) lines.push(text.slice(start, start + LINE_LENGTH));
	return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

function decodePem(label: string, pem: string): Uint8Array {
	const [, body] = new RegExp(`^-----BEGIN ${label}-----\\r?\\n([A-Za-z0-9+/=\\r\\n]+)-----END ${label}-----\\s*$`).exec(pem) ?? [];
	if (body === undefined) throw new DeviceError("malformed", `no ${label} in the text`);
	return Uint8Array.from(Buffer.from(body, "base64"));
}
