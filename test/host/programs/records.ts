// SPDX-License-Identifier: Apache-2.0
/** The records of `writer.ts`, each of which tells whether it is whole. */
import { pattern } from "../bench.js";

export const PARTITION = Object.freeze({ records: 16_384 });
export const RECORD_LENGTH = 64;
export const STORAGE_KEYS = Object.freeze(["first", "second", "third"]);

const SLOTS = PARTITION.records / RECORD_LENGTH;

export function slotOf(number: number): number {
	return number % SLOTS;
}

/** Of a length that depends on the number, so that a mixture of two values shows in its length too. */
export function storageValueOf(number: number): Uint8Array {
	return numbered(number, 200 + number % 7 * 1_000);
}

export function recordOf(number: number): Uint8Array {
	return numbered(number, RECORD_LENGTH);
}

export function numberOf(bytes: Uint8Array): number {
	return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
}

function numbered(number: number, byteLength: number): Uint8Array {
	const bytes = pattern(byteLength, number + 1);
	new DataView(bytes.buffer).setUint32(0, number);
	return bytes;
}
