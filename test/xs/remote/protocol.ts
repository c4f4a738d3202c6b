// SPDX-License-Identifier: Apache-2.0
/**
 * How a suite on the engine has its parent open servers: lines of JSON over one TCP connection.
 * Bytes are `{ "$": hex }`; an object that stays with the parent is `{ ref, … }`.
 */

export interface Request {
	/** Absent when no answer is wanted. */
	id?: number;
	/** The object that is asked; 0 is the platform. */
	on: number;
	method: string;
	values: unknown[];
}

export interface Answer {
	id: number;
	value?: unknown;
	error?: string;
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

export function encode(message: Request | Answer): string {
	return JSON.stringify(message, (_key, value: unknown) =>
		value instanceof Uint8Array ? { $: Array.from(value, (byte) => HEX[byte]).join("") } : value) + "\n";
}

/** The value of an ASCII digit. */
function nibble(code: number): number {
	return code < 0x3a ? code - 0x30 : code - 0x57;
}

/** `ascii` turns text into bytes natively: the engine finds a place in a long text by walking to it. */
export function decode(line: string, ascii: (text: string) => Uint8Array): unknown {
	return JSON.parse(line, (_key, value: unknown) => {
		if (typeof value !== "object" || value === null || !("$" in value)) return value;
		const digits = ascii(value.$ as string);
		const bytes = new Uint8Array(digits.byteLength / 2);
		for (let i = 0; i < bytes.byteLength; i++) bytes[i] = nibble(digits[2 * i]!) << 4 | nibble(digits[2 * i + 1]!);
		return bytes;
	});
}
