// SPDX-License-Identifier: Apache-2.0
/** A `TextCodec` in plain JavaScript, strict and slow: the unit tests need nothing of a platform, so they run on any. */
import { DeviceError } from "../../src/base/error.js";
import type { TextCodec } from "../../src/host.js";

function codePoints(value: string): number[] {
	const points: number[] = [];
	for (const character of value) {
		const point = character.codePointAt(0)!;
		if (point >= 0xd800 && point <= 0xdfff) throw new DeviceError("argument", "unpaired surrogate");
		points.push(point);
	}
	return points;
}

function encodePoints(points: readonly number[]): number[] {
	const bytes: number[] = [];
	for (const point of points) {
		if (point < 0x80) bytes.push(point);
		else if (point < 0x800) bytes.push(0xc0 | (point >> 6), 0x80 | (point & 0x3f));
		else if (point < 0x10000) bytes.push(0xe0 | (point >> 12), 0x80 | ((point >> 6) & 0x3f), 0x80 | (point & 0x3f));
		else {
			bytes.push(0xf0 | (point >> 18), 0x80 | ((point >> 12) & 0x3f));
			bytes.push(0x80 | ((point >> 6) & 0x3f), 0x80 | (point & 0x3f));
		}
	}
	return bytes;
}

/** Continuation bytes that follow a first byte, and the smallest code point that needs them. */
function lead(first: number): [count: number, bits: number, least: number] {
	if (first < 0x80) return [0, first, 0];
	if (first >= 0xc2 && first < 0xe0) return [1, first & 0x1f, 0x80];
	if (first >= 0xe0 && first < 0xf0) return [2, first & 0x0f, 0x800];
	if (first >= 0xf0 && first < 0xf5) return [3, first & 0x07, 0x10000];
	throw new DeviceError("malformed", "ill-formed UTF-8");
}

export const text: TextCodec = {
	byteLength: (value) => encodePoints(codePoints(value)).length,
	encode(value, target, start) {
		const bytes = encodePoints(codePoints(value));
		if (start + bytes.length > target.byteLength) throw new DeviceError("full", "text does not fit");
		target.set(bytes, start);
		return bytes.length;
	},
	decode(bytes, start, end) {
		let result = "";
		for (let at = start; at < end;) {
			const [count, bits, least] = lead(bytes[at++]!);
			let point = bits;
			for (let left = count; left > 0; left--) {
				const byte = at < end ? bytes[at++]! : 0;
				if ((byte & 0xc0) !== 0x80) throw new DeviceError("malformed", "ill-formed UTF-8");
				point = (point << 6) | (byte & 0x3f);
			}
			if (point < least || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
				throw new DeviceError("malformed", "ill-formed UTF-8");
			}
			result += String.fromCodePoint(point);
		}
		return result;
	},
};
