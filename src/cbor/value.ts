// SPDX-License-Identifier: Apache-2.0
/** What CBOR says here: what JSON can, and bytes. */

export type CBORValue = null | boolean | number | string | Uint8Array | CBORValue[] | CBORObject;
export interface CBORObject { [member: string]: CBORValue }

/** Major types. Spec: RFC 8949 §3.1. */
export const Major = Object.freeze({
	UNSIGNED: 0, NEGATIVE: 1, BYTES: 2, TEXT: 3, ARRAY: 4, MAP: 5, TAG: 6, SIMPLE: 7,
});

/** What the five low bits of a head say, other than a small number. Spec: RFC 8949 §3, §3.3. */
export const Info = Object.freeze({
	UINT8: 24, UINT16: 25, UINT32: 26, UINT64: 27, INDEFINITE: 31,
	FALSE: 20, TRUE: 21, NULL: 22, FLOAT16: 25, FLOAT32: 26, FLOAT64: 27,
});
