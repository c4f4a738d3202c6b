// SPDX-License-Identifier: Apache-2.0
/**
 * What carries messages to one peer and back: datagrams that are acknowledged (`exchanges.ts`, RFC 7252 §4), or a
 * stream (`reliable.ts`, RFC 8323). Requests and resources know neither.
 *
 * A messenger is a pure core and lives as long as one connection: bytes, time and a random seed are arguments. Its
 * driver calls `receive` and `expire`, drains `next`, fills `transmit`, and owns the one timer.
 */
import type { DeviceError } from "../base/error.js";
import type { Message } from "./message.js";
import type { Option } from "./option.js";
import type { Security } from "./security.js";

/** What is to be sent: type and message ID are the messenger's. */
export interface Outgoing {
	/** Sent again until it is acknowledged; a stream does so for any. */
	readonly confirmable: boolean;
	readonly code: number;
	/** Borrowed until the exchange is over, as all bytes here. */
	readonly token: Uint8Array;
	/** In ascending order of their numbers. */
	readonly options: readonly Option[];
	readonly payload: Uint8Array;
}

export const MessengerEvent = Object.freeze({
	/** A request or a response came: `message`. If it means nothing to us, `reject` is to be called before `next`. */
	MESSAGE: 0,
	/** The peer has what was sent as `handle`; a response, if it was a request, comes separately. */
	ACKNOWLEDGED: 1,
	/** What was sent as `handle` was not acknowledged in time, or reset by the peer: `error`. */
	FAILED: 2,
	/** The connection is over: `error`. Nothing follows, and what was sent has no other outcome. */
	CLOSED: 3,
	/** A stream's peer has said what it takes: requests may go out. */
	READY: 4,
});
export type MessengerEvent = (typeof MessengerEvent)[keyof typeof MessengerEvent];

/** One record, used again: valid until the next call of `next`. */
export interface MessengerNews {
	type: MessengerEvent;
	/** That `send` or `ping` returned. For a message: of what it acknowledges by answering it, else 0. */
	handle: number;
	/** There for `MESSAGE`; its bytes are borrowed. */
	message: Message | undefined;
	/** Of a request that came: what `respond` wants. */
	exchange: number;
	/** There for `FAILED`, `CLOSED`. Codes: `timeout`; `rejected` for a reset; `closed`, `malformed`, `violation`. */
	error: DeviceError | undefined;
}

export interface Messenger {
	/** Nothing is lost or reordered on the way, so that what waits for an answer need not be bounded in time. */
	readonly reliable: boolean;
	/** ms in which the peer wants no new connection, as it said; else 0. */
	readonly holdOff: number;
	/** Bytes of the largest message that the peer is known to take, all in all. */
	readonly messageMaximum: number;
	/** Blocks may be of several 1,024 bytes (RFC 8323 §6); there also `false` for a peer that knows no blocks. */
	readonly blockwise: boolean;
	/** Monotonic ms at which `expire` has something to do, or `Infinity`. */
	readonly deadline: number;
	/** Something waits for `transmit`. */
	readonly unsent: boolean;
	/**
	 * Queues a request, or a response that is no answer to what came just now: a notification.
	 * @returns a handle above 0, or `full`
	 * @throws DeviceError `too-large` for more than `messageMaximum`
	 */
	send(message: Outgoing, now: number): number | "full";
	/**
	 * Answers a request, in its acknowledgement if that is not gone yet. `confirmable` counts only if it is.
	 * @param message `undefined` for no answer (RFC 7967): it is acknowledged, and no more
	 * @returns a handle, 0 where nothing needs to be acknowledged, or `full`
	 */
	respond(exchange: number, message: Outgoing | undefined, now: number): number | "full";
	/** The message that `next` returned last means nothing to us. */
	reject(): void;
	/** Nobody waits for it any more: it is not sent again, and no event follows. */
	cancel(handle: number): void;
	/** Asks whether the peer is there: `ACKNOWLEDGED` or `FAILED` with that handle follows. */
	ping(now: number): number | "full";
	/** A datagram, or any part of a stream. Never throws for what is in it. */
	receive(bytes: Uint8Array, start: number, end: number, now: number): void;
	/**
	 * Writes the next datagram, or as much of the stream as fits.
	 * @returns bytes written from index 0; 0 when nothing is due
	 */
	transmit(target: Uint8Array, limit: number, now: number): number;
	expire(now: number): void;
	next(): MessengerNews | undefined;
}

/** Whoever answers what the peer asks of us over the same connection: `Resources`. */
export interface Answerer {
	/** Monotonic ms at which `expire` has something to do, or `Infinity`. */
	readonly deadline: number;
	/** A connection stands; the one before it, if there was one, was detached. */
	attach(messenger: Messenger, security: Security | undefined): void;
	/** The connection is lost, and with it whoever asked over it. */
	detach(): void;
	/** Requests, and what became of our answers. */
	take(news: MessengerNews, now: number): void;
	expire(now: number): void;
}
