// SPDX-License-Identifier: Apache-2.0
/**
 * PEM, the form in which clouds give certificates and take requests: DER in base64 between two lines that name it.
 *
 * Spec: RFC 7468 §2, §3. Strict about what it is: nothing but whole values of one label, each line of 64 characters but
 * the last. Lenient about what transports do to text: CRLF for LF, white space at the end of a line, empty lines.
 */
import { DeviceError } from "../base/error.js";
import { decodeBase64, encodeBase64 } from "../bytes/base64.js";

export const CERTIFICATE = "CERTIFICATE";
export const CERTIFICATE_REQUEST = "CERTIFICATE REQUEST";
/** PKCS#8. */
export const PRIVATE_KEY = "PRIVATE KEY";

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
