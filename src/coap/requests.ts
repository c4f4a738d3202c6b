// SPDX-License-Identifier: Apache-2.0
/**
 * The client's half of one connection: requests and what answers them, by token; bodies in blocks; observations.
 *
 * Pure: a messenger carries the messages, the driver calls `take` with its news, `flush`, and `expire` when it is time.
 * Owners are called from `take` and `expire`; what they ask for meanwhile goes out with the next `flush`.
 *
 * A request has one outcome, whatever it takes: several messages for a body in blocks, another one for a server that
 * wants an Echo, and again from the first block when the representation changed on the way.
 *
 * Spec: RFC 7252 §5, RFC 7641 §3, RFC 7959, RFC 7967, RFC 9175. Memory: `PENDING_MAXIMUM` requests, and one body each.
 */
import { DeviceError, toDeviceError } from "../base/error.js";
import type { TextCodec } from "../host.js";
import { blockSize, findBlock, type Block } from "./block.js";
import { Composer, isSilent, type ComposerOptions } from "./composer.js";
import { classOf, Code, codeText, OptionNumber, Type } from "./constants.js";
import { isRequest, NOTHING, uintOf, type Message } from "./message.js";
import { MessengerEvent, type Messenger, type MessengerNews } from "./messenger.js";
import { findOption, isCritical } from "./option.js";
import { Pending } from "./pending.js";
import type { Cancelable, ObservationOwner, RequestOptions, RequestOwner, Response } from "./request.js";
import { Assembly, checkLength, Taken, Upload } from "./transfer.js";

export interface RequestsOptions extends ComposerOptions {
	/** Bytes of the largest representation that is taken whole. */
	readonly bodyMaximum: number;
}

/** Requests and observations of one connection. */
export const PENDING_MAXIMUM = 16;
/** Of one request: a body that changes each time would never come to its end. */
const RESTART_MAXIMUM = 3;
const ECHO_MAXIMUM = 2;
/** ms beyond what a notification counts for, so that not all devices ask at once. Spec: RFC 7641 §3.3.1. */
const GRACE = 5_000;
const GRACE_SPREAD = 10_000;
/** ms until an observation is registered again whose representation could not be fetched; twice as long each time. */
const RETRY = 5_000;
const RETRY_DOUBLINGS = 4;
/** For uploads over a stream: what options may take of a message. */
const OPTIONS_ROOM = 256;
const NO_RESPONSE: Response = Object.freeze({ code: Code.EMPTY, options: [], payload: NOTHING, block: undefined });

/** Options of responses that must not be passed over and that are known here. */
const KNOWN: readonly number[] = Object.freeze([
	OptionNumber.BLOCK1, OptionNumber.BLOCK2, OptionNumber.OSCORE,
]);

export class Requests {
	readonly #messenger: Messenger;
	readonly #text: TextCodec;
	readonly #options: RequestsOptions;
	readonly #composer: Composer;
	readonly #pending: Pending[] = [];
	/** Something in `#pending` waits for `flush`. */
	#unsent = false;
	#deadline = Infinity;
	#closed = false;

	constructor(messenger: Messenger, text: TextCodec, options: RequestsOptions) {
		this.#messenger = messenger;
		this.#text = text;
		this.#options = options;
		this.#composer = new Composer(messenger, options);
	}

	/** Monotonic ms at which `expire` has something to do, or `Infinity`. */
	get deadline(): number {
		return this.#deadline;
	}

	/** Requests and observations that are not over. */
	get count(): number {
		return this.#pending.length;
	}

	/** @throws DeviceError `argument`; `full`; `state` after `close` */
	request(options: RequestOptions, owner: RequestOwner): Cancelable {
		return this.add(new Pending(this, this.#text, options, owner, undefined));
	}

	/** @throws DeviceError as `request` */
	observe(options: RequestOptions, owner: ObservationOwner): Cancelable {
		return this.add(new Pending(this, this.#text, options, undefined, owner));
	}

	/** For `Pending`. */
	cancel(pending: Pending): void {
		const isKept = pending.observer !== undefined && pending.registration !== 0;
		pending.owner = pending.observer = undefined;
		if (pending.isLeaving || !this.#pending.includes(pending)) return;
		this.unawait(pending);
		// It would go on notifying: over a stream nothing else says so, and over datagrams this is the shorter way.
		if (isKept) this.deregister(pending);
		else this.remove(pending);
	}

	/** What the messenger has for us. @returns false when it is a request, which is somebody else's */
	take(news: MessengerNews, now: number): boolean {
		switch (news.type) {
			case MessengerEvent.MESSAGE: return this.message(news, now);
			case MessengerEvent.ACKNOWLEDGED:
				this.acknowledged(news.handle, now);
				break;
			case MessengerEvent.FAILED: {
				const pending = this.withHandle(news.handle);
				if (pending !== undefined) this.fail(pending, news.error!, now);
				break;
			}
		}
		return true;
	}

	/** Hands the messenger what is to be sent, as far as it has room. */
	flush(now: number): void {
		if (!this.#unsent) return;
		this.#unsent = false;
		for (let index = 0; index < this.#pending.length; index++) {
			const pending = this.#pending[index]!;
			if (!pending.unsent || this.send(pending, now)) continue;
			// Later, when the messenger has room; but not without end.
			this.#unsent = true;
			if (pending.due === Infinity) this.schedule(pending, now + pending.timeout);
		}
	}

	/** Ends what took too long, and registers anew what counts no longer. */
	expire(now: number): void {
		if (now < this.#deadline) return;
		this.#deadline = Infinity;
		const pending = this.#pending;
		for (let index = pending.length - 1; index >= 0; index--) {
			const each = pending[index];
			if (each === undefined || each.due > now) continue;
			each.due = Infinity;
			if (each.failure !== undefined) this.fail(each, each.failure, now);
			else if (each.isOver) this.finish(each, NO_RESPONSE, now);
			else if (each.observer !== undefined && !each.awaited) this.register(each);
			else this.fail(each, new DeviceError("timeout", "the peer has not answered"), now);
		}
		this.settle();
	}

	/** The connection is over: each request ends with `error`. Observations are their keeper's. */
	close(error: DeviceError, now: number): void {
		this.#closed = true;
		this.#deadline = Infinity;
		const pending = this.#pending;
		for (let each = pending.shift(); each !== undefined; each = pending.shift()) each.owner?.onError(error, now);
	}

	/** As `close`, but that nobody is told. */
	drop(): void {
		this.#closed = true;
		this.#deadline = Infinity;
		this.#pending.length = 0;
	}

	private add(pending: Pending): Pending {
		if (this.#closed) throw new DeviceError("state", "the connection is over");
		if (this.#pending.length >= PENDING_MAXIMUM && !this.makeRoom()) {
			throw new DeviceError("full", `more than ${PENDING_MAXIMUM} requests at once`);
		}
		const { payload } = pending.options;
		const room = this.room;
		if (payload !== undefined && payload.byteLength > room) {
			const { reliable, blockwise } = this.#messenger;
			pending.upload = new Upload(payload, room, reliable && blockwise);
		}
		this.#pending.push(pending);
		this.enqueue(pending);
		return pending;
	}

	/** Observations that are being left go first: what may yet come by one is rejected, which says the same. */
	private makeRoom(): boolean {
		const leaving = this.#pending.find(({ isLeaving }) => isLeaving);
		if (leaving !== undefined) this.remove(leaving);
		return leaving !== undefined;
	}

	/** Bytes of payload that fit one message. */
	private get room(): number {
		const { reliable, messageMaximum } = this.#messenger;
		const { security, blockLength } = this.#options;
		return reliable ? messageMaximum - OPTIONS_ROOM - (security?.overhead ?? 0) : blockSize(blockLength);
	}

	private message({ message, handle }: MessengerNews, now: number): boolean {
		if (isRequest(message!.code)) return false;
		const number = this.#composer.numberOf(message!.token);
		const pending = number === 0 ? undefined : this.withToken(number);
		if (pending === undefined) {
			if (message!.type !== Type.ACK) this.#messenger.reject();
			return true;
		}
		let response: Response | undefined;
		try {
			response = this.answer(pending, message!, number, handle, now);
		} catch (error) {
			this.fail(pending, toDeviceError(error, "malformed", "an answer"), now);
		}
		// What the owner throws is not for us to catch.
		if (response !== undefined) this.deliver(pending, response, now);
		this.settle();
		return true;
	}

	private acknowledged(handle: number, now: number): void {
		const pending = this.withHandle(handle);
		if (pending === undefined) return;
		pending.handle = 0;
		if (isSilent(pending)) pending.isOver = true;
		this.schedule(pending, pending.isOver ? now : now + pending.timeout);
	}

	/**
	 * @param handle of what it acknowledges, so that it answers what was sent last; else 0
	 * @returns what is to be told to the owner, once it is whole
	 * @throws DeviceError for which the request fails
	 */
	private answer(
		pending: Pending, received: Message, number: number, handle: number, now: number,
	): Response | undefined {
		const isNotice = number === pending.registration;
		const message = this.open(pending, received, isNotice);
		// On its way before we wished to leave.
		const isLate = pending.isLeaving && message !== undefined && hasObserve(message);
		if (message === undefined || isLate) {
			this.acknowledged(handle, now);
			return undefined;
		}
		if (number === pending.token) {
			// Its acknowledgement may have been lost: there is no need for it any more.
			this.unawait(pending);
			pending.awaited = false;
			pending.due = Infinity;
		}
		if (this.#options.security !== undefined && findOption(received.options, OptionNumber.OSCORE) === undefined) {
			return this.unprotected(pending, message, now);
		}
		const { options } = message;
		for (let index = 0; index < options.length; index++) {
			const unknown = options[index]!.number;
			if (!isCritical(unknown) || KNOWN.includes(unknown)) continue;
			this.#messenger.reject();
			throw new DeviceError("violation", `a response with option ${unknown}, which is critical`);
		}
		if (pending.isLeaving) this.remove(pending);
		else if (this.wantsEcho(pending, message)) this.repeat(pending, isNotice);
		else if (isNotice) return this.notice(pending, message, handle !== 0, now);
		else if (pending.upload !== undefined) return this.uploaded(pending, pending.upload, message, now);
		else return this.represented(pending, message, now);
		return undefined;
	}

	/** What the message says, once nobody else can have said it; `undefined` when it does not count. */
	private open(pending: Pending, message: Message, isNotice: boolean): Message | undefined {
		const { security } = this.#options;
		const binding = isNotice ? pending.registrationBinding : pending.binding;
		if (security === undefined || binding === undefined) return message;
		try {
			return security.unprotectResponse(message, binding);
		} catch {
			// Spec: RFC 8613 §8.4: the request waits on, as for an answer that never came.
			return undefined;
		}
	}

	/**
	 * An error that the peer could not protect, or that somebody else made up: it ends a request, which was not done or
	 * was done before, but no observation. Spec: RFC 8613 §8.2, §8.4.
	 */
	private unprotected(pending: Pending, { code }: Message, now: number): undefined {
		if (pending.observer === undefined) {
			throw new DeviceError("rejected", `an answer of ${codeText(code)} that is not protected`, { detail: code });
		}
		this.retry(pending, now);
	}

	/** Spec: RFC 9175 §2.3. */
	private wantsEcho(pending: Pending, message: Message): boolean {
		const echo = message.code === Code.UNAUTHORIZED ? findOption(message.options, OptionNumber.ECHO) : undefined;
		if (echo === undefined || pending.echoes === ECHO_MAXIMUM) return false;
		pending.echoes++;
		pending.echo = echo.value.slice();
		return true;
	}

	/** What a server answers to the body that we send. */
	private uploaded(pending: Pending, upload: Upload, message: Message, now: number): Response | undefined {
		const { code, options } = message;
		const block = findBlock(options, OptionNumber.BLOCK1, this.#messenger.reliable);
		const { more } = upload.block;
		// A server may act on each block by itself, and say so each time. Spec: RFC 7959 §3.2.
		if (code === Code.CONTINUE || (more && classOf(code) === 2)) {
			if (block === undefined || !more || !upload.take(block)) {
				throw new DeviceError("violation", "the answer to another block than was sent");
			}
			this.enqueue(pending);
			return undefined;
		}
		// Smaller ones from the first on; or it has lost what it had.
		const isTooLarge = code === Code.REQUEST_ENTITY_TOO_LARGE && block !== undefined && upload.shrink(block.size);
		const isLost = code === Code.REQUEST_ENTITY_INCOMPLETE && pending.restarts < RESTART_MAXIMUM;
		if (isTooLarge || isLost) {
			pending.restarts++;
			upload.restart();
			this.enqueue(pending);
			return undefined;
		}
		pending.upload = undefined;
		return this.represented(pending, message, now);
	}

	/** A representation, a block of one, or what there is in place of it. */
	private represented(pending: Pending, message: Message, now: number): Response | undefined {
		const block = findBlock(message.options, OptionNumber.BLOCK2, this.#messenger.reliable);
		const { observer, assembly } = pending;
		if (observer !== undefined && classOf(message.code) !== 2) {
			this.retry(pending, now);
			return undefined;
		}
		// It has become shorter: there is no such block any more.
		const { code } = message;
		const isGone = code === Code.BAD_REQUEST || code === Code.REQUEST_ENTITY_INCOMPLETE;
		const isRead = pending.options.code === Code.GET;
		if (isGone && isRead && assembly !== undefined) return this.restart(pending, assembly);
		if (block === undefined || classOf(message.code) !== 2) return responseOf(message, block);
		const wanted = pending.options.block;
		if (wanted !== undefined) {
			if (block.number * block.size !== wanted.number * wanted.size) {
				throw new DeviceError("violation", "another block than was asked for");
			}
			checkLength(block, message.payload);
			return responseOf(message, block);
		}
		return this.assemble(pending, message, block);
	}

	private assemble(pending: Pending, message: Message, block: Block): Response | undefined {
		if (block.number === 0 && !block.more && pending.assembly === undefined) return responseOf(message, undefined);
		const assembly = pending.assembly ??= new Assembly(this.#options.bodyMaximum);
		switch (assembly.take(message, block)) {
			case Taken.MORE:
				this.enqueue(pending);
				break;
			case Taken.WHOLE:
				pending.assembly = undefined;
				return responseOf(message, undefined, assembly.body);
			default:
				return this.restart(pending, assembly);
		}
		return undefined;
	}

	/** The representation changed on the way. */
	private restart(pending: Pending, assembly: Assembly): undefined {
		if (++pending.restarts > RESTART_MAXIMUM) {
			throw new DeviceError("violation", "a representation that changes with each block");
		}
		assembly.reset();
		if (pending.observer !== undefined) this.register(pending);
		else this.enqueue(pending);
	}

	/** The answer to a registration, or what came by it later. A server that is busy is asked again when it says. */
	private notice(pending: Pending, message: Message, isCertain: boolean, now: number): Response | undefined {
		const { code } = message;
		const { freshness } = pending;
		if (code === Code.SERVICE_UNAVAILABLE || code === Code.TOO_MANY_REQUESTS) {
			freshness!.renew(uintOf(message, OptionNumber.MAX_AGE), now);
			pending.registers = true;
			this.schedule(pending, freshness!.until + this.grace(pending));
			return undefined;
		}
		if (classOf(code) !== 2) {
			throw new DeviceError("rejected", `the observation ended with ${codeText(code)}`, { detail: code });
		}
		const number = uintOf(message, OptionNumber.OBSERVE);
		const isOrdered = isCertain || this.#messenger.reliable || number === undefined;
		if (!freshness!.isNewer(number ?? 0, now, isOrdered)) {
			// It may have come in place of the answer that was waited for.
			const due = Math.max(freshness!.until + this.grace(pending), now + RETRY);
			if (pending.due === Infinity && !pending.awaited && !pending.unsent) this.schedule(pending, due);
			return undefined;
		}
		freshness!.renew(uintOf(message, OptionNumber.MAX_AGE), now);
		// What was being fetched is of an older one.
		pending.assembly = undefined;
		pending.restarts = pending.echoes = pending.retries = 0;
		this.unawait(pending);
		pending.unsent = pending.awaited = false;
		this.schedule(pending, freshness!.until + this.grace(pending));
		return this.represented(pending, message, now);
	}

	private deliver(pending: Pending, response: Response, now: number): void {
		const { observer } = pending;
		if (observer === undefined) return this.finish(pending, response, now);
		if (pending.due === Infinity) this.schedule(pending, pending.freshness!.until + this.grace(pending));
		observer.onNotification(response, now);
	}

	private finish(pending: Pending, response: Response, now: number): void {
		this.remove(pending);
		pending.owner?.onResponse(response, now);
	}

	private fail(pending: Pending, error: DeviceError, now: number): void {
		if (!this.#pending.includes(pending)) return;
		const { observer, owner } = pending;
		pending.failure = undefined;
		// What could not be fetched, or was not answered in time, may be later; what the server refused may not.
		if (observer !== undefined && error.code !== "rejected") {
			pending.unsent = pending.awaited = false;
			this.retry(pending, now);
			return;
		}
		this.remove(pending);
		owner?.onError(error, now);
		observer?.onEnded(error, now);
	}

	/** So that devices that lost one server at one moment do not all come back at one moment. */
	private grace({ registration }: Pending): number {
		return GRACE + (this.#options.tokenPrefix + registration) % GRACE_SPREAD;
	}

	private repeat(pending: Pending, registers: boolean): void {
		pending.registers = registers;
		this.enqueue(pending);
	}

	/** Registers an observation again, later each time. */
	private retry(pending: Pending, now: number): void {
		pending.assembly = undefined;
		pending.registers = true;
		this.schedule(pending, now + (RETRY << Math.min(pending.retries, RETRY_DOUBLINGS)));
		pending.retries++;
	}

	private register(pending: Pending): void {
		pending.assembly = undefined;
		pending.registers = true;
		this.enqueue(pending);
	}

	private deregister(pending: Pending): void {
		pending.isLeaving = pending.registers = true;
		this.enqueue(pending);
	}

	private enqueue(pending: Pending): void {
		pending.outgoing = undefined;
		pending.unsent = this.#unsent = true;
	}

	private schedule(pending: Pending, due: number): void {
		pending.due = due;
		if (due < this.#deadline) this.#deadline = due;
	}

	/** Looks for what is due next; early is harmless, so that it need not be done for each change. */
	private settle(): void {
		let deadline = Infinity;
		const pending = this.#pending;
		for (let index = 0; index < pending.length; index++) {
			const { due } = pending[index]!;
			if (due < deadline) deadline = due;
		}
		this.#deadline = deadline;
	}

	private remove(pending: Pending): void {
		const index = this.#pending.indexOf(pending);
		if (index >= 0) this.#pending.splice(index, 1);
		this.unawait(pending);
	}

	/** Its acknowledgement does not matter any more. */
	private unawait(pending: Pending): void {
		if (pending.handle !== 0) this.#messenger.cancel(pending.handle);
		pending.handle = 0;
	}

	/** @returns false when there was no room */
	private send(pending: Pending, now: number): boolean {
		try {
			const outgoing = pending.outgoing ??= this.#composer.compose(pending);
			const handle = this.#messenger.send(outgoing, now);
			if (handle === "full") return false;
			const { confirmable } = outgoing;
			const isLost = !confirmable || this.#messenger.reliable;
			pending.outgoing = undefined;
			pending.unsent = false;
			pending.awaited = true;
			pending.isOver = isSilent(pending) && isLost;
			pending.handle = pending.isOver || this.#messenger.reliable ? 0 : handle;
			if (pending.isOver) this.schedule(pending, now);
			else if (isLost) this.schedule(pending, now + pending.timeout);
			// Until it is acknowledged, the messenger watches.
			else pending.due = Infinity;
			return true;
		} catch (error) {
			pending.unsent = false;
			pending.failure = toDeviceError(error, "internal", "a request");
			this.schedule(pending, now);
			return true;
		}
	}

	private withToken(number: number): Pending | undefined {
		for (const pending of this.#pending) {
			if (pending.registration === number || (pending.token === number && pending.awaited)) return pending;
		}
		return undefined;
	}

	private withHandle(handle: number): Pending | undefined {
		for (const pending of this.#pending) if (handle !== 0 && pending.handle === handle) return pending;
		return undefined;
	}
}

function hasObserve({ options }: Message): boolean {
	return findOption(options, OptionNumber.OBSERVE) !== undefined;
}

function responseOf({ code, options, payload }: Message, block: Block | undefined, body = payload): Response {
	return { code, options, payload: body, block };
}
