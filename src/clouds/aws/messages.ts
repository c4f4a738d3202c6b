// SPDX-License-Identifier: Apache-2.0
/** What the messages of AWS's services have in common: two formats, and codes for what was refused. */
import { DeviceError } from "../../base/error.js";
import { parseJSON } from "../../bytes/json.js";
import { isObject } from "../../bytes/value.js";
import type { Vocabulary } from "../../bytes/vocabulary.js";
import { Writer } from "../../bytes/writer.js";
import { decodeCBOR } from "../../cbor/decode.js";
import { cborLength, encodeCBOR } from "../../cbor/encode.js";
import type { CBORObject } from "../../cbor/value.js";
import type { TextCodec } from "../../host.js";
import type { Payload } from "../../mqtt/encode.js";
import { Refusal } from "../../base/service.js";

/** As the last level of a topic has it. */
export type Format = "json" | "cbor";

/** Bytes in it are borrowed with `bytes`. @throws DeviceError `malformed`, `too-large` */
export function decodeMessage(
	text: TextCodec, format: Format, bytes: Uint8Array, start: number, end: number, vocabulary: Vocabulary,
): CBORObject {
	const message = format === "cbor" ? decodeCBOR(text, bytes, start, end, vocabulary)
		: parseJSON(text, bytes, start, end, vocabulary);
	if (!isObject(message) || message instanceof Uint8Array) throw new DeviceError("malformed", "message is no object");
	return message;
}

/** @throws DeviceError `argument` */
export function encodeMessage(text: TextCodec, format: Format, message: CBORObject): Payload {
	if (format === "json") return JSON.stringify(message);
	const length = cborLength(text, message);
	const bytes = new Uint8Array(length);
	const writer = new Writer(text);
	writer.reset(bytes, 0, length);
	encodeCBOR(writer, text, message);
	return bytes;
}

/** @returns one of `Refusal` */
export function refusalOf(code: unknown): number {
	switch (code) {
		case "RequestThrottled":
		case "Throttled":
		case "InternalError": return Refusal.BUSY;
		case "ResourceNotFound":
		case "TerminalStateReached": return Refusal.GONE;
		case "VersionMismatch":
		case "InvalidStateTransition": return Refusal.STALE;
		default: return Refusal.REFUSED;
	}
}
