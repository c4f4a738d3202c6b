// SPDX-License-Identifier: Apache-2.0
/**
 * The answer to one GET, as a pure state machine: bytes in, a head and ranges of its body out.
 *
 * The body is handed on where it lies in what the network delivered. Of the head only the fields below are kept; what
 * two readers could understand in two ways is refused. No other answer follows on the connection: what comes behind the
 * end is not looked at.
 *
 * Read first: RFC 9112 §4-§8, RFC 9110 §15.2. Not implemented: transfer codings but `chunked`, as none is asked for.
 */
import { DeviceError } from "../base/error.js";
import { isName } from "../base/name.js";
import { Reader } from "../bytes/reader.js";
import type { TextCodec } from "../host.js";
import { Lines } from "./line.js";
import { decimal, hexadecimal } from "./number.js";

/** Bytes of the head, with those of the interim answers before it; and of the trailers. */
export const HEAD_MAXIMUM = 4_096;
/** Bytes of the line before a chunk, with its extensions and the end of the chunk before. */
const CHUNK_LINE_MAXIMUM = 256;
/** What a name may have besides letters and digits (RFC 9110 §5.6.2). */
const TOKEN_OTHERS = "!#$%&'*+-.^_`|~";

/** What `next` found. */
export const Part = Object.freeze({
	/** Nothing more in what was delivered. */
	NONE: 0,
	/** The head is complete: status and fields are there. */
	HEAD: 1,
	/** Bytes of the body. */
	BODY: 2,
	/** The answer is over. */
	END: 3,
});

/** GAP is the line end behind a chunk. */
const State = Object.freeze({ STATUS: 0, FIELDS: 1, SIZE: 2, GAP: 3, TRAILERS: 4, DATA: 5, OVER: 6 });

export class Response {
	status = 0;
	/** Bytes of the body as its head has it; -1 where it does not say. */
	length = -1;
	/** Fields as they came, without spaces around them; absent where the field is. */
	contentRange: string | undefined;
	etag: string | undefined;
	location: string | undefined;
	retryAfter: string | undefined;
	/** The range of the body that was found. Valid until the next call. */
	start = 0;
	end = 0;

	readonly #reader: Reader;
	readonly #lines: Lines;
	#state: number = State.STATUS;
	/** Bytes of the body, or of the chunk, that did not come yet; `Infinity` where it lasts until the stream ends. */
	#left = 0;
	#contentLength: string | undefined;
	#coding: string | undefined;
	/** HTTP/1.0 knows no chunks. */
	#isOld = false;

	constructor(codec: TextCodec) {
		this.#reader = new Reader(codec);
		this.#lines = new Lines(codec);
		this.#lines.allow(HEAD_MAXIMUM);
	}

	/** Takes `bytes[start, end)`, borrowed until `next` says `NONE` or `END`; only then may more be pushed. */
	push(bytes: Uint8Array, start: number, end: number): void {
		this.#reader.reset(bytes, start, end);
	}

	/**
	 * @returns one of `Part`
	 * @throws DeviceError `malformed`, `violation`, `too-large`
	 */
	next(): number {
		for (;;) {
			if (this.#state === State.OVER) return Part.END;
			if (this.#state === State.DATA) return this.data();
			if (!this.#lines.read(this.#reader)) return Part.NONE;
			if (this.take(this.#lines.line)) return Part.HEAD;
		}
	}

	/** True where the end of the stream is that of the answer, because its head says no other. */
	get endsWithStream(): boolean {
		return this.#state === State.DATA && this.#left === Infinity;
	}

	private data(): number {
		const reader = this.#reader;
		const { remaining } = reader;
		if (remaining === 0) return Part.NONE;
		const left = this.#left;
		const count = remaining < left ? remaining : left;
		this.start = reader.skip(count);
		this.end = reader.position;
		this.#left = left - count;
		if (count === left) this.#state = this.#coding === undefined ? State.OVER : State.GAP;
		return Part.BODY;
	}

	/** @returns whether the head is complete by this line */
	private take(line: string): boolean {
		switch (this.#state) {
			case State.STATUS:
				this.takeStatus(line);
				this.#state = State.FIELDS;
				return false;
			case State.FIELDS:
				if (line === "") return this.beginBody();
				this.takeField(line);
				return false;
			case State.GAP:
				if (line !== "") throw new DeviceError("malformed", "a chunk is longer than it says");
				this.#state = State.SIZE;
				return false;
			case State.SIZE:
				this.takeSize(line);
				return false;
			default:
				if (line === "") this.#state = State.OVER;
				else nameOf(line);
				return false;
		}
	}

	/** Spec: RFC 9112 §4. Some servers leave out the reason, and the space before it. */
	private takeStatus(line: string): void {
		const version = line.slice(0, 9);
		const status = decimal(line.slice(9, 12));
		const isHTTP = version === "HTTP/1.1 " || version === "HTTP/1.0 ";
		if (!isHTTP || status < 100 || status > 599 || (line.length > 12 && line.charAt(12) !== " ")) {
			throw new DeviceError("malformed", "the answer does not begin as one of HTTP/1.1");
		}
		this.status = status;
		this.#isOld = version === "HTTP/1.0 ";
		// What 101 would switch to was never offered; and HTTP/1.0 has no answers before the answer.
		if (status === 101 || (this.#isOld && status < 200)) violation(`an interim answer that cannot be: ${status}`);
	}

	private takeField(line: string): void {
		const name = nameOf(line);
		if (this.status < 200) return;
		const value = line.slice(name.length + 1).trim();
		switch (name) {
			case "content-length": this.#contentLength = once(name, this.#contentLength, value); break;
			case "transfer-encoding": this.#coding = once(name, this.#coding, value); break;
			case "content-range": this.contentRange = once(name, this.contentRange, value); break;
			case "etag": this.etag = once(name, this.etag, value); break;
			case "location": this.location = once(name, this.location, value); break;
			case "retry-after": this.retryAfter = once(name, this.retryAfter, value); break;
		}
	}

	/** Spec: RFC 9112 §6.3. @returns false when another head follows, because this was an interim one */
	private beginBody(): boolean {
		if (this.status < 200) {
			this.#state = State.STATUS;
			return false;
		}
		const coding = this.#coding;
		if (this.#contentLength !== undefined) {
			this.length = decimal(this.#contentLength);
			if (this.length < 0) throw new DeviceError("malformed", "Content-Length is no number");
		}
		if (coding !== undefined) {
			if (coding.toLowerCase() !== "chunked") violation("a transfer coding nobody asked for");
			if (this.length >= 0 || this.#isOld) violation("an answer that ends in two ways");
		}
		this.#lines.clear();
		this.#lines.allow(CHUNK_LINE_MAXIMUM);
		this.#left = this.length < 0 ? Infinity : this.length;
		if (this.status === 204 || this.status === 304 || this.length === 0) this.#state = State.OVER;
		else this.#state = coding === undefined ? State.DATA : State.SIZE;
		return true;
	}

	/** Spec: RFC 9112 §7.1. Extensions are ignored, as those must be that are not understood. */
	private takeSize(line: string): void {
		const semicolon = line.indexOf(";");
		const size = hexadecimal(semicolon < 0 ? line : line.slice(0, semicolon));
		if (size < 0) throw new DeviceError("malformed", "a chunk without its size");
		this.#lines.allow(size === 0 ? HEAD_MAXIMUM : CHUNK_LINE_MAXIMUM);
		this.#left = size;
		this.#state = size === 0 ? State.TRAILERS : State.DATA;
	}
}

/** Of a field, in lower case. A folded line has none: it begins with a space. */
function nameOf(line: string): string {
	const name = line.slice(0, Math.max(0, line.indexOf(":"))).toLowerCase();
	if (!isName(name, HEAD_MAXIMUM, TOKEN_OTHERS)) throw new DeviceError("malformed", "a field without its name");
	return name;
}

/** `value`, unless the field was there before: which of two would be meant is a guess. */
function once(name: string, former: string | undefined, value: string): string {
	if (former !== undefined) violation(`${name} twice in one answer`);
	return value;
}

function violation(message: string): never {
	throw new DeviceError("violation", message);
}
