// SPDX-License-Identifier: Apache-2.0
/**
 * Heads and numbers of CBOR at a position: written in the fewest bytes (RFC 8949 §4.2.1), and read in any.
 *
 * Functions that take a position, not methods of something that has one: on XS a field costs three times what a local
 * does. Those that write take it that there is room, `ITEM_MAXIMUM` bytes at least, and return the position behind.
 */
import { DeviceError } from "../base/error.js";

/** Bytes of the longest head, and of the longest number. */
export const ITEM_MAXIMUM = 9;

const WORD = 0x1_0000_0000;

/** @param first the head's first byte for an argument of 0 */
export function putHead(bytes: Uint8Array, view: DataView, position: number, first: number, argument: number): number {
	if (argument < 24) {
		bytes[position] = first | argument;
		return position + 1;
	}
	if (argument < 0x1_0000) {
		if (argument < 0x100) {
			view.setUint16(position, (first | 24) << 8 | argument);
			return position + 2;
		}
		bytes[position] = first | 25;
		view.setUint16(position + 1, argument);
		return position + 3;
	}
	if (argument < WORD) {
		bytes[position] = first | 26;
		view.setUint32(position + 1, argument);
		return position + 5;
	}
	bytes[position] = first | 27;
	view.setUint32(position + 1, argument / WORD);
	view.setUint32(position + 5, argument % WORD);
	return position + 9;
}

/** @throws DeviceError `argument` when it is not finite */
export function putNumber(bytes: Uint8Array, view: DataView, position: number, value: number): number {
	// Most are told apart by arithmetic, which costs a fifth of a call. No zero with a sign is an integer here.
	if ((value | 0) === value ? value !== 0 || 1 / value > 0 : Number.isSafeInteger(value)) {
		if (value >= 0) return putHead(bytes, view, position, 0, value);
		return putHead(bytes, view, position, 0x20, -1 - value);
	}
	// Zero, but for NaN and the infinities.
	if (value - value !== 0) throw new DeviceError("argument", `no CBOR is made of ${value}`);
	if (Math.fround(value) !== value) {
		bytes[position] = 0xfb;
		view.setFloat64(position + 1, value);
		return position + 9;
	}
	view.setFloat32(position + 1, value);
	const short = halfBits(view.getUint32(position + 1));
	if (short < 0) {
		bytes[position] = 0xfa;
		return position + 5;
	}
	bytes[position] = 0xf9;
	view.setUint16(position + 1, short);
	return position + 3;
}

/**
 * The number of which the head says that 1, 2, 4 or 8 bytes are behind it, at `position`.
 * @throws DeviceError `malformed` when it is beyond 2^53 or not finite, and when `head` is none of a number
 */
export function numberAt(view: DataView, position: number, head: number): number {
	switch (head) {
		case 0x18: return view.getUint8(position);
		case 0x19: return view.getUint16(position);
		case 0x1a: return view.getUint32(position);
		case 0xfb: return finite(view.getFloat64(position));
		case 0x38: return -1 - view.getUint8(position);
		case 0x39: return -1 - view.getUint16(position);
		case 0x3a: return -1 - view.getUint32(position);
		case 0xf9: return finite(halfOf(view.getUint16(position)));
		case 0xfa: return finite(view.getFloat32(position));
		case 0x1b: return safe(view.getUint32(position) * WORD + view.getUint32(position + 4));
		case 0x3b: return -1 - safe(view.getUint32(position) * WORD + view.getUint32(position + 4));
		default: return malformed("a head of nothing that JSON has");
	}
}

function safe(value: number): number {
	return value <= Number.MAX_SAFE_INTEGER ? value : malformed("a number beyond 2^53");
}

function finite(value: number): number {
	// Zero, but for NaN and the infinities.
	return value - value === 0 ? value : malformed("a number that is not finite");
}

export function malformed(what: string): never {
	throw new DeviceError("malformed", `CBOR with ${what}`);
}

/** Spec: RFC 8949 Appendix D. */
function halfOf(bits: number): number {
	const exponent = bits >> 10 & 31;
	const significand = bits & 0x3ff;
	let value = exponent === 0 ? significand * 2 ** -24 : (significand + 0x400) * 2 ** (exponent - 25);
	if (exponent === 31) value = Infinity;
	return bits >> 15 === 0 ? value : -value;
}

/** The 16 bits of the half that has the value of a finite float of 32 bits; -1 when none has. */
function halfBits(bits: number): number {
	const sign = bits >>> 16 & 0x8000;
	const exponent = (bits >>> 23 & 0xff) - 127;
	const significand = bits & 0x7f_ffff;
	if (exponent === -127 && significand === 0) return sign;
	if (exponent > 15 || exponent < -24) return -1;
	if (exponent >= -14) return (significand & 0x1fff) === 0 ? sign | exponent + 15 << 10 | significand >> 13 : -1;
	// Below these it has no leading one of its own.
	const whole = significand | 0x80_0000;
	const shift = -1 - exponent;
	return (whole & (1 << shift) - 1) === 0 ? sign | whole >> shift : -1;
}
