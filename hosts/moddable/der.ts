// SPDX-License-Identifier: Apache-2.0
/**
 * A cursor over DER: definite lengths in their shortest form, and never a byte outside its range.
 *
 * Bytes from the network go through here before any other decoder sees them.
 * Spec: X.690 §8, §10.1.
 */
import { DeviceError } from "../../src/base/error.js";

export const Tag = Object.freeze({
	BOOLEAN: 0x01, INTEGER: 0x02, BIT_STRING: 0x03, OCTET_STRING: 0x04, OBJECT_IDENTIFIER: 0x06,
	UTC_TIME: 0x17, GENERALIZED_TIME: 0x18, SEQUENCE: 0x30,
});

/** Longest length field in bytes: what TLS carries has 24-bit lengths. */
const LENGTH_MAXIMUM = 3;
/** A tag that no DER value has: tag 0 of the universal class is reserved. */
const NONE = 0;

export class DER {
	readonly #bytes: Uint8Array;
	#position = 0;

	constructor(bytes: Uint8Array) {
		this.#bytes = bytes;
	}

	/** The tag of the next value; 0 at the end. */
	get tag(): number {
		return this.#position < this.#bytes.byteLength ? this.#bytes[this.#position]! : NONE;
	}

	/** The content of the next value, which must have this tag. */
	content(tag: number): Uint8Array {
		const start = this.#position;
		const value = this.#next(tag);
		return value.subarray(this.#headerLength(start));
	}

	/** The next value with its header. */
	value(tag: number): Uint8Array {
		return this.#next(tag);
	}

	/** A cursor over the content of the next value. */
	enter(tag: number): DER {
		return new DER(this.content(tag));
	}

	/** The bytes of an INTEGER that must be positive, without the sign byte. */
	unsigned(): Uint8Array {
		const content = this.content(Tag.INTEGER);
		const first = content[0];
		if (first === undefined || first >= 0x80) throw malformed();
		if (first !== 0 || content.byteLength === 1) return content;
		if (content[1]! < 0x80) throw malformed();
		return content.subarray(1);
	}

	/** The bytes of a BIT STRING that must have whole bytes. */
	bits(): Uint8Array {
		const content = this.content(Tag.BIT_STRING);
		if (content[0] !== 0) throw malformed();
		return content.subarray(1);
	}

	/** @throws DeviceError `tls` when anything follows */
	end(): void {
		if (this.#position !== this.#bytes.byteLength) throw malformed();
	}

	#next(tag: number): Uint8Array {
		if (this.tag !== tag) throw malformed();
		const start = this.#position;
		const end = start + this.#headerLength(start) + this.#contentLength(start);
		if (end > this.#bytes.byteLength) throw malformed();
		this.#position = end;
		return this.#bytes.subarray(start, end);
	}

	#headerLength(start: number): number {
		const first = this.#bytes[start + 1]!;
		return first < 0x80 ? 2 : 2 + (first & 0x7f);
	}

	#contentLength(start: number): number {
		const bytes = this.#bytes;
		const first = bytes[start + 1];
		if (first === undefined) throw malformed();
		if (first < 0x80) return first;
		const count = first & 0x7f;
		if (count === 0 || count > LENGTH_MAXIMUM || start + 2 + count > bytes.byteLength) throw malformed();
		let length = 0;
		for (let index = 0; index < count; index++) length = length << 8 | bytes[start + 2 + index]!;
		if (length < 0x80 || bytes[start + 2] === 0) throw malformed();
		return length;
	}
}

/** What this host reads as DER comes from a peer of TLS, or is used for TLS. */
export function malformed(): DeviceError {
	return new DeviceError("tls", "a certificate is malformed");
}

/** Longest that `hex` takes: no name or algorithm that we know needs half of it. */
const HEX_MAXIMUM = 64;

/** Object identifiers and the like as text that can be compared. */
export function hex(bytes: Uint8Array): string {
	if (bytes.byteLength > HEX_MAXIMUM) throw malformed();
	let text = "";
	for (const byte of bytes) text += (byte < 16 ? "0" : "") + byte.toString(16);
	return text;
}

export function isEqual(one: Uint8Array, other: Uint8Array): boolean {
	if (one.byteLength !== other.byteLength) return false;
	return one.every((byte, index) => byte === other[index]);
}
