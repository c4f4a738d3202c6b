// SPDX-License-Identifier: Apache-2.0
/**
 * CBOR as it is written, value by value, into memory that grows as it must.
 *
 * Behind the head of an array as many values must follow as it says, and behind that of a map so many pairs: that is
 * the caller's business. Keys can be anything then, numbers too.
 */
import { DeviceError } from "../base/error.js";
import { DEPTH_MAXIMUM } from "../bytes/document.js";
import { orderOf } from "../bytes/word.js";
import type { TextCodec } from "../host.js";
import { ITEM_MAXIMUM, putHead, putNumber } from "./number.js";
import type { CBORObject, CBORValue } from "./value.js";

/** Bytes of the longest encoding: the longest message that a cloud takes. */
export const ENCODING_MAXIMUM = 131_072;
/** Bytes to begin with: most messages are shorter. */
const FIRST_LENGTH = 256;

/** First bytes of heads. */
const BYTES = 0x40;
const TEXT = 0x60;
const ARRAY = 0x80;
const MAP = 0xa0;
const FALSE = 0xf4;
const TRUE = 0xf5;
const NULL = 0xf6;

export class CBORWriter {
	readonly #text: TextCodec;
	readonly #isDeterministic: boolean;
	#bytes: Uint8Array;
	#view: DataView;
	#position = 0;

	/** @param isDeterministic the members of objects are sorted, as `encodeDeterministicCBOR` says */
	constructor(text: TextCodec, isDeterministic = false) {
		this.#text = text;
		this.#isDeterministic = isDeterministic;
		this.#bytes = new Uint8Array(FIRST_LENGTH);
		this.#view = new DataView(this.#bytes.buffer);
	}

	/** The head of an array. @throws DeviceError `too-large` */
	array(count: number): void {
		this.head(ARRAY, count);
	}

	/** The head of a map. @throws DeviceError `too-large` */
	map(count: number): void {
		this.head(MAP, count);
	}

	/**
	 * A whole value.
	 * @throws DeviceError `argument` for what is no value, numbers that are not finite, unpaired surrogates and more
	 * than `DEPTH_MAXIMUM` levels; `too-large` beyond `ENCODING_MAXIMUM` bytes
	 */
	write(value: CBORValue): void {
		for (;;) {
			try {
				this.#position = this.put(value);
				return;
			} catch (error) {
				// How long it will be is not known before: what does not fit is begun anew, which is rare. By its code,
				// because the text codec may have another copy of the class.
				if ((error as Partial<DeviceError> | undefined)?.code !== "full") throw error;
			}
			this.grow();
		}
	}

	/** What was written, a copy. */
	finish(): Uint8Array {
		return new Uint8Array(this.#bytes.buffer.slice(0, this.#position) as ArrayBuffer);
	}

	private head(first: number, count: number): void {
		if (this.#position + ITEM_MAXIMUM > this.#bytes.byteLength) this.grow();
		this.#position = putHead(this.#bytes, this.#view, this.#position, first, count);
	}

	private grow(): void {
		const former = this.#bytes;
		if (former.byteLength >= ENCODING_MAXIMUM) {
			throw new DeviceError("too-large", `CBOR of more than ${ENCODING_MAXIMUM} bytes`);
		}
		const bytes = this.#bytes = new Uint8Array(former.byteLength * 2);
		this.#view = new DataView(bytes.buffer);
		bytes.set(former);
	}

	/** @returns the position behind. @throws DeviceError as `write`, but `full` where there is no room */
	private put(value: CBORValue): number {
		// All of it in locals, which on XS cost a third of what fields do.
		const text = this.#text;
		const bytes = this.#bytes;
		const view = this.#view;
		const last = bytes.byteLength - ITEM_MAXIMUM;
		let position = this.#position;
		// The innermost array or object, its members' names, the next of them; and the same of all around it.
		let container: CBORValue[] | CBORObject = [value];
		let names: string[] | undefined;
		let index = 0;
		let count = 1;
		const containers: (CBORValue[] | CBORObject)[] = [];
		const allNames: (string[] | undefined)[] = [];
		const indexes: number[] = [];
		let depth = 0;
		/** Of the member whose value is next. */
		let name: string | undefined;
		for (;;) {
			let next: CBORValue | undefined;
			if (name !== undefined) {
				next = (container as CBORObject)[name];
				name = undefined;
			} else if (index === count) {
				if (depth === 0) return position;
				container = containers[--depth]!;
				names = allNames[depth];
				index = indexes[depth]!;
				count = (names ?? container as CBORValue[]).length;
				continue;
			} else if (names === undefined) {
				next = (container as CBORValue[])[index++];
			} else {
				next = name = names[index++]!;
			}
			if (position > last) throw new DeviceError("full", "no room for an item");
			switch (typeof next) {
				case "string": {
					// Not measured before, which costs what writing does: nearly all have a head of one byte.
					const length = text.encode(next, bytes, position + 1);
					if (length < 24) {
						bytes[position] = TEXT | length;
						position += length + 1;
					} else {
						position = putTextHead(bytes, view, position, length);
					}
					continue;
				}
				case "number":
					position = putNumber(bytes, view, position, next);
					continue;
				case "boolean":
					bytes[position++] = next ? TRUE : FALSE;
					continue;
				case "object":
					break;
				default:
					throw new DeviceError("argument", `no CBOR is made of a value of type ${typeof next}`);
			}
			if (next === null) {
				bytes[position++] = NULL;
			} else if (next instanceof Uint8Array) {
				position = putBytes(bytes, view, position, next);
			} else {
				if (depth === DEPTH_MAXIMUM) {
					throw new DeviceError("argument", `a value of more than ${DEPTH_MAXIMUM} levels`);
				}
				containers[depth] = container;
				allNames[depth] = names;
				indexes[depth++] = index;
				container = next;
				names = this.namesOf(next);
				index = 0;
				count = (names ?? next as CBORValue[]).length;
				position = putHead(bytes, view, position, names === undefined ? ARRAY : MAP, count);
			}
		}
	}

	/** In the order in which they are written; `undefined` for an array. */
	private namesOf(container: CBORValue[] | CBORObject): string[] | undefined {
		if (Array.isArray(container)) return undefined;
		const names = Object.keys(container);
		return this.#isDeterministic ? sorted(this.#text, names) : names;
	}
}

/** Moves a text of 24 bytes or more, which stands where its head was to be of one byte, behind its head. */
function putTextHead(bytes: Uint8Array, view: DataView, position: number, length: number): number {
	const from = position + 1;
	const to = position + (length < 0x100 ? 2 : length < 0x1_0000 ? 3 : 5);
	if (to + length > bytes.byteLength) throw new DeviceError("full", `no room for ${length} bytes of text`);
	bytes.copyWithin(to, from, from + length);
	putHead(bytes, view, position, TEXT, length);
	return to + length;
}

function putBytes(bytes: Uint8Array, view: DataView, position: number, value: Uint8Array): number {
	const { byteLength } = value;
	const start = putHead(bytes, view, position, BYTES, byteLength);
	if (start + byteLength > bytes.byteLength) throw new DeviceError("full", `no room for ${byteLength} bytes`);
	bytes.set(value, start);
	return start + byteLength;
}

/** As RFC 8949 §4.2.1 has it: of two heads, that of the shorter text is the lower. */
function sorted(text: TextCodec, names: string[]): string[] {
	const encoded = names.map((name) => {
		const bytes = new Uint8Array(text.byteLength(name));
		text.encode(name, bytes, 0);
		return bytes;
	});
	return encoded.sort(orderOf).map((bytes) => text.decode(bytes, 0, bytes.byteLength));
}
