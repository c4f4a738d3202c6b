// SPDX-License-Identifier: Apache-2.0
/** What the messages of AWS's services have in common: two formats, and codes for what was refused. */
import { DeviceError } from "../../base/error.js";
import { parseJSON } from "../../bytes/json.js";
import { isObject, type JSONObject } from "../../bytes/value.js";
import type { Vocabulary } from "../../bytes/vocabulary.js";
import type { TextCodec } from "../../host.js";
import type { Payload } from "../../mqtt/encode.js";
import { Refusal } from "../../operations/service.js";

/** As the last level of a topic has it. */
export type Format = "json" | "cbor";

/** @throws DeviceError `malformed`, `too-large` */
export function decodeMessage(
	text: TextCodec, _format: Format, bytes: Uint8Array, start: number, end: number, vocabulary: Vocabulary,
): JSONObject {
	const message = parseJSON(text, bytes, start, end, vocabulary);
	if (!isObject(message)) throw new DeviceError("malformed", "message is no object");
	return message;
}

export function encodeMessage(_text: TextCodec, _format: Format, message: JSONObject): Payload {
	return JSON.stringify(message);
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
