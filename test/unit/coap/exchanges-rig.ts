// SPDX-License-Identifier: Apache-2.0
/** A message layer without a network: what it sends and tells, in words, and what it is given. */
import { Reader } from "../../../src/bytes/reader.js";
import { Writer } from "../../../src/bytes/writer.js";
import { Code, Type } from "../../../src/coap/constants.js";
import { datagramLength, decodeDatagram, encodeDatagram } from "../../../src/coap/datagram.js";
import { Exchanges } from "../../../src/coap/exchanges.js";
import { NOTHING, type Message } from "../../../src/coap/message.js";
import { MessengerEvent, type MessengerNews, type Outgoing } from "../../../src/coap/messenger.js";
import type { Option } from "../../../src/coap/option.js";
import type { Timing } from "../../../src/coap/timing.js";
import { text } from "../text.js";

export const DATAGRAM_MAXIMUM = 1_152;

const TYPES = ["CON", "NON", "ACK", "RST"] as const;
const EVENTS = ["message", "acknowledged", "failed", "closed", "ready"] as const;

export interface Given {
	code?: number;
	token?: readonly number[];
	options?: readonly Option[];
	payload?: string;
}

export function outgoing(confirmable: boolean, { code = Code.GET, token = [1], options = [], payload = "" }: Given = {}): Outgoing {
	return { confirmable, code, token: Uint8Array.from(token), options, payload: bytesOf(payload) };
}

export function datagram(type: Type, messageId: number, given: Given = {}): Uint8Array {
	const { code = Code.EMPTY, token = code === Code.EMPTY ? [] : [1], options = [], payload = "" } = given;
	const content = { code, token: Uint8Array.from(token), options, payload: bytesOf(payload) };
	const bytes = new Uint8Array(datagramLength(content));
	const writer = new Writer(text);
	writer.reset(bytes, 0, bytes.byteLength);
	encodeDatagram(writer, type, messageId, content);
	return bytes;
}

/** @throws Error for what is none */
export function read(bytes: Uint8Array): Message {
	const message = decodeDatagram(new Reader(text), bytes, 0, bytes.byteLength);
	if (message === undefined || "error" in message) throw new Error("no datagram that can be read");
	return message;
}

export class Rig {
	now: number;
	readonly exchanges: Exchanges;
	/** What was sent last, as bytes. */
	last: Uint8Array = NOTHING;

	constructor({ seed = 1, now = 1_000, timing }: { seed?: number; now?: number; timing?: Timing } = {}) {
		this.now = now;
		this.exchanges = new Exchanges({ codec: text, seed, timing });
	}

	/** ID of what was sent last. */
	get id(): number {
		return read(this.last).messageId;
	}

	send(confirmable = true, given?: Given): number {
		const handle = this.exchanges.send(outgoing(confirmable, given), this.now);
		if (handle === "full") throw new Error("full");
		return handle;
	}

	/** All that is due, each in words: "CON GET", "ACK", "ACK 2.05 hello". */
	sent(): string[] {
		const sent: string[] = [];
		const target = new Uint8Array(DATAGRAM_MAXIMUM);
		while (this.exchanges.unsent) {
			const length = this.exchanges.transmit(target, target.byteLength, this.now);
			this.last = target.slice(0, length);
			sent.push(describe(read(this.last)));
		}
		if (this.exchanges.transmit(target, target.byteLength, this.now) !== 0) throw new Error("unsent was wrong");
		return sent;
	}

	/** @returns what it tells of it */
	give(type: Type, messageId: number, given?: Given): string[] {
		return this.giveBytes(datagram(type, messageId, given));
	}

	giveBytes(bytes: Uint8Array): string[] {
		this.exchanges.receive(bytes, 0, bytes.byteLength, this.now);
		return this.told();
	}

	/** What comes means nothing to us. */
	giveUnwanted(type: Type, messageId: number, given?: Given): void {
		const bytes = datagram(type, messageId, given);
		this.exchanges.receive(bytes, 0, bytes.byteLength, this.now);
		if (this.exchanges.next() === undefined) throw new Error("nothing to reject");
		this.exchanges.reject();
	}

	/** Each in words: "message 2.05 hello for 1", "request 3: GET", "acknowledged 1", "failed 1: timeout". */
	told(): string[] {
		const told: string[] = [];
		for (let news = this.exchanges.next(); news !== undefined; news = this.exchanges.next()) told.push(tell(news));
		return told;
	}

	/** Lets time pass to the next deadline. @returns ms that passed */
	wait(): number {
		const { deadline } = this.exchanges;
		if (deadline === Infinity) throw new Error("nothing is due");
		const passed = Math.max(deadline - this.now, 0);
		this.now += passed;
		this.exchanges.expire(this.now);
		return passed;
	}

	/** Lets time pass. */
	pass(ms: number): void {
		const end = this.now + ms;
		while (this.exchanges.deadline <= end) this.wait();
		this.now = end;
	}
}

export function tell({ type, handle, exchange, message, error }: MessengerNews): string {
	if (type === MessengerEvent.MESSAGE) {
		const what = exchange === 0 ? "message" : `request ${exchange}:`;
		return `${what} ${codeName(message!.code)}${bodyOf(message!)}${handle === 0 ? "" : ` for ${handle}`}`;
	}
	return `${EVENTS[type]} ${handle}${error === undefined ? "" : `: ${error.code}`}`;
}

function describe(message: Message): string {
	return `${TYPES[message.type]}${message.code === Code.EMPTY ? "" : ` ${codeName(message.code)}`}${bodyOf(message)}`;
}

function bodyOf({ payload }: Message): string {
	return payload.byteLength === 0 ? "" : ` ${text.decode(payload, 0, payload.byteLength)}`;
}

function codeName(code: number): string {
	if (code === Code.GET) return "GET";
	if (code === Code.POST) return "POST";
	return `${code >> 5}.${String(code & 0x1f).padStart(2, "0")}`;
}

function bytesOf(value: string): Uint8Array {
	const bytes = new Uint8Array(text.byteLength(value));
	text.encode(value, bytes, 0);
	return bytes;
}
