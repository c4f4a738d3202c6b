// SPDX-License-Identifier: Apache-2.0
/**
 * CBOR from the network (RFC 8949): of all that it can say, what JSON can, and bytes.
 *
 * | item                                  | becomes                                                              |
 * |---------------------------------------|----------------------------------------------------------------------|
 * | integer                               | a number; beyond 2^53, `malformed`: it would be another              |
 * | float of any length                   | a number; NaN and the infinities are `malformed`                     |
 * | text; of several chunks, too          | a string; ill-formed UTF-8 is `malformed`                            |
 * | bytes                                 | a view of the input; of several chunks, a copy                       |
 * | array, map; of indefinite length, too | the same; a map's keys are text, all else is `malformed`             |
 * | false, true, null                     | the same                                                             |
 * | tag                                   | what it stands before; a big number (tags 2 and 3) is `malformed`    |
 * | undefined, other simple values        | `malformed`                                                          |
 *
 * Members that are left out are held to the same, but for the UTF-8 of their text, which nobody looks at.
 */
import { DeviceError } from "../base/error.js";
import { DocumentReader } from "../bytes/document.js";
import type { Vocabulary } from "../bytes/vocabulary.js";
import type { TextCodec } from "../host.js";
import { Info, Major, type CBORValue } from "./value.js";

/** Tags before one item. */
export const TAGS_MAXIMUM = 8;
const BREAK = 0xff;
const POSITIVE_BIGNUM = 2;
const NEGATIVE_BIGNUM = 3;
const WORD = 0x1_0000_0000;

/**
 * The one item in `bytes[start, end)`, of whose members the vocabulary admits those that are kept. Byte strings in it
 * are borrowed: they are good for as long as `bytes` is.
 * @throws DeviceError `malformed` as in the table above, for what is not well-formed (RFC 8949 Appendix F), bytes left
 * over, `__proto__`, and two members of one name in a map (of those kept); `too-large` for more than `DEPTH_MAXIMUM`
 * levels or `TAGS_MAXIMUM` tags, and for more names than the vocabulary can learn
 */
export function decodeCBOR(
	text: TextCodec, bytes: Uint8Array, start: number, end: number, vocabulary: Vocabulary,
): CBORValue {
	const decoder = new Decoder(text, vocabulary);
	decoder.reset(bytes, start, end);
	return decoder.decode();
}

class Decoder extends DocumentReader<CBORValue> {
	/** By level, the items or pairs that are to come; infinitely many until a break. */
	readonly #left: number[] = [];

	decode(): CBORValue {
		do {
			this.item();
			while (this.depth > 0 && !this.more()) this.leave();
		} while (this.depth > 0);
		if (this.remaining > 0) malformed("bytes behind the item");
		return this.document!;
	}

	/** A scalar, or the head of an array or a map. */
	private item(): void {
		const head = this.untagged();
		const info = head & 31;
		const major = head >> 5;
		if (major === Major.ARRAY || major === Major.MAP) this.open(info, major === Major.MAP);
		else this.keep(this.scalar(major, info));
	}

	private scalar(major: number, info: number): CBORValue {
		switch (major) {
			case Major.UNSIGNED: return this.argument(info);
			case Major.NEGATIVE: return -1 - this.argument(info);
			case Major.BYTES: return info === Info.INDEFINITE ? this.joinedBytes() : this.byteString(info);
			case Major.TEXT: return this.textString(info);
			default: return this.simple(info);
		}
	}

	/** The head of the next item, behind its tags. */
	private untagged(): number {
		for (let tags = 0; tags <= TAGS_MAXIMUM; tags++) {
			const head = this.uint8();
			if (head >> 5 !== Major.TAG) return head;
			const tag = this.argument(head & 31);
			if (tag === POSITIVE_BIGNUM || tag === NEGATIVE_BIGNUM) malformed("a big number");
		}
		throw new DeviceError("too-large", `more than ${TAGS_MAXIMUM} tags`);
	}

	private argument(info: number): number {
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

	private open(info: number, isMap: boolean): void {
		const count = info === Info.INDEFINITE ? Infinity : this.argument(info);
		this.enter(isMap);
		this.#left[this.depth] = count;
	}

	/** Whether the innermost goes on; then a map's key was read. */
	private more(): boolean {
		const left = this.#left[this.depth]!;
		if (left === 0) return false;
		if (left === Infinity && this.atBreak()) return false;
		this.#left[this.depth] = left - 1;
		if (this.inObject) this.key();
		return true;
	}

	/** Reads a break, if one is next. */
	private atBreak(): boolean {
		if (this.uint8() === BREAK) return true;
		this.position--;
		return false;
	}

	private key(): void {
		const head = this.uint8();
		if (head >> 5 !== Major.TEXT) malformed("a key that is no text");
		const name = this.textString(head & 31);
		if (name !== null) this.name(name);
	}

	/** `null` where it is left out. */
	private textString(info: number): string | null {
		if (info === Info.INDEFINITE) return this.joinedText();
		const length = this.argument(info);
		const start = this.skip(length);
		return this.leftOut > 0 ? null : this.text.decode(this.bytes, start, start + length);
	}

	private joinedText(): string | null {
		let value = "";
		for (let length = this.chunk(Major.TEXT); length >= 0; length = this.chunk(Major.TEXT)) {
			const start = this.skip(length);
			// Each chunk is UTF-8 of its own (RFC 8949 §3.2.3).
			if (this.leftOut === 0) value += this.text.decode(this.bytes, start, start + length);
		}
		return this.leftOut > 0 ? null : value;
	}

	private byteString(info: number): Uint8Array | null {
		const length = this.argument(info);
		const start = this.skip(length);
		return this.leftOut > 0 ? null : this.bytes.subarray(start, start + length);
	}

	private joinedBytes(): Uint8Array | null {
		const first = this.position;
		let total = 0;
		for (let length = this.chunk(Major.BYTES); length >= 0; length = this.chunk(Major.BYTES)) {
			this.skip(length);
			total += length;
		}
		if (this.leftOut > 0) return null;
		this.position = first;
		const joined = new Uint8Array(total);
		let index = 0;
		for (let length = this.chunk(Major.BYTES); length >= 0; length = this.chunk(Major.BYTES)) {
			const start = this.skip(length);
			joined.set(this.bytes.subarray(start, start + length), index);
			index += length;
		}
		return joined;
	}

	/** Length of the next chunk of a string of indefinite length; -1 at its end. */
	private chunk(major: number): number {
		const head = this.uint8();
		if (head === BREAK) return -1;
		return head >> 5 === major ? this.argument(head & 31) : malformed("a chunk of another kind");
	}

	private simple(info: number): CBORValue {
		switch (info) {
			case Info.FALSE: return false;
			case Info.TRUE: return true;
			case Info.NULL: return null;
			case Info.FLOAT16: return finite(half(this.uint16()));
			case Info.FLOAT32: return finite(this.float(4));
			case Info.FLOAT64: return finite(this.float(8));
			default: return malformed("a simple value that JSON has not");
		}
	}

	private float(length: 4 | 8): number {
		const start = this.skip(length);
		const view = new DataView(this.bytes.buffer, this.bytes.byteOffset + start, length);
		return length === 4 ? view.getFloat32(0) : view.getFloat64(0);
	}
}

/** Spec: RFC 8949 Appendix D. */
function half(bits: number): number {
	const exponent = bits >> 10 & 31;
	const significand = bits & 0x3ff;
	let value = exponent === 0 ? significand * 2 ** -24 : (significand + 0x400) * 2 ** (exponent - 25);
	if (exponent === 31) value = Infinity;
	return bits >> 15 === 0 ? value : -value;
}

function finite(value: number): number {
	return Number.isFinite(value) ? value : malformed("a number that is not finite");
}

function malformed(what: string): never {
	throw new DeviceError("malformed", `CBOR with ${what}`);
}
