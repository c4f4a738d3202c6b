// SPDX-License-Identifier: Apache-2.0
/**
 * Values in DER, as far as a request and a key need them: each is made whole, from the innermost outwards.
 *
 * Spec: X.690 §8, §10.1. Not implemented: high tag numbers, lengths from 64 KB on.
 */
import { DeviceError } from "../base/error.js";
import { Writer } from "../bytes/writer.js";
import type { TextCodec } from "../host.js";

export const Tag = Object.freeze({
	INTEGER: 0x02, BIT_STRING: 0x03, OCTET_STRING: 0x04, UTF8_STRING: 0x0c, SEQUENCE: 0x30, SET: 0x31,
	/** [0], constructed. */
	CONTEXT_0: 0xa0,
});

/** Of a value: what a length of two bytes tells. */
const LENGTH_MAXIMUM = 0xffff;

export class DER {
	readonly #text: TextCodec;
	readonly #writer: Writer;

	constructor(text: TextCodec) {
		this.#text = text;
		this.#writer = new Writer(text);
	}

	/** A value whose content is `parts`, one behind the other. @throws DeviceError `too-large` */
	value(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
		let length = 0;
		for (const part of parts) length += part.byteLength;
		if (length > LENGTH_MAXIMUM) throw new DeviceError("too-large", `a DER value of ${length} bytes`);
		const header = length < 0x80 ? 2 : length < 0x100 ? 3 : 4;
		const result = new Uint8Array(header + length);
		const writer = this.#writer;
		writer.reset(result, 0, result.byteLength);
		writer.uint8(tag);
		if (header === 2) writer.uint8(length);
		else if (header === 3) writer.uint16(0x8100 | length);
		else {
			writer.uint8(0x82);
			writer.uint16(length);
		}
		for (const part of parts) writer.copy(part, 0, part.byteLength);
		writer.clear();
		return result;
	}

	/** Whole bytes as a BIT STRING. */
	bits(bytes: Uint8Array): Uint8Array {
		return this.value(Tag.BIT_STRING, Uint8Array.of(0), bytes);
	}

	/** @throws DeviceError `argument` on an unpaired surrogate */
	utf8(value: string): Uint8Array {
		const bytes = new Uint8Array(this.#text.byteLength(value));
		this.#text.encode(value, bytes, 0);
		return this.value(Tag.UTF8_STRING, bytes);
	}
}
