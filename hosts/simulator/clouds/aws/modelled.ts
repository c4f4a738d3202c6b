// SPDX-License-Identifier: Apache-2.0
/** Certificates of the world for devices of the simulated AWS. */
import { CERTIFICATE, CERTIFICATE_REQUEST, decodePEM, encodePEM, PRIVATE_KEY } from "../../../../src/identity/pem.js";
import type { Authority } from "../../../world/authority.js";
import { decodeCertificate } from "../../../world/certificate.js";
import { openCSR } from "../../../world/keys.js";
import type { CertificateIssuer, IssuedCertificate, SignedCertificate } from "./provisioning.js";

const LEAF = Object.freeze({ subject: "AWS IoT Certificate", use: "client" as const });

/** A certificate's identifier is its key's: the world's stand-in for a fingerprint. */
export class ModelledCertificates implements CertificateIssuer {
	readonly #authority: Authority;
	readonly #onActivated: (certificateId: string, thingName: string) => void;

	constructor(authority: Authority, options: { onActivated?: (certificateId: string, thingName: string) => void } = {}) {
		this.#authority = authority;
		this.#onActivated = options.onActivated ?? (() => undefined);
	}

	create(done: (issued: IssuedCertificate) => void): void {
		const { certificates, key } = this.#authority.issue(LEAF);
		done({ ...signed(certificates[0]!), privateKeyPem: encodePEM(PRIVATE_KEY, key) });
	}

	sign(csrPem: string, done: (signed: SignedCertificate) => void, fail: (error: unknown) => void): void {
		let certificates: Uint8Array[];
		try {
			const { keyId } = openCSR(decodePEM(CERTIFICATE_REQUEST, csrPem)[0]!);
			certificates = this.#authority.certify(keyId, LEAF);
		} catch (error) {
			fail(error);
			return;
		}
		done(signed(certificates[0]!));
	}

	activate(certificateId: string, thingName: string): void {
		this.#onActivated(certificateId, thingName);
	}
}

function signed(certificate: Uint8Array): SignedCertificate {
	return { certificateId: decodeCertificate(certificate).keyId, certificatePem: encodePEM(CERTIFICATE, certificate) };
}
