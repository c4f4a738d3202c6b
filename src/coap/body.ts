// SPDX-License-Identifier: Apache-2.0
/**
 * Options and payload: what stands behind the token of every message, over datagrams and streams alike, and what
 * OSCORE encrypts.
 *
 * What is read is borrowed: each value is a view of the input. What options mean is not looked at here.
 * Read first: RFC 7252 §3.1.
 */
import { DeviceError } from "../base/error.js";
import type { Reader } from "../bytes/reader.js";
import type { Writer } from "../bytes/writer.js";
import { NO_OPTIONS, NOTHING } from "./message.js";
import type { Option } from "./option.js";

/** Of one message: a path of many segments has twenty. */
export const OPTION_MAXIMUM = 64;
/** Spec: RFC 7252 §12.2. */
export const OPTION_NUMBER_MAXIMUM = 0xffff;
/** What two bytes of extension can say. */
const OPTION_LENGTH_MAXIMUM = 0xffff + 269;

const PAYLOAD_MARKER = 0xff;
/** Nibbles: the value follows in one byte, in two bytes, and never. */
const ONE_BYTE = 13, TWO_BYTES = 14, RESERVED = 15;
/** What the extensions begin to count at. */
const ONE_BYTE_BASE = 13, TWO_BYTES_BASE = 269;

/** What a message holds whatever carries it, of those that came and those that go. */
export interface Body {
	/** In ascending order of their numbers. */
	readonly options: readonly Option[];
	/** Empty for none. */
	readonly payload: Uint8Array;
}

/**
 * Reads options up to the end or the payload marker, which is read, too; `decodePayload` comes next.
 * @throws DeviceError `malformed`, also for more than `OPTION_MAXIMUM`
 */
export function decodeOptions(reader: Reader): readonly Option[] {
	if (reader.remaining === 0) return NO_OPTIONS;
	const options: Option[] = [];
	let number = 0;
	while (reader.remaining > 0) {
		const first = reader.uint8();
		if (first === PAYLOAD_MARKER) {
			if (reader.remaining === 0) throw new DeviceError("malformed", "a payload marker without a payload");
			break;
		}
		number += decodeExtended(reader, first >> 4);
		if (number > OPTION_NUMBER_MAXIMUM) throw new DeviceError("malformed", `option number ${number}`);
		if (options.length === OPTION_MAXIMUM) throw new DeviceError("malformed", "more options than are taken");
		options.push({ number, value: viewOf(reader, decodeExtended(reader, first & 0xf)) });
	}
	return options;
}

/** The rest. */
export function decodePayload(reader: Reader): Uint8Array {
	return viewOf(reader, reader.remaining);
}

/** @param body measured with `bodyLength` before. @throws DeviceError `too-large` where it does not fit */
export function encodeBody(writer: Writer, { options, payload }: Body): void {
	let previous = 0;
	for (let index = 0; index < options.length; index++) {
		const { number, value } = options[index]!;
		const length = value.byteLength;
		const delta = number - previous;
		writer.uint8(nibble(delta) << 4 | nibble(length));
		encodeExtended(writer, delta);
		encodeExtended(writer, length);
		writer.copy(value, 0, length);
		previous = number;
	}
	if (payload.byteLength === 0) return;
	writer.uint8(PAYLOAD_MARKER);
	writer.copy(payload, 0, payload.byteLength);
}

/** Bytes that `encodeBody` writes. @throws DeviceError `argument` for options out of order or out of range */
export function bodyLength({ options, payload }: Body): number {
	let total = payload.byteLength === 0 ? 0 : 1 + payload.byteLength;
	if (options.length > OPTION_MAXIMUM) {
		throw new DeviceError("argument", `${options.length} options, at most ${OPTION_MAXIMUM} are sent`);
	}
	let previous = 0;
	for (let index = 0; index < options.length; index++) {
		const { number, value } = options[index]!;
		const length = value.byteLength;
		if (!(number >= previous && number <= OPTION_NUMBER_MAXIMUM) || length > OPTION_LENGTH_MAXIMUM) {
			throw new DeviceError("argument", `option ${number} of ${length} bytes behind option ${previous}`);
		}
		total += 1 + extent(number - previous) + extent(length) + length;
		previous = number;
	}
	return total;
}

function decodeExtended(reader: Reader, nibble: number): number {
	if (nibble < ONE_BYTE) return nibble;
	if (nibble === RESERVED) throw new DeviceError("malformed", "an option's delta or length of 15");
	return nibble === ONE_BYTE ? ONE_BYTE_BASE + reader.uint8() : TWO_BYTES_BASE + reader.uint16();
}

function viewOf(reader: Reader, length: number): Uint8Array {
	if (length === 0) return NOTHING;
	const start = reader.skip(length);
	return reader.bytes.subarray(start, start + length);
}

function encodeExtended(writer: Writer, value: number): void {
	if (value >= TWO_BYTES_BASE) writer.uint16(value - TWO_BYTES_BASE);
	else if (value >= ONE_BYTE_BASE) writer.uint8(value - ONE_BYTE_BASE);
}

function nibble(value: number): number {
	return value < ONE_BYTE_BASE ? value : value < TWO_BYTES_BASE ? ONE_BYTE : TWO_BYTES;
}

/** Bytes of the extension. */
function extent(value: number): number {
	return value < ONE_BYTE_BASE ? 0 : value < TWO_BYTES_BASE ? 1 : 2;
}
