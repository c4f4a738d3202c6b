// SPDX-License-Identifier: Apache-2.0
/** What the private cloud answers over CoAP: messages in the format that was asked for, and refusals. Pure. */
import { ContentFormat } from "../../../src/coap/constants.js";
import type { CoAPReply, CoAPRequest } from "../coap/server.js";
import { encode, formatOf, type Format } from "../services/formats.js";
import type { RejectionCode } from "../services/rejection.js";

const CODES: Readonly<Record<RejectionCode, string>> = Object.freeze({
	400: "4.00", 404: "4.04", 409: "4.09", 413: "4.13", 416: "4.02", 429: "4.29", 500: "5.00",
});
const FORMATS: ReadonlyMap<number, Format> = new Map([[ContentFormat.JSON, "json"], [ContentFormat.CBOR, "cbor"]]);

/** In the format that the peer accepts, else in the one that it speaks, else in JSON. */
export function said(request: CoAPRequest, code: string, message: object, more: Partial<CoAPReply> = {}): CoAPReply {
	const format = formatFor(request);
	if (format === undefined) return { code: "4.06" };
	return { code, payload: encode(format, message), contentFormat: format === "json" ? ContentFormat.JSON : ContentFormat.CBOR, ...more };
}

/** @param message its `code` is one of this cloud's refusals */
export function refused(request: CoAPRequest, code: RejectionCode, message: object): CoAPReply {
	return said(request, CODES[code], { code, ...message });
}

/** Whether the body is in a format that messages have. */
export function isReadable({ contentFormat }: CoAPRequest): boolean {
	return contentFormat === undefined || FORMATS.has(contentFormat);
}

function formatFor({ accept, payload }: CoAPRequest): Format | undefined {
	return accept === undefined ? formatOf(payload) : FORMATS.get(accept);
}
