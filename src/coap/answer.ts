// SPDX-License-Identifier: Apache-2.0
/**
 * The message that answers a request for one of our resources: the whole of what its handler said, or the block of it
 * that was asked for.
 *
 * Spec: RFC 7252 §5.6.2, §5.10; RFC 7959 §2; RFC 7967 §2; RFC 8323 §6.
 */
import { isEqual } from "../bytes/word.js";
import { BLOCK_MAXIMUM, blockOption } from "./block.js";
import { tagFor } from "./bodies.js";
import { classOf, Code, OptionNumber } from "./constants.js";
import { valuesOf, type Inquiry } from "./inquiry.js";
import { NOTHING, uintOf, type Message } from "./message.js";
import { insertOption, uintOption, type Option } from "./option.js";
import type { ResourceResponse } from "./resource.js";

export interface AnswerLimits {
	/** Bytes of payload that one message takes where nobody asks for blocks. */
	readonly room: number;
	/** Bytes of a block, at most. */
	readonly blockLength: number;
	/** A message may hold several blocks. */
	readonly bert: boolean;
}

export interface Answer {
	readonly code: number;
	readonly options: readonly Option[];
	readonly payload: Uint8Array;
	/** There when other blocks of it may be asked for: what is to be kept. */
	readonly rest: ResourceResponse | undefined;
}

/** What a request may hold that has no bearing on one answer. Spec: RFC 7967 §2. */
export function isUnwanted(request: Message, code: number): boolean {
	const classes = uintOf(request, OptionNumber.NO_RESPONSE) ?? 0;
	return (classes & 1 << classOf(code) - 1) !== 0;
}

/** @param sequence of a notification, or of the answer to a registration; `undefined` for none */
export function makeAnswer(
	inquiry: Inquiry, response: ResourceResponse, { room, blockLength, bert }: AnswerLimits,
	sequence: number | undefined,
): Answer {
	const { code, payload = NOTHING, contentFormat, etag, maxAge } = response;
	const { block1 } = inquiry;
	// A refusal is no block of what was asked for.
	const wanted = classOf(code) === 2 ? inquiry.block2 : undefined;
	const options: Option[] = [];
	if (response.options !== undefined) options.push(...response.options);
	if (block1 !== undefined) {
		const size = Math.min(block1.size, blockLength);
		insertOption(options, blockOption(OptionNumber.BLOCK1, { ...block1, size, bert: block1.bert && bert }));
	}
	if (sequence !== undefined) insertOption(options, uintOption(OptionNumber.OBSERVE, sequence));
	if (maxAge !== undefined) insertOption(options, uintOption(OptionNumber.MAX_AGE, maxAge));
	if (etag !== undefined && knows(inquiry, code, etag)) {
		insertOption(options, { number: OptionNumber.ETAG, value: etag });
		return { code: Code.VALID, options, payload: NOTHING, rest: undefined };
	}
	const length = payload.byteLength;
	const start = wanted === undefined ? 0 : wanted.number * wanted.size;
	if (start > 0 && start >= length) return { code: Code.BAD_REQUEST, options: [], payload: NOTHING, rest: undefined };
	if (contentFormat !== undefined) insertOption(options, uintOption(OptionNumber.CONTENT_FORMAT, contentFormat));
	if (wanted === undefined && length <= room) {
		if (etag !== undefined) insertOption(options, { number: OptionNumber.ETAG, value: etag });
		return { code, options, payload, rest: undefined };
	}
	const several = bert && wanted?.bert !== false;
	const size = Math.min(wanted?.size ?? BLOCK_MAXIMUM, blockLength);
	const end = Math.min(start + (several ? Math.max(room - room % size, size) : size), length);
	const more = end < length;
	insertOption(options, blockOption(OptionNumber.BLOCK2, { number: start / size, more, size, bert: several }));
	// Its blocks must be told from those of another state.
	const tag = etag ?? (more || start > 0 ? tagFor(payload) : undefined);
	if (tag !== undefined) insertOption(options, { number: OptionNumber.ETAG, value: tag });
	if (more && start === 0) insertOption(options, uintOption(OptionNumber.SIZE2, length));
	const rest = more ? { ...response, etag: tag } : undefined;
	return { code, options, payload: payload.subarray(start, end), rest };
}

/** Whether who asks has that representation. */
function knows({ code: method, message }: Inquiry, code: number, etag: Uint8Array): boolean {
	if (code !== Code.CONTENT || (method !== Code.GET && method !== Code.FETCH)) return false;
	return valuesOf(message, OptionNumber.ETAG).some((known) => isEqual(known, etag));
}
