// SPDX-License-Identifier: Apache-2.0
/**
 * One connection of an MQTT session, as a pure state machine: bytes and time in, bytes and events out.
 *
 * Made when a stream is connected and thrown away when it is lost, so nothing here can leak into the next one.
 * The driver's loop after every input: drain `next`, fill `transmit`, set one timer to `due`.
 * It tells the time with `receive` or `expire` before it transmits, and delivers more bytes only when `next` gave
 * `undefined` and everything that `transmit` offered went out.
 * Read first: MQTT 3.1.1 §3.1, §3.2, §3.12, §4.3, §4.8; MQTT 5 §4.12, §4.13.
 */
import { DeviceError, toDeviceError } from "../base/error.js";
import { PacketType, Reason, SUBSCRIBE_ID } from "./constants.js";
import { Delivery } from "./delivery.js";
import { EventType, MQTTEvent } from "./event.js";
import { Frame, Framer } from "./framer.js";
import { decodePacket } from "./packet.js";
import { disconnectReason, refusal } from "./reason.js";
import { Sender } from "./sender.js";
import type { Session } from "./session.js";

/** ms within which CONNACK, PINGRESP, SUBACK, UNSUBACK and AUTH must come. */
export const RESPONSE_TIMEOUT = 20_000;
/** ms that telling the server what it did wrong may take. */
const PARTING_TIMEOUT = 2_000;
/** A ping goes out this part of the keep alive early, so that a late timer does not exceed it. */
const PING_MARGIN = 1 / 8;

/** CLOSING: what is queued goes out, nothing is delivered any more. */
const State = Object.freeze({ CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 });

export class Link {
	readonly #session: Session;
	readonly #framer: Framer;
	/** Packets are decoded into it, too. */
	readonly #event: MQTTEvent;
	readonly #sender: Sender;
	readonly #delivery: Delivery;
	#state: number = State.CONNECTING;
	#now: number;
	#lastSent: number;
	#lastReceived: number;
	/** ms; what the server said goes before what we asked for. */
	#keepAlive: number;
	/** When CONNACK, SUBACK, UNSUBACK or AUTH is overdue, and when PINGRESP is. */
	#answerDue: number;
	#pongDue = Infinity;
	#pingedAt = 0;
	/** When DISCONNECT must leave, whatever else waits; and when we go without it having left. */
	#leaveDue = Infinity;
	/** While a SUBACK or UNSUBACK is reported: filters still to report. */
	#reporting = 0;
	#failure: DeviceError | undefined;
	/**
	 * Monotonic ms before which `expire` has nothing to do: the deadline or earlier, as traffic moves that on with each
	 * message, and this not at all.
	 */
	due: number;
	/** The server is being told about the failure. */
	#parting = false;
	/** Whether a session that the server still has is the one we know. */
	readonly #familiar: boolean;

	/** @param now monotonic ms */
	constructor(session: Session, now: number) {
		this.#session = session;
		this.#framer = new Framer(session.reader, session.packetBuffer, session.maximumPacketSize);
		this.#event = new MQTTEvent(session.connect.protocol);
		this.#now = this.#lastSent = this.#lastReceived = now;
		this.#answerDue = this.due = now + RESPONSE_TIMEOUT;
		this.#familiar = session.beginConnect();
		this.#keepAlive = session.connect.keepAliveSeconds * 1000;
		this.#sender = new Sender(session);
		this.#delivery = new Delivery(session, this.#sender, this.#event);
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
		return this.#failure !== undefined && !this.#parting && this.#state !== State.CLOSED;
	}

	/** Takes `bytes[start, end)`, borrowed until `next` gives `undefined`. */
	receive(bytes: Uint8Array, start: number, end: number, now: number): void {
		this.#now = now;
		this.#lastReceived = now;
		// A long message may stand before the answer: what arrives at all shows that the peer is there.
		if (this.#pongDue !== Infinity) this.#pongDue = now + RESPONSE_TIMEOUT;
		if (this.#answerDue === Infinity && this.#sender.answer !== 0) this.awaitAnswer();
		this.#framer.push(bytes, start, end);
	}

	/** Nothing goes on: lets go of the driver's buffer, and of what else can be made again. */
	rest(): void {
		const { reader, writer, outbox } = this.#session;
		this.#framer.clear();
		this.#event.clear();
		reader.clear();
		writer.clear();
		outbox.shrink();
	}

	/** Monotonic ms at which `expire` has something to do (0: at once, there is an event), or `Infinity`. */
	get deadline(): number {
		if (this.#parting) return this.#leaveDue;
		if (this.#failure !== undefined) return this.#state === State.CLOSED ? Infinity : 0;
		return Math.min(this.#answerDue, this.#pongDue, this.#leaveDue, this.pingDue);
	}

	/** Does what is due; early calls are harmless. */
	expire(now: number): void {
		this.#now = now;
		if (now < this.due) return;
		if (this.#state !== State.CLOSED) this.act(now);
		this.due = this.deadline;
	}

	private act(now: number): void {
		if (this.#parting) {
			this.#parting = now < this.#leaveDue;
		} else if (now >= this.#answerDue || now >= this.#pongDue) {
			this.fail(new DeviceError("timeout", `no answer from the server within ${RESPONSE_TIMEOUT} ms`));
		} else if (now >= this.#leaveDue) {
			this.#leaveDue = Infinity;
			this.#sender.leave(Reason.SUCCESS);
		} else if (now >= this.pingDue) {
			this.#sender.sendPing();
			this.#pingedAt = now;
			this.#pongDue = Math.min(this.#pongDue, now + RESPONSE_TIMEOUT);
		}
	}

	/** Bytes that are missing of a large packet which has begun to come; 0 between packets. */
	get missing(): number {
		return this.#framer.remaining;
	}

	/** The driver does not read what came, so that no answer can be seen, and silence says nothing. */
	paused(): void {
		this.#pongDue = this.#answerDue = Infinity;
		this.#lastReceived = this.#now;
	}

	/**
	 * From the last byte sent, as the server counts; and from the last received, or a half-open link stays unseen.
	 * While an answer is awaited the server counts on: a long message may hold the answer up beyond the keep alive.
	 */
	private get pingDue(): number {
		const keepAlive = this.#keepAlive;
		if (keepAlive === 0 || this.#sender.ping || !this.#sender.open) return Infinity;
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
				if (this.#delivery.delivered !== 0) this.#delivery.settle();
				if (this.#reporting > 0) return this.report();
				if (this.#session.outbox.unreported > 0) return this.settled();
				const framer = this.#framer;
				for (let frame = framer.next(); frame !== Frame.NONE; frame = framer.next()) {
					const event = frame === Frame.HEAD ? this.packet(framer)
						: this.#delivery.fragment(framer, this.#state === State.OPEN);
					if (event !== undefined) return event;
				}
			} catch (error) {
				this.fail(toDeviceError(error, "internal", "receiving failed"));
			}
		}
		if (!this.failed) return undefined;
		this.end();
		this.#event.type = EventType.CLOSED;
		this.#event.error = this.#failure;
		return this.#event;
	}

	/** Ends the link because its stream did, or because the driver gives up. The event follows from `next`. */
	lost(error: DeviceError): void {
		this.#failure ??= error;
		this.#parting = false;
		this.due = 0;
	}

	/**
	 * Says goodbye: DISCONNECT goes out once every queued message is acknowledged, or at `deadline`, and is the last
	 * packet. Nothing is delivered from here on.
	 */
	disconnect(deadline: number): void {
		if (this.#state === State.CONNECTING) this.lost(new DeviceError("closed", "closed before it was connected"));
		else if (this.#state === State.OPEN) this.#state = State.CLOSING;
		this.#sender.close();
		this.#leaveDue = deadline;
		this.sooner(deadline);
	}

	/** Begins authentication anew, as MQTT 5 §4.12.1 has it. @throws DeviceError `state` */
	reauthenticate(): void {
		const { authentication } = this.#session;
		if (authentication === undefined || this.#state !== State.OPEN) {
			throw new DeviceError("state", "no authentication, or no connection");
		}
		this.#sender.authenticate(Reason.REAUTHENTICATE, authentication.begin?.());
		this.awaitAnswer();
	}

	/**
	 * Writes the next outgoing bytes into `target` from index 0.
	 * @param limit bytes that may be written, at most `target.byteLength`
	 * @returns bytes written, 0 when there is nothing to send or no room for it
	 */
	transmit(target: Uint8Array, limit: number): number {
		const session = this.#session;
		if (!session.unsent || (this.#failure !== undefined && !this.#parting)) return 0;
		const sender = this.#sender;
		const asked = sender.answer;
		let count = 0;
		session.unsent = false;
		try {
			count = sender.transmit(target, limit);
		} catch (error) {
			this.lost(toDeviceError(error, "internal", "sending failed"));
		}
		// With room left, all went out that may for now, but what the source of a payload published meanwhile.
		if (count === limit) session.unsent = true;
		if (count > 0) this.#lastSent = this.#now;
		// It may be that the ping went out: the next is due in turn.
		if (this.#pongDue !== Infinity) this.sooner(this.pingDue);
		if (sender.answer !== asked) this.awaitAnswer();
		if (sender.left) this.lost(new DeviceError("closed", "disconnected as asked"));
		return count;
	}

	/** A message that ended without an answer from the server. */
	private settled(): MQTTEvent {
		const { outbox } = this.#session;
		return this.done(outbox.nextSettled(), outbox.settledReason);
	}

	private packet(framer: Framer): MQTTEvent | undefined {
		const { header, remaining } = framer;
		const { reader, packetBuffer } = this.#session;
		const event = this.#event;
		const connecting = this.#state === State.CONNECTING;
		if (header >> 4 === PacketType.PUBLISH && !connecting) {
			return this.#delivery.message(framer, this.#state === State.OPEN);
		}
		if (remaining > 0) {
			throw new DeviceError("too-large", `packet of type ${header >> 4} does not fit ${packetBuffer} bytes`);
		}
		reader.reset(framer.bytes, framer.start, framer.end);
		decodePacket(event, header, reader);
		if (!connecting) return this.control(event);
		if (event.type === PacketType.CONNACK) return this.connack();
		if (event.type === PacketType.AUTH) return this.challenged();
		throw new DeviceError("violation", `packet of type ${event.type} before CONNACK`); // [MQTT-3.2.0-1]
	}

	private control({ type, packetId, properties }: MQTTEvent): MQTTEvent | undefined {
		if (properties !== undefined) this.checkProblem();
		switch (type) {
			case PacketType.PUBACK: return this.acknowledged();
			case PacketType.PUBREC: return this.received();
			case PacketType.PUBREL:
				this.answer(PacketType.PUBCOMP, this.#session.received.delete(packetId));
				return undefined;
			case PacketType.PUBCOMP:
				this.#session.unsent = true;
				if (!this.#session.outbox.complete(packetId)) return undefined;
				return this.done(packetId, Reason.SUCCESS);
			case PacketType.SUBACK:
			case PacketType.UNSUBACK: return this.answered();
			case PacketType.PINGRESP:
				this.#pongDue = Infinity;
				if (this.#session.traffic !== undefined) this.#session.traffic.roundTrip = this.#now - this.#pingedAt;
				return undefined;
			case PacketType.DISCONNECT: throw this.dismissed();
			case PacketType.AUTH: return this.challenged();
			default: throw new DeviceError("violation", `packet of type ${type} was not asked for`);
		}
	}

	private connack(): MQTTEvent {
		const { reasonCode, sessionPresent, properties, protocol } = this.#event;
		const session = this.#session;
		const { connect, authentication } = session;
		if (reasonCode !== 0) throw refusal(reasonCode);
		if (sessionPresent && connect.cleanStart) {
			throw new DeviceError("violation", "session present after a clean start"); // [MQTT-3.2.2-1]
		}
		if (sessionPresent && protocol === 5 && !session.established) { // [MQTT-3.2.2-4]
			session.distrust();
			throw new DeviceError("violation", "the server has a session that we do not know");
		}
		if (properties !== undefined) {
			const { assignedClientId, serverKeepAliveSeconds } = properties;
			// [MQTT-3.1.3-7] of 5; whoever has an identifier keeps it.
			if (connect.clientId === "") connect.clientId = assignedClientId ?? "";
			// [MQTT-3.2.2-21]
			if (serverKeepAliveSeconds !== undefined) this.#keepAlive = serverKeepAliveSeconds * 1000;
		}
		if (properties?.authenticationMethod !== authentication?.method) throw wrongMethod();
		if (connect.clientId === "" && protocol === 5) { // [MQTT-3.2.2-16]
			throw new DeviceError("violation", "no client id, and none assigned");
		}
		this.#state = State.OPEN;
		this.#answerDue = Infinity;
		this.#sender.accepted(properties);
		session.accepted(sessionPresent, this.#familiar);
		this.sooner(this.deadline);
		return this.#event;
	}

	/** AUTH. Spec: MQTT 5 §4.12. */
	private challenged(): undefined {
		const { reasonCode, properties } = this.#event;
		const { authentication } = this.#session;
		const method = properties?.authenticationMethod;
		if (authentication === undefined || method !== authentication.method) throw wrongMethod();
		if (reasonCode === Reason.REAUTHENTICATE) throw new DeviceError("violation", "AUTH that is ours to send");
		if (reasonCode === Reason.SUCCESS) {
			if (this.#state === State.CONNECTING) throw new DeviceError("violation", "AUTH in place of CONNACK");
			this.#answerDue = Infinity;
			return;
		}
		try {
			this.#sender.authenticate(reasonCode, authentication.respond(properties?.authenticationData));
		} catch (error) {
			throw new DeviceError("credential", "no answer to the server's challenge", { cause: error });
		}
		this.awaitAnswer();
	}

	private acknowledged(): MQTTEvent | undefined {
		const { packetId, reasonCode } = this.#event;
		this.#session.unsent = true;
		// An acknowledgement that nobody waits for is legal: (1) we send a message, (2) the link is lost before its
		// PUBACK arrives, (3) we send it again on a new one, (4) the server acknowledges both.
		return this.#session.outbox.acknowledge(packetId) ? this.done(packetId, reasonCode) : undefined;
	}

	private received(): MQTTEvent | undefined {
		const { packetId, reasonCode } = this.#event;
		if (reasonCode >= Reason.FAILURE) return this.acknowledged(); // [MQTT-4.4.0-2]
		this.answer(PacketType.PUBREL, this.#session.outbox.received(packetId));
		return undefined;
	}

	/** Answers for an identifier that one of us may not know. MQTT 3.1.1 has no word for that. */
	private answer(type: number, known: boolean): void {
		const { packetId, protocol } = this.#event;
		this.#sender.acknowledge(type, packetId, known || protocol < 5 ? Reason.SUCCESS : Reason.PACKET_ID_NOT_FOUND);
	}

	private done(packetId: number, reasonCode: number): MQTTEvent {
		const event = this.#event;
		event.type = EventType.ACKNOWLEDGED;
		event.packetId = packetId;
		event.reasonCode = reasonCode;
		return event;
	}

	/** SUBACK or UNSUBACK: reported filter by filter. */
	private answered(): MQTTEvent | undefined {
		const { type, packetId, start, protocol } = this.#event;
		const sender = this.#sender;
		if (packetId !== SUBSCRIBE_ID || type !== sender.answer) return undefined; // [MQTT-2.3.1-7]
		const codes = this.#framer.end - start;
		const { length } = sender.batch;
		if (codes !== length && (type === PacketType.SUBACK || protocol === 5)) {
			throw new DeviceError(protocol === 5 ? "violation" : "malformed", `${codes} codes for ${length} filters`);
		}
		sender.answer = 0;
		this.#session.unsent = true;
		this.#answerDue = Infinity;
		this.#reporting = length;
		return this.report();
	}

	private report(): MQTTEvent {
		const { subscriptions, reader } = this.#session;
		const { type, protocol, start } = this.#event;
		const index = this.#sender.batch.length - this.#reporting--;
		const subscription = this.#sender.batch[index]!;
		const event = this.#event;
		event.filter = subscription.filter;
		event.reasonCode = Reason.SUCCESS;
		if (type === PacketType.SUBACK || protocol === 5) {
			reader.reset(this.#framer.bytes, start + index, this.#framer.end);
			event.reasonCode = reader.uint8();
		}
		if (type === PacketType.SUBACK) {
			subscriptions.subscribed(subscription, event.reasonCode);
		} else {
			subscriptions.unsubscribed(subscription, event.reasonCode);
		}
		return event;
	}

	/** A server that was asked for no reason strings sends none, but where it may end the connection by it. */
	private checkProblem(): void {
		const { type, properties } = this.#event;
		const asked = this.#session.connect.properties?.requestProblemInformation ?? true;
		if (asked || type === PacketType.DISCONNECT) return;
		if (properties!.reasonString !== undefined || properties!.userProperties !== undefined) { // [MQTT-3.1.2-29]
			throw new DeviceError("violation", "a reason string that was not asked for");
		}
	}

	/** DISCONNECT from the server. */
	private dismissed(): DeviceError {
		const { reasonCode, properties } = this.#event;
		if (properties?.sessionExpirySeconds !== undefined) { // [MQTT-3.14.2-2]
			return new DeviceError("violation", "DISCONNECT with a session expiry from the server");
		}
		return refusal(reasonCode);
	}

	/** Ends the link, and in MQTT 5 tells the server why, where it did wrong [MQTT-4.13.1-1]. */
	private fail(error: DeviceError): void {
		if (this.#failure !== undefined) return;
		this.#failure = error;
		this.due = 0;
		const reason = this.#event.protocol === 5 && this.#sender.open ? disconnectReason(error) : 0;
		// In the middle of a packet, closing says enough.
		if (reason === 0 || this.#sender.busy) return;
		this.#parting = true;
		this.#leaveDue = this.#now + PARTING_TIMEOUT;
		this.#sender.leave(reason);
	}

	private awaitAnswer(): void {
		this.#answerDue = this.#now + RESPONSE_TIMEOUT;
		this.sooner(this.#answerDue);
	}

	/** Something is due at `at`: the driver's timer must not come later. */
	private sooner(at: number): void {
		if (at < this.due) this.due = at;
	}

	/** Leaves the session as the next link needs it. */
	private end(): void {
		this.#state = State.CLOSED;
		this.#session.outbox.rewind();
		try {
			this.#session.commit();
		} catch {
			// What was saved before holds as well: it doubts more messages than it must.
		}
	}
}

function wrongMethod(): DeviceError { // [MQTT-4.12.0-5] [MQTT-4.12.0-6]
	return new DeviceError("violation", "authentication by a method that was not asked for");
}
