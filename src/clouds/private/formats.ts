// SPDX-License-Identifier: Apache-2.0
/**
 * The two formats of the private cloud's messages, which the first byte tells apart: CBOR's maps begin with 0xa0 to
 * 0xbf, and no JSON does. So either side reads what it is sent, whatever was agreed.
 */
import { DeviceError } from "../../base/error.js";
import { parseJSON } from "../../bytes/json.js";
import { Reader } from "../../bytes/reader.js";
import { isObject, type JSONObject } from "../../bytes/value.js";
import type { Vocabulary } from "../../bytes/vocabulary.js";
import { decodeCBOR } from "../../cbor/decode.js";
import { Major, type CBORObject, type CBORValue } from "../../cbor/value.js";
import type { TextCodec } from "../../host.js";

/**
 * @param withBytes a message in CBOR may hold bytes, which are borrowed. Default: false
 * @throws DeviceError `malformed`, `too-large`
 */
export function decode(
	text: TextCodec, bytes: Uint8Array, start: number, end: number, vocabulary: Vocabulary, withBytes = false,
): JSONObject {
	const reader = new Reader(text);
	reader.reset(bytes, start, end);
	const isCBOR = reader.uint8() >> 5 === Major.MAP;
	const message: CBORValue = isCBOR ? decodeCBOR(text, bytes, start, end, vocabulary)
		: parseJSON(text, bytes, start, end, vocabulary);
	if (isCBOR && !withBytes) refuseBytes(message);
	if (!isObject(message)) throw new DeviceError("malformed", "message is no object");
	return message as JSONObject;
}

/** A document must be the same in both formats, and JSON has no bytes. */
function refuseBytes(value: CBORValue): void {
	const work: CBORValue[] = [value];
	for (let next = work.pop(); next !== undefined; next = work.pop()) {
		if (next instanceof Uint8Array) throw new DeviceError("malformed", "bytes where JSON has none");
		if (Array.isArray(next)) {
			for (const item of next) if (typeof item === "object") work.push(item);
		} else if (typeof next === "object" && next !== null) {
			for (const name of Object.keys(next)) {
				const item = (next as CBORObject)[name]!;
				if (typeof item === "object") work.push(item);
			}
		}
	}
}
