// SPDX-License-Identifier: Apache-2.0
/**
 * PEM, the form in which clouds give certificates and take requests: DER in base64 between two lines that name it.
 *
 * Spec: RFC 7468 §2, §3. Strict about what it is: nothing but whole values of one label, each line of 64 characters but
 * the last. Lenient about what transports do to text: CRLF for LF, white space at the end of a line, empty lines.
 */
import { DeviceError } from "../base/error.js";
import { decodeBase64, encodeBase64 } from "../bytes/base64.js";
import type { TextCodec } from "../host.js";
import { DER, Tag } from "./der.js";

export const CERTIFICATE = "CERTIFICATE";
export const CERTIFICATE_REQUEST = "CERTIFICATE REQUEST";
/** PKCS#8. */
export const PRIVATE_KEY = "PRIVATE KEY";
/** PKCS#1. */
export const RSA_PRIVATE_KEY = "RSA PRIVATE KEY";

/** Values in one text: a chain of five certificates is as long as TLS takes. */
export const VALUES_MAXIMUM = 5;
/** Bytes of DER in a line: 64 characters. */
const LINE_LENGTH = 48;
const LINE_CHARACTERS = 64;

export function encodePEM(label: string, der: Uint8Array): string {
	const lines = [`-----BEGIN ${label}-----`];
	for (let start = 0; start < der.byteLength; start += LINE_LENGTH) {
		lines.push(encodeBase64(der, start, Math.min(start + LINE_LENGTH, der.byteLength)));
	}
	lines.push(`-----END ${label}-----`, "");
	return lines.join("\n");
}

/**
 * The values with this label, in their order: of a chain the leaf first, as it was written.
 * @throws DeviceError `malformed` for anything else; the message repeats nothing of the text
 */
export function decodePEM(label: string, pem: string): Uint8Array[] {
	const values: Uint8Array[] = [];
	let body: string[] | undefined;
	for (const untrimmed of pem.split("\n")) {
		const line = untrimmed.trimEnd();
		if (line === "") continue;
		if (body === undefined) {
			if (line !== `-----BEGIN ${label}-----`) throw malformed(`no ${label} begins where one should`);
			if (values.length === VALUES_MAXIMUM) throw malformed(`more than ${VALUES_MAXIMUM} values`);
			body = [];
		} else if (line === `-----END ${label}-----`) {
			values.push(decodeBody(body));
			body = undefined;
		} else {
			body.push(line);
		}
	}
	if (body !== undefined) throw malformed(`a ${label} has no end`);
	if (values.length === 0) throw malformed(`no ${label} in the text`);
	return values;
}

/**
 * A private key, PKCS#8 DER: what TLS takes. AWS gives the keys that it makes as PKCS#1, which lacks a wrapping.
 * @throws DeviceError `malformed`
 */
export function decodePrivateKey(text: TextCodec, pem: string): Uint8Array {
	if (!pem.trimStart().startsWith(`-----BEGIN ${RSA_PRIVATE_KEY}-----`)) return only(decodePEM(PRIVATE_KEY, pem));
	const der = new DER(text);
	// rsaEncryption (RFC 8017 §A.1), in the OneAsymmetricKey of RFC 5958 §2.
	const algorithm = Uint8Array.of(
		0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
	);
	const key = der.value(Tag.OCTET_STRING, only(decodePEM(RSA_PRIVATE_KEY, pem)));
	return der.value(Tag.SEQUENCE, der.value(Tag.INTEGER, Uint8Array.of(0)), algorithm, key);
}

function only(values: readonly Uint8Array[]): Uint8Array {
	const [value] = values;
	if (value === undefined || values.length > 1) throw malformed("more than one key");
	return value;
}

function decodeBody(lines: readonly string[]): Uint8Array {
	const last = lines.length - 1;
	// Text of a length that no encoder gives may have lost some of its lines.
	const isWhole = last >= 0 && lines.every((line, index) => {
		return index < last ? line.length === LINE_CHARACTERS : line.length <= LINE_CHARACTERS;
	});
	if (!isWhole) throw malformed("a line has no 64 characters");
	return decodeBase64(lines.join(""));
}

function malformed(why: string): DeviceError {
	return new DeviceError("malformed", `not the PEM expected: ${why}`);
}
