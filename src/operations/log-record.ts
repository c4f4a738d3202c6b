// SPDX-License-Identifier: Apache-2.0
/**
 * A record as bytes: `[number, ms since boot, level, module, message, {fields}?]` in CBOR, written once, where it is
 * kept. It is never longer than RECORD_LENGTH, whatever the program says, and nothing but the names of its fields is
 * allocated for it.
 *
 * What is no value of a field is written as what its type is called: no object is ever looked into, so that the bytes
 * of a key are not, either.
 */
import { SECRET, Secret } from "../base/secret.js";
import { putHead, putNumber } from "../cbor/number.js";
import { Major } from "../cbor/value.js";
import type { TextCodec } from "../host.js";
import { levelName } from "./log-level.js";

export type LogValue = string | number | boolean | null;
export type LogFields = Readonly<Record<string, LogValue>>;

/** Bytes of UTF-8. Of what is longer, as many whole characters are written as fit. */
export const MODULE_MAXIMUM = 24;
export const MESSAGE_MAXIMUM = 120;
const FIELD_NAME_MAXIMUM = 24;
const FIELD_TEXT_MAXIMUM = 64;
/** Fields, and bytes that they take together: what comes later is left out. */
export const FIELDS_MAXIMUM = 8;
export const FIELDS_LENGTH = 128;
/** What the longest name takes, and the longest number. */
const FIELD_ROOM = 2 + FIELD_NAME_MAXIMUM + 9;
/** Bytes of the longest record: heads, number, time, level, module, message and fields. */
export const RECORD_LENGTH = 1 + 5 + 9 + 1 + 2 + MODULE_MAXIMUM + 2 + MESSAGE_MAXIMUM + 1 + FIELDS_LENGTH;

const FALSE = 20;
const TRUE = 21;
const NULL = 22;
const ILL_FORMED = "[text]";
/** Bytes of UTF-8 that no character exceeds. */
const CHARACTER_MAXIMUM = 4;

/** Writes records into one piece of memory. */
export class RecordEncoder {
	readonly #text: TextCodec;
	readonly #bytes: Uint8Array;
	readonly #view: DataView;
	/** Where the next item goes. */
	#position = 0;

	/** @param view of `bytes`, from their beginning */
	constructor(text: TextCodec, bytes: Uint8Array, view: DataView) {
		this.#text = text;
		this.#bytes = bytes;
		this.#view = view;
	}

	/**
	 * Writes a record at `start`, where there is room for RECORD_LENGTH bytes.
	 * @returns its bytes
	 */
	encode(
		start: number, number: number, ms: number, level: number, module: string, message: unknown, fields: unknown,
	): number {
		this.#position = start;
		this.head(Major.ARRAY, fields === undefined ? 5 : 6);
		this.number(number);
		this.number(ms);
		this.number(level);
		this.string(module, MODULE_MAXIMUM);
		this.string(String(valueOf(message)), MESSAGE_MAXIMUM);
		if (fields !== undefined) this.fields(isPlain(fields) ? fields : { fields });
		return this.#position - start;
	}

	private fields(fields: Readonly<Record<string, unknown>>): void {
		const names = Object.keys(fields);
		const { length } = names;
		// How many there are is known at the end; the head has one byte in any case.
		const head = this.#position++;
		const end = head + 1 + FIELDS_LENGTH;
		let count = 0;
		while (count < length && count < FIELDS_MAXIMUM && end - this.#position >= FIELD_ROOM) {
			const name = names[count++]!;
			this.string(name, FIELD_NAME_MAXIMUM);
			this.value(valueOf(fields[name]), Math.min(FIELD_TEXT_MAXIMUM, end - this.#position - 2));
		}
		putHead(this.#bytes, this.#view, head, Major.MAP << 5, count);
	}

	/** @param most bytes of a text */
	private value(value: LogValue, most: number): void {
		if (typeof value === "string") this.string(value, most);
		else if (typeof value === "number") this.number(value);
		else this.head(Major.SIMPLE, value === null ? NULL : value ? TRUE : FALSE);
	}

	private head(major: number, argument: number): void {
		this.#position = putHead(this.#bytes, this.#view, this.#position, major << 5, argument);
	}

	private number(value: number): void {
		this.#position = putNumber(this.#bytes, this.#view, this.#position, value);
	}

	private string(value: string, most: number): void {
		const text = this.#text;
		let written = value;
		let length = byteLength(text, value);
		if (length < 0 || length > most) {
			written = length < 0 ? ILL_FORMED : cut(text, value, most);
			length = byteLength(text, written);
		}
		this.head(Major.TEXT, length);
		text.encode(written, this.#bytes, this.#position);
		this.#position += length;
	}
}

/** The record as a line for the developer. */
export function lineOf(ms: number, level: number, module: string, message: unknown, fields: unknown): string {
	let line = `${(ms / 1000).toFixed(3)} ${levelName(level)} ${module}: ${String(valueOf(message))}`;
	if (fields === undefined) return line;
	const members: Readonly<Record<string, unknown>> = isPlain(fields) ? fields : { fields };
	for (const name of Object.keys(members)) line += ` ${name}=${String(valueOf(members[name]))}`;
	return line;
}

/** What is written of a value. */
function valueOf(value: unknown): LogValue {
	switch (typeof value) {
		case "string":
		case "boolean":
			return value;
		case "number":
			// There is no CBOR of it that clouds read.
			return Number.isFinite(value) ? value : String(value);
		default:
			if (value === null) return null;
			return value instanceof Secret ? SECRET : `[${typeof value}]`;
	}
}

/** Whether it is an object as a literal makes one: members of anything else, of bytes say, are not fields. */
function isPlain(fields: unknown): fields is Readonly<Record<string, unknown>> {
	if (typeof fields !== "object" || fields === null) return false;
	const prototype: unknown = Object.getPrototypeOf(fields);
	return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Of its UTF-8; -1 when it has none, because of half a character. */
function byteLength(text: TextCodec, value: string): number {
	try {
		return text.byteLength(value);
	} catch {
		return -1;
	}
}

/** The first characters of `value`, as many as take `most` bytes. */
function cut(text: TextCodec, value: string, most: number): string {
	// None takes less than a byte.
	let count = most;
	for (;;) {
		if (isFirstHalf(value.charCodeAt(count - 1))) count--;
		const beginning = value.slice(0, count);
		const excess = text.byteLength(beginning) - most;
		if (excess <= 0) return beginning;
		count -= Math.ceil(excess / CHARACTER_MAXIMUM);
	}
}

/** Whether the code unit is one of two that make a character. */
function isFirstHalf(unit: number): boolean {
	return unit >= 0xd800 && unit < 0xdc00;
}
