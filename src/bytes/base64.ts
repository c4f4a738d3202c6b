// SPDX-License-Identifier: Apache-2.0
/**
 * Base 64, as JSON carries bytes (RFC 4648 §4): strict, so that one text has one meaning.
 *
 * Text is taken and made in pieces: on XS finding a character takes as long as the text before it is.
 */
import { DeviceError } from "../base/error.js";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/** The digits by their values; the last is the padding. */
const DIGITS = Object.freeze([...ALPHABET, "="]);
const PADDING = 64;
/** Values by character code; -1 for what is no digit. */
const VALUES = Object.freeze(Array.from({ length: 0x7b }, (_, code) => ALPHABET.indexOf(String.fromCharCode(code))));
/** By how many digits the last group has. None has one. */
const PADDINGS = Object.freeze(["", "=", "==", "="]);
/** Characters of a piece, in groups of four. */
const PIECE = 64;

/** `bytes[start, end)` as text, padded. */
export function encodeBase64(bytes: Uint8Array, start = 0, end = bytes.byteLength): string {
	const pieces: string[] = [];
	let piece = "";
	for (let at = start; at < end; at += 3) {
		const left = end - at;
		const first = bytes[at]!;
		const second = left > 1 ? bytes[at + 1]! : 0;
		const third = left > 2 ? bytes[at + 2]! : 0;
		const c = left > 1 ? (second & 15) << 2 | third >> 6 : PADDING;
		const d = left > 2 ? third & 63 : PADDING;
		piece += DIGITS[first >> 2]! + DIGITS[(first & 3) << 4 | second >> 4]! + DIGITS[c]! + DIGITS[d]!;
		if (piece.length === PIECE) {
			pieces.push(piece);
			piece = "";
		}
	}
	pieces.push(piece);
	return pieces.join("");
}

/**
 * The bytes that `text` stands for.
 * @throws DeviceError `malformed` for anything but whole groups of four digits: for line breaks, for padding that is
 * missing, and for bits under the padding that are set (RFC 4648 §3.5)
 */
export function decodeBase64(text: string): Uint8Array {
	const length = text.length;
	if (length % 4 !== 0) throw new DeviceError("malformed", "base 64 of no whole groups");
	const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
	const whole = padding === 0 ? length : length - 4;
	const bytes = new Uint8Array(length / 4 * 3 - padding);
	let index = 0;
	for (let start = 0; start < whole; start += PIECE) {
		const piece = text.slice(start, Math.min(start + PIECE, whole));
		const digits = piece.length;
		for (let at = 0; at < digits; at += 4) {
			const word = group(piece, at, 4);
			bytes[index++] = word >> 16;
			bytes[index++] = word >> 8;
			bytes[index++] = word;
		}
	}
	if (padding > 0) {
		const word = group(text.slice(whole), 0, 4 - padding);
		if ((word & (padding === 2 ? 0xffff : 0xff)) !== 0) {
			throw new DeviceError("malformed", "base 64 with bits under its padding");
		}
		bytes[index] = word >> 16;
		if (padding === 1) bytes[index + 1] = word >> 8;
	}
	return bytes;
}

/**
 * As `decodeBase64`, of text for names and addresses: other digits, and no padding (RFC 4648 §5).
 * @throws DeviceError `malformed`
 */
export function decodeBase64URL(text: string): Uint8Array {
	if (text.includes("+") || text.includes("/") || text.includes("=")) {
		throw new DeviceError("malformed", "a character that is no digit of base 64 for URLs");
	}
	return decodeBase64(text.replaceAll("-", "+").replaceAll("_", "/") + PADDINGS[text.length % 4]!);
}

/** The 24 bits of the group at `at`, of which the first `count` characters are digits. */
function group(text: string, at: number, count: number): number {
	const a = VALUES[text.charCodeAt(at)] ?? -1;
	const b = VALUES[text.charCodeAt(at + 1)] ?? -1;
	const c = count > 2 ? VALUES[text.charCodeAt(at + 2)] ?? -1 : 0;
	const d = count > 3 ? VALUES[text.charCodeAt(at + 3)] ?? -1 : 0;
	if ((a | b | c | d) < 0) throw new DeviceError("malformed", "a character that is no digit of base 64");
	return a << 18 | b << 12 | c << 6 | d;
}
