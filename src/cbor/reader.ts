// SPDX-License-Identifier: Apache-2.0
/**
 * CBOR as it is read, item by item (RFC 8949): for documents whose keys are numbers, and for those of which little is
 * wanted. Nothing of what is read becomes a property.
 *
 * ```ts
 * reader.map();
 * while (reader.more()) {
 *   if (reader.uint() === 1) sequence = reader.uint();
 *   else reader.skipItem();
 * }
 * ```
 *
 * | item                                  | is read as                                                           |
 * |---------------------------------------|----------------------------------------------------------------------|
 * | integer                               | a number; beyond 2^53, `malformed`: it would be another              |
 * | float of any length                   | a number; NaN and the infinities are `malformed`                     |
 * | text; of several chunks, too          | a string; ill-formed UTF-8 is `malformed`                            |
 * | bytes                                 | a view of the input; of several chunks, a copy                       |
 * | array, map; of indefinite length, too | `array` or `map`, and `more` until there is none                     |
 * | false, true, null                     | the same                                                             |
 * | tag                                   | what it stands before; a big number (tags 2 and 3) is `malformed`    |
 * | undefined, other simple values        | `malformed`                                                          |
 *
 * What is skipped need only be well-formed, with keys that are no arrays or maps.
 */
import { DeviceError } from "../base/error.js";
import { DEPTH_MAXIMUM } from "../bytes/document.js";
import { Reader } from "../bytes/reader.js";
import { malformed, numberAt } from "./number.js";
import { Info, Major } from "./value.js";

/** Tags before one item. */
export const TAGS_MAXIMUM = 8;
const BREAK = 0xff;
const POSITIVE_BIGNUM = 2;
const NEGATIVE_BIGNUM = 3;
const WORD = 0x1_0000_0000;
/** Simple values below it have no second byte. Spec: RFC 8949 §3.3. */
const SIMPLE_MINIMUM = 32;

export type CBORScalar = null | boolean | number | string | Uint8Array;

export class CBORReader extends Reader {
	/** Levels of arrays and maps that are open. */
	protected depth = 0;
	/** By level, the items or pairs that are to come; below zero: until a break. */
	readonly #left: number[] = [];
	/** Bit n says that level n is a map. */
	#maps = 0;
	/** Of the bytes, for floats, from the first on. */
	#view: DataView | undefined;

	override reset(bytes: Uint8Array, start: number, end: number): void {
		super.reset(bytes, start, end);
		this.depth = 0;
		this.#view = undefined;
	}

	/** Whether the next item is of this major type. */
	is(major: number): boolean {
		const { position } = this;
		return position < this.end && this.bytes[position]! >> 5 === major;
	}

	/** Goes into an array. @throws DeviceError `malformed` for anything else; `too-large` beyond `DEPTH_MAXIMUM` */
	array(): void {
		this.enter(this.untagged(), Major.ARRAY);
	}

	/** Goes into a map, as `array` does: its keys are read like its values. */
	map(): void {
		this.enter(this.untagged(), Major.MAP);
	}

	/** Whether the innermost goes on with an item, or with a key and its value; it is left when it does not. */
	more(): boolean {
		const left = this.#left[this.depth]!;
		if (left === 0 || left < 0 && this.atBreak()) {
			this.depth--;
			return false;
		}
		this.#left[this.depth] = left - 1;
		return true;
	}

	/** A whole number that is not negative. @throws DeviceError `malformed` for anything else */
	uint(): number {
		const head = this.untagged();
		if (head >> 5 !== Major.UNSIGNED) malformed("no number where one should be");
		return this.integerOf(head);
	}

	/** @throws DeviceError `malformed` for anything else */
	string(): string {
		const head = this.untagged();
		if (head >> 5 !== Major.TEXT) malformed("no text where it should be");
		return this.stringOf(head);
	}

	/** Any other item than an array or a map. @throws DeviceError `malformed` */
	scalar(): CBORScalar {
		return this.scalarOf(this.untagged());
	}

	/** Moves over the next item, whatever it is. @throws DeviceError `malformed`; `too-large` beyond `DEPTH_MAXIMUM` */
	skipItem(): void {
		const outer = this.depth;
		do {
			let head = this.uint8();
			for (; head >> 5 === Major.TAG; head = this.uint8()) this.skipArgument(head);
			if (head >> 5 === Major.ARRAY || head >> 5 === Major.MAP) this.enter(head, head >> 5);
			else this.skipScalar(head);
			while (this.depth > outer && !this.more());
			if (this.depth > outer && (this.#maps >> this.depth & 1) !== 0) this.skipScalar(this.uint8());
		} while (this.depth > outer);
	}

	/** The head of the next item, behind its tags. */
	protected untagged(): number {
		for (let tags = 0; tags <= TAGS_MAXIMUM; tags++) {
			const head = this.uint8();
			if (head >> 5 !== Major.TAG) return head;
			const tag = this.argument(head);
			if (tag === POSITIVE_BIGNUM || tag === NEGATIVE_BIGNUM) malformed("a big number");
		}
		throw new DeviceError("too-large", `more than ${TAGS_MAXIMUM} tags`);
	}

	/** What stands behind a head that is no tag's. */
	scalarOf(head: number): CBORScalar {
		switch (head >> 5) {
			case Major.UNSIGNED:
			case Major.NEGATIVE: return this.integerOf(head);
			case Major.BYTES: return this.bytesOf(head);
			case Major.TEXT: return this.stringOf(head);
			case Major.SIMPLE: return this.simple(head);
			default: return malformed("an array or a map where a scalar should be");
		}
	}

	protected argument(head: number): number {
		const info = head & 31;
		if (info < Info.UINT8) return info;
		switch (info) {
			case Info.UINT8: return this.uint8();
			case Info.UINT16: return this.uint16();
			case Info.UINT32: return this.uint32();
			case Info.UINT64: {
				const value = this.uint32() * WORD + this.uint32();
				return value <= Number.MAX_SAFE_INTEGER ? value : malformed("a number beyond 2^53");
			}
			default: return malformed("a head that is not well-formed");
		}
	}

	/** Items or pairs behind the head of an array or a map; -1: until a break. */
	countOf(head: number): number {
		return (head & 31) === Info.INDEFINITE ? -1 : this.argument(head);
	}

	/** Reads a break, if one is next. */
	protected atBreak(): boolean {
		if (this.uint8() === BREAK) return true;
		this.position--;
		return false;
	}

	protected stringOf(head: number): string {
		if ((head & 31) === Info.INDEFINITE) return this.joinedText();
		const length = this.argument(head);
		const start = this.skip(length);
		return this.text.decode(this.bytes, start, start + length);
	}

	private enter(head: number, major: number): void {
		if (head >> 5 !== major) malformed(`no ${major === Major.MAP ? "map" : "array"} where one should be`);
		const count = this.countOf(head);
		if (this.depth === DEPTH_MAXIMUM) throw new DeviceError("too-large", `more than ${DEPTH_MAXIMUM} levels`);
		const level = 1 << ++this.depth;
		this.#left[this.depth] = count;
		if (major === Major.MAP) this.#maps |= level;
		else this.#maps &= ~level;
	}

	private joinedText(): string {
		let value = "";
		for (let length = this.chunk(Major.TEXT); length >= 0; length = this.chunk(Major.TEXT)) {
			const start = this.skip(length);
			// Each chunk is UTF-8 of its own (RFC 8949 §3.2.3).
			value += this.text.decode(this.bytes, start, start + length);
		}
		return value;
	}

	private bytesOf(head: number): Uint8Array {
		if ((head & 31) === Info.INDEFINITE) return this.joinedBytes();
		const length = this.argument(head);
		const start = this.skip(length);
		return this.bytes.subarray(start, start + length);
	}

	private joinedBytes(): Uint8Array {
		const first = this.position;
		const joined = new Uint8Array(this.skipChunks(Major.BYTES));
		this.position = first;
		let index = 0;
		for (let length = this.chunk(Major.BYTES); length >= 0; length = this.chunk(Major.BYTES)) {
			const start = this.skip(length);
			joined.set(this.bytes.subarray(start, start + length), index);
			index += length;
		}
		return joined;
	}

	/** @returns the bytes in all chunks together */
	private skipChunks(major: number): number {
		let total = 0;
		for (let length = this.chunk(major); length >= 0; length = this.chunk(major)) {
			this.skip(length);
			total += length;
		}
		return total;
	}

	/** Length of the next chunk of a string of indefinite length; -1 at its end. */
	private chunk(major: number): number {
		const head = this.uint8();
		if (head === BREAK) return -1;
		return head >> 5 === major ? this.argument(head) : malformed("a chunk of another kind");
	}

	private skipScalar(head: number): void {
		const major = head >> 5;
		if (major === Major.BYTES || major === Major.TEXT) {
			if ((head & 31) === Info.INDEFINITE) this.skipChunks(major);
			else this.skip(this.argument(head));
		} else if (head === (Major.SIMPLE << 5 | Info.UINT8)) {
			if (this.uint8() < SIMPLE_MINIMUM) malformed("a simple value of two bytes that should have one");
		} else if (major === Major.ARRAY || major === Major.MAP || major === Major.TAG) {
			malformed("a key that is no scalar");
		} else {
			this.skipArgument(head);
		}
	}

	private skipArgument(head: number): void {
		const info = head & 31;
		if (info > Info.UINT64) malformed("a head that is not well-formed");
		if (info >= Info.UINT8) this.skip(1 << info - Info.UINT8);
	}

	private simple(head: number): CBORScalar {
		switch (head & 31) {
			case Info.FALSE: return false;
			case Info.TRUE: return true;
			case Info.NULL: return null;
			case Info.FLOAT16:
			case Info.FLOAT32:
			case Info.FLOAT64: return this.wide(head);
			default: return malformed("a simple value that JSON has not");
		}
	}

	private integerOf(head: number): number {
		const info = head & 31;
		if (info < Info.UINT8) return head >> 5 === Major.UNSIGNED ? info : -1 - info;
		return info <= Info.UINT64 ? this.wide(head) : malformed("a head that is not well-formed");
	}

	/** A number of more than its head. */
	private wide(head: number): number {
		const { bytes } = this;
		const view = this.#view ??= new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
		return numberAt(view, this.skip(1 << (head & 31) - Info.UINT8), head);
	}
}
