// SPDX-License-Identifier: Apache-2.0
/** Resources behind a message layer without a network: what a peer asks, and what it is answered, in words. */
import { Writer } from "../../../src/bytes/writer.js";
import { blockOption, findBlock } from "../../../src/coap/block.js";
import { Code, codeText, OptionNumber, Type } from "../../../src/coap/constants.js";
import { datagramLength, encodeDatagram } from "../../../src/coap/datagram.js";
import { uintOf, type Message } from "../../../src/coap/message.js";
import type { Answerer } from "../../../src/coap/messenger.js";
import { textOption, uintOption, type Option } from "../../../src/coap/option.js";
import type { Replier, Resource, ResourceRequest, ResourceResponse } from "../../../src/coap/resource.js";
import { Resources, type ResourcesOptions } from "../../../src/coap/resources.js";
import type { Security } from "../../../src/coap/security.js";
import { text } from "../text.js";
import { DATAGRAM_MAXIMUM, read, Rig } from "./exchanges-rig.js";

/** Answers what it is told to, and remembers what it was asked. */
export class Probe implements Resource {
	readonly methods: readonly number[];
	readonly takes: readonly number[] | undefined;
	readonly offers: readonly number[] | undefined;
	readonly observable: boolean | undefined;
	readonly asked: { code: number; payload: string; query: readonly string[]; isNotification: boolean }[] = [];
	/** `undefined`: it is answered later, through `replies`. */
	response: ResourceResponse | undefined = { code: Code.CONTENT };
	readonly replies: Replier[] = [];
	onAsked: ((request: ResourceRequest) => void) | undefined;

	constructor(methods: readonly number[] = [Code.GET], more: Partial<Pick<Resource, "takes" | "offers" | "observable">> = {}) {
		this.methods = methods;
		this.takes = more.takes;
		this.offers = more.offers;
		this.observable = more.observable;
	}

	says(value: string, more: Partial<ResourceResponse> = {}): this {
		this.response = { code: Code.CONTENT, payload: utf8(value), ...more };
		return this;
	}

	onRequest(request: ResourceRequest, reply: Replier): void {
		const { code, payload, query, isNotification } = request;
		this.asked.push({ code, payload: text.decode(payload, 0, payload.byteLength), query, isNotification });
		this.onAsked?.(request);
		if (this.response === undefined) this.replies.push(reply);
		else reply.send(this.response);
	}
}

export interface Question {
	type?: Type;
	code?: number;
	token?: readonly number[];
	query?: readonly string[];
	options?: readonly Option[];
	payload?: string | Uint8Array;
}

export class ResourcesRig extends Rig {
	readonly resources: Resources;
	readonly answerer: Answerer;
	woken = 0;
	#id = 0x100;

	constructor(options: Partial<ResourcesOptions> = {}, security?: Security) {
		super();
		this.resources = new Resources({ codec: text, onWake: () => this.woken++, ...options });
		this.answerer = this.resources.answerer();
		this.answerer.attach(this.exchanges, security);
	}

	/** Asks; what is due by then is done. @returns the messages that went out, in words */
	ask(path: string, question: Question = {}): string[] {
		this.put(path, question);
		return this.turn();
	}

	/** As `ask`, up to before the timer's turn. */
	put(path: string, { type = Type.CON, code = Code.GET, token = [1], query = [], options = [], payload = "" }: Question = {}): number {
		const all: Option[] = [...options];
		for (const segment of path === "" ? [] : path.split("/")) all.push(textOption(text, OptionNumber.URI_PATH, segment));
		for (const argument of query) all.push(textOption(text, OptionNumber.URI_QUERY, argument));
		all.sort((left, right) => left.number - right.number);
		const content = { code, token: Uint8Array.from(token), options: all, payload: typeof payload === "string" ? utf8(payload) : payload };
		const bytes = new Uint8Array(datagramLength(content));
		const writer = new Writer(text);
		writer.reset(bytes, 0, bytes.byteLength);
		encodeDatagram(writer, type, ++this.#id, content);
		this.exchanges.receive(bytes, 0, bytes.byteLength, this.now);
		this.drain();
		// The network's buffer is used again.
		bytes.fill(0xee);
		return this.#id;
	}

	/** A timer's turn now. */
	turn(): string[] {
		for (let turns = 0; this.answerer.deadline <= this.now; turns++) {
			if (turns > 10) throw new Error("it is never done");
			this.answerer.expire(this.now);
		}
		return this.out();
	}

	/** Lets time pass; all that goes out meanwhile. */
	after(ms: number): string[] {
		const end = this.now + ms;
		const out: string[] = [];
		for (;;) {
			const at = Math.min(this.exchanges.deadline, this.answerer.deadline);
			if (at > end) break;
			this.now = Math.max(this.now, at);
			this.exchanges.expire(this.now);
			this.drain();
			this.answerer.expire(this.now);
			out.push(...this.out());
		}
		this.now = end;
		return out;
	}

	/** An acknowledgement or a Reset of what went out last. */
	reply(type: Type): void {
		this.exchanges.receive(Uint8Array.of(0x40 | type << 4, 0, this.id >> 8, this.id), 0, 4, this.now);
		this.drain();
	}

	/** Of what went out last. */
	get message(): Message {
		return read(this.last);
	}

	private drain(): void {
		for (let news = this.exchanges.next(); news !== undefined; news = this.exchanges.next()) this.answerer.take(news, this.now);
	}

	private out(): string[] {
		const out: string[] = [];
		const target = new Uint8Array(DATAGRAM_MAXIMUM);
		while (this.exchanges.unsent) {
			this.last = target.slice(0, this.exchanges.transmit(target, target.byteLength, this.now));
			out.push(describeAnswer(this.message));
		}
		return out;
	}
}

/** "ACK 2.05 1:0/1/16 2:1/0/64 observe=3 body". */
export function describeAnswer(message: Message): string {
	const words = [["CON", "NON", "ACK", "RST"][message.type]!];
	if (message.code !== Code.EMPTY) words.push(codeText(message.code));
	for (const [name, number] of [["1", OptionNumber.BLOCK1], ["2", OptionNumber.BLOCK2]] as const) {
		const block = findBlock(message.options, number, true);
		if (block !== undefined) words.push(`${name}:${block.number}/${Number(block.more)}/${block.bert ? "bert" : block.size}`);
	}
	const observe = uintOf(message, OptionNumber.OBSERVE);
	if (observe !== undefined) words.push(`observe=${observe}`);
	const { payload } = message;
	if (payload.byteLength > 0) words.push(text.decode(payload, 0, payload.byteLength));
	return words.join(" ");
}

export function block(number: 1 | 2, index: number, more: boolean, size: number): Option {
	return blockOption(number === 1 ? OptionNumber.BLOCK1 : OptionNumber.BLOCK2, { number: index, more, size, bert: false });
}

export function observe(value: 0 | 1): Option {
	return uintOption(OptionNumber.OBSERVE, value);
}

export function utf8(value: string): Uint8Array {
	const bytes = new Uint8Array(text.byteLength(value));
	text.encode(value, bytes, 0);
	return bytes;
}
