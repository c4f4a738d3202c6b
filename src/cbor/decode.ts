// SPDX-License-Identifier: Apache-2.0
/**
 * CBOR from the network: of all that it can say, what JSON can, and bytes. Items become values as `CBORReader` reads
 * them; keys of maps are text, all else is `malformed`, and members are kept as a `Vocabulary` admits.
 */
import { DeviceError } from "../base/error.js";
import { DEPTH_MAXIMUM } from "../bytes/document.js";
import { put } from "../bytes/value.js";
import type { Vocabulary } from "../bytes/vocabulary.js";
import type { TextCodec } from "../host.js";
import { numberAt } from "./number.js";
import { CBORReader } from "./reader.js";
import { Major, type CBORObject, type CBORValue } from "./value.js";

const BREAK = 0xff;
/** Stands for the map where there is none. */
const NONE: CBORObject = Object.freeze({});

/**
 * The one item in `bytes[start, end)`, of whose members the vocabulary admits those that are kept. Byte strings in it
 * are borrowed: they are good for as long as `bytes` is.
 * @throws DeviceError `malformed` as `CBORReader` and above, for what is not well-formed (RFC 8949 Appendix F), bytes
 * left over, `__proto__`, and two members of one name in a map (of those kept); `too-large` for more than
 * `DEPTH_MAXIMUM` levels or `TAGS_MAXIMUM` tags, and for more names than the vocabulary can learn
 */
export function decodeCBOR(
	text: TextCodec, bytes: Uint8Array, start: number, end: number, vocabulary: Vocabulary,
): CBORValue {
	// All in locals, which on XS cost a third of what fields do. What is frequent is read here, all else by a reader.
	let position = start;
	let rest: Rest | undefined;
	let view: DataView | undefined;
	// The innermost array, or else the innermost map, what is to come of it, and the same of all around it.
	const document: CBORValue[] = [];
	let list: CBORValue[] | undefined = document;
	let map: CBORObject = NONE;
	let left = 1;
	const outer: (CBORValue[] | CBORObject)[] = [];
	const lefts: number[] = [];
	let depth = 0;
	// Documents often have their names in the order of the vocabulary: where the next one should be.
	const { names } = vocabulary;
	let expected = 0;
	for (;;) {
		if (left === 0 || left < 0 && position < end && bytes[position] === BREAK) {
			if (left < 0) position++;
			if (depth === 0) break;
			const container = outer[--depth]!;
			left = lefts[depth]!;
			list = Array.isArray(container) ? container : undefined;
			map = container as CBORObject;
			continue;
		}
		left--;
		let head: number;
		let name = "";
		if (list === undefined) {
			head = bytes[position]!;
			const after = position + head - 0x5f;
			if (head >= 0x60 && head < 0x78 && after <= end) {
				name = text.decode(bytes, position + 1, after);
				position = after;
			} else {
				rest ??= new Rest(text, bytes, end);
				name = rest.keyAt(position);
				position = rest.position;
			}
			if (name === names[expected] && name !== "__proto__") {
				expected++;
			} else {
				expected = vocabulary.find(name);
				if (expected < 0) {
					rest ??= new Rest(text, bytes, end);
					position = rest.skipAt(position, depth);
					expected = 0;
					continue;
				}
			}
		}
		// 0x00: small numbers. 0x60: short texts. 0x80: arrays, 0xa0: maps. 0xf4: false, true, null.
		let value: CBORValue;
		head = position < end ? bytes[position]! : BREAK;
		const info = head & 31;
		if (head < 24) {
			value = head;
			position++;
		} else if (head >= 0x60 && head < 0x78 && position + info < end) {
			const from = position + 1;
			position = from + info;
			value = text.decode(bytes, from, position);
		} else if (info > 23 && info < 28 && (head < 0x40 || head > 0xdf) && position + (1 << info - 24) < end) {
			view ??= new DataView(bytes.buffer, bytes.byteOffset);
			value = numberAt(view, position + 1, head);
			position += 1 + (1 << info - 24);
		} else if (head >= 0xf4 && head < 0xf7) {
			value = head === 0xf6 ? null : head === 0xf5;
			position++;
		} else {
			let count = info;
			if (head >= 0x80 && head < 0xc0 && info < 24) {
				position++;
			} else {
				rest ??= new Rest(text, bytes, end);
				head = rest.headAt(position);
				if (head >= 0x80 && head < 0xc0) count = rest.countOf(head);
				else value = rest.scalarOf(head);
				position = rest.position;
			}
			if (head >= 0x80 && head < 0xc0) {
				if (depth === DEPTH_MAXIMUM) throw new DeviceError("too-large", `more than ${DEPTH_MAXIMUM} levels`);
				value = head < 0xa0 ? [] : {};
				lefts[depth] = left;
				left = count;
			}
		}
		if (list !== undefined) list.push(value!);
		else if (map[name] === undefined) map[name] = value!;
		else if (Object.hasOwn(map, name)) throw new DeviceError("malformed", "CBOR with two members of one name");
		else put(map, name, value!);
		if (head >= 0x80 && head < 0xc0) {
			outer[depth++] = list ?? map;
			list = head < 0xa0 ? value! as CBORValue[] : undefined;
			map = value! as CBORObject;
		}
	}
	if (position < end) throw new DeviceError("malformed", "CBOR with bytes behind the item");
	return document[0]!;
}

/** What is rare, or long. */
class Rest extends CBORReader {
	constructor(text: TextCodec, bytes: Uint8Array, end: number) {
		super(text);
		this.reset(bytes, 0, end);
	}

	/** Reads a key. */
	keyAt(position: number): string {
		this.position = position;
		const head = this.uint8();
		if (head >> 5 !== Major.TEXT) throw new DeviceError("malformed", "CBOR with a key that is no text");
		return this.stringOf(head);
	}

	/** Reads a head behind its tags. */
	headAt(position: number): number {
		this.position = position;
		return this.untagged();
	}

	/** Moves over an item within `depth` levels. @returns the position behind */
	skipAt(position: number, depth: number): number {
		this.position = position;
		this.depth = depth;
		this.skipItem();
		return this.position;
	}
}
