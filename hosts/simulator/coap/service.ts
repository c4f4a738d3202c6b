// SPDX-License-Identifier: Apache-2.0
/**
 * Requests: from a peer's message to what the handler is asked, and from its reply to the response, whatever carries them.
 *
 * Spec: RFC 7252 §5, 7641, 7959, 7967, 8132, 8768, 9175; RFC 8613 §8 for where protection lies: around single messages,
 * so that each block and each notification is protected by itself.
 */
import { ContentFormat, OptionNumber } from "../../../src/coap/constants.js";
import { NOTHING, type Message } from "../../../src/coap/message.js";
import type { Option } from "../../../src/coap/option.js";
import type { Binding, Security } from "../../../src/coap/security.js";
import { toBytes } from "../../world/text.js";
import { BERT, blockOf, blockValue, etagOf, slice, type Block } from "./block.js";
import { linkFormat, type CoAPLink } from "./discovery.js";
import { continues, Observer, type ObserverMeans } from "./observer.js";
import { hex, keyOf, same, sorted, textOption, textsOf, uintOf, uintOption, understand, valueOf, valuesOf } from "./options.js";
import type { Content, Exchange, Peer, Surroundings } from "./peer.js";
import type { CoAPHandler, CoAPMethod, CoAPPeer, CoAPReply, CoAPRequest } from "./request.js";

/** What is known of an OSCORE context. */
export interface CoAPContext {
	readonly security: Security;
	/** Who the requests are then from. */
	readonly identity?: string | undefined;
}

export interface ServiceOptions {
	handler: CoAPHandler;
	/** What `/.well-known/core` lists; absent: the handler is asked for it. */
	links?: (() => readonly CoAPLink[]) | undefined;
	/** OSCORE: finds the context by the ids in the request. Absent: OSCORE is an option that is not known. */
	contexts?: ((kid: Uint8Array, kidContext: Uint8Array | undefined) => CoAPContext | undefined) | undefined;
	/** Requests whose blocks are handed to the handler one by one, each with its `block1`. Default: none. */
	blockByBlock?: ((request: CoAPRequest) => boolean) | undefined;
}

export interface ServiceMeans extends Pick<Surroundings, "limits" | "faults" | "random"> {
	/** Has it done in this turn, or in one of its own. */
	defer(work: (now: number) => void): void;
}

const METHODS: readonly (CoAPMethod | undefined)[] = [undefined, "GET", "POST", "PUT", "DELETE", "FETCH", "PATCH", "iPATCH"];
const SEQUENCES = 0x100_0000;

/** A request on its way through the server. */
interface Asking {
	readonly peer: Peer;
	readonly exchange: Exchange;
	readonly from: CoAPPeer;
	readonly message: Message;
	readonly protection: { readonly security: Security; readonly binding: Binding } | undefined;
	/** Those that are understood. */
	options: readonly Option[];
	block1: Block | undefined;
	block2: Block | undefined;
}

/** An answer that is the server's own. */
class Refusal {
	readonly code: string;
	readonly reason: string;
	readonly options: readonly Option[];

	constructor(code: string, reason: string, options: readonly Option[] = []) {
		this.code = code;
		this.reason = reason;
		this.options = options;
	}
}

export class Service implements ObserverMeans {
	readonly #options: ServiceOptions;
	readonly #means: ServiceMeans;
	/** One for all: each notification's is above those before it, also after a peer has registered again. */
	#sequence: number;

	constructor(options: ServiceOptions, means: ServiceMeans) {
		this.#options = options;
		this.#means = means;
		const start = new Uint8Array(2);
		means.random(start);
		this.#sequence = start[0]! << 8 | start[1]!;
	}

	serve(peer: Peer, message: Message, exchange: Exchange, now: number): void {
		const asking = this.#opened(peer, message, exchange, now);
		if (!asking) return;
		const options = understand(asking.message.options);
		// Nobody waits for the response to a message that is not confirmable. Spec: RFC 7252 §5.4.1.
		if (typeof options === "number" && !exchange.confirmable) return peer.reject(exchange, now);
		if (typeof options === "number") return this.#refuse(asking, new Refusal("4.02", `option ${options}`), now);
		asking.options = options;
		const request = this.#read(asking);
		if (request instanceof Refusal) this.#refuse(asking, request, now);
		else this.#dispatch(asking, request, now);
	}

	/** For an observer. */
	ask(observer: Observer): void {
		this.#ask(observer.request, (reply, now) => { observer.took(reply, now); });
	}

	/** For an observer. */
	notification({ context, peer, token }: Observer, reply: CoAPReply, now: number): Content | undefined {
		const asking = context as Asking;
		const content = this.#represent({ ...asking, block1: undefined }, reply, continues(reply) ? this.#nextSequence(peer) : undefined, now);
		return this.#closed(asking, { ...content, token }, false);
	}

	/** What the message is without its protection. Spec: RFC 8613 §8.2. */
	#opened(peer: Peer, message: Message, exchange: Exchange, now: number): Asking | undefined {
		const plain = { peer, exchange, from: peer, message, protection: undefined, options: [], block1: undefined, block2: undefined };
		const ids = this.#options.contexts && valueOf(message.options, OptionNumber.OSCORE);
		if (!ids) return plain;
		const { kid, kidContext } = idsOf(ids);
		const context = kid && this.#options.contexts!(kid, kidContext);
		if (!context) {
			this.#refuse(plain, new Refusal("4.01", "Security context not found", [uintOption(OptionNumber.MAX_AGE, 0)]), now);
			return undefined;
		}
		const { security, identity } = context, opened = security.unprotectRequest(message);
		if (opened.message && opened.binding) {
			return { ...plain, from: peer.as(identity), message: opened.message, protection: { security, binding: opened.binding } };
		}
		peer.respond(exchange, opened.answer, now);
		return undefined;
	}

	#read(asking: Asking): CoAPRequest | Refusal {
		const { peer, from, message, options } = asking, { faults } = this.#means;
		const method = METHODS[message.code], observe = uintOf(options, OptionNumber.OBSERVE);
		if (!method) return new Refusal("4.05", "method");
		if (valueOf(options, OptionNumber.PROXY_URI) ?? valueOf(options, OptionNumber.PROXY_SCHEME)) return new Refusal("5.05", "no proxy");
		if (uintOf(options, OptionNumber.HOP_LIMIT) === 0) return new Refusal("4.00", "Hop-Limit");
		const echo = valueOf(options, OptionNumber.ECHO);
		if (!(echo && peer.echoes.some(each => same(each, echo))) && faults.takeChallenge(from)) {
			return new Refusal("4.01", "", [{ number: OptionNumber.ECHO, value: peer.issueEcho() }]);
		}
		const refusal = faults.takeRefusal(from);
		if (refusal) return new Refusal("5.03", "", refusal.value === undefined ? [] : [uintOption(OptionNumber.MAX_AGE, refusal.value)]);
		const block1 = valueOf(options, OptionNumber.BLOCK1), block2 = valueOf(options, OptionNumber.BLOCK2);
		asking.block1 = block1 && blockOf(block1);
		asking.block2 = block2 && blockOf(block2);
		const isReserved = [asking.block1, asking.block2].some(block => block?.exponent === BERT);
		if (isReserved && !peer.reliable) return new Refusal("4.00", "block size");
		try {
			return {
				method, path: textsOf(options, OptionNumber.URI_PATH), query: textsOf(options, OptionNumber.URI_QUERY), payload: message.payload,
				contentFormat: uintOf(options, OptionNumber.CONTENT_FORMAT), accept: uintOf(options, OptionNumber.ACCEPT),
				observe: observe === 0 || observe === 1 ? observe : undefined,
				ifMatch: valuesOf(options, OptionNumber.IF_MATCH), ifNoneMatch: valueOf(options, OptionNumber.IF_NONE_MATCH) !== undefined,
				confirmable: asking.exchange.confirmable, secured: asking.protection !== undefined, block1: undefined, options: message.options, peer: from,
			};
		} catch {
			return new Refusal("4.02", "no UTF-8");
		}
	}

	#dispatch(asking: Asking, request: CoAPRequest, now: number): void {
		const { peer, block1, block2, message, options } = asking, { bodyMaximum, pendingMaximum } = this.#means.limits;
		if (request.observe === 1) this.#forget(peer, message.token);
		if (block1) {
			const whole = this.#assembled(asking, request, block1, now);
			if (!whole) return;
			request = whole;
		} else if (message.payload.byteLength > bodyMaximum) {
			return this.#refuse(asking, tooLarge(bodyMaximum), now);
		} else if (block2 && block2.number > 0 && request.method !== "GET" && message.payload.byteLength === 0) {
			const kept = peer.kept.get(keyOf(message.code, options, false), now);
			return kept ? this.#answer(asking, kept, undefined, now) : this.#refuse(asking, new Refusal("4.08", "what these are blocks of"), now);
		}
		if (this.#options.links && request.path.join("/") === ".well-known/core") return this.#discover(asking, request, this.#options.links(), now);
		if (peer.pending >= pendingMaximum) return this.#refuse(asking, new Refusal("5.03", "too many requests"), now);
		peer.pending++;
		this.#ask(request, (reply, later) => {
			peer.pending--;
			if (peer.isGone) return;
			this.#answer(asking, reply, this.#registered(asking, request, reply, later), later);
			if (peer.pending === 0) peer.idle();
		});
	}

	/** @returns `undefined` where it has been answered */
	#assembled(asking: Asking, request: CoAPRequest, block1: Block, now: number): CoAPRequest | undefined {
		const { peer, message, options } = asking, { bodyMaximum } = this.#means.limits;
		const single = { ...request, block1: { number: block1.number, more: block1.more, size: message.payload.byteLength } };
		if (this.#options.blockByBlock?.(single)) return single;
		const outcome = peer.assemblies.add(keyOf(message.code, options, true), block1, message.payload, uintOf(options, OptionNumber.SIZE1), now);
		if (outcome instanceof Uint8Array) return { ...request, payload: outcome };
		if (outcome === "continue") this.#respond(asking, { ...contentOf("2.31"), options: [this.#block1(asking, block1)] }, now);
		else if (outcome === "too-large") this.#refuse(asking, tooLarge(bodyMaximum), now);
		else this.#refuse(asking, outcome === "incomplete" ? new Refusal("4.08", "a block is missing") : new Refusal("4.00", "length of a block"), now);
		return undefined;
	}

	#discover(asking: Asking, { method, query }: CoAPRequest, links: readonly CoAPLink[], now: number): void {
		if (method !== "GET") return this.#refuse(asking, new Refusal("4.05", "method"), now);
		this.#answer(asking, { code: "2.05", contentFormat: ContentFormat.LINK_FORMAT, payload: toBytes(linkFormat(links, query)) }, undefined, now);
	}

	#ask(request: CoAPRequest, onReply: (reply: CoAPReply, now: number) => void): void {
		let isAnswered = false;
		const reply = (given: CoAPReply) => {
			if (isAnswered) return;
			isAnswered = true;
			this.#means.defer(now => { onReply(given, now); });
		};
		try {
			this.#options.handler(request, reply);
		} catch (error) {
			reply({ code: "5.00", payload: toBytes(error instanceof Error ? error.message.replaceAll(/[^ -~]/g, "?") : "") });
		}
	}

	/** The observation that a reply begins, as its first sequence number. */
	#registered(asking: Asking, request: CoAPRequest, reply: CoAPReply, now: number): Uint8Array | undefined {
		const { peer, message: { token }, block2 } = asking, { observerMaximum, confirmEvery } = this.#means.limits;
		if (request.observe !== 0 || (block2?.number ?? 0) > 0) return undefined;
		this.#forget(peer, token);
		const isAllowed = request.method === "GET" || request.method === "FETCH";
		if (!isAllowed || !continues(reply) || peer.observers.size >= observerMaximum) return undefined;
		const observer = new Observer(peer, request, token, hex(token), asking, this, confirmEvery, now);
		peer.observers.set(observer.tokenKey, observer);
		return this.#nextSequence(peer);
	}

	#forget(peer: Peer, token: Uint8Array): void {
		const observer = peer.observers.get(hex(token));
		if (!observer) return;
		observer.end();
		peer.abandon(observer);
	}

	#nextSequence({ reliable }: Peer): Uint8Array {
		// Streams have an order of their own. Spec: RFC 8323 §7.1.
		if (reliable) return NOTHING;
		this.#sequence = (this.#sequence + 1) % SEQUENCES;
		return uintOption(OptionNumber.OBSERVE, this.#sequence).value;
	}

	#answer(asking: Asking, reply: CoAPReply, observe: Uint8Array | undefined, now: number): void {
		this.#respond(asking, this.#represent(asking, reply, observe, now), now);
	}

	#refuse(asking: Asking, { code, reason, options }: Refusal, now: number): void {
		const block1 = asking.block1 ? [this.#block1(asking, { ...asking.block1, more: false })] : [];
		this.#respond(asking, { ...contentOf(code), options: sorted([...options, ...block1]), payload: toBytes(reason) }, now);
	}

	#block1({ peer }: Asking, block: Block): Option {
		return { number: OptionNumber.BLOCK1, value: blockValue({ ...block, exponent: Math.min(block.exponent, peer.requestExponent) }) };
	}

	/** What the reply is to this request: whole, or the block of it that is asked for. */
	#represent(asking: Asking, reply: CoAPReply, observe: Uint8Array | undefined, now: number): Content {
		const { peer, message, options: asked, block1, block2 } = asking, { payload: body = NOTHING } = reply;
		const options = optionsOf(reply), content = contentOf(reply.code), etags = valuesOf(asked, OptionNumber.ETAG);
		if (observe) options.push({ number: OptionNumber.OBSERVE, value: observe });
		if (block1) options.push(this.#block1(asking, { ...block1, more: false }));
		const isSliced = body.byteLength > peer.blocks.whole || (block2 !== undefined && (block2.number > 0 || body.byteLength > 0));
		const etag = reply.etag ?? (isSliced || etags.length > 0 ? etagOf(body) : undefined);
		if (etag) options.push({ number: OptionNumber.ETAG, value: etag });
		if (reply.code === "2.05" && etag && etags.some(each => same(each, etag))) {
			return { ...contentOf("2.03"), options: sorted(options.filter(({ number }) => number !== OptionNumber.CONTENT_FORMAT)) };
		}
		if (!isSliced) return { ...content, options: sorted(options), payload: body };
		const part = peer.blocks.length > 0 ? slice(body, block2, peer.blocks) : undefined;
		if (!part) return peer.blocks.length > 0 ? contentOf("4.00") : contentOf("5.00");
		options.push({ number: OptionNumber.BLOCK2, value: blockValue(part.block) });
		if (part.block.number === 0 || valueOf(asked, OptionNumber.SIZE2)) options.push(uintOption(OptionNumber.SIZE2, body.byteLength));
		const isKept = part.block.more && part.block.number === 0 && METHODS[message.code] !== "GET";
		if (isKept) peer.kept.keep(keyOf(message.code, asked, false), reply, now);
		return { ...content, options: sorted(options), payload: part.payload };
	}

	#respond(asking: Asking, content: Content, now: number): void {
		const { peer, exchange, options, message } = asking;
		const unwanted = uintOf(options, OptionNumber.NO_RESPONSE) ?? 0;
		// Spec: RFC 7967 §2.1: bit 1 for class 2, bit 3 for class 4, bit 4 for class 5.
		if ((unwanted & 1 << (content.code >> 5) - 1) !== 0 && unwanted !== 0) return peer.respond(exchange, undefined, now);
		const closed = this.#closed(asking, { ...content, token: message.token }, true);
		if (closed) peer.respond(exchange, closed, now);
	}

	/** Protects what answers a protected request. */
	#closed({ protection, exchange }: Asking, content: Content, first: boolean): Content | undefined {
		if (!protection) return content;
		try {
			return protection.security.protectResponse({ ...content, confirmable: exchange.confirmable }, protection.binding, first);
		} catch {
			return undefined;
		}
	}
}

function contentOf(code: string): Content {
	return { code: codeNumber(code), token: NOTHING, options: [], payload: NOTHING };
}

function tooLarge(maximum: number): Refusal {
	return new Refusal("4.13", "", [uintOption(OptionNumber.SIZE1, maximum)]);
}

/** 5.00 for what is no code of a response. */
function codeNumber(code: string): number {
	const [, codeClass, detail] = /^([245])\.([0-2]\d|3[01])$/.exec(code) ?? [undefined, "5", "00"];
	return Number(codeClass) * 32 + Number(detail);
}

function optionsOf({ contentFormat, maxAge, locationPath = [], locationQuery = [], options = [] }: CoAPReply): Option[] {
	return [
		...contentFormat === undefined ? [] : [uintOption(OptionNumber.CONTENT_FORMAT, contentFormat)],
		...maxAge === undefined ? [] : [uintOption(OptionNumber.MAX_AGE, maxAge)],
		...locationPath.map(segment => textOption(OptionNumber.LOCATION_PATH, segment)),
		...locationQuery.map(each => textOption(OptionNumber.LOCATION_QUERY, each)),
		...options,
	];
}

/** Spec: RFC 8613 §6.1. */
function idsOf(value: Uint8Array): { kid: Uint8Array | undefined; kidContext: Uint8Array | undefined } {
	const flags = value[0] ?? 0, hasContext = (flags & 0x10) !== 0;
	const afterSequence = 1 + (flags & 7);
	const length = hasContext ? value[afterSequence] ?? 0 : 0, start = afterSequence + (hasContext ? 1 : 0);
	return {
		kid: (flags & 8) !== 0 ? value.slice(start + length) : undefined,
		kidContext: hasContext ? value.slice(start, start + length) : undefined,
	};
}
