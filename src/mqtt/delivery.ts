// SPDX-License-Identifier: Apache-2.0
/**
 * Incoming messages of one connection: whole or in fragments, each delivered as its quality of service promises.
 *
 * A message is acknowledged when the application comes back for the next event. One at QoS 2 is noted in the session
 * before its last byte is delivered: a reset in between loses what the application had in hand, as the other order
 * would deliver it twice.
 *
 * The receiving half of `Link`, thrown away with it.
 */
import { DeviceError } from "../base/error.js";
import { IncomingAliases } from "./aliases.js";
import { PacketType, Reason } from "./constants.js";
import { EventType, type MQTTEvent } from "./event.js";
import type { Framer } from "./framer.js";
import type { Packet } from "./packet.js";
import type { Sender } from "./sender.js";
import type { Session } from "./session.js";

export class Delivery {
	readonly #session: Session;
	readonly #sender: Sender;
	readonly #event: MQTTEvent;
	#aliases: IncomingAliases | undefined;
	/** A message that the application has in hand: acknowledged when it comes back for the next event. */
	#delivered = 0;
	#answer = 0;
	/** The fragments that follow are of a message that was delivered before. */
	#skipping = false;

	constructor(session: Session, sender: Sender, event: MQTTEvent) {
		this.#session = session;
		this.#sender = sender;
		this.#event = event;
	}

	/** Acknowledges what was delivered. */
	settle(): void {
		if (this.#delivered === 0) return;
		this.#sender.acknowledge(this.#answer, this.#delivered, Reason.SUCCESS);
		this.#delivered = 0;
	}

	/**
	 * A message, or the beginning of one of which `framer` knows how much remains.
	 * @param open false: what it says about aliases is noted, and the server keeps it for the next connection
	 */
	message(packet: Packet, framer: Framer, open: boolean): MQTTEvent | undefined {
		const { properties, qos, packetId } = packet;
		const alias = properties?.topicAlias;
		if (alias !== undefined) {
			this.#aliases ??= new IncomingAliases(this.#session.topicAliasMaximum);
			this.#aliases.resolve(packet, alias);
		}
		if (!open) return undefined;
		const { bytes, end, remaining } = framer;
		this.#skipping = qos === 2 && this.#session.received.has(packetId);
		if (qos !== 0 && packet.protocol === 5 && !this.#skipping) this.checkQuota();
		const event = this.#event;
		event.type = EventType.MESSAGE;
		event.topic = packet.topic;
		event.bytes = bytes;
		event.start = packet.start;
		event.end = end;
		event.offset = 0;
		event.total = end - packet.start + remaining;
		event.qos = qos;
		event.retain = packet.retain;
		event.duplicate = packet.duplicate;
		event.packetId = packetId;
		event.properties = properties;
		return this.deliver(remaining);
	}

	/** More of the message before; `open` as above. */
	fragment(framer: Framer, open: boolean): MQTTEvent | undefined {
		if (!open) return undefined;
		const event = this.#event;
		const { bytes, start, end, remaining } = framer;
		event.type = EventType.MESSAGE;
		event.bytes = bytes;
		event.start = start;
		event.end = end;
		event.offset = event.total - remaining - (end - start);
		return this.deliver(remaining);
	}

	private deliver(remaining: number): MQTTEvent | undefined {
		const event = this.#event;
		if (remaining > 0) {
			// A head that ends with its topic: the first fragment is the one that has bytes.
			return this.#skipping || event.start === event.end ? undefined : event;
		}
		const { qos, packetId } = event;
		if (qos === 0) return event;
		this.#delivered = packetId;
		this.#answer = qos === 1 ? PacketType.PUBACK : PacketType.PUBREC;
		if (qos === 1) return event;
		if (!this.#skipping) {
			this.#session.accept(packetId);
			return event;
		}
		// A copy is answered and not delivered: (1) we answered the message, (2) the link was lost before the server
		// had the answer, (3) it sends the message again on a new one [MQTT-4.3.3-2].
		this.settle();
		return undefined;
	}

	/** Spec: MQTT 5 §4.9 [MQTT-3.3.4-9]. */
	private checkQuota(): void {
		const session = this.#session;
		const { received, receiveMaximum, overrun } = session;
		if (overrun || received.count + this.#sender.acks.pubacks < receiveMaximum) return;
		session.overrun = true;
		throw new DeviceError("violation", `over ${receiveMaximum} messages unacknowledged`, {
			detail: Reason.RECEIVE_MAXIMUM_EXCEEDED,
		});
	}
}
