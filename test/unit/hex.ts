// SPDX-License-Identifier: Apache-2.0
/** Bytes as hexadecimal text, which is how the tests write and compare them. */

/** Blanks are passed over. */
export function fromHex(hex: string): Uint8Array {
	const digits = hex.replaceAll(" ", "");
	if (digits.length % 2 !== 0 || /[^0-9a-f]/.test(digits)) throw new Error(`no hexadecimal: ${hex}`);
	const bytes = new Uint8Array(digits.length / 2);
	for (let at = 0; at < bytes.length; at++) bytes[at] = Number.parseInt(digits.slice(2 * at, 2 * at + 2), 16);
	return bytes;
}

export function toHex(bytes: Uint8Array, start = 0, end = bytes.length): string {
	let hex = "";
	for (let at = start; at < end; at++) hex += bytes[at]!.toString(16).padStart(2, "0");
	return hex;
}
