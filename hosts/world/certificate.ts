// SPDX-License-Identifier: Apache-2.0
/**
 * Certificates of the modelled TLS: what X.509 says, without ASN.1 and without mathematics.
 *
 * A certificate is JSON in UTF-8. A key is any bytes; its identifier is their hash, so a certificate
 * names a key without holding it. A signature is the hash of all other fields, among them the
 * identifier of the signing key: nobody forges anything here, but every way in which a chain can be
 * wrong (other key, other name, other dates, altered field) is told apart as in the real thing.
 */
import { DeviceError } from "../../src/base/error.js";
import { isAddress } from "./address.js";
import { Hash } from "./hash.js";
import { fromBytes, toBytes } from "./text.js";

/** Certificates in a chain. */
const CHAIN_MAXIMUM = 5;

export interface CertificateFields {
	subject: string;
	/** DNS names (a leading `*.` stands for one label) and IP addresses. */
	names: readonly string[];
	issuer: string;
	keyId: string;
	/** Wall clock ms. */
	notBefore: number;
	notAfter: number;
	/** May sign others. */
	ca: boolean;
	/** What the key of a leaf may prove (extended key usage). */
	use: "server" | "client" | "any";
	/** Identifier of the key that signed this. */
	signer: string;
}

export interface Certificate extends CertificateFields { signature: string }

/** Why a chain was refused; `alert` is what TLS tells the peer (RFC 5246 §7.2.2). */
export interface Refusal { alert: number; reason: string }

const BAD_CERTIFICATE = 42, UNSUPPORTED_CERTIFICATE = 43, CERTIFICATE_EXPIRED = 45, UNKNOWN_CA = 48;

export function keyIdOf(key: Uint8Array): string {
	return new Hash().bytes(key).hex();
}

export function sign(fields: CertificateFields): Certificate {
	return { ...fields, signature: signatureOf(fields) };
}

export function encodeCertificate(certificate: Certificate): Uint8Array {
	return toBytes(JSON.stringify(certificate));
}

/** @throws DeviceError `malformed` */
export function decodeCertificate(bytes: Uint8Array): Certificate {
	let value: unknown;
	try {
		value = JSON.parse(fromBytes(bytes));
	} catch (error) {
		throw new DeviceError("malformed", "not a certificate of the world", { cause: error });
	}
	if (!isCertificate(value)) throw new DeviceError("malformed", "a certificate of the world lacks fields");
	return value;
}

/** Walks from the leaf: an anchor signed this one and all is well, or the next one did and comes next. */
export function verifyChain(
	chain: readonly Certificate[], anchors: readonly Certificate[], wall: number | undefined, use: "server" | "client",
): Refusal | undefined {
	if (chain.length === 0 || chain.length > CHAIN_MAXIMUM) return { alert: BAD_CERTIFICATE, reason: `a chain of ${chain.length} certificates` };
	if (chain[0]!.use !== "any" && chain[0]!.use !== use) return { alert: UNSUPPORTED_CERTIFICATE, reason: `the certificate is not for a ${use}` };
	if (wall === undefined) return { alert: CERTIFICATE_EXPIRED, reason: "the wall clock is not set" };
	for (let index = 0; index < chain.length; index++) {
		const certificate = chain[index]!, next = chain[index + 1];
		const wrong = checkOne(certificate, wall);
		if (wrong !== undefined) return wrong;
		const anchor = anchors.find(candidate => signed(candidate, certificate) || candidate.signature === certificate.signature);
		if (anchor !== undefined) return checkOne(anchor, wall);
		if (next === undefined) return { alert: UNKNOWN_CA, reason: `nobody trusted signed ${certificate.subject}` };
		if (!signed(next, certificate)) return { alert: BAD_CERTIFICATE, reason: `${next.subject} did not sign ${certificate.subject}` };
	}
	return undefined;
}

/** RFC 6125: exact, or a wildcard for the leftmost label; never a wildcard for an address. */
export function isFor(certificate: Certificate, host: string): boolean {
	const wanted = host.toLowerCase(), dot = wanted.indexOf(".");
	const wildcard = dot > 0 && !isAddress(wanted) ? `*${wanted.slice(dot)}` : undefined;
	return certificate.names.some(name => name.toLowerCase() === wanted || name.toLowerCase() === wildcard);
}

function checkOne(certificate: Certificate, wall: number): Refusal | undefined {
	const { subject, notBefore, notAfter } = certificate;
	if (certificate.signature !== signatureOf(certificate)) return { alert: BAD_CERTIFICATE, reason: `the signature of ${subject} is wrong` };
	if (wall < notBefore) return { alert: BAD_CERTIFICATE, reason: `${subject} is not valid yet` };
	if (wall > notAfter) return { alert: CERTIFICATE_EXPIRED, reason: `${subject} has expired` };
	return undefined;
}

function signed(issuer: Certificate, certificate: Certificate): boolean {
	return issuer.ca && issuer.keyId === certificate.signer && issuer.subject === certificate.issuer;
}

function signatureOf(fields: CertificateFields): string {
	const { subject, names, issuer, keyId, notBefore, notAfter, ca, use, signer } = fields;
	return new Hash().text(JSON.stringify([subject, names, issuer, keyId, notBefore, notAfter, ca, use, signer])).hex();
}

export function isCertificate(value: unknown): value is Certificate {
	if (typeof value !== "object" || value === null) return false;
	const { subject, names, issuer, keyId, notBefore, notAfter, ca, use, signer, signature } = value as Record<string, unknown>;
	return [subject, issuer, keyId, signer, signature].every(text => typeof text === "string")
		&& typeof notBefore === "number" && typeof notAfter === "number" && typeof ca === "boolean"
		&& (use === "any" || use === "server" || use === "client")
		&& Array.isArray(names) && names.every(name => typeof name === "string");
}
