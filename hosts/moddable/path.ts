// SPDX-License-Identifier: Apache-2.0
/**
 * Validation of a server's certificate path, from the leaf to one of the given anchors.
 *
 * Stricter than RFC 5280 §6 where that makes it simple to be sure: the chain must come in order, leaf first, and
 * each certificate must be signed by an anchor, which ends the path, or by the one that follows it. What follows
 * the end of the path is ignored (RFC 8446 §4.4.2). Revocation is not checked: a device has no way to ask.
 */
import { DeviceError } from "../../src/base/error.js";
import { isIPv4 } from "./check.js";
import { isEqual, malformed } from "./der.js";
import { checkKey, verifySignature } from "./signature.js";
import { Certificate, KeyUsage, NameKind } from "./x509.js";

/** Certificates from the leaf up to an anchor: each costs the chip a signature, and real paths have two or three. */
const CHAIN_MAXIMUM = 5;
/** RFC 1035 §2.3.4. */
const NAME_MAXIMUM = 253;

/**
 * @param chain   DER, as the server sent it
 * @param anchors DER of the certificates that are trusted
 * @param host    the DNS name or IPv4 address that the leaf must be for
 * @param now     wall clock in ms since 1970
 * @returns when the first certificate of the path expires, ms since 1970
 * @throws DeviceError `tls` naming what is wrong
 */
export function validatePath(chain: readonly Uint8Array[], anchors: readonly Uint8Array[], host: string, now: number): number {
	let until = Infinity;
	if (chain.length === 0) throw new DeviceError("tls", "the server sent no certificate");
	let certificate = new Certificate(chain[0]!);
	checkLeaf(certificate, host);
	for (let depth = 0; depth < CHAIN_MAXIMUM; depth++) {
		checkValid(certificate, now);
		until = Math.min(until, certificate.notAfter);
		for (const anchor of anchors) {
			const end = endsPath(anchor, certificate, chain[depth]!, depth, now);
			if (end !== undefined) return Math.min(until, end);
		}
		const next = chain[depth + 1];
		if (next === undefined) throw new DeviceError("tls", "the certificate path does not end at a trust anchor");
		const issuer = new Certificate(next);
		checkIssuer(issuer, depth);
		if (!isIssuedBy(certificate, issuer)) throw new DeviceError("tls", "a certificate is not signed by the next one of the chain");
		certificate = issuer;
	}
	throw new DeviceError("tls", "the certificate path is too long");
}

/** @returns when the anchor expires, if `certificate` is the anchor itself or is signed by it */
function endsPath(bytes: Uint8Array, certificate: Certificate, certificateBytes: Uint8Array, depth: number, now: number): number | undefined {
	if (isEqual(bytes, certificateBytes)) return certificate.notAfter;
	const anchor = new Certificate(bytes);
	if (!isEqual(anchor.subject, certificate.issuer)) return undefined;
	checkIssuer(anchor, depth);
	checkValid(anchor, now);
	return verifySignature(anchor.key, certificate.algorithm, certificate.signed, certificate.signature) ? anchor.notAfter : undefined;
}

function isIssuedBy(certificate: Certificate, issuer: Certificate): boolean {
	return isEqual(issuer.subject, certificate.issuer)
		&& verifySignature(issuer.key, certificate.algorithm, certificate.signed, certificate.signature);
}

function checkValid(certificate: Certificate, now: number): void {
	// Only version 3 says what a key is for.
	if (!certificate.isVersion3) throw new DeviceError("tls", "a certificate is not of version 3");
	if (now < certificate.notBefore) throw new DeviceError("tls", "a certificate is not yet valid");
	if (now > certificate.notAfter) throw new DeviceError("tls", "a certificate has expired");
}

function checkLeaf(leaf: Certificate, host: string): void {
	// ECDHE signs with the key; a key that may only encipher would belong to RSA key transport.
	if (!(leaf.keyUsage & KeyUsage.DIGITAL_SIGNATURE) || !leaf.isForServers) {
		throw new DeviceError("tls", "the certificate of the server is not made for this use");
	}
	checkKey(leaf.key);
	if (!leaf.someName((kind, name) => matches(kind, name, host))) throw new DeviceError("tls", "host name mismatch");
}

/** `depth` counts the certificates between the leaf and this one. */
function checkIssuer(issuer: Certificate, depth: number): void {
	if (!issuer.isAuthority || !(issuer.keyUsage & KeyUsage.KEY_CERT_SIGN)) {
		throw new DeviceError("tls", "an issuer in the chain is no certificate authority");
	}
	if (issuer.pathLength < depth) throw new DeviceError("tls", "the chain is longer than an issuer allows");
	if (!issuer.isForServers) throw new DeviceError("tls", "an issuer in the chain is not made for servers");
}

/** RFC 9525 §6.3: a wildcard is the whole leftmost label and stands for one label. */
function matches(kind: number, name: Uint8Array, host: string): boolean {
	if (isIPv4(host)) return kind === NameKind.ADDRESS && name.join(".") === host;
	if (kind !== NameKind.DNS) return false;
	const pattern = fromASCII(name).toLowerCase();
	const wanted = host.toLowerCase();
	if (!pattern.startsWith("*.")) return pattern === wanted;
	const suffix = pattern.slice(1);
	const label = wanted.length - suffix.length;
	return label > 0 && wanted.endsWith(suffix) && !wanted.slice(0, label).includes(".") && suffix.includes(".", 1);
}

function fromASCII(bytes: Uint8Array): string {
	if (bytes.byteLength > NAME_MAXIMUM || bytes.some(byte => byte <= 0x20 || byte >= 0x7f)) throw malformed();
	return String.fromArrayBuffer(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
}
