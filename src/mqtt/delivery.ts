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
import { decodePublish, publishHeadLength } from "./packet.js";
import type { Sender } from "./sender.js";
import type { Session } from "./session.js";

export class Delivery {
	readonly #session: Session;
	readonly #sender: Sender;
	readonly #event: MQTTEvent;
	#aliases: IncomingAliases | undefined;
	/** A message that the application has in hand, 0 for none: to be settled when it comes back for the next event. */
	delivered = 0;
	#answer = 0;
	/** Of the message that comes in fragments: events of other messages may come in between. */
	#packetId = 0;
	/** The fragments that follow are of a message that was delivered before. */
	#skipping = false;

	constructor(session: Session, sender: Sender, event: MQTTEvent) {
		this.#session = session;
		this.#sender = sender;
		this.#event = event;
	}

	/** Acknowledges what was delivered. */
	settle(): void {
		this.#sender.acknowledge(this.#answer, this.delivered, Reason.SUCCESS);
		this.delivered = 0;
	}

	/**
	 * A message, or the beginning of one: `framer` knows how much remains.
	 * @param open false: what it says about aliases is noted, and the server keeps it for the next connection
	 * @throws DeviceError as `decodePublish`; `too-large` when not all before the payload is there
	 */
	message(framer: Framer, open: boolean): MQTTEvent | undefined {
		const event = this.#event;
		const reader = this.#session.reader;
		const header = framer.header;
		const end = framer.end;
		const remaining = framer.remaining;
		reader.reset(framer.bytes, framer.start, end);
		if (remaining > 0) this.checkHead(framer);
		decodePublish(event, header, reader);
		const alias = event.properties?.topicAlias;
		if (alias !== undefined) {
			this.#aliases ??= new IncomingAliases(this.#session.topicAliasMaximum);
			this.#aliases.resolve(event, alias);
		}
		if (!open) return undefined;
		const qos = event.qos;
		this.#skipping = qos === 2 && this.#session.received.has(event.packetId);
		if (qos !== 0 && event.protocol === 5 && !this.#skipping) this.checkQuota();
		event.type = EventType.MESSAGE;
		event.bytes = framer.bytes;
		event.end = end;
		event.offset = 0;
		event.total = end - event.start + remaining;
		this.#packetId = event.packetId;
		return this.deliver(remaining);
	}

	private checkHead({ header, bytes, start, end }: Framer): void {
		const { reader, packetBuffer, connect } = this.#session;
		if (publishHeadLength(connect.protocol, header, reader) > end - start) {
			throw new DeviceError("too-large", `the head of a message does not fit ${packetBuffer} bytes`);
		}
		reader.reset(bytes, start, end);
	}

	/** More of the message before; `open` as above. */
	fragment(framer: Framer, open: boolean): MQTTEvent | undefined {
		if (!open) return undefined;
		const event = this.#event;
		const { bytes, start, end, remaining } = framer;
		event.type = EventType.MESSAGE;
		event.packetId = this.#packetId;
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
		const qos = event.qos;
		if (qos === 0) return event;
		this.delivered = event.packetId;
		this.#answer = qos === 1 ? PacketType.PUBACK : PacketType.PUBREC;
		if (qos === 1) return event;
		if (!this.#skipping) {
			this.#session.accept(event.packetId);
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
		const { received, receiveMaximum } = session;
		const { acks } = this.#sender;
		if (session.overrun || received.underway + acks.length < receiveMaximum) return;
		if (received.underway + acks.pubacks < receiveMaximum) return;
		session.overrun = true;
		throw new DeviceError("violation", `over ${receiveMaximum} messages unacknowledged`, {
			detail: Reason.RECEIVE_MAXIMUM_EXCEEDED,
		});
	}
}
