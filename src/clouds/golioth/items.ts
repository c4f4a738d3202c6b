// SPDX-License-Identifier: Apache-2.0
/**
 * Reads CBOR item by item (RFC 8949): for messages whose members are known, and whose keys may be numbers. Whatever is
 * not asked for is stepped over.
 */
import { DeviceError } from "../../base/error.js";
import { DEPTH_MAXIMUM } from "../../bytes/document.js";
import { Reader } from "../../bytes/reader.js";
import { Info, Major } from "../../cbor/value.js";

const BREAK = 0xff;
const WORD = 0x1_0000_0000;

/** What of an array or a map is to come. */
export interface Rest {
	/** Items, or pairs; `Infinity` until a break. */
	count: number;
}

export class ItemReader extends Reader {
	/** Whether the next item is of this major type. */
	is(major: number): boolean {
		return this.remaining > 0 && this.peek() >> 5 === major;
	}

	/** The head of an array or a map. @throws DeviceError `malformed` for anything else */
	open(major: number): Rest {
		const head = this.uint8();
		if (head >> 5 !== major) malformed("another kind of item than expected");
		return { count: this.countOf(head) };
	}

	/** Whether there is another item, or pair, which is then to be read. */
	more(rest: Rest): boolean {
		if (rest.count === 0) return false;
		if (rest.count !== Infinity) {
			rest.count--;
		} else if (this.peek() === BREAK) {
			this.skip(1);
			rest.count = 0;
			return false;
		}
		return true;
	}

	/** A number that is not negative. @throws DeviceError `malformed` for anything else */
	number(): number {
		const head = this.uint8();
		if (head >> 5 !== Major.UNSIGNED) malformed("no number where one should be");
		return this.argument(head & 31);
	}

	/** A text in one piece. @throws DeviceError `malformed` for anything else */
	string(): string {
		const head = this.uint8();
		if (head >> 5 !== Major.TEXT) malformed("no text where one should be");
		const length = this.argument(head & 31);
		const start = this.skip(length);
		return this.text.decode(this.bytes, start, start + length);
	}

	/** Steps over an item, whatever it is. @returns the index of its first byte */
	pass(): number {
		const start = this.position;
		/** By level, what is to come. */
		const open: Rest[] = [];
		do {
			this.step(open);
			while (open.length > 0 && !this.more(open.at(-1)!)) open.pop();
		} while (open.length > 0);
		return start;
	}

	/** Steps over a scalar, or a head; a pair of a map counts as two items. */
	private step(open: Rest[]): void {
		const head = this.uint8();
		const info = head & 31;
		switch (head >> 5) {
			case Major.BYTES: case Major.TEXT:
				if (info === Info.INDEFINITE) return enter(open, Infinity);
				this.skip(this.argument(info));
				return;
			case Major.ARRAY: return enter(open, this.countOf(head));
			case Major.MAP: return enter(open, 2 * this.countOf(head));
			// What stands behind it belongs to it.
			case Major.TAG:
				this.argument(info);
				return enter(open, 1);
			// Of numbers nobody asks what they are: floats, and whole ones beyond 2^53.
			default:
				if (info > Info.UINT64) malformed("a head that is not well-formed");
				if (info >= Info.UINT8) this.skip(1 << info - Info.UINT8);
		}
	}

	private countOf(head: number): number {
		const info = head & 31;
		return info === Info.INDEFINITE ? Infinity : this.argument(info);
	}

	private peek(): number {
		const head = this.uint8();
		this.position--;
		return head;
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
}

function enter(open: Rest[], count: number): void {
	if (open.length === DEPTH_MAXIMUM) throw new DeviceError("too-large", `more than ${DEPTH_MAXIMUM} levels`);
	open.push({ count });
}

function malformed(what: string): never {
	throw new DeviceError("malformed", `CBOR with ${what}`);
}
