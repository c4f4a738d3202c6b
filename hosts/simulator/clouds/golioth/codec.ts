// SPDX-License-Identifier: Apache-2.0
/**
 * What Golioth's messages are made of: JSON or CBOR, maps with numbers for keys in the manifest, and maps of indefinite
 * length, which the vendor's own SDK writes.
 *
 * The codec is a package that the device does not use, so that each judges the other.
 */
import { Encoder } from "cbor-x/index-no-eval";
import { ContentFormat } from "../../../../src/coap/constants.js";
import { decode as decodeDocument, type Value } from "../../services/formats.js";
import { isObject } from "../../services/json.js";

export type { Value } from "../../services/formats.js";

const INDEFINITE_MAP = 0xbf, BREAK = 0xff, NUL = 0;
const UINT32_MAXIMUM = 0xffff_ffff;
const CODEC = new Encoder({ mapsAsObjects: false, useRecords: false, tagUint8Array: false, structuredClone: false, variableMapSize: true });

/** @param indefinite whether maps are of indefinite length. Members that are undefined are left out */
export function encodeCbor(value: unknown, indefinite = false): Uint8Array {
	return indefinite ? Uint8Array.from(indefiniteBytes(value)) : Uint8Array.from(CODEC.encode(encodable(value)));
}

/** @throws SyntaxError for what is not one document of that format */
export function decodeBody(contentFormat: number | undefined, payload: Uint8Array): unknown {
	if (contentFormat === ContentFormat.CBOR) return decodeDocument("cbor", payload);
	// The vendor's SDK sends the end of a text along in one place.
	const end = payload.at(-1) === NUL ? payload.byteLength - 1 : payload.byteLength;
	return decodeDocument("json", payload.subarray(0, end));
}

/** @throws SyntaxError for what is no map with text for keys */
export function decodeMap(payload: Uint8Array): Readonly<Record<string, unknown>> {
	const value = decodeDocument("cbor", payload);
	if (!isObject(value)) throw new SyntaxError("payload is no map");
	return value;
}

/** @throws SyntaxError for what is not CBOR, whatever its maps' keys are; maps come as `Map` */
export function decodeCbor(payload: Uint8Array): unknown {
	try {
		return CODEC.decode(payload);
	} catch (error) {
		throw new SyntaxError("payload is not CBOR", { cause: error });
	}
}

export function encodeBody(contentFormat: number, value: Value): Uint8Array {
	return contentFormat === ContentFormat.CBOR ? encodeCbor(value) : new TextEncoder().encode(JSON.stringify(value));
}

function entriesOf(value: object): [unknown, unknown][] {
	const entries: [unknown, unknown][] = value instanceof Map ? [...value as Map<unknown, unknown>] : Object.entries(value);
	return entries.filter(([, member]) => member !== undefined);
}

/** The codec writes large whole numbers as floating point unless they are BigInts. */
function encodable(value: unknown): unknown {
	if (typeof value === "number") return Number.isSafeInteger(value) && Math.abs(value) > UINT32_MAXIMUM ? BigInt(value) : value;
	if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
	if (Array.isArray(value)) return value.map(encodable);
	return new Map(entriesOf(value).map(([key, member]) => [key, encodable(member)]));
}

function indefiniteBytes(value: unknown): number[] {
	if (typeof value !== "object" || value === null || value instanceof Uint8Array || Array.isArray(value)) return [...encodeCbor(value)];
	return [INDEFINITE_MAP, ...entriesOf(value).flatMap(([key, member]) => [...encodeCbor(key), ...indefiniteBytes(member)]), BREAK];
}
