// SPDX-License-Identifier: Apache-2.0
/**
 * A message in two layers: what is sealed, and what stands outside for those who only pass it on.
 *
 * Inside is all that is not listed here, also what nobody knows yet; Observe is on both sides.
 *
 * Spec: RFC 8613 §4.1, §4.2, §5.3; RFC 8768 §3 for Hop-Limit; RFC 9175 §2.2, §3.2 for Echo and Request-Tag.
 */
import { DeviceError } from "../base/error.js";
import { Reader } from "../bytes/reader.js";
import { Writer } from "../bytes/writer.js";
import { bodyLength, decodeOptions, decodePayload, encodeBody } from "../coap/body.js";
import { Code, OptionNumber } from "../coap/constants.js";
import { isRequest, type Message } from "../coap/message.js";
import type { Outgoing } from "../coap/messenger.js";
import { findOption, type Option } from "../coap/option.js";
import type { TextCodec } from "../host.js";

/** Of class U: for proxies. */
const OUTSIDE: readonly number[] = Object.freeze([
	OptionNumber.URI_HOST, OptionNumber.URI_PORT, OptionNumber.HOP_LIMIT, OptionNumber.PROXY_SCHEME,
]);
const NOTHING = new Uint8Array(0);

/** What a sealed message says. */
export type Inside = Pick<Message, "code" | "options" | "payload">;

/**
 * What is to be sealed of a message.
 * @throws DeviceError `argument` for one that is protected already; `unsupported` for a Proxy-Uri, whose parts would
 * belong to both sides: it is to be given as Proxy-Scheme, Uri-Host, and so on
 */
export function encodeInside(text: TextCodec, { code, options, payload }: Outgoing): Uint8Array {
	const inside: Option[] = [];
	for (let index = 0; index < options.length; index++) {
		const option = options[index]!;
		const { number } = option;
		if (number === OptionNumber.OSCORE) throw new DeviceError("argument", "the message is protected already");
		if (number === OptionNumber.PROXY_URI) throw new DeviceError("unsupported", "no Proxy-Uri with OSCORE");
		if (OUTSIDE.includes(number)) continue;
		// Of a notification only that it is one: its number is that of the protection.
		if (number === OptionNumber.OBSERVE && !isRequest(code)) inside.push({ number, value: NOTHING });
		else inside.push(option);
	}
	const body = { options: inside, payload };
	const bytes = new Uint8Array(1 + bodyLength(body));
	const writer = new Writer(text);
	writer.reset(bytes, 0, bytes.byteLength);
	writer.uint8(code);
	encodeBody(writer, body);
	return bytes;
}

/** @returns views of `bytes`. @throws DeviceError `malformed` */
export function decodeInside(text: TextCodec, bytes: Uint8Array): Inside {
	const reader = new Reader(text);
	reader.reset(bytes, 0, bytes.byteLength);
	const code = reader.uint8();
	const options = decodeOptions(reader);
	const payload = decodePayload(reader);
	if (findOption(options, OptionNumber.OSCORE) !== undefined) {
		throw new DeviceError("malformed", "a message that is protected twice");
	}
	return { code, options, payload };
}

/** The message as it is sent. */
export function wrap(message: Outgoing, value: Uint8Array, payload: Uint8Array): Outgoing {
	const { confirmable, code, token, options } = message;
	const outside: Option[] = [];
	const own: Option = { number: OptionNumber.OSCORE, value };
	let isWritten = false;
	let isObserve = false;
	for (let index = 0; index < options.length; index++) {
		const option = options[index]!;
		const { number } = option;
		if (!isWritten && number > OptionNumber.OSCORE) {
			outside.push(own);
			isWritten = true;
		}
		if (number === OptionNumber.OBSERVE) isObserve = true;
		else if (!OUTSIDE.includes(number)) continue;
		outside.push(option);
	}
	if (!isWritten) outside.push(own);
	const outerCode = isRequest(code) ? (isObserve ? Code.FETCH : Code.POST) : isObserve ? Code.CONTENT : Code.CHANGED;
	return { confirmable, code: outerCode, token, options: outside, payload };
}

/** The message as it was before it was protected: of what stands outside only what belongs there counts. */
export function unwrap(message: Message, { code, options, payload }: Inside): Message {
	const { type, messageId, token } = message;
	const outside = message.options.filter(isOutside);
	const all = outside.length === 0 ? options : merged(outside, options);
	return { type, code, messageId, token, options: all, payload };
}

function isOutside({ number }: Option): boolean {
	return OUTSIDE.includes(number);
}

function merged(outside: readonly Option[], inside: readonly Option[]): readonly Option[] {
	const options: Option[] = [];
	let next = 0;
	for (let index = 0; index < inside.length; index++) {
		const option = inside[index]!;
		while (next < outside.length && outside[next]!.number < option.number) options.push(outside[next++]!);
		options.push(option);
	}
	while (next < outside.length) options.push(outside[next++]!);
	return options;
}
