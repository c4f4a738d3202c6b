// SPDX-License-Identifier: Apache-2.0
/**
 * Reads the fields of one packet's body, and refuses what the specification calls malformed.
 *
 * Pure. Spec: MQTT 5 §1.5 (the data types of 3.1.1 are among them).
 */
import { malformed } from "./reasons.js";

const VARINT_BYTES_MAXIMUM = 4;

export class Cursor {
	readonly #bytes: Uint8Array;
	readonly #end: number;
	#position: number;

	constructor(bytes: Uint8Array, position = 0, end = bytes.byteLength) {
		this.#bytes = bytes;
		this.#position = position;
		this.#end = end;
	}

	get isAtEnd(): boolean { return this.#position === this.#end; }

	uint8(): number {
		return this.#bytes[this.#advance(1)]!;
	}

	uint16(): number {
		const at = this.#advance(2);
		return this.#bytes[at]! * 256 + this.#bytes[at + 1]!;
	}

	uint32(): number {
		return this.uint16() * 65_536 + this.uint16();
	}

	/** [MQTT-1.5.5-1]: in the fewest bytes. */
	varint(): number {
		let value = 0;
		for (let index = 0; index < VARINT_BYTES_MAXIMUM; index++) {
			const byte = this.uint8();
			value += (byte & 0x7F) * 2 ** (7 * index);
			if (byte >= 0x80) continue;
			if (byte === 0 && index > 0) throw malformed("number in more bytes than it needs");
			return value;
		}
		throw malformed("number longer than four bytes");
	}

	binary(): Uint8Array {
		const length = this.uint16();
		const start = this.#advance(length);
		return this.#bytes.subarray(start, start + length);
	}

	/** [MQTT-1.5.4-1], [MQTT-1.5.4-2]. A byte order mark is a character ([MQTT-1.5.4-3]). */
	text(): string {
		const text = decode(this.binary());
		if (text.includes("\u0000")) throw malformed("text holds U+0000");
		return text;
	}

	/** A part of its own, preceded by its length as a varint. */
	block(): Cursor {
		const length = this.varint();
		const start = this.#advance(length);
		return new Cursor(this.#bytes, start, start + length);
	}

	skipRest(): void {
		this.#position = this.#end;
	}

	#advance(count: number): number {
		const at = this.#position;
		if (at + count > this.#end) throw malformed("packet ends within a field");
		this.#position = at + count;
		return at;
	}
}

function decode(bytes: Uint8Array): string {
	try {
		return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
	} catch {
		throw malformed("text is not UTF-8");
	}
}
