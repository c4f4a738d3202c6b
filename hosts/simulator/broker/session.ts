// SPDX-License-Identifier: Apache-2.0
/**
 * What the broker knows of one client and what, when the client asked for it, outlives its connection:
 * subscriptions, messages that wait, messages in flight, QoS 2 identifiers received.
 *
 * Pure. Spec: MQTT 3.1.1 §3.1.2.4, §4.3, §4.4, §4.6. Messages leave in the order of their arrival; a message that waits
 * for room in flight holds back those behind it, QoS 0 too, because a client may rely on the order of one topic.
 * Memory: bounded by the limits; identifiers received at QoS 2 by their 16 bits.
 */
import type { Packet, QoS } from "./codec.js";
import { toBuffer } from "./codec.js";
import type { BrokerLimits, Message, Statistics, Subscriber } from "./message.js";

/** The connection, as far as a session sees it. */
export interface Link {
	/** False while the network takes no more; messages then wait in the session. */
	readonly writable: boolean;
	transmit(packet: Packet): void;
}

interface Waiting { message: Message; qos: QoS; retain: boolean }

/** `released` is true from PUBREC until PUBCOMP, when only the identifier still matters. */
interface Inflight extends Waiting { released: boolean }

const PACKET_ID_MAXIMUM = 0xFFFF;

export class Session implements Subscriber {
	readonly clientId: string;
	/** Ends with its connection. */
	readonly clean: boolean;
	readonly subscriptions = new Map<string, QoS>();
	readonly #limits: BrokerLimits;
	readonly #statistics: Statistics;
	readonly #queue: Waiting[] = [];
	#queueBytes = 0;
	readonly #inflight = new Map<number, Inflight>();
	readonly #received = new Set<number>();
	#repeat: number[] = [];
	#packetId = 0;
	#link: Link | undefined;

	constructor(clientId: string, clean: boolean, limits: BrokerLimits, statistics: Statistics) {
		this.clientId = clientId;
		this.clean = clean;
		this.#limits = limits;
		this.#statistics = statistics;
	}

	get connected(): boolean { return this.#link !== undefined; }
	get waiting(): number { return this.#queue.length; }
	get inflight(): number { return this.#inflight.size; }

	/** The client is here: what it did not acknowledge on an earlier connection goes out again, then what waits. */
	attach(link: Link): void {
		this.#link = link;
		this.#repeat = [...this.#inflight.keys()];
		this.flush();
	}

	detach(): void {
		this.#link = undefined;
		// QoS 0 is not kept for a client that is away.
		const kept = this.#queue.filter(waiting => waiting.qos > 0);
		this.#queue.length = 0;
		this.#queueBytes = 0;
		for (const waiting of kept) this.#enqueue(waiting);
	}

	deliver(message: Message, qos: QoS, retain: boolean): void {
		if (qos === 0 && !this.#link) return;
		if (!this.#enqueue({ message, qos, retain })) {
			this.#statistics.dropped++;
			return;
		}
		this.flush();
	}

	/** Sends what may be sent now. */
	flush(): void {
		const link = this.#link;
		if (!link) return;
		while (link.writable && this.#repeat.length > 0) this.#sendAgain(link, this.#repeat.shift()!);
		while (link.writable && this.#queue.length > 0) {
			if (this.#queue[0]!.qos > 0 && this.#inflight.size >= this.#limits.inflightMaximum) return;
			const waiting = this.#queue.shift()!;
			this.#queueBytes -= waiting.message.payload.byteLength;
			this.#sendFirst(link, waiting);
		}
	}

	/** PUBACK. An unknown identifier is the answer to a repetition, and no error. */
	acknowledge(packetId: number): boolean {
		const inflight = this.#inflight.get(packetId);
		if (inflight && inflight.qos !== 1) return false;
		this.#inflight.delete(packetId);
		this.flush();
		return true;
	}

	/** PUBREC: from here on only the identifier is kept. Answered even when unknown, or the client would ask for ever. */
	release(packetId: number): boolean {
		const inflight = this.#inflight.get(packetId);
		if (inflight) {
			if (inflight.qos !== 2) return false;
			inflight.released = true;
		}
		this.#link?.transmit({ cmd: "pubrel", messageId: packetId });
		return true;
	}

	/** PUBCOMP. */
	complete(packetId: number): boolean {
		const inflight = this.#inflight.get(packetId);
		if (inflight && !inflight.released) return false;
		this.#inflight.delete(packetId);
		this.flush();
		return true;
	}

	/** A QoS 2 PUBLISH came in. @returns true the first time: only then it is routed ([MQTT-4.3.3-2]) */
	receive(packetId: number): boolean {
		if (this.#received.has(packetId)) return false;
		this.#received.add(packetId);
		return true;
	}

	/** PUBREL: the identifier may be used for another message. */
	forget(packetId: number): void {
		this.#received.delete(packetId);
	}

	#enqueue(waiting: Waiting): boolean {
		const bytes = waiting.message.payload.byteLength;
		if (this.#queue.length >= this.#limits.queueMaximum || this.#queueBytes + bytes > this.#limits.queueBytesMaximum) return false;
		this.#queue.push(waiting);
		this.#queueBytes += bytes;
		return true;
	}

	#sendFirst(link: Link, waiting: Waiting): void {
		if (waiting.qos === 0) {
			this.#sendPublish(link, waiting, undefined, false);
			return;
		}
		const packetId = this.#nextPacketId();
		this.#inflight.set(packetId, { ...waiting, released: false });
		this.#sendPublish(link, waiting, packetId, false);
	}

	#sendAgain(link: Link, packetId: number): void {
		const inflight = this.#inflight.get(packetId);
		if (!inflight) return;
		if (inflight.released) link.transmit({ cmd: "pubrel", messageId: packetId });
		else this.#sendPublish(link, inflight, packetId, true);
	}

	#sendPublish(link: Link, { message, qos, retain }: Waiting, packetId: number | undefined, duplicate: boolean): void {
		this.#statistics.delivered++;
		link.transmit({
			cmd: "publish", topic: message.topic, payload: toBuffer(message.payload), qos, retain, dup: duplicate,
			...(packetId === undefined ? {} : { messageId: packetId }),
		});
	}

	/** The next identifier that is not in use; there is one, as far fewer than 65,535 are in flight. */
	#nextPacketId(): number {
		do this.#packetId = this.#packetId % PACKET_ID_MAXIMUM + 1;
		while (this.#inflight.has(this.#packetId));
		return this.#packetId;
	}
}
