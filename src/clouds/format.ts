// SPDX-License-Identifier: Apache-2.0
/** The two formats in which clouds over MQTT take a message. */
import { encodeCBOR } from "../cbor/encode.js";
import type { CBORObject } from "../cbor/value.js";
import type { TextCodec } from "../host.js";
import type { Payload } from "../mqtt/encode.js";

export type Format = "json" | "cbor";

/** @throws DeviceError `argument` for what no message can hold */
export function encodeMessage(text: TextCodec, format: Format, message: CBORObject): Payload {
	if (format === "json") return JSON.stringify(message);
	return encodeCBOR(text, message);
}
