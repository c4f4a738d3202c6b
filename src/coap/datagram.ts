// SPDX-License-Identifier: Apache-2.0
/**
 * A message as one datagram.
 *
 * What cannot be understood is sorted here as the message layer must treat it, because that depends on the header
 * alone: a confirmable message is rejected with a Reset, and anything else is ignored, so that nobody can make two
 * endpoints send Resets to one another for ever, or ours send them to a third.
 * Read first: RFC 7252 §3, §4.2, §4.3.
 */
import { DeviceError, toDeviceError } from "../base/error.js";
import type { Reader } from "../bytes/reader.js";
import type { Writer } from "../bytes/writer.js";
import { bodyLength, decodeOptions, decodePayload, encodeBody, type Body } from "./body.js";
import { Code, Type } from "./constants.js";
import { isRequest, isResponse, NOTHING, TOKEN_MAXIMUM, type Message } from "./message.js";

/** Version 1, in the highest two bits. */
const VERSION = 0x40;
const VERSION_MASK = 0xc0;
const TOKEN_LENGTH = 0x0f;
/** Bytes before the token. */
export const HEADER_LENGTH = 4;

/** A confirmable message that means nothing to us: a Reset with its ID is due. Spec: RFC 7252 §4.2. */
export interface Rejection {
	readonly messageId: number;
	readonly error: DeviceError;
}

/** What is encoded but for type and message ID, which the message layer adds. */
export type Content = Body & Pick<Message, "code" | "token">;

/**
 * @returns the message, its bytes borrowed; a rejection (`"error" in it`); `undefined` for what is to be ignored
 * silently: another version or no header at all (§3), a non-confirmable message, an acknowledgement or a Reset of a
 * wrong form (§4.2, §4.3)
 */
export function decodeDatagram(
	reader: Reader, bytes: Uint8Array, start: number, end: number,
): Message | Rejection | undefined {
	if (end - start < HEADER_LENGTH) return undefined;
	reader.reset(bytes, start, end);
	const first = reader.uint8();
	if ((first & VERSION_MASK) !== VERSION) return undefined;
	const type = (first >> 4 & 3) as Type;
	const code = reader.uint8();
	const messageId = reader.uint16();
	try {
		checkKind(type, code);
		const token = decodeToken(reader, first & TOKEN_LENGTH);
		const options = decodeOptions(reader);
		const payload = decodePayload(reader);
		if (code === Code.EMPTY && end - start > HEADER_LENGTH) {
			throw new DeviceError("malformed", "an Empty message with something in it");
		}
		return { type, code, messageId, token, options, payload };
	} catch (error) {
		if (type !== Type.CON) return undefined;
		return { messageId, error: toDeviceError(error, "internal", "a datagram was not read") };
	} finally {
		reader.clear();
	}
}

/**
 * Bytes that `encodeDatagram` writes.
 * @throws DeviceError `argument` for options out of order, and a token that is too long
 */
export function datagramLength(content: Content): number {
	return HEADER_LENGTH + tokenLength(content.token) + bodyLength(content);
}

/** @param content measured with `datagramLength` before. @throws DeviceError `too-large` where it does not fit */
export function encodeDatagram(writer: Writer, type: Type, messageId: number, content: Content): void {
	const { token } = content;
	writer.uint8(VERSION | type << 4 | tokenLength(token));
	writer.uint8(content.code);
	writer.uint16(messageId);
	writer.copy(token, 0, token.byteLength);
	encodeBody(writer, content);
}

/** @throws DeviceError `malformed` for lengths of 9 and more, which are reserved. Spec: RFC 7252 §3, RFC 8323 §3.2. */
export function decodeToken(reader: Reader, length: number): Uint8Array {
	if (length > TOKEN_MAXIMUM) throw new DeviceError("malformed", `a token of length ${length}`);
	if (length === 0) return NOTHING;
	const start = reader.skip(length);
	return reader.bytes.subarray(start, start + length);
}

/** @throws DeviceError `argument` for more than 8 bytes */
export function tokenLength({ byteLength }: Uint8Array): number {
	if (byteLength > TOKEN_MAXIMUM) throw new DeviceError("argument", `a token of ${byteLength} bytes`);
	return byteLength;
}

/** Which codes come in which types. Spec: RFC 7252 §4.2, §4.3, table 1. */
function checkKind(type: Type, code: number): void {
	const isPossible = code === Code.EMPTY ? type !== Type.NON
		: isRequest(code) ? type === Type.CON || type === Type.NON
		: isResponse(code) && type !== Type.RST;
	if (!isPossible) throw new DeviceError("malformed", `code ${code} in a message of type ${type}`);
}
