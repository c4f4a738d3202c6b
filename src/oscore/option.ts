// SPDX-License-Identifier: Apache-2.0
/**
 * The value of the OSCORE option, and the numbers in it.
 *
 * Spec: RFC 8613 §6.1.
 */
import { DeviceError } from "../base/error.js";
import { Reader } from "../bytes/reader.js";
import type { TextCodec } from "../host.js";

export interface OSCOREValue {
	/** A number of 1 to 5 bytes, as it was encoded. */
	readonly partialIV: Uint8Array | undefined;
	readonly kidContext: Uint8Array | undefined;
	readonly kid: Uint8Array | undefined;
}

/** Numbers are below. Spec: RFC 8613 §7.2.1. */
export const NUMBER_END = 2 ** 40;

const PARTIAL_IV_LENGTH = 0x07;
const PARTIAL_IV_MAXIMUM = 5;
const KID = 0x08;
const KID_CONTEXT = 0x10;
const RESERVED = 0xe0;
const NOTHING = new Uint8Array(0);

export function encodeValue({ partialIV = NOTHING, kidContext, kid }: OSCOREValue): Uint8Array {
	const flags = partialIV.byteLength | (kidContext === undefined ? 0 : KID_CONTEXT) | (kid === undefined ? 0 : KID);
	if (flags === 0) return NOTHING;
	const contextLength = kidContext === undefined ? 0 : 1 + kidContext.byteLength;
	const start = 1 + partialIV.byteLength;
	const value = new Uint8Array(start + contextLength + (kid?.byteLength ?? 0));
	value.fill(flags, 0, 1);
	value.set(partialIV, 1);
	if (kidContext !== undefined) {
		value.fill(kidContext.byteLength, start, start + 1);
		value.set(kidContext, start + 1);
	}
	if (kid !== undefined) value.set(kid, start + contextLength);
	return value;
}

/** @returns views of `value`. @throws DeviceError `malformed` */
export function decodeValue(text: TextCodec, value: Uint8Array): OSCOREValue {
	const { byteLength } = value;
	if (byteLength === 0) return { partialIV: undefined, kidContext: undefined, kid: undefined };
	const reader = new Reader(text);
	reader.reset(value, 0, byteLength);
	const flags = reader.uint8();
	const length = flags & PARTIAL_IV_LENGTH;
	if ((flags & RESERVED) !== 0 || length > PARTIAL_IV_MAXIMUM) {
		throw new DeviceError("malformed", `an OSCORE option with flags of ${flags}`);
	}
	const partialIV = length === 0 ? undefined : view(reader, length);
	const kidContext = (flags & KID_CONTEXT) === 0 ? undefined : view(reader, reader.uint8());
	const kid = (flags & KID) === 0 ? undefined : view(reader, reader.remaining);
	if (reader.remaining > 0) throw new DeviceError("malformed", "an OSCORE option with something at its end");
	return { partialIV, kidContext, kid };
}

/** In the fewest bytes, but one at least. */
export function encodeNumber(number: number): Uint8Array {
	let length = 1;
	for (let rest = Math.floor(number / 0x100); rest > 0; rest = Math.floor(rest / 0x100)) length++;
	const bytes = new Uint8Array(length);
	for (let index = length - 1, rest = number; index >= 0; index--, rest = Math.floor(rest / 0x100)) {
		bytes.fill(rest % 0x100, index, index + 1);
	}
	return bytes;
}

export function decodeNumber(partialIV: Uint8Array): number {
	let number = 0;
	for (let index = 0; index < partialIV.byteLength; index++) number = number * 0x100 + partialIV.at(index)!;
	return number;
}

function view(reader: Reader, length: number): Uint8Array {
	const start = reader.skip(length);
	return reader.bytes.subarray(start, start + length);
}
