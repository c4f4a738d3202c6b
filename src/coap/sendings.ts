// SPDX-License-Identifier: Apache-2.0
/**
 * What we send under message IDs of our own: until it is acknowledged, reset or given up, and for as long afterwards
 * as something about it may still come.
 *
 * Messages are borrowed, and encoded anew each time that they are sent: who sends keeps the payload anyway, and a
 * device has no room for it twice. Which is why only what has an outcome is sent from here.
 *
 * Interactions wait for one another (NSTART, §4.7): a confirmable message until it is acknowledged, and a request
 * that is not confirmable until anything comes, which tells that the peer is there and not overrun. The answer that
 * follows an empty acknowledgement is not waited for. If nothing comes, the next request that is not confirmable waits
 * until the last would have trickled to the peer at PROBING_RATE, and others for as long as for an acknowledgement.
 *
 * Pure. Memory: `SENDING_MAXIMUM` records. Read first: RFC 7252 §4.2 to §4.8.
 */
import { DeviceError } from "../base/error.js";
import { isEqual } from "../bytes/word.js";
import type { Writer } from "../bytes/writer.js";
import { Type } from "./constants.js";
import { encodeDatagram, HEADER_LENGTH } from "./datagram.js";
import { emptyMessage, isRequest, NOTHING, type Message } from "./message.js";
import type { Outgoing } from "./messenger.js";
import { exchangeLifetime, nonLifetime, type Timing } from "./timing.js";

/** Records: what waits, what is under way, and what came to its end a short while ago. */
export const SENDING_MAXIMUM = 16;

/** IDs are handed out in order; this many of them are half of all. */
const HALF = 0x8000;
const ID_MASK = 0xffff;
const HANDLE_MAXIMUM = 0x3fff_ffff;

const State = Object.freeze({
	/** Waits for others to come to their end. */
	QUEUED: 0,
	/** To be transmitted. */
	READY: 1,
	/** Transmitted: waits for its acknowledgement. */
	AWAITED: 2,
	/** Has its outcome, which waits to be told. */
	ENDED: 3,
	/** Nothing is expected; but a Reset, or an answer in an acknowledgement, would still be understood. */
	LINGERING: 4,
});

export class Sending {
	state: number = State.QUEUED;
	messageId = -1;
	/** When to send it again or to give it up; when to forget it. Monotonic ms. */
	due = Infinity;
	timeout = 0;
	/** Times that it was transmitted. */
	transmissions = 0;
	retransmissions = 0;
	/** `undefined` for a ping, and for what lingers. */
	message: Outgoing | undefined;
	readonly token: Uint8Array;
	/** Why it failed. */
	error: DeviceError | undefined;
	/** When its ID may be used again. */
	until = Infinity;
	readonly handle: number;
	readonly confirmable: boolean;
	readonly request: boolean;

	constructor(handle: number, message: Outgoing | undefined) {
		this.handle = handle;
		this.message = message;
		this.token = message === undefined ? NOTHING : message.token;
		this.confirmable = message === undefined || message.confirmable;
		this.request = message !== undefined && isRequest(message.code);
	}
}

export class Sendings {
	readonly #timing: Timing;
	/** In the order in which they were sent. */
	readonly #records: Sending[] = [];
	#handle = 0;
	/** State of the random numbers: of those that spread retransmissions, no one's secret. */
	#random: number;
	#nextId: number;
	/** When the half of the IDs that we do not use now may be used again. */
	#halfAt = 0;
	/** A request that is not confirmable counts as under way until then, if nothing comes. */
	#expectedUntil = 0;
	/** The next of them may follow then, if nothing comes. */
	#probeAt = 0;
	/** When one that is queued may perhaps be transmitted. */
	#wakeAt = Infinity;

	/** @param seed random, of 32 bits */
	constructor(timing: Timing, seed: number) {
		this.#timing = timing;
		this.#random = seed | 0;
		this.#nextId = Math.floor(this.fraction() * (ID_MASK + 1));
	}

	get count(): number {
		return this.#records.length;
	}

	get deadline(): number {
		let at = this.#wakeAt;
		for (let index = 0; index < this.#records.length; index++) {
			const { state, due } = this.#records[index]!;
			if (state !== State.ENDED && due < at) at = due;
		}
		return at;
	}

	get unsent(): boolean {
		return this.find(State.READY) !== undefined;
	}

	/** @param message `undefined` for a ping. @returns its handle */
	add(message: Outgoing | undefined, now: number): number | "full" {
		const records = this.#records;
		if (records.length === SENDING_MAXIMUM) {
			// What lingers only guards against what is rare.
			const lingering = this.find(State.LINGERING);
			if (lingering === undefined) return "full";
			this.remove(lingering);
		}
		this.#handle = this.#handle % HANDLE_MAXIMUM + 1;
		records.push(new Sending(this.#handle, message));
		this.proceed(now);
		return this.#handle;
	}

	cancel(handle: number): void {
		const records = this.#records;
		for (let index = 0; index < records.length; index++) {
			if (records[index]!.handle !== handle) continue;
			records.splice(index, 1);
			// Others may have waited for it: `expire` looks.
			if (this.find(State.QUEUED) !== undefined) this.#wakeAt = 0;
			return;
		}
	}

	/** Something came from the peer: it is there, and has room for more. */
	heard(): void {
		this.#expectedUntil = this.#probeAt = 0;
	}

	/** An empty acknowledgement. */
	acknowledge(messageId: number): void {
		const record = this.transmitted(messageId);
		if (record?.confirmable && record.state < State.ENDED) this.end(record, undefined);
	}

	/**
	 * An acknowledgement with an answer in it.
	 * @returns the handle of the request, 0 where its outcome was told before, -1 where it answers none of ours
	 */
	answer({ messageId, token }: Message): number {
		const record = this.transmitted(messageId);
		// There are servers that answer a ping: they are there, too.
		const isPing = record !== undefined && record.message === undefined && record.state < State.ENDED;
		if (isPing) this.end(record, undefined);
		if (record === undefined || !record.confirmable || !record.request || record.error !== undefined) return -1;
		// Both must match. Spec: §5.3.2.
		if (!isEqual(record.token, token)) return -1;
		// Once only: the copy of an answer finds nothing.
		this.remove(record);
		return record.state === State.LINGERING ? 0 : record.handle;
	}

	reset(messageId: number): void {
		const record = this.transmitted(messageId);
		if (record === undefined) return;
		// Of confirmable ones only those linger that were acknowledged.
		if (record.confirmable ? record.state >= State.ENDED : record.state !== State.LINGERING) return;
		const isPing = record.confirmable && record.message === undefined;
		this.end(record, isPing ? undefined : new DeviceError("rejected", "the peer reset what was sent"));
	}

	/** Lets those proceed that wait for nobody. To be called after all that may have ended something. */
	proceed(now: number): void {
		const records = this.#records;
		this.#wakeAt = Infinity;
		for (let index = 0; index < records.length; index++) {
			const record = records[index]!;
			if (record.state === State.QUEUED && !this.mustWait(record, now) && !this.ready(record, now)) return;
		}
	}

	/** Encodes the next message that is ready. @returns false when there is none */
	transmit(writer: Writer, now: number): boolean {
		const record = this.find(State.READY);
		if (record === undefined) return false;
		const { message, messageId } = record;
		record.transmissions++;
		if (record.confirmable) {
			record.state = State.AWAITED;
		} else {
			record.state = State.LINGERING;
			record.message = undefined;
		}
		const start = writer.position;
		const type = record.confirmable ? Type.CON : Type.NON;
		encodeDatagram(writer, type, messageId, message ?? emptyMessage(type, messageId));
		if (!record.confirmable && record.request) this.expect(writer.position - start, now);
		return true;
	}

	expire(now: number): void {
		const records = this.#records;
		for (let index = records.length - 1; index >= 0; index--) {
			const record = records[index]!;
			if (record.due > now || record.state === State.ENDED) continue;
			if (record.state === State.LINGERING || !record.confirmable) {
				records.splice(index, 1);
			} else if (record.retransmissions === this.#timing.maxRetransmit) {
				const what = `not acknowledged after ${record.transmissions} transmissions`;
				this.end(record, new DeviceError("timeout", what));
			} else {
				record.retransmissions++;
				record.timeout *= 2;
				record.due = now + record.timeout;
				record.state = State.READY;
			}
		}
		this.proceed(now);
	}

	/** The next one whose outcome is to be told: its `error` says which. */
	next(): Sending | undefined {
		const record = this.find(State.ENDED);
		if (record === undefined) return undefined;
		if (record.error === undefined && record.request) {
			// The peer may yet answer in an acknowledgement, when it is asked again by a copy that was late.
			record.state = State.LINGERING;
			record.due = record.until;
		} else {
			this.remove(record);
		}
		return record;
	}

	/** True when it must wait for others; then `wakeAt` says when that is over if nothing happens. */
	private mustWait(record: Sending, now: number): boolean {
		const { confirmable, request } = record;
		if (!confirmable && !request) return false;
		const expected = now < this.#expectedUntil;
		if (this.underway() + (expected ? 1 : 0) >= this.#timing.nstart) {
			if (expected) this.wakeAt(this.#expectedUntil);
			return true;
		}
		if (confirmable || now >= this.#probeAt) return false;
		this.wakeAt(this.#probeAt);
		return true;
	}

	/** @returns false when there is no ID for it now */
	private ready(record: Sending, now: number): boolean {
		const timing = this.#timing;
		const id = this.#nextId;
		if (id % HALF === 0) {
			// All IDs of the half that begins here must have been out of use for a lifetime. Spec: §4.4.
			if (now < this.#halfAt) {
				this.wakeAt(this.#halfAt);
				return false;
			}
			this.#halfAt = now + exchangeLifetime(timing);
		}
		this.#nextId = id + 1 & ID_MASK;
		record.messageId = id;
		record.state = State.READY;
		record.until = now + exchangeLifetime(timing);
		if (record.confirmable) {
			// From now and not from its transmission: an outcome is due also when the driver never gets to that.
			record.timeout = timing.ackTimeout * (1 + this.fraction() * (timing.ackRandomFactor - 1));
			record.due = now + record.timeout;
		} else {
			record.due = now + nonLifetime(timing);
			if (record.request) this.expect(HEADER_LENGTH, now);
		}
		return true;
	}

	/** A request of `length` bytes goes out that is not confirmable. */
	private expect(length: number, now: number): void {
		const { ackTimeout, probingRate } = this.#timing;
		this.#expectedUntil = now + ackTimeout;
		this.#probeAt = now + Math.max(ackTimeout, length * 1_000 / probingRate);
	}

	/** Confirmable messages that are not acknowledged. */
	private underway(): number {
		let count = 0;
		for (let index = 0; index < this.#records.length; index++) {
			const { confirmable, state } = this.#records[index]!;
			if (confirmable && (state === State.READY || state === State.AWAITED)) count++;
		}
		return count;
	}

	private end(record: Sending, error: DeviceError | undefined): void {
		record.state = State.ENDED;
		record.error = error;
		record.message = undefined;
	}

	private find(state: number): Sending | undefined {
		for (let index = 0; index < this.#records.length; index++) {
			const record = this.#records[index]!;
			if (record.state === state) return record;
		}
		return undefined;
	}

	private transmitted(messageId: number): Sending | undefined {
		for (let index = 0; index < this.#records.length; index++) {
			const record = this.#records[index]!;
			if (record.messageId === messageId && record.transmissions > 0) return record;
		}
		return undefined;
	}

	private remove(record: Sending): void {
		this.#records.splice(this.#records.indexOf(record), 1);
	}

	private wakeAt(time: number): void {
		if (time < this.#wakeAt) this.#wakeAt = time;
	}

	/** At least 0 and below 1 (mulberry32). */
	private fraction(): number {
		this.#random = this.#random + 0x6d2b_79f5 | 0;
		let mixed = Math.imul(this.#random ^ this.#random >>> 15, 1 | this.#random);
		mixed = mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed) ^ mixed;
		return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32;
	}
}
