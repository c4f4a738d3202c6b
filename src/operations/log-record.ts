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
import { cut } from "../bytes/cut.js";
import { putHead, putNumber } from "../cbor/number.js";
import { Info, Major } from "../cbor/value.js";
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

/** First bytes of heads. */
const TEXT = Major.TEXT << 5;
const ARRAY = Major.ARRAY << 5;
const MAP = Major.MAP << 5;
const SIMPLE = Major.SIMPLE << 5;
const ILL_FORMED = "[text]";
/** Bytes of UTF-8 that no character exceeds. */
const CHARACTER_MAXIMUM = 4;

/**
 * Writes records into one piece of memory: `begin`, the texts of module and message, and `fields`. Parts and not one
 * call, because a program logs wherever it is, and calls within calls are what takes the stack.
 */
export class RecordEncoder {
	readonly #text: TextCodec;
	readonly #bytes: Uint8Array;
	readonly #view: DataView;
	/** Where the record begins, and where the next item goes. */
	#start = 0;
	#position = 0;

	/** @param view of `bytes`, from their beginning */
	constructor(text: TextCodec, bytes: Uint8Array, view: DataView) {
		this.#text = text;
		this.#bytes = bytes;
		this.#view = view;
	}

	/** Begins a record at `start`, where there is room for RECORD_LENGTH bytes. */
	begin(start: number, number: number, ms: number, level: number): void {
		const bytes = this.#bytes, view = this.#view;
		this.#start = start;
		let position = putHead(bytes, view, start, ARRAY, 5);
		position = putHead(bytes, view, position, 0, number);
		position = putHead(bytes, view, position, 0, ms);
		this.#position = putHead(bytes, view, position, 0, level);
	}

	/** Bytes of the record. */
	get length(): number {
		return this.#position - this.#start;
	}

	/**
	 * A text, or what is written of something else; as much of it as takes `most` bytes.
	 * @param digit ends what is cut, as two names in a map are not to be the same; absent: nothing does
	 */
	text(value: unknown, most: number, digit?: number): void {
		const text = this.#text, bytes = this.#bytes;
		let written = typeof value === "string" ? value : String(valueOf(value));
		let length = -1;
		try {
			length = text.byteLength(written);
		} catch {
			// There is none of half a character.
		}
		if (length < 0 || length > most) {
			if (length < 0) written = ILL_FORMED;
			written = digit === undefined ? beginning(text, written, most)
				: `${beginning(text, written, most - 2)}~${digit}`;
			length = text.byteLength(written);
		}
		const position = putHead(bytes, this.#view, this.#position, TEXT, length);
		text.encode(written, bytes, position);
		this.#position = position + length;
	}

	/** Ends the record with fields; what is beyond the limits is left out, and all of them when one throws. */
	fields(fields: unknown): void {
		const mark = this.#position;
		const bytes = this.#bytes, view = this.#view;
		try {
			const members = isPlain(fields) ? fields : { fields };
			const names = Object.keys(members);
			let left = FIELDS_LENGTH;
			let count = 0;
			// How many there are is known at the end; the head has one byte in any case.
			this.#position++;
			while (count < names.length && count < FIELDS_MAXIMUM && left >= FIELD_ROOM) {
				const name = names[count]!;
				this.text(name, FIELD_NAME_MAXIMUM, count++);
				const value = valueOf(members[name]);
				const position = this.#position;
				left = mark + 1 + FIELDS_LENGTH - position;
				if (typeof value === "string") this.text(value, Math.min(FIELD_TEXT_MAXIMUM, left - 2));
				else if (typeof value === "number") this.#position = putNumber(bytes, view, position, value);
				else this.#position = putHead(bytes, view, position, SIMPLE, simple(value));
				left -= this.#position - position;
			}
			putHead(bytes, view, mark, MAP, count);
			putHead(bytes, view, this.#start, ARRAY, 6);
		} catch {
			// Accessors may throw; the message is there in any case.
			this.#position = mark;
		}
	}
}

/** The record as a line for the developer. */
export function lineOf(ms: number, level: number, module: string, message: unknown, fields: unknown): string {
	let line = `${(ms / 1000).toFixed(3)} ${levelName(level)} ${module}: ${String(valueOf(message))}`;
	if (fields === undefined) return line;
	try {
		const members: Readonly<Record<string, unknown>> = isPlain(fields) ? fields : { fields };
		for (const name of Object.keys(members)) line += ` ${name}=${String(valueOf(members[name]))}`;
	} catch {
		// As in the record.
	}
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

function simple(value: boolean | null): number {
	if (value === null) return Info.NULL;
	return value ? Info.TRUE : Info.FALSE;
}

/** Whether it is an object as a literal makes one: members of anything else, of bytes say, are not fields. */
function isPlain(fields: unknown): fields is Readonly<Record<string, unknown>> {
	if (typeof fields !== "object" || fields === null) return false;
	const prototype: unknown = Object.getPrototypeOf(fields);
	return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** The first characters of `value`, as many as take `most` bytes. */
function beginning(text: TextCodec, value: string, most: number): string {
	// None takes less than a byte.
	let count = most;
	for (;;) {
		const part = cut(value, count);
		const excess = text.byteLength(part) - most;
		if (excess <= 0) return part;
		count = part.length - Math.ceil(excess / CHARACTER_MAXIMUM);
	}
}
