// SPDX-License-Identifier: Apache-2.0
/** Options of requests and responses as the server reads and makes them, in its own way: nothing here is the SDK's codec. */
import { OptionNumber } from "../../../src/coap/constants.js";
import type { Option } from "../../../src/coap/option.js";
import { text, toBytes } from "../../world/text.js";

interface Form { readonly least: number; readonly most: number; readonly repeatable?: true }

/** What requests may have, and how long it is. Spec: RFC 7252 table 4; 7641 §2; 7959 table 1; 7967; 8768; 9175. */
const FORMS = new Map<number, Form>([
	[OptionNumber.IF_MATCH, { least: 0, most: 8, repeatable: true }],
	[OptionNumber.URI_HOST, { least: 1, most: 255 }],
	[OptionNumber.ETAG, { least: 1, most: 8, repeatable: true }],
	[OptionNumber.IF_NONE_MATCH, { least: 0, most: 0 }],
	[OptionNumber.OBSERVE, { least: 0, most: 3 }],
	[OptionNumber.URI_PORT, { least: 0, most: 2 }],
	[OptionNumber.URI_PATH, { least: 0, most: 255, repeatable: true }],
	[OptionNumber.CONTENT_FORMAT, { least: 0, most: 2 }],
	[OptionNumber.URI_QUERY, { least: 0, most: 255, repeatable: true }],
	[OptionNumber.HOP_LIMIT, { least: 1, most: 1 }],
	[OptionNumber.ACCEPT, { least: 0, most: 2 }],
	[OptionNumber.BLOCK2, { least: 0, most: 3 }],
	[OptionNumber.BLOCK1, { least: 0, most: 3 }],
	[OptionNumber.SIZE2, { least: 0, most: 4 }],
	[OptionNumber.PROXY_URI, { least: 1, most: 1_034 }],
	[OptionNumber.PROXY_SCHEME, { least: 1, most: 255 }],
	[OptionNumber.SIZE1, { least: 0, most: 4 }],
	[OptionNumber.ECHO, { least: 1, most: 40 }],
	[OptionNumber.NO_RESPONSE, { least: 0, most: 1 }],
	[OptionNumber.REQUEST_TAG, { least: 0, most: 8, repeatable: true }],
]);

/** Not part of what the blocks of one body have in common. */
const PASSING: ReadonlySet<number> = new Set([
	OptionNumber.OBSERVE, OptionNumber.HOP_LIMIT, OptionNumber.BLOCK1, OptionNumber.BLOCK2, OptionNumber.SIZE1, OptionNumber.SIZE2,
	OptionNumber.ECHO, OptionNumber.NO_RESPONSE, OptionNumber.OSCORE,
]);

/** Said of a request's body alone. */
const OF_BODIES: ReadonlySet<number> = new Set([OptionNumber.CONTENT_FORMAT, OptionNumber.REQUEST_TAG]);

/**
 * The options that are understood. One of the wrong length, and one too many, is as one that is not known.
 *
 * Spec: RFC 7252 §5.4.1, §5.4.3, §5.4.5.
 * @returns the number of a critical option in its place
 */
export function understand(options: readonly Option[]): Option[] | number {
	const understood: Option[] = [];
	for (const [index, option] of options.entries()) {
		const form = FORMS.get(option.number), length = option.value.byteLength;
		const isOneTooMany = !form?.repeatable && options[index - 1]?.number === option.number;
		if (form && length >= form.least && length <= form.most && !isOneTooMany) understood.push(option);
		else if (option.number % 2 === 1) return option.number;
	}
	return understood;
}

export function uintOf(options: readonly Option[], number: number): number | undefined {
	const value = valueOf(options, number);
	return value && uint(value);
}

export function valueOf(options: readonly Option[], number: number): Uint8Array | undefined {
	return options.find(option => option.number === number)?.value;
}

export function valuesOf(options: readonly Option[], number: number): Uint8Array[] {
	return options.filter(option => option.number === number).map(({ value }) => value);
}

/** @throws DeviceError `malformed` for what is no text */
export function textsOf(options: readonly Option[], number: number): string[] {
	return valuesOf(options, number).map(value => text.decode(value, 0, value.byteLength));
}

export function uint(value: Uint8Array): number {
	return value.reduce((sum, byte) => sum * 0x100 + byte, 0);
}

export function uintBytes(value: number): Uint8Array {
	const bytes: number[] = [];
	for (let rest = value; rest > 0; rest = Math.floor(rest / 0x100)) bytes.unshift(rest % 0x100);
	return Uint8Array.from(bytes);
}

export function uintOption(number: number, value: number): Option {
	return { number, value: uintBytes(value) };
}

export function textOption(number: number, value: string): Option {
	return { number, value: toBytes(value) };
}

/** In ascending order, those of one number as they were. */
export function sorted(options: Option[]): Option[] {
	return options.sort((left, right) => left.number - right.number);
}

/**
 * What the blocks of one body have in common.
 * @param isSent false for the blocks of an answer: a request without body need not say what the body was
 */
export function keyOf(code: number, options: readonly Option[], isSent: boolean): string {
	const parts = options.filter(({ number }) => !PASSING.has(number) && (isSent || !OF_BODIES.has(number)));
	return `${code} ${parts.map(({ number, value }) => `${number}:${hex(value)}`).join(" ")}`;
}

export function hex(bytes: Uint8Array): string {
	let result = "";
	for (const byte of bytes) result += byte.toString(16).padStart(2, "0");
	return result;
}

export function same(left: Uint8Array, right: Uint8Array): boolean {
	return left.byteLength === right.byteLength && left.every((byte, index) => byte === right[index]);
}

/** Always a copy. */
export function joined(left: Uint8Array, right: Uint8Array): Uint8Array {
	const both = new Uint8Array(left.byteLength + right.byteLength);
	both.set(left);
	both.set(right, left.byteLength);
	return both;
}
