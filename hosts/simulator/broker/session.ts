// SPDX-License-Identifier: Apache-2.0
/**
 * What the broker knows of one client and what, when the client asked for it, outlives its connection:
 * subscriptions, messages that wait, messages in flight, QoS 2 identifiers received, a will that is not due yet.
 *
 * Pure. The same for both versions of the protocol: a session may be resumed by the other one.
 * Spec: MQTT 3.1.1 §3.1.2.4, §4.3, §4.4, §4.6; MQTT 5 §4.1, §4.3, §4.9. Messages leave in the order of their arrival; a
 * message that waits for room in flight holds back those behind it, QoS 0 too, because a client may rely on the order
 * of one topic.
 * Memory: bounded by the limits; identifiers received at QoS 2 by their 16 bits.
 */
import type { Packet, ProtocolVersion } from "./codec.js";
import type { BrokerLimits } from "./limits.js";
import type { Delivery, Message, Statistics, Subscriber, Subscription } from "./message.js";
import { isExpired } from "./message.js";
import { FAILURE, REASON } from "./reasons.js";

/** The connection, as far as a session sees it. */
export interface Link {
	/** False while the network takes no more; messages then wait in the session. */
	readonly writable: boolean;
	/** QoS 1 and 2 messages that the client takes before it acknowledges one. */
	readonly receiveMaximum: number;
	transmit(packet: Packet): void;
	/**
	 * Counts one more publication to the client, of those that waited while it was away or of the others.
	 * @returns false when it is too early for one; `flush` is called when it no longer is
	 */
	takeTurn(hasWaited: boolean): boolean;
	/** @returns false when the message is larger than the client takes; it was not sent */
	publish(delivery: Delivery, packetId: number | undefined, duplicate: boolean): boolean;
}

/** The time as the broker was last told. */
export interface LastTime { now: number }

interface Inflight {
	readonly delivery: Delivery;
	/** From PUBREC until PUBCOMP, when only the identifier still matters. */
	released: boolean;
	/** Sent as a PUBLISH on this connection, so that it counts against the client's receive maximum. */
	isOutstanding: boolean;
}

const PACKET_ID_MAXIMUM = 0xFFFF;

export class Session implements Subscriber {
	readonly clientId: string;
	/** In which it was begun. */
	readonly version: ProtocolVersion;
	/** Milliseconds that it outlives its connection: 0 ends with it, `Infinity` stays. */
	expiry = 0;
	/** While the client is away: when the session ends. */
	endsAt = Infinity;
	/** A will that waits for its delay while the client is away. */
	will: { readonly publish: (now: number) => void; readonly at: number } | undefined;
	readonly subscriptions = new Map<string, Subscription>();
	readonly #limits: BrokerLimits;
	readonly #statistics: Statistics;
	readonly #time: LastTime;
	readonly #queue: Delivery[] = [];
	#queueBytes = 0;
	readonly #inflight = new Map<number, Inflight>();
	readonly #received = new Set<number>();
	#repeat: number[] = [];
	#outstanding = 0;
	/** Of the queue's messages, those that came while the client was away. */
	#backlog = 0;
	#packetId = 0;
	#link: Link | undefined;

	constructor({ clientId, version }: { clientId: string; version: ProtocolVersion }, limits: BrokerLimits, statistics: Statistics, time: LastTime) {
		this.clientId = clientId;
		this.version = version;
		this.#limits = limits;
		this.#statistics = statistics;
		this.#time = time;
	}

	get connected(): boolean { return this.#link !== undefined; }
	get waiting(): number { return this.#queue.length; }
	get inflight(): number { return this.#inflight.size; }

	/** The client is here: what it did not acknowledge on an earlier connection goes out again, then what waits. */
	attach(link: Link): void {
		this.#link = link;
		this.#outstanding = 0;
		this.#backlog = this.#queue.length;
		for (const inflight of this.#inflight.values()) inflight.isOutstanding = false;
		this.#repeat = [...this.#inflight.keys()];
		this.flush();
	}

	detach(): void {
		this.#link = undefined;
		// QoS 0 is not kept for a client that is away.
		const kept = this.#queue.filter(({ qos }) => qos > 0);
		this.#queue.length = 0;
		this.#queueBytes = 0;
		for (const delivery of kept) this.#enqueue(delivery);
	}

	deliver(delivery: Delivery): void {
		if (delivery.qos === 0 && !this.#link) return;
		if (!this.#enqueue(delivery)) {
			this.#statistics.dropped++;
			return;
		}
		this.flush();
	}

	/** Sends what may be sent now. */
	flush(): void {
		const link = this.#link;
		if (!link) return;
		while (link.writable && this.#repeat.length > 0) {
			if (this.#inflight.has(this.#repeat[0]!) && !link.takeTurn(true)) return;
			if (!this.#sendAgain(link, this.#repeat[0]!)) return;
			this.#repeat.shift();
		}
		while (link.writable && this.#queue.length > 0) {
			const delivery = this.#queue[0]!;
			const isLate = isExpired(delivery.message, this.#time.now);
			if (!isLate && delivery.qos > 0 && !this.#hasRoomInFlight(link)) return;
			if (!isLate && !link.takeTurn(this.#backlog > 0)) return;
			this.#queue.shift();
			this.#queueBytes -= delivery.message.payload.byteLength;
			if (this.#backlog > 0) this.#backlog--;
			if (isLate) this.#statistics.expired++;
			else this.#sendFirst(link, delivery);
		}
	}

	/** PUBACK. An unknown identifier is the answer to a repetition, and no error. */
	acknowledge(packetId: number): boolean {
		const inflight = this.#inflight.get(packetId);
		if (inflight && inflight.delivery.qos !== 1) return false;
		this.#finish(packetId);
		return true;
	}

	/**
	 * PUBREC: from here on only the identifier is kept; a refusal ends the message ([MQTT-4.3.3-4]). Answered even when
	 * unknown, or the client would ask for ever.
	 */
	release(packetId: number, reasonCode: number): boolean {
		const inflight = this.#inflight.get(packetId);
		if (inflight && inflight.delivery.qos !== 2) return false;
		if (reasonCode >= FAILURE) {
			this.#finish(packetId);
			return true;
		}
		if (inflight) inflight.released = true;
		this.#link?.transmit({ cmd: "pubrel", messageId: packetId, reasonCode: inflight ? REASON.success : REASON.packetIdentifierNotFound });
		return true;
	}

	/** PUBCOMP. */
	complete(packetId: number): boolean {
		const inflight = this.#inflight.get(packetId);
		if (inflight && !inflight.released) return false;
		this.#finish(packetId);
		return true;
	}

	/** A QoS 2 PUBLISH came in. @returns true the first time: only then it is routed ([MQTT-4.3.3-2] of 3.1.1) */
	receive(packetId: number): boolean {
		if (this.#received.has(packetId)) return false;
		this.#received.add(packetId);
		return true;
	}

	hasReceived(packetId: number): boolean { return this.#received.has(packetId); }

	/** PUBREL: the identifier may be used for another message. @returns false when it was not in use */
	forget(packetId: number): boolean {
		return this.#received.delete(packetId);
	}

	/**
	 * The session ends: what another member of a shared subscription should get instead. Not what was sent at QoS 2,
	 * which this client may have ([MQTT-4.8.2-5]).
	 */
	takeShared(): Delivery[] {
		const sent = [...this.#inflight.values()].map(({ delivery }) => delivery).filter(({ qos }) => qos === 1);
		return [...sent, ...this.#queue.splice(0)].filter(({ share }) => share !== undefined);
	}

	#hasRoomInFlight(link: Link): boolean {
		return this.#inflight.size < this.#limits.inflightMaximum && this.#outstanding < link.receiveMaximum;
	}

	#finish(packetId: number): void {
		if (this.#inflight.get(packetId)?.isOutstanding) this.#outstanding--;
		this.#inflight.delete(packetId);
		this.flush();
	}

	#enqueue(delivery: Delivery): boolean {
		const bytes = delivery.message.payload.byteLength;
		if (!this.#hasRoomFor(bytes)) this.#dropExpired();
		if (!this.#hasRoomFor(bytes)) return false;
		this.#queue.push(delivery);
		this.#queueBytes += bytes;
		return true;
	}

	#hasRoomFor(bytes: number): boolean {
		return this.#queue.length < this.#limits.queueMaximum && this.#queueBytes + bytes <= this.#limits.queueBytesMaximum;
	}

	#dropExpired(): void {
		const kept = this.#queue.filter(({ message }) => !isExpired(message, this.#time.now));
		this.#statistics.expired += this.#queue.length - kept.length;
		this.#queue.length = 0;
		this.#queue.push(...kept);
		this.#queueBytes = kept.reduce((bytes, { message }: { message: Message }) => bytes + message.payload.byteLength, 0);
	}

	#sendFirst(link: Link, delivery: Delivery): void {
		if (delivery.qos === 0) {
			this.#send(link, delivery, undefined, false);
			return;
		}
		const packetId = this.#nextPacketId();
		if (!this.#send(link, delivery, packetId, false)) return;
		this.#inflight.set(packetId, { delivery, released: false, isOutstanding: true });
		this.#outstanding++;
	}

	/** Expiry no longer matters: delivery has begun. @returns false when it must wait for the client */
	#sendAgain(link: Link, packetId: number): boolean {
		const inflight = this.#inflight.get(packetId);
		if (!inflight) return true;
		if (inflight.released) {
			link.transmit({ cmd: "pubrel", messageId: packetId, reasonCode: REASON.success });
			return true;
		}
		if (this.#outstanding >= link.receiveMaximum) return false;
		if (!this.#send(link, inflight.delivery, packetId, true)) {
			this.#inflight.delete(packetId);
			return true;
		}
		inflight.isOutstanding = true;
		this.#outstanding++;
		return true;
	}

	/** [MQTT-3.1.2-25]: what is too large for the client counts as sent. */
	#send(link: Link, delivery: Delivery, packetId: number | undefined, duplicate: boolean): boolean {
		const isSent = link.publish(delivery, packetId, duplicate);
		if (isSent) this.#statistics.delivered++;
		else this.#statistics.dropped++;
		return isSent;
	}

	/** The next identifier that is not in use; there is one, as far fewer than 65,535 are in flight. */
	#nextPacketId(): number {
		do this.#packetId = this.#packetId % PACKET_ID_MAXIMUM + 1;
		while (this.#inflight.has(this.#packetId));
		return this.#packetId;
	}
}
