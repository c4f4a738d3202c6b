// SPDX-License-Identifier: Apache-2.0
/** What Golioth's messages have in common: values in JSON or CBOR, and what its codes mean for what is done next. */
import { Refusal } from "../../base/service.js";
import type { JSONObject } from "../../bytes/value.js";
import type { Vocabulary } from "../../bytes/vocabulary.js";
import { encodeCBOR } from "../../cbor/encode.js";
import type { CBORValue } from "../../cbor/value.js";
import { classOf, Code, ContentFormat } from "../../coap/constants.js";
import type { Response } from "../../coap/request.js";
import type { TextCodec } from "../../host.js";
import type { Format } from "../format.js";
import { decode } from "../private/formats.js";

const CBOR_NULL = 0xf6;
/** The "n" of null. */
const JSON_NULL = 0x6e;
const JSON_NULL_LENGTH = 4;

/** @throws DeviceError `argument` for what no message can hold */
export function encodeValue(text: TextCodec, format: Format, value: CBORValue): Uint8Array {
	if (format === "cbor") return encodeCBOR(text, value);
	const json = JSON.stringify(value);
	const bytes = new Uint8Array(text.byteLength(json));
	text.encode(json, bytes, 0);
	return bytes;
}

export function contentFormatOf(format: Format): number {
	return format === "json" ? ContentFormat.JSON : ContentFormat.CBOR;
}

/**
 * The object in `bytes`, in either format; an empty one where there is nothing, or null.
 * @throws DeviceError `malformed`, `too-large`
 */
export function decodeObject(text: TextCodec, bytes: Uint8Array, vocabulary: Vocabulary): JSONObject {
	const { byteLength } = bytes;
	const first = bytes.at(0);
	// No object begins with either, in neither format.
	if (byteLength === 0 || first === CBOR_NULL || (first === JSON_NULL && byteLength === JSON_NULL_LENGTH)) return {};
	return decode(text, bytes, 0, byteLength, vocabulary);
}

/** Whether a response brings a representation; nothing there is as good as an empty one. */
export function isThere({ code }: Response): boolean {
	return classOf(code) === 2 || code === Code.NOT_FOUND;
}

/** @returns one of `Refusal` */
export function refusalOf(code: number): number {
	switch (code) {
		case Code.NOT_FOUND: return Refusal.GONE;
		case Code.CONFLICT: case Code.PRECONDITION_FAILED: return Refusal.STALE;
		case Code.TOO_MANY_REQUESTS: case Code.REQUEST_ENTITY_INCOMPLETE: return Refusal.BUSY;
		default: return classOf(code) === 5 ? Refusal.BUSY : Refusal.REFUSED;
	}
}
