// SPDX-License-Identifier: Apache-2.0
/** Random messages of CoAP, and the streams that they make. */
import { OPTION_NUMBER_MAXIMUM } from "../../src/coap/body.js";
import { Type } from "../../src/coap/constants.js";
import type { Form } from "../../src/coap/frame.js";
import { emptyMessage, type Message } from "../../src/coap/message.js";
import type { Option } from "../../src/coap/option.js";
import { framed, marked } from "../unit/coap/encoding.js";
import type { Random } from "./random.js";

/** Where deltas and lengths change their form, and around it. */
const EDGES = [0, 1, 11, 12, 13, 14, 267, 268, 269, 270];
const NUMBERS = [1, 3, 4, 5, 6, 7, 8, 9, 11, 12, 14, 15, 17, 20, 23, 27, 28, 35, 39, 60, 252, 258, 292, 2_049, 65_000];
const CODES = [1, 2, 3, 4, 5, 6, 7, 0x1f, 0x41, 0x45, 0x5f, 0x80, 0x84, 0xa0, 0xbf];
const SIGNALS = [0xe1, 0xe1, 0xe2, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6];

function anyBytes(random: Random, length: number): Uint8Array {
	return Uint8Array.from({ length }, () => random.below(256));
}

function anyOptions(random: Random): Option[] {
	const options: Option[] = [];
	let number = 0;
	for (let count = random.below(random.pick([1, 4, 12])); count > 0; count--) {
		const ahead = NUMBERS.filter(known => known >= number);
		number = random.once(3) || ahead.length === 0 ? number + random.pick(EDGES) : random.pick(ahead);
		if (number > OPTION_NUMBER_MAXIMUM) break;
		options.push({ number, value: anyBytes(random, random.once(20) ? random.pick(EDGES) : random.below(10)) });
	}
	return options;
}

/** Code and what follows, of a class that datagrams have, or streams. */
function anyContent(random: Random, codes: readonly number[]): Omit<Message, "type" | "messageId"> {
	return {
		code: random.pick(codes), token: anyBytes(random, random.below(9)), options: anyOptions(random),
		payload: anyBytes(random, random.pick([0, 0, 1, random.below(20), random.once(10) ? random.below(1_200) : 3])),
	};
}

export function anyDatagram(random: Random): Message {
	const messageId = random.below(0x1_0000);
	if (random.once(5)) return emptyMessage(random.pick([Type.CON, Type.ACK, Type.RST]), messageId);
	const content = anyContent(random, CODES);
	const types = content.code < 0x20 ? [Type.CON, Type.NON] : [Type.CON, Type.NON, Type.ACK];
	return { type: random.pick(types), messageId, ...content };
}

/** One of a stream: signals are among them, and those that mean nothing. */
export function anyStreamMessage(random: Random): Message {
	const codes = random.once(3) ? SIGNALS : random.once(20) ? [0, 0x20, 0xc0, 0xff] : CODES;
	return { type: Type.CON, messageId: 0, ...anyContent(random, codes) };
}

/** A message as it comes: over WebSockets often in fragments, behind the marks of the host. */
export function carried(random: Random, form: Form, message: Message): Uint8Array[] {
	const bytes = framed(form, message);
	if (form === "stream") return [bytes];
	const pieces: Uint8Array[] = [];
	let at = 0;
	for (let count = random.below(random.pick([1, 4])); count > 0; count--) {
		const end = at + random.below(bytes.byteLength - at + 1);
		pieces.push(marked(bytes.slice(at, end), true));
		at = end;
	}
	pieces.push(marked(bytes.slice(at)));
	return pieces;
}

export function joined(pieces: readonly Uint8Array[]): Uint8Array {
	const whole = new Uint8Array(pieces.reduce((length, { byteLength }) => length + byteLength, 0));
	let at = 0;
	for (const piece of pieces) {
		whole.set(piece, at);
		at += piece.byteLength;
	}
	return whole;
}
