// SPDX-License-Identifier: Apache-2.0
/**
 * The two encodings in which the clouds take and give the same documents: JSON and CBOR.
 *
 * Of CBOR only what JSON has, and byte strings: maps with text for keys, no tags, no undefined. A map becomes an object
 * without prototype. The codec is a package that the device does not use, so that each judges the other; without its
 * native part and without generated code, as neither may be there.
 */
import { Encoder, setSizeLimits } from "cbor-x/index-no-eval";
import { encodeJson, isObject, parseJson } from "./json.js";

export type Format = "json" | "cbor";
export type Value = null | boolean | number | string | Uint8Array | Value[] | { [member: string]: Value };

/** What a message can hold at most: 128 KB of items of one byte. Said to the codec, which would reserve what a head announces. */
const ITEMS_MAXIMUM = 131_072;
/** Deeper documents are refused: none that a service takes is near. */
const DEPTH_MAXIMUM = 32;
/** CBOR's major type of maps. */
const MAP = 5;
const UINT32_MAXIMUM = 0xffff_ffff;

setSizeLimits({ maxArraySize: ITEMS_MAXIMUM, maxMapSize: ITEMS_MAXIMUM, maxObjectSize: ITEMS_MAXIMUM });
const CODEC = new Encoder({ mapsAsObjects: false, useRecords: false, tagUint8Array: false, structuredClone: false, variableMapSize: true });

/** CBOR's maps begin with 0xa0 to 0xbf, and no JSON does. */
export function formatOf(payload: Uint8Array): Format {
	return payload.byteLength > 0 && payload[0]! >> 5 === MAP ? "cbor" : "json";
}

export function isFormat(text: string | undefined): text is Format {
	return text === "json" || text === "cbor";
}

/** @throws SyntaxError when the bytes are not one document of that format */
export function decode(format: Format, payload: Uint8Array): unknown {
	if (format === "json") return parseJson(payload);
	let value: unknown;
	try {
		value = CODEC.decode(payload);
	} catch (error) {
		throw new SyntaxError("payload is not CBOR", { cause: error });
	}
	return plain(value, DEPTH_MAXIMUM);
}

/** Members that are undefined are left out, as JSON does. */
export function encode(format: Format, value: unknown): Uint8Array {
	return format === "json" ? encodeJson(value) : Uint8Array.from(CODEC.encode(encodable(value)));
}

function plain(value: unknown, depth: number): Value {
	if (value === null || typeof value === "boolean" || typeof value === "number" || typeof value === "string") return value;
	if (value instanceof Uint8Array) return Uint8Array.from(value);
	// Beyond what a number holds exactly; ranges are checked where it is used.
	if (typeof value === "bigint") return Number(value);
	if (depth === 0) throw new SyntaxError("payload is too deep");
	if (Array.isArray(value)) return value.map(item => plain(item, depth - 1));
	if (!(value instanceof Map)) throw new SyntaxError("payload holds what JSON has not");
	const object = Object.create(null) as { [member: string]: Value };
	for (const [key, member] of value as Map<unknown, unknown>) {
		if (typeof key !== "string") throw new SyntaxError("payload has a key that is no text");
		object[key] = plain(member, depth - 1);
	}
	return object;
}

/** The codec writes large whole numbers as floating point unless they are BigInts. */
function encodable(value: unknown): unknown {
	if (typeof value === "number") return Number.isSafeInteger(value) && Math.abs(value) > UINT32_MAXIMUM ? BigInt(value) : value;
	if (Array.isArray(value)) return value.map(encodable);
	if (value instanceof Uint8Array || !isObject(value)) return value;
	const members = Object.entries(value).filter(([, member]) => member !== undefined);
	return new Map(members.map(([name, member]) => [name, encodable(member)]));
}
