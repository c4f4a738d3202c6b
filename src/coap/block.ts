// SPDX-License-Identifier: Apache-2.0
/**
 * The value of Block1 and Block2: which block of a body a message carries or asks for.
 *
 * Spec: RFC 7959 §2.2; RFC 8323 §6 for BERT, where one message carries several blocks of 1,024 bytes.
 */
import { DeviceError } from "../base/error.js";
import { findOption, uintOption, type Option } from "./option.js";
import { uintValue } from "./message.js";

export interface Block {
	/** Of the first block in the message, in blocks of `size` bytes. */
	readonly number: number;
	readonly more: boolean;
	/** 16, 32 and so on to 1,024. */
	readonly size: number;
	/** Any number of blocks of 1,024 bytes. */
	readonly bert: boolean;
}

export const BLOCK_MINIMUM = 16;
export const BLOCK_MAXIMUM = 1_024;
export const BLOCK_NUMBER_MAXIMUM = 0xf_ffff;

const MORE = 0x08;
const SZX = 0x07;
const BERT = 7;
const NUMBER_UNIT = 0x10;
const VALUE_BYTES = 3;

/** The largest size of a block that is not above `length`. */
export function blockSize(length: number): number {
	let size = BLOCK_MAXIMUM;
	while (size > length && size > BLOCK_MINIMUM) size >>= 1;
	return size;
}

/** @throws DeviceError `too-large` for a number beyond 20 bits: the body is longer than such blocks can be */
export function blockOption(option: number, { number, more, size, bert }: Block): Option {
	if (number > BLOCK_NUMBER_MAXIMUM) throw new DeviceError("too-large", `no block ${number} of ${size} bytes`);
	let exponent = 0;
	while (BLOCK_MINIMUM << exponent < size) exponent++;
	return uintOption(option, number * NUMBER_UNIT + (more ? MORE : 0) + (bert ? BERT : exponent));
}

/**
 * `undefined` where there is none.
 * @throws DeviceError `malformed` for more than three bytes, and for the reserved size where there is no BERT
 */
export function findBlock(options: readonly Option[], option: number, bert: boolean): Block | undefined {
	const found = findOption(options, option);
	if (found === undefined) return undefined;
	const value = found.value.byteLength > VALUE_BYTES ? undefined : uintValue(found.value);
	if (value === undefined) throw new DeviceError("malformed", `a block option of ${found.value.byteLength} bytes`);
	const exponent = value & SZX;
	if (exponent === BERT && !bert) throw new DeviceError("malformed", "a block option of the reserved size");
	return {
		number: Math.floor(value / NUMBER_UNIT),
		more: (value & MORE) !== 0,
		size: exponent === BERT ? BLOCK_MAXIMUM : BLOCK_MINIMUM << exponent,
		bert: exponent === BERT,
	};
}
