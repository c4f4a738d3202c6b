// SPDX-License-Identifier: Apache-2.0
/** Bytes as lower-case hexadecimal digits: identities that are kept, compared and told as text. */

/** Two digits for each of `bytes[start, end)`. */
export function encodeHex(bytes: Uint8Array, start = 0, end = bytes.byteLength): string {
	let text = "";
	for (let index = start; index < end; index++) text += (bytes[index]! + 256).toString(16).slice(1);
	return text;
}

/** Whether all of `expected` stands in `bytes` from `start` on. */
export function isAt(expected: Uint8Array, bytes: Uint8Array, start: number): boolean {
	const { byteLength } = expected;
	if (start + byteLength > bytes.byteLength) return false;
	for (let index = 0; index < byteLength; index++) if (expected[index] !== bytes[start + index]) return false;
	return true;
}
