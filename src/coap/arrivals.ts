// SPDX-License-Identifier: Apache-2.0
/**
 * What came under message IDs of the peer, for as long as copies of it may come: so that each is delivered once, and a
 * copy is answered as the first was.
 *
 * Answers in acknowledgements are kept as bytes, a few kilobytes at most. Where one is gone that a copy of its request
 * asks for, the copy is reset: we lack what it takes to process it (RFC 7252 §4.2), and its sender need not wait on.
 * Of requests that there is no room to remember, the IDs remain, to the same effect.
 *
 * Pure. Memory: `ARRIVAL_MAXIMUM` records, `ANSWERS_MAXIMUM` bytes, and two for each of `FORGOTTEN_MAXIMUM` IDs.
 * Read first: RFC 7252 §4.2, §4.3, §4.5, §5.2.
 */
import type { Writer } from "../bytes/writer.js";
import { Type } from "./constants.js";
import { encodeDatagram } from "./datagram.js";
import { emptyMessage, isRequest, type Message } from "./message.js";
import { exchangeLifetime, nonLifetime, type Timing } from "./timing.js";

/** Records: messages that are remembered. */
export const ARRIVAL_MAXIMUM = 16;
/** Bytes of answers that are kept: of two as large as they may be, or of many small ones. */
export const ANSWERS_MAXIMUM = 2_304;

/** IDs of requests that there was no room to remember. */
export const FORGOTTEN_MAXIMUM = 128;

const EXCHANGE_MAXIMUM = 0x3fff_ffff;

/** What a message gets back, and its copies too. */
export const Reply = Object.freeze({
	/** Nothing yet: the acknowledgement waits for an answer that it could carry. */
	OPEN: 0,
	ACKNOWLEDGEMENT: 1,
	/** In the acknowledgement. */
	ANSWER: 2,
	RESET: 3,
	SILENCE: 4,
});

export class Arrival {
	reply: number = Reply.OPEN;
	/** The reply is to be transmitted. */
	ready = false;
	/** No answer came yet from above; then the record is not forgotten for want of room. */
	open: boolean;
	/** The answer, encoded, while there is room for it. */
	bytes: Uint8Array | undefined;
	/** When it must be acknowledged, answer or not; monotonic ms. */
	acknowledgeAt = Infinity;
	readonly messageId: number;
	readonly confirmable: boolean;
	/** Of a request, above 0. */
	readonly exchange: number;
	/** When its ID may stand for another message. */
	readonly until: number;

	constructor({ messageId, type }: Message, exchange: number, until: number) {
		this.messageId = messageId;
		this.confirmable = type === Type.CON;
		this.exchange = exchange;
		this.open = exchange !== 0;
		this.until = until;
	}
}

export class Arrivals {
	readonly #timing: Timing;
	/** In the order of their arrival. */
	readonly #records: Arrival[] = [];
	#exchange = 0;
	/** The last IDs of requests that there was no room for, in a ring; made when there is the first. */
	#forgotten: Uint16Array | undefined;
	#forgottenAt = 0;
	/** When none of them matters any more. */
	#forgottenUntil = Infinity;

	constructor(timing: Timing) {
		this.#timing = timing;
	}

	get count(): number {
		return this.#records.length;
	}

	get deadline(): number {
		let at = this.#forgottenUntil;
		for (let index = 0; index < this.#records.length; index++) {
			const { acknowledgeAt, until } = this.#records[index]!;
			at = Math.min(at, acknowledgeAt, until);
		}
		return at;
	}

	get unsent(): boolean {
		return this.firstReady() !== undefined;
	}

	/** A copy of what came before is answered as that was. Spec: §4.5. @returns whether it is one */
	isCopy({ messageId, type }: Message): boolean {
		const record = this.find(messageId, type === Type.CON);
		if (record === undefined) return false;
		// A copy of what is not confirmable is ignored.
		if (record.confirmable && record.reply !== Reply.OPEN) {
			if (record.reply === Reply.ANSWER && record.bytes === undefined) record.reply = Reply.RESET;
			record.ready = true;
		}
		return true;
	}

	/** Whether it may be a copy of a request of which no more than the ID is known. */
	isForgotten({ messageId, code }: Message): boolean {
		return isRequest(code) && this.#forgotten?.includes(messageId) === true;
	}

	/**
	 * Remembers a message that came for the first time.
	 * @returns `undefined` when there is no room, and the message must count as lost
	 */
	add(message: Message, now: number): Arrival | undefined {
		const records = this.#records;
		if (records.length === ARRIVAL_MAXIMUM && !this.makeRoom(now)) return undefined;
		const confirmable = message.type === Type.CON;
		const until = now + (confirmable ? exchangeLifetime(this.#timing) : nonLifetime(this.#timing));
		const record = new Arrival(message, isRequest(message.code) ? this.nextExchange() : 0, until);
		if (!confirmable) {
			record.reply = Reply.SILENCE;
		} else if (record.open) {
			// Half of what the peer waits before it sends again: the other half is for the way here and back.
			record.acknowledgeAt = now + this.#timing.ackTimeout / 2;
		} else {
			this.settle(record, Reply.ACKNOWLEDGEMENT);
		}
		records.push(record);
		return record;
	}

	/** The request that came as `exchange`, if it is not answered yet. */
	awaiting(exchange: number): Arrival | undefined {
		for (let index = 0; index < this.#records.length; index++) {
			const record = this.#records[index]!;
			if (record.exchange === exchange && record.open) return record;
		}
		return undefined;
	}

	/** Decides what the message gets back, and has it transmitted. */
	settle(record: Arrival, reply: number): void {
		record.reply = reply;
		record.ready = true;
		record.acknowledgeAt = Infinity;
	}

	/** Its acknowledgement is `bytes`. Older ones make room for them. */
	answer(record: Arrival, bytes: Uint8Array): void {
		const records = this.#records;
		this.settle(record, Reply.ANSWER);
		record.bytes = bytes;
		let total = 0;
		for (let index = records.length - 1; index >= 0; index--) {
			const other = records[index]!;
			if (other === record) continue;
			total += other.bytes?.byteLength ?? 0;
			// One that was never transmitted is not a copy yet, and must go out.
			if (total + bytes.byteLength > ANSWERS_MAXIMUM && !other.ready) other.bytes = undefined;
		}
	}

	/** Encodes the next reply. @returns false when there is none */
	transmit(writer: Writer): boolean {
		const record = this.firstReady();
		if (record === undefined) return false;
		const { bytes, messageId, reply } = record;
		record.ready = false;
		if (reply === Reply.ANSWER && bytes !== undefined) {
			writer.copy(bytes, 0, bytes.byteLength);
		} else {
			const type = reply === Reply.RESET ? Type.RST : Type.ACK;
			encodeDatagram(writer, type, messageId, emptyMessage(type, messageId));
		}
		return true;
	}

	expire(now: number): void {
		const records = this.#records;
		for (let index = records.length - 1; index >= 0; index--) {
			const record = records[index]!;
			if (record.until <= now) records.splice(index, 1);
			else if (record.acknowledgeAt <= now) this.settle(record, Reply.ACKNOWLEDGEMENT);
		}
		if (this.#forgottenUntil > now) return;
		this.#forgotten = undefined;
		this.#forgottenUntil = Infinity;
	}

	/**
	 * Forgets an answer that came before a request that came: its token shows a copy to be none of ours, but nothing
	 * else keeps a request from being acted upon twice.
	 */
	private makeRoom(now: number): boolean {
		const records = this.#records;
		let oldest = -1;
		for (let index = records.length - 1; index >= 0; index--) {
			const { exchange, open, ready } = records[index]!;
			if (open || ready) continue;
			if (oldest < 0 || exchange === 0 || records[oldest]!.exchange !== 0) oldest = index;
		}
		if (oldest < 0) return false;
		const { exchange, messageId } = records[oldest]!;
		if (exchange !== 0) this.forget(messageId, now);
		records.splice(oldest, 1);
		return true;
	}

	private forget(messageId: number, now: number): void {
		const ids = this.#forgotten ??= new Uint16Array(FORGOTTEN_MAXIMUM).fill(messageId);
		ids[this.#forgottenAt] = messageId;
		this.#forgottenAt = (this.#forgottenAt + 1) % FORGOTTEN_MAXIMUM;
		this.#forgottenUntil = now + exchangeLifetime(this.#timing);
	}

	private find(messageId: number, confirmable: boolean): Arrival | undefined {
		for (let index = 0; index < this.#records.length; index++) {
			const record = this.#records[index]!;
			if (record.messageId === messageId && record.confirmable === confirmable) return record;
		}
		return undefined;
	}

	private firstReady(): Arrival | undefined {
		for (let index = 0; index < this.#records.length; index++) {
			const record = this.#records[index]!;
			if (record.ready) return record;
		}
		return undefined;
	}

	private nextExchange(): number {
		return this.#exchange = this.#exchange % EXCHANGE_MAXIMUM + 1;
	}
}
