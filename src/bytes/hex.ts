// SPDX-License-Identifier: Apache-2.0
/** Bytes as lower-case hexadecimal digits: what is kept as text, and what a preloaded module cannot hold otherwise. */
import { DeviceError } from "../base/error.js";

const ZERO = 0x30;
const NINE = 0x39;
const LOWER_A = 0x61;
const LOWER_F = 0x66;

export function encodeHex(bytes: Uint8Array): string {
	let digits = "";
	for (let index = 0; index < bytes.byteLength; index++) digits += (bytes[index]! + 256).toString(16).slice(1);
	return digits;
}

/**
 * The bytes that `digits` are, two for each.
 * @throws DeviceError `argument` for an odd number of them, and for what is none of 0-9 and a-f
 */
export function decodeHex(digits: string): Uint8Array {
	const { length } = digits;
	if (length % 2 !== 0) throw new DeviceError("argument", `bytes of ${length} digits, which is odd`);
	const bytes = new Uint8Array(length / 2);
	for (let index = 0; index < length; index += 2) {
		bytes[index >> 1] = digit(digits.charCodeAt(index)) << 4 | digit(digits.charCodeAt(index + 1));
	}
	return bytes;
}

function digit(code: number): number {
	if (code >= ZERO && code <= NINE) return code - ZERO;
	if (code >= LOWER_A && code <= LOWER_F) return code - LOWER_A + 10;
	throw new DeviceError("argument", "a digit that is none of 0-9 and a-f");
}
