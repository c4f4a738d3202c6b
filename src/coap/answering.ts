// SPDX-License-Identifier: Apache-2.0
/**
 * The server's half of one connection: what the peer asks of our resources, and what it observes.
 *
 * Handlers run from `expire` alone, in a timer's turn, where they find all of the stack under them; what came is copied
 * until then. They may answer at any time within `REPLY_TIMEOUT`: until then, the messenger acknowledges.
 *
 * Options that a server must not pass over are known here, or refused; Hop-Limit is for proxies, and passed over.
 *
 * Spec: RFC 7252 §5; RFC 7641 §4; RFC 7959; RFC 7967; RFC 6690; RFC 8132. Memory: `REQUEST_MAXIMUM` requests, and what
 * `Bodies` and `Observers` keep.
 */
import type { TextCodec } from "../host.js";
import { type AnswerLimits, isUnwanted, makeAnswer } from "./answer.js";
import { BLOCK_MAXIMUM, findBlock, type Block } from "./block.js";
import { Bodies } from "./bodies.js";
import { classOf, Code, OptionNumber, Type } from "./constants.js";
import { copyMessage, Inquiry, type InquiryOwner } from "./inquiry.js";
import { isRequest, NO_OPTIONS, NOTHING, uintOf, type Message } from "./message.js";
import { type Answerer, type Messenger, MessengerEvent, type MessengerNews, type Outgoing } from "./messenger.js";
import { CONFIRM_INTERVAL, NOTIFY_INTERVAL, type Observer, Observers } from "./observers.js";
import { findOption, isCritical, uintOption, type Option } from "./option.js";
import type { Resource, ResourceResponse } from "./resource.js";
import type { Binding, Security } from "./security.js";

/** Requests that are not answered; more are refused with 5.03. */
export const REQUEST_MAXIMUM = 4;
/** ms within which a handler must answer; what it does not is answered with 5.03. */
export const REPLY_TIMEOUT = 60_000;
/** ms after which what found no room is tried again. */
const RETRY = 1_000;
/** Over streams: what options may take of a message. */
const OPTIONS_ROOM = 256;
/** Sequence numbers of notifications have 24 bits. */
const SEQUENCE_MASK = 0xff_ffff;
const REGISTER = 0;

/** Options that must not be passed over, and are not. */
const KNOWN: readonly number[] = Object.freeze([
	OptionNumber.IF_MATCH, OptionNumber.URI_HOST, OptionNumber.IF_NONE_MATCH, OptionNumber.URI_PORT,
	OptionNumber.URI_PATH, OptionNumber.URI_QUERY, OptionNumber.ACCEPT, OptionNumber.BLOCK2, OptionNumber.BLOCK1,
	OptionNumber.PROXY_URI, OptionNumber.PROXY_SCHEME,
]);
/** Of those, the ones that may come more than once. */
const REPEATABLE: readonly number[] = Object.freeze([
	OptionNumber.IF_MATCH, OptionNumber.URI_PATH, OptionNumber.URI_QUERY,
]);

/** Of the resources, what those who answer for them need. */
export interface Site {
	readonly codec: TextCodec;
	readonly bodyMaximum: number;
	readonly blockLength: number;
	resource(path: string): Resource | undefined;
	/** Begins to be told of changes; at its end, no more. */
	join(answering: Answering): void;
	leave(answering: Answering): void;
	/** There is something to do at once. */
	wake(): void;
}

export class Answering implements Answerer, InquiryOwner {
	readonly #site: Site;
	readonly #observers = new Observers();
	readonly #bodies: Bodies;
	/** In the order in which they came. */
	readonly #inquiries: Inquiry[] = [];
	#messenger: Messenger | undefined;
	#security: Security | undefined;
	#sequence = 0;
	/** There is something to do at once. */
	#awake = false;

	constructor(site: Site) {
		this.#site = site;
		this.#bodies = new Bodies(site.bodyMaximum);
	}

	/** The resource has changed. */
	notify(path: string): void {
		if (this.#observers.mark(path)) this.wake();
	}

	get deadline(): number {
		if (this.#messenger === undefined) return Infinity;
		if (this.#awake) return 0;
		let at = Math.min(this.#observers.deadline, this.#bodies.deadline);
		for (let index = 0; index < this.#inquiries.length; index++) at = Math.min(at, this.#inquiries[index]!.due);
		return at;
	}

	attach(messenger: Messenger, security: Security | undefined): void {
		this.#messenger = messenger;
		this.#security = security;
		this.#site.join(this);
	}

	detach(): void {
		this.#site.leave(this);
		this.#messenger = this.#security = undefined;
		this.#inquiries.length = 0;
		this.#observers.clear();
		this.#bodies.clear();
		this.#awake = false;
	}

	/** For an inquiry that was answered. */
	wake(): void {
		if (this.#awake || this.#messenger === undefined) return;
		this.#awake = true;
		this.#site.wake();
	}

	take(news: MessengerNews, now: number): void {
		const { type, message, handle } = news;
		if (type === MessengerEvent.ACKNOWLEDGED) this.#observers.acknowledged(handle, now);
		else if (type === MessengerEvent.FAILED) this.#observers.failed(handle);
		else if (message !== undefined && isRequest(message.code)) this.request(message, news.exchange, now);
	}

	expire(now: number): void {
		if (now < this.deadline) return;
		this.#awake = false;
		this.#bodies.expire(now);
		for (let next = this.#observers.next(now); next !== undefined; next = this.#observers.next(now)) this.ask(next);
		// Handlers may lead to further inquiries, which come behind.
		for (let index = 0; index < this.#inquiries.length;) {
			const inquiry = this.#inquiries[index]!;
			this.proceed(inquiry, now);
			if (this.#inquiries[index] === inquiry) index++;
		}
	}

	private request(message: Message, exchange: number, now: number): void {
		const messenger = this.#messenger!;
		const unprotected = this.#security?.unprotectRequest(message);
		const plain = unprotected === undefined ? message : unprotected.message;
		if (plain === undefined) {
			if (unprotected?.answer === undefined) messenger.reject();
			else this.respond(exchange, unprotected.answer, now);
			return;
		}
		const binding = unprotected?.binding;
		const refusal = refusalOf(plain);
		// Spec: RFC 7252 §5.4.1: nobody waits for the answer to it.
		if (refusal === Code.BAD_OPTION && message.type === Type.NON) return messenger.reject();
		const code = refusal === 0 && this.requests >= REQUEST_MAXIMUM ? Code.SERVICE_UNAVAILABLE : refusal;
		if (code === 0) this.enqueue(copyMessage(plain), exchange, binding, now);
		else this.refuse(plain, exchange, binding, code, now);
	}

	/** Those that are not answered; notifications do not count. */
	private get requests(): number {
		let count = 0;
		const inquiries = this.#inquiries;
		for (let index = 0; index < inquiries.length; index++) if (!inquiries[index]!.isNotification) count++;
		return count;
	}

	private enqueue(message: Message, exchange: number, binding: Binding | undefined, now: number): void {
		try {
			const inquiry = new Inquiry(this, this.#site.codec, message, exchange, binding);
			inquiry.block2 = this.block(message, OptionNumber.BLOCK2);
			inquiry.block1 = this.block(message, OptionNumber.BLOCK1);
			inquiry.due = now + REPLY_TIMEOUT;
			this.#inquiries.push(inquiry);
			this.wake();
		} catch {
			// A path that is no text, a block of no size.
			this.refuse(message, exchange, binding, Code.BAD_REQUEST, now);
		}
	}

	/** Asks a resource for what an observer is to be told. */
	private ask(observer: Observer): void {
		observer.isDirty = false;
		const { message, payload, binding } = observer;
		const inquiry = new Inquiry(this, this.#site.codec, message, 0, binding);
		inquiry.payload = payload;
		inquiry.block2 = this.block(message, OptionNumber.BLOCK2);
		observer.inquiry = inquiry;
		this.#inquiries.push(inquiry);
	}

	private proceed(inquiry: Inquiry, now: number): void {
		if (!inquiry.isServed) {
			inquiry.isServed = true;
			if (inquiry.isNotification) inquiry.due = now + REPLY_TIMEOUT;
			inquiry.isServing = true;
			this.serve(inquiry, now);
			inquiry.isServing = false;
		}
		if (inquiry.response === undefined && inquiry.due <= now) inquiry.send({ code: Code.SERVICE_UNAVAILABLE });
		const { response } = inquiry;
		if (response === undefined || this.#messenger === undefined || inquiry.isSending && inquiry.due > now) return;
		if (this.tryAnswer(inquiry, response, now)) {
			const index = this.#inquiries.indexOf(inquiry);
			if (index >= 0) this.#inquiries.splice(index, 1);
		} else {
			inquiry.isSending = true;
			inquiry.due = now + RETRY;
		}
	}

	/** Finds what answers it. */
	private serve(inquiry: Inquiry, now: number): void {
		const { path, code, block1, block2 } = inquiry;
		const resource = this.#site.resource(path);
		const refusal = resource === undefined ? Code.NOT_FOUND : mismatchOf(resource, inquiry);
		if (refusal !== 0) return inquiry.send({ code: refusal });
		if (block1 !== undefined && (block1.number > 0 || block1.more)) {
			const answer = this.#bodies.take(inquiry, block1, now);
			if (answer !== 0) return this.answerBlock(inquiry, block1, answer);
		}
		const isRead = code === Code.GET || code === Code.FETCH;
		if (block2 !== undefined && block2.number > 0) {
			const kept = this.#bodies.kept(inquiry.key);
			if (kept !== undefined) return inquiry.send(kept);
			// What has effects is not done again.
			if (!isRead) return inquiry.send({ code: Code.REQUEST_ENTITY_INCOMPLETE });
		} else if (isRead && !inquiry.isNotification) {
			this.observe(inquiry, resource!, now);
		}
		this.handle(inquiry, resource!);
	}

	private handle(inquiry: Inquiry, resource: Resource): void {
		try {
			resource.onRequest(inquiry, inquiry);
		} catch {
			// Whoever asks is not to wait for what a fault of the program's keeps from coming.
			inquiry.send({ code: Code.INTERNAL_SERVER_ERROR });
		}
	}

	/** Spec: RFC 7959 §2.9. */
	private answerBlock(inquiry: Inquiry, block: Block, code: number): void {
		const more = code === Code.CONTINUE;
		inquiry.block1 = { ...block, more };
		const isTooLarge = code === Code.REQUEST_ENTITY_TOO_LARGE;
		const options = isTooLarge ? [uintOption(OptionNumber.SIZE1, this.#site.bodyMaximum)] : NO_OPTIONS;
		inquiry.send({ code, options });
	}

	private observe(inquiry: Inquiry, { observable }: Resource, now: number): void {
		const wish = uintOf(inquiry.message, OptionNumber.OBSERVE);
		if (wish === undefined || observable !== true) return;
		if (wish === REGISTER) this.#observers.add(inquiry, now);
		else this.#observers.removeSame(inquiry);
	}

	/** @returns false when there is no room for it now */
	private tryAnswer(inquiry: Inquiry, response: ResourceResponse, now: number): boolean {
		try {
			return this.answer(inquiry, response, now);
		} catch {
			// No message can be made of it, or it cannot be protected: whoever asks is told so, if possible.
			const observer = this.#observers.of(inquiry);
			if (observer !== undefined) this.#observers.remove(observer);
			const { message, exchange, binding } = inquiry;
			if (exchange !== 0) this.refuse(message, exchange, binding, Code.INTERNAL_SERVER_ERROR, now);
			return true;
		}
	}

	/** @returns false when there is no room for it now */
	private answer(inquiry: Inquiry, response: ResourceResponse, now: number): boolean {
		const observer = this.#observers.of(inquiry);
		if (inquiry.isNotification && observer === undefined) return true;
		const isGood = classOf(response.code) === 2;
		if (observer !== undefined && !isGood) this.#observers.remove(observer);
		const isObserved = observer !== undefined && isGood;
		const sequence = isObserved ? this.#sequence = this.#sequence + 1 & SEQUENCE_MASK : undefined;
		const { code, options, payload, rest } = makeAnswer(inquiry, response, this.limits, sequence);
		const { key } = inquiry;
		if (rest !== undefined) this.#bodies.keep(key, rest, now);
		else this.#bodies.forget(key);
		const isConfirmed = !inquiry.isNotification || !isGood || now - observer!.confirmedAt >= CONFIRM_INTERVAL;
		const outgoing: Outgoing = { confirmable: isConfirmed, code, token: inquiry.message.token, options, payload };
		const handle = this.send(inquiry, outgoing, now);
		if (handle === "full") return false;
		if (isObserved) this.told(observer, inquiry, handle, isConfirmed, now);
		return true;
	}

	private send(inquiry: Inquiry, outgoing: Outgoing, now: number): number | "full" {
		const messenger = this.#messenger!;
		const { exchange, binding, message } = inquiry;
		const first = exchange !== 0;
		if (isUnwanted(message, outgoing.code)) return first ? messenger.respond(exchange, undefined, now) : 0;
		const secured = this.protect(outgoing, binding, first);
		return first ? messenger.respond(exchange, secured, now) : messenger.send(secured, now);
	}

	private told(
		observer: Observer, { message, isNotification }: Inquiry, handle: number, isConfirmed: boolean, now: number,
	): void {
		const isConfirmable = isNotification ? isConfirmed : message.type === Type.CON;
		const { reliable } = this.#messenger!;
		observer.inquiry = undefined;
		observer.handle = handle;
		observer.isAwaited = isConfirmable && handle !== 0 && !reliable;
		observer.notBefore = reliable || isConfirmable ? now : now + NOTIFY_INTERVAL;
	}

	/** Answers with a code alone; with nothing where not even that can be protected. */
	private refuse(request: Message, exchange: number, binding: Binding | undefined, code: number, now: number): void {
		const token = request.token.slice();
		const outgoing = { confirmable: true, code, token, options: NO_OPTIONS, payload: NOTHING };
		let answer: Outgoing | undefined;
		try {
			answer = isUnwanted(request, code) ? undefined : this.protect(outgoing, binding, true);
		} catch {
			// It is acknowledged, and no more.
		}
		this.respond(exchange, answer, now);
	}

	/** A peer that takes no message as short as this one gets none. */
	private respond(exchange: number, answer: Outgoing | undefined, now: number): void {
		const messenger = this.#messenger!;
		try {
			messenger.respond(exchange, answer, now);
		} catch {
			messenger.respond(exchange, undefined, now);
		}
	}

	private protect(outgoing: Outgoing, binding: Binding | undefined, first: boolean): Outgoing {
		const security = this.#security;
		if (security === undefined || binding === undefined) return outgoing;
		return security.protectResponse(outgoing, binding, first);
	}

	/** @throws DeviceError `malformed` */
	private block({ options }: { readonly options: readonly Option[] }, number: number): Block | undefined {
		return findBlock(options, number, this.#messenger!.reliable);
	}

	private get limits(): AnswerLimits {
		const { reliable, blockwise, messageMaximum } = this.#messenger!;
		const overhead = this.#security?.overhead ?? 0;
		const room = reliable ? messageMaximum - OPTIONS_ROOM - overhead : this.#site.blockLength;
		return { room, blockLength: reliable ? BLOCK_MAXIMUM : this.#site.blockLength, bert: reliable && blockwise };
	}
}

/** The code that refuses a request for its options, or 0. Spec: RFC 7252 §5.4.1, §5.4.5, §5.7.2. */
function refusalOf({ options }: Message): number {
	let previous = -1;
	let code = 0;
	for (let index = 0; index < options.length; index++) {
		const { number } = options[index]!;
		const isRepeated = number === previous && !REPEATABLE.includes(number);
		if (isCritical(number) && (isRepeated || !KNOWN.includes(number))) return Code.BAD_OPTION;
		const isForProxy = number === OptionNumber.PROXY_URI || number === OptionNumber.PROXY_SCHEME;
		if (isForProxy) code = Code.PROXYING_NOT_SUPPORTED;
		previous = number;
	}
	return code;
}

/** The code that refuses what this resource cannot do, or 0. */
function mismatchOf({ methods, takes, offers }: Resource, inquiry: Inquiry): number {
	const { code, contentFormat, accept, options } = inquiry;
	if (!methods.includes(code)) return Code.METHOD_NOT_ALLOWED;
	const hasAccept = findOption(options, OptionNumber.ACCEPT) !== undefined;
	const isWithout = offers !== undefined && (accept === undefined || !offers.includes(accept));
	if (hasAccept && isWithout) return Code.NOT_ACCEPTABLE;
	const isForeign = takes !== undefined && contentFormat !== undefined && !takes.includes(contentFormat);
	return isForeign ? Code.UNSUPPORTED_CONTENT_FORMAT : 0;
}
