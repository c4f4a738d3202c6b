// SPDX-License-Identifier: Apache-2.0
/**
 * One connection of an MQTT session, as a pure state machine: bytes and time in, bytes and events out.
 *
 * Made when a stream is connected and thrown away when it is lost, so nothing here can leak into the next one.
 * The driver's loop after every input: drain `next`, fill `transmit`, set one timer to `deadline`.
 * It calls `expire` with the time before it transmits, and delivers more bytes only when `next` gave `undefined`
 * and everything that `transmit` offered went out.
 * Read first: MQTT 3.1.1 §3.1, §3.2, §3.12, §4.3, §4.8.
 */
import { DeviceError, toDeviceError } from "../base/error.js";
import { PacketType } from "./constants.js";
import { EventType, MQTTEvent } from "./event.js";
import { Frame, Framer } from "./framer.js";
import { decodePacket, Packet } from "./packet.js";
import { Sender } from "./sender.js";
import type { Session } from "./session.js";

/** ms within which CONNACK, PINGRESP, SUBACK and UNSUBACK must come. */
export const RESPONSE_TIMEOUT = 20_000;
/** A ping goes out this part of the keep alive early, so that a late timer does not exceed it. */
const PING_MARGIN = 1 / 8;

/** CLOSING: what is queued goes out, nothing is delivered any more. */
const State = Object.freeze({ CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 });

const REFUSALS = Object.freeze([
	"", "unacceptable protocol version", "client identifier rejected", "server unavailable",
	"bad user name or password", "not authorised",
]);

export class Link {
	readonly #session: Session;
	readonly #framer: Framer;
	readonly #packet = new Packet();
	readonly #event = new MQTTEvent();
	readonly #sender: Sender;
	#state: number = State.CONNECTING;
	#now: number;
	#lastSent: number;
	#lastReceived: number;
	/** When CONNACK, SUBACK or UNSUBACK is overdue, and when PINGRESP is. */
	#answerDue: number;
	#pongDue = Infinity;
	/** While a SUBACK or UNSUBACK is reported: filters still to report. */
	#reporting = 0;
	/** A message at QoS 1 that the application has in hand: acknowledged when it comes back for the next event. */
	#delivered = 0;
	#failure: DeviceError | undefined;
	/** Whether a session that the server still has is the one we know. */
	readonly #familiar: boolean;

	/** @param now monotonic ms */
	constructor(session: Session, now: number) {
		this.#session = session;
		this.#framer = new Framer(session.reader, session.packetBuffer, session.maximumPacketSize);
		this.#now = this.#lastSent = this.#lastReceived = now;
		this.#answerDue = now + RESPONSE_TIMEOUT;
		this.#familiar = !session.connecting;
		session.connecting = true;
		this.#sender = new Sender(session);
	}

	/** True between CONNACK and the end. */
	get open(): boolean {
		return this.#state === State.OPEN;
	}

	/** True when all went out that could: only then may the driver deliver more bytes. */
	get flushed(): boolean {
		return this.#sender.flushed;
	}

	/** True when the link is over and the event that says so was not taken yet. */
	get failed(): boolean {
		return this.#failure !== undefined && this.#state !== State.CLOSED;
	}

	/** Takes `bytes[start, end)`, borrowed until `next` gives `undefined`. */
	receive(bytes: Uint8Array, start: number, end: number, now: number): void {
		this.#now = now;
		this.#lastReceived = now;
		// A long message may stand before the answer: what arrives at all shows that the peer is there.
		if (this.#pongDue !== Infinity) this.#pongDue = now + RESPONSE_TIMEOUT;
		this.#framer.push(bytes, start, end);
	}

	/** Monotonic ms at which `expire` has something to do (0: at once, there is an event), or `Infinity`. */
	get deadline(): number {
		if (this.#failure !== undefined) return this.#state === State.CLOSED ? Infinity : 0;
		return Math.min(this.#answerDue, this.#pongDue, this.pingDue);
	}

	/** Does what is due; early calls are harmless. */
	expire(now: number): void {
		this.#now = now;
		if (this.#state === State.CLOSED) return;
		if (now >= this.#answerDue || now >= this.#pongDue) {
			this.fail(new DeviceError("timeout", `no answer from the server within ${RESPONSE_TIMEOUT} ms`));
		} else if (now >= this.pingDue) {
			this.#sender.ping = true;
			this.#pongDue = Math.min(this.#pongDue, now + RESPONSE_TIMEOUT);
		}
	}

	/**
	 * From the last byte sent, as the server counts; and from the last received, or a half-open link stays unseen.
	 * While an answer is awaited the server counts on: a long message may hold the answer up beyond the keep alive.
	 */
	private get pingDue(): number {
		const keepAlive = this.#session.connect.keepAliveSeconds * 1000;
		if (keepAlive === 0 || this.#sender.ping || this.#state !== State.OPEN) return Infinity;
		const last = this.#pongDue === Infinity ? Math.min(this.#lastSent, this.#lastReceived) : this.#lastSent;
		return last + keepAlive - Math.floor(keepAlive * PING_MARGIN);
	}

	/**
	 * The next event, or `undefined`: the record is used again, and its bytes are borrowed until the next call.
	 * Asking for the next event acknowledges the message before it.
	 */
	next(): MQTTEvent | undefined {
		if (this.#failure === undefined) {
			try {
				const event = this.advance();
				if (event !== undefined) return event;
			} catch (error) {
				this.fail(toDeviceError(error, "internal", "receiving failed"));
			}
		}
		if (this.#failure === undefined || this.#state === State.CLOSED) return undefined;
		this.end();
		this.#event.type = EventType.CLOSED;
		this.#event.error = this.#failure;
		return this.#event;
	}

	/** Ends the link because its stream did, or because the driver gives up. The event follows from `next`. */
	lost(error: DeviceError): void {
		this.fail(error);
	}

	/**
	 * Says goodbye: DISCONNECT goes out once every queued message did, and is the last packet. Nothing is delivered
	 * from here on.
	 */
	disconnect(): void {
		if (this.#state === State.CONNECTING) this.fail(new DeviceError("closed", "closed before it was connected"));
		else if (this.#state === State.OPEN) this.#state = State.CLOSING;
		this.#sender.closing = true;
	}

	/**
	 * Writes the next outgoing bytes into `target` from index 0.
	 * @param limit bytes that may be written, at most `target.byteLength`
	 * @returns bytes written, 0 when there is nothing to send or no room for it
	 */
	transmit(target: Uint8Array, limit: number): number {
		if (this.#failure !== undefined) return 0;
		const sender = this.#sender;
		const session = this.#session;
		const asked = session.pendingId;
		let count = 0;
		try {
			count = sender.transmit(target, limit);
		} catch (error) {
			this.fail(toDeviceError(error, "internal", "sending failed"));
		}
		if (count > 0) this.#lastSent = this.#now;
		if (session.pendingId !== asked) this.#answerDue = this.#now + RESPONSE_TIMEOUT;
		if (sender.left) this.fail(new DeviceError("closed", "disconnected as asked"));
		return count;
	}

	private advance(): MQTTEvent | undefined {
		if (this.#delivered !== 0) {
			this.#sender.acknowledge(this.#delivered);
			this.#delivered = 0;
		}
		if (this.#reporting > 0) return this.report();
		const framer = this.#framer;
		for (;;) {
			const frame = framer.next();
			if (frame === Frame.NONE) return undefined;
			const event = frame === Frame.FRAGMENT ? this.fragment() : this.head();
			if (event !== undefined) return event;
		}
	}

	private head(): MQTTEvent | undefined {
		const { header, remaining, bytes, start, end } = this.#framer;
		const length = end - start + remaining;
		if (header >> 4 !== PacketType.PUBLISH && length > this.#session.packetBuffer) {
			throw new DeviceError("too-large", `packet of type ${header >> 4} and ${length} bytes`);
		}
		const { reader } = this.#session;
		reader.reset(bytes, start, end);
		if (remaining > 0 && reader.uint16() + 4 > end - start) {
			throw new DeviceError("too-large", "topic of a message that comes in parts does not fit the packet buffer");
		}
		reader.reset(bytes, start, end);
		const packet = this.#packet;
		decodePacket(packet, header, reader);
		if ((this.#state === State.CONNECTING) !== (packet.type === PacketType.CONNACK)) { // [MQTT-3.2.0-1]
			throw new DeviceError("violation", `packet of type ${packet.type} out of turn`);
		}
		switch (packet.type) {
			case PacketType.CONNACK: return this.connack();
			case PacketType.PUBLISH: return this.message(remaining);
			case PacketType.PUBACK: return this.acknowledged();
			case PacketType.SUBACK:
			case PacketType.UNSUBACK: return this.answered();
			case PacketType.PINGRESP:
				this.#pongDue = Infinity;
				return undefined;
			default: throw new DeviceError("violation", `packet of type ${packet.type} was not asked for`);
		}
	}

	private connack(): MQTTEvent {
		const { reasonCode, sessionPresent } = this.#packet;
		const { connect, subscriptions } = this.#session;
		if (reasonCode !== 0) {
			throw new DeviceError("rejected", `refused by the server: ${REFUSALS[reasonCode]}`, { detail: reasonCode });
		}
		if (sessionPresent && connect.cleanStart) {
			throw new DeviceError("violation", "session present after a clean start"); // [MQTT-3.2.2-1]
		}
		this.#state = State.OPEN;
		this.#sender.open = true;
		this.#answerDue = Infinity;
		this.#session.connecting = false;
		subscriptions.reset(sessionPresent && this.#familiar);
		if (!sessionPresent) this.#session.inflight.renew();
		this.#event.type = EventType.CONNECTED;
		this.#event.sessionPresent = sessionPresent;
		return this.#event;
	}

	private message(remaining: number): MQTTEvent | undefined {
		const packet = this.#packet;
		const event = this.#event;
		if (packet.qos === 2) throw new DeviceError("violation", "message at QoS 2, and none was subscribed to");
		// Not acknowledged either: the server keeps it for the next connection.
		if (this.#state !== State.OPEN) return undefined;
		const { bytes, end } = this.#framer;
		event.type = EventType.MESSAGE;
		event.topic = packet.topic;
		event.bytes = bytes;
		event.start = packet.start;
		event.end = end;
		event.offset = 0;
		event.total = end - packet.start + remaining;
		event.qos = packet.qos;
		event.retain = packet.retain;
		event.duplicate = packet.duplicate;
		event.packetId = packet.packetId;
		if (remaining === 0) this.#delivered = packet.packetId;
		// A head that ends with its topic: the first fragment is the one that has bytes.
		else if (event.start === event.end) return undefined;
		return event;
	}

	private fragment(): MQTTEvent | undefined {
		if (this.#state !== State.OPEN) return undefined;
		const event = this.#event;
		const { bytes, start, end, remaining } = this.#framer;
		event.type = EventType.MESSAGE;
		event.bytes = bytes;
		event.start = start;
		event.end = end;
		event.offset = event.total - remaining - (end - start);
		if (remaining === 0) this.#delivered = event.packetId;
		return event;
	}

	private acknowledged(): MQTTEvent | undefined {
		const { packetId } = this.#packet;
		// An acknowledgement that nobody waits for is legal: (1) we send a message, (2) the link is lost before its
		// PUBACK arrives, (3) we send it again on a new one, (4) the server acknowledges both.
		if (!this.#session.inflight.acknowledge(packetId)) return undefined;
		this.#event.type = EventType.ACKNOWLEDGED;
		this.#event.packetId = packetId;
		return this.#event;
	}

	/** SUBACK or UNSUBACK: reported filter by filter. */
	private answered(): MQTTEvent | undefined {
		const { type, packetId, start } = this.#packet;
		const session = this.#session;
		if (packetId !== session.pendingId || type !== this.#sender.answer) return undefined; // [MQTT-2.3.1-7]
		const codes = this.#framer.end - start;
		if (type === PacketType.SUBACK && codes !== this.#sender.batch.length) {
			throw new DeviceError("malformed", `SUBACK with ${codes} codes for ${this.#sender.batch.length} filters`);
		}
		session.pendingId = 0;
		this.#answerDue = Infinity;
		this.#reporting = this.#sender.batch.length;
		return this.report();
	}

	private report(): MQTTEvent {
		const { subscriptions, reader } = this.#session;
		const index = this.#sender.batch.length - this.#reporting--;
		const subscription = this.#sender.batch[index]!;
		const event = this.#event;
		event.filter = subscription.filter;
		if (this.#packet.type === PacketType.SUBACK) {
			const { bytes, end } = this.#framer;
			const at = this.#packet.start + index;
			reader.reset(bytes, at, end);
			event.type = EventType.SUBSCRIBED;
			event.reasonCode = reader.uint8();
			subscriptions.subscribed(subscription, event.reasonCode);
		} else {
			event.type = EventType.UNSUBSCRIBED;
			subscriptions.unsubscribed(subscription);
		}
		return event;
	}

	private fail(error: DeviceError): void {
		this.#failure ??= error;
	}

	/** Leaves the session as the next link needs it. */
	private end(): void {
		this.#state = State.CLOSED;
		this.#session.inflight.rewind(this.#sender.current);
		this.#session.pendingId = 0;
	}
}
