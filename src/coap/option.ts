// SPDX-License-Identifier: Apache-2.0
/**
 * Options: a number and bytes. What a recipient must do about one it does not know is in the number's bits.
 *
 * Spec: RFC 7252 §3.1, §3.2, §5.4.
 */
import { DeviceError } from "../base/error.js";
import type { TextCodec } from "../host.js";
import { OptionNumber } from "./constants.js";

export interface Option {
	readonly number: number;
	/** Borrowed from the message it was read out of; whoever keeps it copies it. */
	readonly value: Uint8Array;
}

const NOTHING = new Uint8Array(0);
const UINT_MAXIMUM = 0xffff_ffff;
/** Bytes of one segment of a path, of one argument, of a name. Spec: RFC 7252 §5.10. */
const TEXT_MAXIMUM = 255;
const PROXY_URI_MAXIMUM = 1_034;

/** Who does not know it must not act on the message. Spec: RFC 7252 §5.4.1. */
export function isCritical(number: number): boolean {
	return (number & 1) !== 0;
}

/** A proxy that does not know it must not forward the message. Spec: RFC 7252 §5.4.2. */
export function isUnsafe(number: number): boolean {
	return (number & 2) !== 0;
}

/** Not part of what a cached response is found by. Spec: RFC 7252 §5.4.2. */
export function isNoCacheKey(number: number): boolean {
	return (number & 0x1e) === 0x1c;
}

/** In the fewest bytes: none for 0. @throws DeviceError `argument` for what is no number of 32 bits */
export function uintOption(number: number, value: number): Option {
	if (!(value >= 0 && value <= UINT_MAXIMUM && Number.isInteger(value))) {
		throw new DeviceError("argument", `option ${number} of ${value} is no number of 32 bits`);
	}
	if (value === 0) return { number, value: NOTHING };
	const length = value < 0x100 ? 1 : value < 0x1_0000 ? 2 : value < 0x100_0000 ? 3 : 4;
	const bytes = new Uint8Array(length);
	for (let index = length - 1, rest = value; index >= 0; index--, rest = Math.floor(rest / 0x100)) {
		bytes.fill(rest % 0x100, index, index + 1);
	}
	return { number, value: bytes };
}

/** @throws DeviceError `argument` on an unpaired surrogate, and for more bytes than an option of text has */
export function textOption(codec: TextCodec, number: number, value: string): Option {
	const byteLength = codec.byteLength(value);
	const maximum = number === OptionNumber.PROXY_URI ? PROXY_URI_MAXIMUM : TEXT_MAXIMUM;
	if (byteLength > maximum) {
		throw new DeviceError("argument", `option ${number} of ${byteLength} bytes: ${maximum} are the most`);
	}
	const bytes = new Uint8Array(byteLength);
	codec.encode(value, bytes, 0);
	return { number, value: bytes };
}

/** The first of that number. */
export function findOption(options: readonly Option[], number: number): Option | undefined {
	for (let index = 0; index < options.length; index++) {
		const option = options[index]!;
		if (option.number === number) return option;
	}
	return undefined;
}

/** Puts it where its number belongs, behind those of the same. */
export function insertOption(options: Option[], option: Option): void {
	let index = options.length;
	while (index > 0 && options[index - 1]!.number > option.number) index--;
	options.splice(index, 0, option);
}
