// SPDX-License-Identifier: Apache-2.0
/**
 * A CoAP message, whatever carries it. `datagram.ts` and `frame.ts` turn it into bytes and back.
 *
 * Spec: RFC 7252 §3, RFC 8323 §3.2.
 */
import { Code, Type } from "./constants.js";
import { findOption, type Option } from "./option.js";

export interface Message {
	/** Over reliable transports of no meaning: `Type.CON`. */
	readonly type: Type;
	readonly code: number;
	/** 16 bits; over reliable transports of no meaning: 0. */
	readonly messageId: number;
	/** 0 to 8 bytes. */
	readonly token: Uint8Array;
	/** In ascending order of their numbers. */
	readonly options: readonly Option[];
	/** Empty for none. */
	readonly payload: Uint8Array;
}

export const NOTHING = new Uint8Array(0);
export const NO_OPTIONS: readonly Option[] = Object.freeze([]);
export const TOKEN_MAXIMUM = 8;

export function emptyMessage(type: Type, messageId: number): Message {
	return { type, code: Code.EMPTY, messageId, token: NOTHING, options: NO_OPTIONS, payload: NOTHING };
}

export function isRequest(code: number): boolean {
	return code > Code.EMPTY && code < 0x20;
}

/** Of the classes that responses have. */
export function isResponse(code: number): boolean {
	return code >= 0x40 && code < 0xc0;
}

/** The number that an option holds; `undefined` where there is none, or none of at most four bytes. */
export function uintOf({ options }: Pick<Message, "options">, number: number): number | undefined {
	const option = findOption(options, number);
	return option === undefined ? undefined : uintValue(option.value);
}

/** Leading zeros are allowed. Spec: RFC 7252 §3.2. */
export function uintValue(value: Uint8Array): number | undefined {
	if (value.byteLength > 4) return undefined;
	let result = 0;
	for (let index = 0; index < value.byteLength; index++) result = result * 0x100 + value.at(index)!;
	return result;
}
