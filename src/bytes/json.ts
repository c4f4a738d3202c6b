// SPDX-License-Identifier: Apache-2.0
/**
 * JSON from the network (RFC 8259), read strictly and within bounds.
 *
 * The platform's parser is some twenty times as fast, but it recurses, so that a few hundred brackets exhaust the
 * device's stack; it takes the last of two members of one name without a word; and it makes a key of every name, which
 * XS never frees. Here names become properties as a `Vocabulary` says. The platform still does what it can: it decodes
 * strings, and resolves their escapes.
 *
 * Members that are left out are read as strictly, but nothing is made of them, nor of the names within; only text
 * beyond ASCII and numbers with an exponent are decoded there, to see whether they are what they should be.
 */
import { DeviceError } from "../base/error.js";
import type { TextCodec } from "../host.js";
import { DEPTH_MAXIMUM, DocumentReader } from "./document.js";
import type { JSONValue } from "./value.js";
import type { Vocabulary } from "./vocabulary.js";
import { wordAt } from "./word.js";

export { DEPTH_MAXIMUM };

/** Digits of a whole number that is exact for certain. */
const EXACT_DIGITS = 15;
/** Characters of a number without exponent that is finite for certain. */
const FINITE_LENGTH = 300;

const SPACE = 0x20;
const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
/** From an opening bracket or brace to the closing one. */
const CLOSING = 2;
const LOWER_E = 0x65;
const LOWER_F = 0x66;
const LOWER_N = 0x6e;
const LOWER_T = 0x74;
const LOWER_U = 0x75;
/** Sets the bit in which small letters differ from capitals. */
const LOWER = 0x20;
/** Four letters each, as words. */
const TRUE = 0x7472_7565;
const ALSE = 0x616c_7365;
const NULL = 0x6e75_6c6c;
/** What may follow a backslash, besides `u`: `"`, `\`, `/`, `b`, `f`, `n`, `r` and `t`. */
const ESCAPED = Object.freeze([QUOTE, BACKSLASH, 0x2f, 0x62, LOWER_F, LOWER_N, 0x72, LOWER_T]);
/** What is in a string: more than ASCII, and escapes. */
const WIDE = 1;
const ESCAPES = 2;

/**
 * The value that `bytes[start, end)` say, of whose members the vocabulary admits those that are kept.
 * @throws DeviceError `malformed` for all that is no JSON in UTF-8, and besides for what parsers take differently: two
 * members of one name in an object (of those kept), `__proto__`, unpaired surrogates, numbers that are not finite;
 * `too-large` for more than `DEPTH_MAXIMUM` levels, and for more names than the vocabulary can learn
 */
export function parseJSON(
	text: TextCodec, bytes: Uint8Array, start: number, end: number, vocabulary: Vocabulary,
): JSONValue {
	const parser = new Parser(text, vocabulary);
	parser.reset(bytes, start, end);
	return parser.parse();
}

class Parser extends DocumentReader {
	parse(): JSONValue {
		do {
			if (!this.value()) continue;
			while (this.depth > 0) {
				const byte = this.token();
				const isObject = this.inObject;
				if (byte === COMMA) {
					if (isObject) this.member(this.token());
					break;
				}
				if (byte !== (isObject ? OPEN_BRACE : OPEN_BRACKET) + CLOSING) this.unexpected();
				this.leave();
			}
		} while (this.depth > 0);
		this.checkEnd();
		return this.document!;
	}

	/** Reads a scalar or an empty container; false when one was opened, and the value in it is next. */
	private value(): boolean {
		const byte = this.token();
		if (byte === OPEN_BRACE || byte === OPEN_BRACKET) return this.open(byte);
		this.keep(this.scalar(byte));
		return true;
	}

	private scalar(byte: number): JSONValue {
		if (byte === QUOTE) return this.leftOut > 0 ? this.leaveString() : this.string();
		if (byte === MINUS || byte >= ZERO && byte <= NINE) return this.number(byte);
		switch (byte) {
			case LOWER_T: return this.word(this.position - 1, TRUE, true);
			case LOWER_F: return this.word(this.position, ALSE, false);
			case LOWER_N: return this.word(this.position - 1, NULL, null);
			default: return this.unexpected();
		}
	}

	private open(byte: number): boolean {
		const isObject = byte === OPEN_BRACE;
		this.enter(isObject);
		const next = this.token();
		if (next === byte + CLOSING) {
			this.leave();
			return true;
		}
		if (isObject) this.member(next);
		else this.position--;
		return false;
	}

	/** The name of a member, whose first byte was read, and the colon. */
	private member(byte: number): void {
		if (byte !== QUOTE) this.unexpected();
		if (this.leftOut > 0) this.leaveString();
		else this.name(this.string());
		if (this.token() !== COLON) this.unexpected();
	}

	/** The next byte that is no white space. */
	private token(): number {
		let at = this.position;
		const end = this.end;
		let byte = at < end ? this.bytes[at]! : SPACE;
		while (byte <= SPACE) {
			if (!isSpace(byte) || ++at >= end) this.unexpected();
			byte = this.bytes[at]!;
		}
		this.position = at + 1;
		return byte;
	}

	private checkEnd(): void {
		for (let at = this.position; at < this.end; at++) if (!isSpace(this.bytes[at]!)) this.unexpected();
	}

	/** A string whose quote was read. */
	private string(): string {
		const start = this.position;
		const contents = this.passString();
		const end = this.position;
		if (contents < ESCAPES) return this.text.decode(this.bytes, start, end - 1);
		return JSON.parse(this.text.decode(this.bytes, start - 1, end)) as string;
	}

	/** A string whose quote was read, and which is not kept. */
	private leaveString(): null {
		const start = this.position;
		// The codec tells whether it is well-formed.
		if ((this.passString() & WIDE) !== 0) this.text.decode(this.bytes, start, this.position - 1);
		return null;
	}

	/** Moves behind the closing quote. @returns what is in the string, as a sum of `WIDE` and `ESCAPES` */
	private passString(): number {
		const bytes = this.bytes;
		let contents = 0;
		let at = this.position;
		// Where the document ends is seen to afterwards: asked for each byte, it would take a sixth of the time.
		for (;;) {
			const byte = bytes[at++]!;
			if (byte > BACKSLASH) {
				if (byte > 0x7e) contents |= WIDE;
			} else if (byte === BACKSLASH) {
				contents |= ESCAPES;
				at = this.passEscape(at);
			} else if (byte === QUOTE) {
				break;
			} else if (!(byte >= SPACE)) {
				// Behind the last byte of all there is none, which is not less than any.
				this.badString();
			}
		}
		if (at > this.end) this.badString();
		this.position = at;
		return contents;
	}

	/** @returns the index after the escape whose backslash is before `at` */
	private passEscape(at: number): number {
		const bytes = this.bytes;
		if (bytes[at] !== LOWER_U) {
			if (!ESCAPED.includes(bytes[at]!)) this.badString();
			return at + 1;
		}
		const unit = this.codeUnit(at + 1);
		if ((unit & 0xf800) !== 0xd800) return at + 5;
		// A low surrogate is to follow the high one.
		const paired = unit < 0xdc00 && bytes[at + 5] === BACKSLASH && bytes[at + 6] === LOWER_U
			&& (this.codeUnit(at + 7) & 0xfc00) === 0xdc00;
		return paired ? at + 11 : this.badString();
	}

	private codeUnit(at: number): number {
		let unit = 0;
		for (let index = at; index < at + 4; index++) {
			const byte = this.bytes[index]!;
			const letter = byte | LOWER;
			if (byte >= ZERO && byte <= NINE) unit = unit << 4 | byte - ZERO;
			else if (letter >= 0x61 && letter <= LOWER_F) unit = unit << 4 | letter - 0x57;
			else this.badString();
		}
		return unit;
	}

	/** A number whose first character, read before, was `byte`. */
	private number(byte: number): number {
		const bytes = this.bytes;
		const end = this.end;
		const start = this.position - 1;
		const first = byte === MINUS ? start + 1 : start;
		let at = first;
		let whole = 0;
		let next = 0;
		for (; at < end; at++) {
			next = bytes[at]!;
			if (next < ZERO || next > NINE) break;
			whole = whole * 10 + next - ZERO;
		}
		const count = at - first;
		if (count === 0 || count > 1 && bytes[first] === ZERO) this.unexpected();
		this.position = at;
		const goesOn = at < end && (next === POINT || (next | LOWER) === LOWER_E);
		if (goesOn || count > EXACT_DIGITS) return this.fraction(start);
		return first > start ? -whole : whole;
	}

	/** The number from `start` on, of which the whole part was read. */
	private fraction(start: number): number {
		const bytes = this.bytes;
		let at = this.position;
		if (at < this.end && bytes[at] === POINT) at = this.digits(at + 1);
		const exponent = at < this.end && (bytes[at]! | LOWER) === LOWER_E;
		if (exponent) {
			const sign = bytes[at + 1];
			at = this.digits(sign === PLUS || sign === MINUS ? at + 2 : at + 1);
		}
		this.position = at;
		if (this.leftOut > 0 && !exponent && at - start < FINITE_LENGTH) return 0;
		const value = Number(this.text.decode(bytes, start, at));
		if (!Number.isFinite(value)) throw new DeviceError("malformed", "a number that is too large for one");
		return value;
	}

	/** @returns the index after the digits at `start`, at least one */
	private digits(start: number): number {
		const bytes = this.bytes;
		const end = this.end;
		let at = start;
		for (; at < end; at++) {
			const byte = bytes[at]!;
			if (byte < ZERO || byte > NINE) break;
		}
		return at > start ? at : this.unexpected();
	}

	private word<Value>(start: number, word: number, value: Value): Value {
		if (start + 4 > this.end || wordAt(this.bytes, start) !== word) this.unexpected();
		this.position = start + 4;
		return value;
	}

	private unexpected(): never {
		throw new DeviceError("malformed", `no JSON, at byte ${this.position}`);
	}

	private badString(): never {
		throw new DeviceError("malformed", `no string of JSON, at byte ${this.position}`);
	}
}

function isSpace(byte: number): boolean {
	return byte === SPACE || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
