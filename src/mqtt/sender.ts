// SPDX-License-Identifier: Apache-2.0
/**
 * What goes out on one connection, and in which order: CONNECT; then acknowledgements, PINGREQ, subscriptions and
 * messages; at last DISCONNECT. A packet that did not fit goes on where it stopped, and nothing comes in between.
 *
 * The sending half of `Link`, thrown away with it. Knows no time.
 */
import { Acks } from "./acks.js";
import { PacketType } from "./constants.js";
import {
	BARE_LENGTH, connectLength, encodeBare, encodeConnect, encodeSubscribe, encodeUnsubscribe, subscribeLength,
	unsubscribeLength, type Subscription,
} from "./packet.js";
import type { Session } from "./session.js";

export class Sender {
	/** Set by the link: the server accepted us, so more than CONNECT may go out. */
	open = false;
	/** Set by the link: once every queued message went out, DISCONNECT does. */
	closing = false;
	/** Set by the link: PINGREQ is to go out. */
	ping = false;
	/** True when DISCONNECT went out, and nothing may follow. */
	left = false;
	/** The message on its way out, -1 for none. */
	current = -1;
	/** Filters of the SUBSCRIBE or UNSUBSCRIBE under way, and the type of its answer. */
	batch: readonly Subscription[] = [];
	answer = 0;
	readonly #session: Session;
	readonly #acks = new Acks();
	/** CONNECT, PINGREQ, SUBSCRIBE, UNSUBSCRIBE or DISCONNECT on its way out. */
	#staged: Uint8Array | undefined;
	/** Bytes of the staged packet or the current message that went out. */
	#written = 0;
	#leaving = false;

	/** CONNECT is the first packet to go out. */
	constructor(session: Session) {
		this.#session = session;
		const { text, writer, connect } = session;
		this.#staged = this.stage(connectLength(text, connect));
		encodeConnect(writer, text, connect);
	}

	/** True when no acknowledgement waits. */
	get flushed(): boolean {
		return this.#acks.length === 0;
	}

	acknowledge(packetId: number): void {
		this.#acks.push(this.#session.writer, PacketType.PUBACK, packetId);
	}

	/** Writes the next outgoing bytes: see `Link.transmit`. */
	transmit(target: Uint8Array, limit: number): number {
		const { writer, inflight } = this.#session;
		let position = 0;
		while (position < limit) {
			if (this.#staged === undefined && this.current < 0 && !this.choose()) {
				if (this.#acks.length === 0) break;
				writer.reset(target, position, limit);
				position += this.#acks.transmit(writer);
				continue;
			}
			const staged = this.#staged;
			const start = (staged === undefined ? inflight.start(this.current) : 0) + this.#written;
			const left = (staged?.byteLength ?? inflight.end(this.current)) - start;
			const count = left < limit - position ? left : limit - position;
			writer.reset(target, position, limit);
			writer.copy(staged ?? inflight.bytes, start, start + count);
			position += count;
			this.#written += count;
			if (count === left) this.finished();
		}
		return position;
	}

	/** Makes the next packet the staged or the current one; false when there is none, or acknowledgements go first. */
	private choose(): boolean {
		if (!this.open || this.left || this.#acks.length > 0) return false;
		const { inflight, receiveMaximum, pendingId } = this.#session;
		if (this.ping) {
			this.ping = false;
			this.stageBare(PacketType.PINGREQ);
			return true;
		}
		if (pendingId === 0 && !this.closing && this.stageSubscriptions()) return true;
		const { next } = inflight;
		if (next < 0) {
			if (!this.closing) return false;
			this.#leaving = true;
			this.stageBare(PacketType.DISCONNECT);
			return true;
		}
		// Over the maximum it waits until earlier ones are acknowledged.
		if (inflight.unacknowledged >= receiveMaximum && inflight.acknowledgeable(next)) return false;
		this.current = next;
		this.#written = 0;
		return true;
	}

	private finished(): void {
		if (this.#staged === undefined) {
			this.#session.inflight.sent(this.current);
			this.current = -1;
			return;
		}
		this.#staged = undefined;
		this.left = this.#leaving;
	}

	/** A packet of `length` bytes, to be written with the session's writer. */
	private stage(length: number): Uint8Array {
		const packet = new Uint8Array(length);
		this.#session.writer.reset(packet, 0, length);
		this.#written = 0;
		return packet;
	}

	private stageBare(type: number): void {
		this.#staged = this.stage(BARE_LENGTH);
		encodeBare(this.#session.writer, type);
	}

	/** True when a SUBSCRIBE or an UNSUBSCRIBE was staged. */
	private stageSubscriptions(): boolean {
		const { subscriptions, inflight, text, writer } = this.#session;
		let batch = subscriptions.takeWanted();
		const wanted = batch.length > 0;
		if (!wanted) batch = subscriptions.takeUnwanted();
		if (batch.length === 0) return false;
		const id = inflight.nextId(0);
		this.#staged = this.stage(wanted ? subscribeLength(text, batch) : unsubscribeLength(text, batch));
		(wanted ? encodeSubscribe : encodeUnsubscribe)(writer, text, id, batch);
		this.batch = batch;
		this.answer = wanted ? PacketType.SUBACK : PacketType.UNSUBACK;
		this.#session.pendingId = id;
		return true;
	}
}
