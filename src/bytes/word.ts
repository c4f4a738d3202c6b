// SPDX-License-Identifier: Apache-2.0
/** 32-bit words in bytes, for whoever needs one or looks at nothing else: a `Reader` would be too much. */

const ALL_ONES = 0xffff_ffff;

/** The big-endian word at `index`. */
export function wordAt(bytes: Uint8Array, index: number): number {
	return bytes[index]! * 0x100_0000 + ((bytes[index + 1]! << 16) | (bytes[index + 2]! << 8) | bytes[index + 3]!);
}

/** True when the first `count` words are as erased flash is: all ones. */
export function areErased(words: Uint32Array, count: number): boolean {
	for (let index = 0; index < count; index++) if (words[index] !== ALL_ONES) return false;
	return true;
}
