// SPDX-License-Identifier: Apache-2.0
/**
 * UTF-8 in plain ECMAScript: the world runs where no platform codec exists.
 *
 * Strict both ways: unpaired surrogates, overlong forms, encoded surrogates and what lies beyond U+10FFFF are refused.
 */
import { DeviceError } from "../../src/base/error.js";
import type { TextCodec } from "../../src/host.js";

/** Characters collected before they become a string: bounds the argument list of one call. */
const CHUNK = 64;

export const text: TextCodec = Object.freeze({ byteLength, encode, decode });

/** A string as bytes of its own. */
export function toBytes(value: string): Uint8Array {
	const bytes = new Uint8Array(byteLength(value));
	encode(value, bytes, 0);
	return bytes;
}

export function fromBytes(bytes: Uint8Array): string {
	return decode(bytes, 0, bytes.byteLength);
}

function byteLength(value: string): number {
	let count = 0;
	for (const character of value) {
		const point = pointOf(character);
		count += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
	}
	return count;
}

function encode(value: string, target: Uint8Array, start: number): number {
	const count = byteLength(value);
	if (!(Number.isInteger(start) && start >= 0 && start <= target.byteLength)) throw new DeviceError("argument", `no such place: ${start}`);
	if (count > target.byteLength - start) throw new DeviceError("full", `${count} bytes of text do not fit ${target.byteLength - start}`);
	let position = start;
	for (const character of value) {
		const point = pointOf(character);
		if (point < 0x80) {
			target[position++] = point;
			continue;
		}
		if (point < 0x800) target[position++] = 0xc0 | point >> 6;
		else {
			if (point < 0x10000) target[position++] = 0xe0 | point >> 12;
			else {
				target[position++] = 0xf0 | point >> 18;
				target[position++] = 0x80 | point >> 12 & 0x3f;
			}
			target[position++] = 0x80 | point >> 6 & 0x3f;
		}
		target[position++] = 0x80 | point & 0x3f;
	}
	return count;
}

function decode(bytes: Uint8Array, start: number, end: number): string {
	if (!(Number.isInteger(start) && Number.isInteger(end) && start >= 0 && start <= end && end <= bytes.byteLength)) {
		throw new DeviceError("argument", `no such range: ${start} to ${end}`);
	}
	const points: number[] = [];
	let result = "", position = start;
	while (position < end) {
		let point = bytes[position++]!;
		if (point >= 0x80) {
			const more = point >= 0xf0 ? 3 : point >= 0xe0 ? 2 : 1;
			if (point < 0xc2 || point > 0xf4 || position + more > end) throw illFormed(position - 1);
			point &= 0x3f >> more;
			for (let index = 0; index < more; index++) {
				const next = bytes[position++]!;
				if ((next & 0xc0) !== 0x80) throw illFormed(position - 1);
				point = point << 6 | next & 0x3f;
			}
			if ((more === 2 && (point < 0x800 || (point & 0xf800) === 0xd800)) || (more === 3 && (point < 0x10000 || point > 0x10ffff))) {
				throw illFormed(position - 1 - more);
			}
		}
		points.push(point);
		if (points.length >= CHUNK) {
			result += String.fromCodePoint.apply(undefined, points);
			points.length = 0;
		}
	}
	return result + String.fromCodePoint.apply(undefined, points);
}

/** Strings are walked by code point: some engines count their length in those, others in UTF-16 units. */
function pointOf(character: string): number {
	const point = character.codePointAt(0)!;
	if (point < 0xd800 || point > 0xdfff) return point;
	throw new DeviceError("argument", "the text has an unpaired surrogate");
}

function illFormed(position: number): DeviceError {
	return new DeviceError("malformed", `ill-formed UTF-8 at byte ${position}`);
}
