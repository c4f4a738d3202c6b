// SPDX-License-Identifier: Apache-2.0
/** Base64 as of RFC 4648 §4: padded, and nothing but its alphabet. */
import { DeviceError } from "../base/error.js";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

export function encodeBase64(bytes: Uint8Array, start = 0, end = bytes.byteLength): string {
	let text = "";
	for (let at = start; at < end; at += 3) {
		const word = bytes[at]! << 16 | (at + 1 < end ? bytes[at + 1]! << 8 : 0) | (at + 2 < end ? bytes[at + 2]! : 0);
		text += ALPHABET[word >> 18]! + ALPHABET[word >> 12 & 63]!
			+ (at + 1 < end ? ALPHABET[word >> 6 & 63]! : "=") + (at + 2 < end ? ALPHABET[word & 63]! : "=");
	}
	return text;
}

/** @throws DeviceError `malformed` */
export function decodeBase64(text: string): Uint8Array {
	const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
	const length = text.length / 4 * 3 - padding;
	if (text.length % 4 !== 0) throw malformed();
	const bytes = new Uint8Array(length);
	let word = 0, bits = 0, at = 0;
	for (const character of text.slice(0, text.length - padding)) {
		const digit = ALPHABET.indexOf(character);
		if (digit < 0) throw malformed();
		word = (word << 6 | digit) & 0xffff;
		bits += 6;
		if (bits < 8) continue;
		bits -= 8;
		bytes[at++] = word >> bits;
	}
	if ((word & (1 << bits) - 1) !== 0) throw malformed();
	return bytes;
}

function malformed(): DeviceError {
	return new DeviceError("malformed", "not base64");
}
