// SPDX-License-Identifier: Apache-2.0
/**
 * The message layer of CoAP over datagrams, with one peer: an address, or a DTLS association. What is confirmable is
 * sent until it is acknowledged, what comes is delivered once, and both are forgotten after a while.
 *
 * It knows messages, not questions and answers: an answer that comes by itself before the acknowledgement of its
 * question is matched above, by its token, whereupon `cancel` ends what waits for the acknowledgement (§5.2.2).
 *
 * Its driver calls `next` after each datagram until nothing is left: what comes before that counts as lost.
 *
 * Pure: time and the random seed are arguments. Memory: `SENDING_MAXIMUM` and `ARRIVAL_MAXIMUM` records of a few
 * fields, all gone an EXCHANGE_LIFETIME after the last message. Read first: RFC 7252 §4. Not here: multicast (§8).
 */
import { DeviceError } from "../base/error.js";
import { Reader } from "../bytes/reader.js";
import { Writer } from "../bytes/writer.js";
import type { TextCodec } from "../host.js";
import { type Arrival, Arrivals, Reply } from "./arrivals.js";
import { Code, MESSAGE_MAXIMUM, Type } from "./constants.js";
import { datagramLength, decodeDatagram, encodeDatagram } from "./datagram.js";
import { emptyMessage, type Message } from "./message.js";
import { MessengerEvent, type Messenger, type MessengerNews, type Outgoing } from "./messenger.js";
import { Sendings } from "./sendings.js";
import { DEFAULT_TIMING, type Timing } from "./timing.js";

/** Resets that wait to be transmitted, of messages that are not remembered; more are not sent. */
const RESET_MAXIMUM = 4;

export interface ExchangesOptions {
	readonly codec: TextCodec;
	/** 32 random bits, different for each connection. */
	readonly seed: number;
	readonly timing?: Timing | undefined;
}

export class Exchanges implements Messenger {
	readonly reliable = false;
	readonly holdOff = 0;
	readonly messageMaximum = MESSAGE_MAXIMUM;
	readonly blockwise = true;
	readonly #reader: Reader;
	readonly #writer: Writer;
	readonly #sendings: Sendings;
	readonly #arrivals: Arrivals;
	/** IDs of messages that are reset without being remembered. */
	readonly #resets: number[] = [];
	/** What came, until `next` has delivered it. */
	#message: Message | undefined;
	/** The handle of what it acknowledges, or 0. */
	#answered = 0;
	/** Of the message that came, or that was delivered last; none for an acknowledgement. */
	#arrival: Arrival | undefined;
	readonly #news: MessengerNews = {
		type: MessengerEvent.MESSAGE, handle: 0, message: undefined, exchange: 0, error: undefined,
	};

	constructor({ codec, seed, timing = DEFAULT_TIMING }: ExchangesOptions) {
		this.#reader = new Reader(codec);
		this.#writer = new Writer(codec);
		this.#sendings = new Sendings(timing, seed);
		this.#arrivals = new Arrivals(timing);
	}

	get deadline(): number {
		return Math.min(this.#sendings.deadline, this.#arrivals.deadline);
	}

	get unsent(): boolean {
		return this.#resets.length > 0 || this.#arrivals.unsent || this.#sendings.unsent;
	}

	/** Messages that are remembered, both ways. */
	get records(): number {
		return this.#sendings.count + this.#arrivals.count;
	}

	send(message: Outgoing, now: number): number | "full" {
		this.measure(message);
		return this.#sendings.add(message, now);
	}

	respond(exchange: number, message: Outgoing | undefined, now: number): number | "full" {
		const arrival = this.#arrivals.awaiting(exchange);
		// Nobody waits for the answer any more.
		if (arrival === undefined) return 0;
		if (message === undefined) {
			arrival.open = false;
			if (arrival.reply === Reply.OPEN) this.#arrivals.settle(arrival, Reply.ACKNOWLEDGEMENT);
			return 0;
		}
		const length = this.measure(message);
		if (arrival.reply === Reply.OPEN) {
			arrival.open = false;
			this.#arrivals.answer(arrival, this.encode(Type.ACK, arrival.messageId, message, length));
			return 0;
		}
		// What was asked without confirmation is answered without. Spec: RFC 7252 §5.2.3.
		const answer = arrival.confirmable || !message.confirmable ? message : { ...message, confirmable: false };
		const handle = this.#sendings.add(answer, now);
		if (handle !== "full") arrival.open = false;
		return handle;
	}

	reject(): void {
		const arrival = this.#arrival;
		// An acknowledgement is rejected by ignoring it. Spec: RFC 7252 §4.2.
		if (arrival === undefined) return;
		arrival.open = false;
		this.#arrivals.settle(arrival, Reply.RESET);
	}

	cancel(handle: number): void {
		this.#sendings.cancel(handle);
	}

	ping(now: number): number | "full" {
		return this.#sendings.add(undefined, now);
	}

	receive(bytes: Uint8Array, start: number, end: number, now: number): void {
		if (this.#message !== undefined) return;
		const read = decodeDatagram(this.#reader, bytes, start, end);
		if (read === undefined) return;
		this.#sendings.heard();
		if ("error" in read) this.refuse(read.messageId);
		else this.take(read, now);
		this.#sendings.proceed(now);
	}

	transmit(target: Uint8Array, limit: number, now: number): number {
		const writer = this.#writer;
		writer.reset(target, 0, limit);
		try {
			const resets = this.#resets;
			if (resets.length > 0) {
				const messageId = resets.shift()!;
				encodeDatagram(writer, Type.RST, messageId, emptyMessage(Type.RST, messageId));
			} else if (!this.#arrivals.transmit(writer)) {
				this.#sendings.transmit(writer, now);
			}
			return writer.position;
		} finally {
			writer.clear();
		}
	}

	expire(now: number): void {
		this.#arrivals.expire(now);
		this.#sendings.expire(now);
	}

	next(): MessengerNews | undefined {
		const news = this.#news;
		const message = this.#message;
		if (message === undefined) {
			this.#arrival = undefined;
			news.message = undefined;
			const sending = this.#sendings.next();
			if (sending === undefined) return undefined;
			news.type = sending.error === undefined ? MessengerEvent.ACKNOWLEDGED : MessengerEvent.FAILED;
			news.handle = sending.handle;
			news.exchange = 0;
			news.error = sending.error;
			return news;
		}
		this.#message = undefined;
		news.type = MessengerEvent.MESSAGE;
		news.handle = this.#answered;
		news.message = message;
		news.exchange = this.#arrival?.exchange ?? 0;
		news.error = undefined;
		return news;
	}

	private take(message: Message, now: number): void {
		const { type, code, messageId } = message;
		if (type === Type.RST) return this.#sendings.reset(messageId);
		if (type === Type.ACK) return this.acknowledged(message);
		// A ping. Spec: RFC 7252 §4.3.
		if (code === Code.EMPTY) return this.refuse(messageId);
		if (this.#arrivals.isCopy(message)) return;
		if (this.#arrivals.isForgotten(message)) {
			if (type === Type.CON) this.refuse(messageId);
			return;
		}
		const arrival = this.#arrivals.add(message, now);
		if (arrival === undefined) return;
		this.#arrival = arrival;
		this.#answered = 0;
		this.#message = message;
	}

	private acknowledged(message: Message): void {
		if (message.code === Code.EMPTY) return this.#sendings.acknowledge(message.messageId);
		const handle = this.#sendings.answer(message);
		if (handle < 0) return;
		this.#arrival = undefined;
		this.#answered = handle;
		this.#message = message;
	}

	private refuse(messageId: number): void {
		if (this.#resets.length < RESET_MAXIMUM) this.#resets.push(messageId);
	}

	/** @throws DeviceError `too-large`, and what `datagramLength` throws */
	private measure(message: Outgoing): number {
		const length = datagramLength(message);
		if (length <= MESSAGE_MAXIMUM) return length;
		throw new DeviceError("too-large", `a message of ${length} bytes: ${MESSAGE_MAXIMUM} go into a datagram`);
	}

	private encode(type: Type, messageId: number, message: Outgoing, length: number): Uint8Array {
		const bytes = new Uint8Array(length);
		const writer = this.#writer;
		writer.reset(bytes, 0, length);
		encodeDatagram(writer, type, messageId, message);
		writer.clear();
		return bytes;
	}
}
