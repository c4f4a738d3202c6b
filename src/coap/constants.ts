// SPDX-License-Identifier: Apache-2.0
/**
 * CoAP's numbers, with the names that the RFCs give them.
 *
 * Spec: RFC 7252 §12, RFC 7641, RFC 7959, RFC 8132, RFC 8323 §5, RFC 8768, RFC 9175.
 */

/** Spec: RFC 7252 §3. Reliable transports have none: there every message is as good as confirmed. */
export const Type = Object.freeze({ CON: 0, NON: 1, ACK: 2, RST: 3 });
export type Type = (typeof Type)[keyof typeof Type];

/** `class << 5 | detail`. Spec: RFC 7252 §12.1, RFC 7959 §2.9, RFC 8132 §4, RFC 8323 §5. */
export const Code = Object.freeze({
	EMPTY: 0x00,
	GET: 0x01, POST: 0x02, PUT: 0x03, DELETE: 0x04, FETCH: 0x05, PATCH: 0x06, IPATCH: 0x07,
	CREATED: 0x41, DELETED: 0x42, VALID: 0x43, CHANGED: 0x44, CONTENT: 0x45, CONTINUE: 0x5f,
	BAD_REQUEST: 0x80, UNAUTHORIZED: 0x81, BAD_OPTION: 0x82, FORBIDDEN: 0x83, NOT_FOUND: 0x84,
	METHOD_NOT_ALLOWED: 0x85, NOT_ACCEPTABLE: 0x86, REQUEST_ENTITY_INCOMPLETE: 0x88, CONFLICT: 0x89,
	PRECONDITION_FAILED: 0x8c, REQUEST_ENTITY_TOO_LARGE: 0x8d, UNSUPPORTED_CONTENT_FORMAT: 0x8f,
	UNPROCESSABLE_ENTITY: 0x96, TOO_MANY_REQUESTS: 0x9d,
	INTERNAL_SERVER_ERROR: 0xa0, NOT_IMPLEMENTED: 0xa1, BAD_GATEWAY: 0xa2, SERVICE_UNAVAILABLE: 0xa3,
	GATEWAY_TIMEOUT: 0xa4, PROXYING_NOT_SUPPORTED: 0xa5, HOP_LIMIT_REACHED: 0xa8,
	CSM: 0xe1, PING: 0xe2, PONG: 0xe3, RELEASE: 0xe4, ABORT: 0xe5,
});

/** Spec: RFC 7252 §12.2; 7641 §2; 7959 §2.1, §4; 7967 §2; 8613 §2; 8768 §3; 9175 §2, §3. */
export const OptionNumber = Object.freeze({
	IF_MATCH: 1, URI_HOST: 3, ETAG: 4, IF_NONE_MATCH: 5, OBSERVE: 6, URI_PORT: 7, LOCATION_PATH: 8, OSCORE: 9,
	URI_PATH: 11, CONTENT_FORMAT: 12, MAX_AGE: 14, URI_QUERY: 15, HOP_LIMIT: 16, ACCEPT: 17, LOCATION_QUERY: 20,
	BLOCK2: 23, BLOCK1: 27, SIZE2: 28, PROXY_URI: 35, PROXY_SCHEME: 39, SIZE1: 60, ECHO: 252, NO_RESPONSE: 258,
	REQUEST_TAG: 292,
});

/** Options of signaling messages have numbers of their own, by code. Spec: RFC 8323 §5. */
export const Signal = Object.freeze({
	/** Of CSM. */
	MAX_MESSAGE_SIZE: 2, BLOCK_WISE_TRANSFER: 4,
	/** Of Ping and Pong. */
	CUSTODY: 2,
	/** Of Release. */
	ALTERNATIVE_ADDRESS: 2, HOLD_OFF: 4,
	/** Of Abort. */
	BAD_CSM_OPTION: 2,
});

/** Spec: RFC 7252 §12.3, RFC 6690, RFC 7049, RFC 8613. */
export const ContentFormat = Object.freeze({
	TEXT: 0, LINK_FORMAT: 40, XML: 41, OCTET_STREAM: 42, EXI: 47, JSON: 50, CBOR: 60, OSCORE: 10_001,
});

/** Bytes of the largest message that anybody takes who has not said otherwise. Spec: RFC 7252 §4.6, RFC 8323 §5.3.1. */
export const MESSAGE_MAXIMUM = 1_152;

/** Seconds that a response is fresh when it does not say. Spec: RFC 7252 §5.10.5. */
export const MAX_AGE = 60;

/** Class of a code: 0 requests, 2 success, 4 client error, 5 server error, 7 signaling. */
export function classOf(code: number): number {
	return code >> 5;
}

/** `c.dd`, as the RFCs write codes. */
export function codeText(code: number): string {
	const detail = code & 0x1f;
	return `${code >> 5}.${detail < 10 ? "0" : ""}${detail}`;
}
