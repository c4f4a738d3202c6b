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

/** Whether all of `expected` stands in `bytes` from `start` on. */
export function isAt(expected: Uint8Array, bytes: Uint8Array, start: number): boolean {
	const { byteLength } = expected;
	if (start + byteLength > bytes.byteLength) return false;
	for (let index = 0; index < byteLength; index++) if (expected[index] !== bytes[start + index]) return false;
	return true;
}

/** Below zero when `left` comes first: the shorter one, or else that with the lower byte where they differ. */
export function orderOf(left: Uint8Array, right: Uint8Array): number {
	let difference = left.byteLength - right.byteLength;
	const { byteLength } = left;
	for (let index = 0; difference === 0 && index < byteLength; index++) difference = left[index]! - right[index]!;
	return difference;
}

/** Whether they are the same bytes. Not for secrets: it ends at the first that differs. */
export function isEqual(left: Uint8Array, right: Uint8Array): boolean {
	return left.byteLength === right.byteLength && isAt(left, right, 0);
}

/** Writes `word` big-endian at `index`. */
export function setWord(bytes: Uint8Array, index: number, word: number): void {
	bytes[index] = word >>> 24;
	bytes[index + 1] = word >>> 16;
	bytes[index + 2] = word >>> 8;
	bytes[index + 3] = word;
}

/** Mixes `source` into the bytes from the first on (exclusive or). */
export function mix(bytes: Uint8Array, source: Uint8Array): void {
	const { byteLength } = source;
	for (let index = 0; index < byteLength; index++) bytes[index]! ^= source[index]!;
}
