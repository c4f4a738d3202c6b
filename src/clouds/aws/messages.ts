// SPDX-License-Identifier: Apache-2.0
/** What the messages of AWS's services have in common: the format that a topic ends with, and codes for refusals. */
import { DeviceError } from "../../base/error.js";
import { Refusal } from "../../base/service.js";
import { parseJSON } from "../../bytes/json.js";
import { isObject } from "../../bytes/value.js";
import type { Vocabulary } from "../../bytes/vocabulary.js";
import { decodeCBOR } from "../../cbor/decode.js";
import type { CBORObject } from "../../cbor/value.js";
import type { TextCodec } from "../../host.js";
import type { Format } from "../format.js";

/** Bytes in it are borrowed with `bytes`. @throws DeviceError `malformed`, `too-large` */
export function decodeMessage(
	text: TextCodec, format: Format, bytes: Uint8Array, start: number, end: number, vocabulary: Vocabulary,
): CBORObject {
	const message = format === "cbor" ? decodeCBOR(text, bytes, start, end, vocabulary)
		: parseJSON(text, bytes, start, end, vocabulary);
	if (!isObject(message) || message instanceof Uint8Array) throw new DeviceError("malformed", "message is no object");
	return message;
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
