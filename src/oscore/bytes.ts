// SPDX-License-Identifier: Apache-2.0
/** Short bytes, put together: what OSCORE writes of CBOR is too little for an encoder. */

/** Bytes of a string of CBOR whose length is in its first byte. */
export const SHORT_MAXIMUM = 23;
const SHORT = 0x40;
const ONE_BYTE = 0x58;

export function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
	const bytes = new Uint8Array(first.byteLength + second.byteLength);
	bytes.set(first);
	bytes.set(second, first.byteLength);
	return bytes;
}

/** As CBOR has it; of 255 bytes at most. Spec: RFC 8949 §3.1. */
export function byteString(bytes: Uint8Array): Uint8Array {
	const { byteLength } = bytes;
	const head = byteLength > SHORT_MAXIMUM ? Uint8Array.of(ONE_BYTE, byteLength) : Uint8Array.of(SHORT + byteLength);
	return joined(head, bytes);
}
