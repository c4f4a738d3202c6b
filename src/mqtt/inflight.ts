// SPDX-License-Identifier: Apache-2.0
/**
 * Outgoing messages: encoded once, kept in order until the protocol is done with them, and sent again from where
 * they lie when a connection was lost. Also the one place that hands out packet identifiers.
 *
 * Survives connections. Memory: the ring alone; a message that does not fit is refused, never dropped.
 * Read first: MQTT 3.1.1 §2.3.1, §4.4, §4.6.
 */
import { Ring } from "../bytes/ring.js";
import type { Writer } from "../bytes/writer.js";
import type { TextCodec } from "../host.js";
import type { QoS } from "./constants.js";
import { encodePublish, publishLength, type Payload } from "./packet.js";

/** Not sent on this connection. */
const QUEUED = 1;
/** Sent, not acknowledged. */
const SENT = 2;
const DUPLICATE = 0x08;
const PACKET_ID_MAXIMUM = 0xffff;

export class Inflight {
	/** Messages sent and not acknowledged. */
	unacknowledged = 0;
	readonly #ring: Ring;
	readonly #writer: Writer;
	readonly #text: TextCodec;
	/** The oldest message not sent on this connection; all after it are not sent either. -1: none. */
	#next = -1;
	#lastId = 0;

	constructor(capacity: number, writer: Writer, text: TextCodec) {
		this.#ring = new Ring(capacity);
		this.#writer = writer;
		this.#text = text;
	}

	get bytes(): Uint8Array {
		return this.#ring.bytes;
	}

	/** True when nothing waits to be sent or acknowledged. */
	get empty(): boolean {
		return this.#ring.count === 0;
	}

	/** An identifier that no message holds, and that is not `taken`. Spec: [MQTT-2.3.1-2]. */
	nextId(taken: number): number {
		do {
			this.#lastId = this.#lastId === PACKET_ID_MAXIMUM ? 1 : this.#lastId + 1;
		} while (this.#lastId === taken || this.holds(this.#lastId));
		return this.#lastId;
	}

	/** Looks at all: subscriptions take identifiers too, so that those of the messages have gaps. */
	private holds(id: number): boolean {
		const ring = this.#ring;
		for (let offset = ring.first(); offset >= 0; offset = ring.after(offset)) {
			if (ring.id(offset) === id) return true;
		}
		return false;
	}

	/**
	 * Queues a message.
	 * @param taken an identifier in use elsewhere, 0 for none
	 * @returns its packet identifier (0 at QoS 0), or -1 when there is no room now
	 * @throws DeviceError `argument`
	 */
	append(topic: string, payload: Payload, qos: QoS, retain: boolean, taken: number): number {
		const length = publishLength(this.#text, topic, payload, qos);
		const offset = this.#ring.reserve(length);
		if (offset < 0) return -1;
		const id = qos === 0 ? 0 : this.nextId(taken);
		const start = this.#ring.start(offset);
		this.#writer.reset(this.#ring.bytes, start, start + length);
		encodePublish(this.#writer, length, topic, payload, qos, retain, id);
		this.#ring.commit(offset, length, QUEUED, id);
		if (this.#next < 0) this.#next = offset;
		return id;
	}

	/** True when a message of `length` bytes could be queued once all others are gone. */
	fits(topic: string, payload: Payload, qos: QoS): boolean {
		return this.#ring.fits(publishLength(this.#text, topic, payload, qos));
	}

	/** The next message to send, as the offset that `start`, `end` and `sent` take; -1 for none. */
	get next(): number {
		return this.#next;
	}

	start(offset: number): number {
		return this.#ring.start(offset);
	}

	end(offset: number): number {
		return this.#ring.start(offset) + this.#ring.length(offset);
	}

	/** True when the message asks for an acknowledgement. */
	acknowledgeable(offset: number): boolean {
		return this.#ring.id(offset) !== 0;
	}

	/** Notes that all of the next message was sent; at QoS 0 that is the end of it. */
	sent(offset: number): void {
		this.#next = this.#ring.after(offset);
		if (this.acknowledgeable(offset)) {
			this.#ring.setState(offset, SENT);
			this.unacknowledged++;
		} else {
			this.#ring.release(offset);
		}
	}

	/** Ends the message with this identifier. False when none waits: a late or foreign acknowledgement. */
	acknowledge(packetId: number): boolean {
		const ring = this.#ring;
		for (let offset = ring.first(); offset >= 0 && ring.state(offset) === SENT; offset = ring.after(offset)) {
			if (ring.id(offset) !== packetId) continue;
			ring.release(offset);
			this.unacknowledged--;
			return true;
		}
		return false;
	}

	/**
	 * After a lost connection: what was sent and not acknowledged is to be sent again, in the original order
	 * [MQTT-4.6.0-1]; what asked for no acknowledgement is gone.
	 * @param partial offset of the message of which some bytes went out, -1 for none
	 */
	rewind(partial: number): void {
		const ring = this.#ring;
		this.unacknowledged = 0;
		let following = -1;
		for (let offset = ring.first(); offset >= 0; offset = following) {
			following = ring.after(offset);
			if (ring.id(offset) === 0) {
				ring.release(offset);
			} else {
				// The peer may have it already when only the acknowledgement was lost [MQTT-3.3.1-1].
				if (ring.state(offset) === SENT || offset === partial) ring.mark(offset, DUPLICATE);
				ring.setState(offset, QUEUED);
			}
		}
		this.#next = ring.first();
	}

	/** The server has no session of ours: what is to be sent again is new to it [MQTT-3.1.2-6]. */
	renew(): void {
		const ring = this.#ring;
		for (let offset = ring.first(); offset >= 0; offset = ring.after(offset)) ring.unmark(offset, DUPLICATE);
	}
}
