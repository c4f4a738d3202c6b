// SPDX-License-Identifier: Apache-2.0
/**
 * What goes out on one connection, and in which order: CONNECT; then acknowledgements, PINGREQ, AUTH, subscriptions
 * and messages; at last DISCONNECT. A packet that did not fit goes on where it stopped, and nothing comes in between.
 *
 * The sending half of `Link`, thrown away with it. Knows no time.
 */
import { DeviceError, toDeviceError } from "../base/error.js";
import { Acks } from "./acks.js";
import { ALIASED_HEAD_MAXIMUM, OutgoingAliases } from "./aliases.js";
import { DUPLICATE, PacketType, Reason, RETAIN, SUBSCRIBE_ID } from "./constants.js";
import {
	ACK_LENGTH, BARE_LENGTH, connectLength, encodeAck, encodeBare, encodeConnect, encodeReason, encodeSubscribe,
	encodeUnsubscribe, reasonLength, subscribeLength, unsubscribeLength, type Subscription,
} from "./encode.js";
import type { Properties } from "./properties.js";
import type { Session } from "./session.js";

/** What a server that grants no Receive Maximum takes. Spec: MQTT 5 §3.2.2.3.3. */
const RECEIVE_MAXIMUM = 0xffff;
const NO_SUBSCRIPTIONS: readonly Subscription[] = Object.freeze([]);

export class Sender {
	/** Set by the link: the server accepted us, so more than CONNECT may go out. */
	open = false;
	/** Once every message is acknowledged, DISCONNECT goes out. */
	closing = false;
	/** PINGREQ waits. */
	ping = false;
	/** True when DISCONNECT went out, and nothing may follow. */
	left = false;
	/** Filters of the SUBSCRIBE or UNSUBSCRIBE under way, and the type of its answer, 0 for none. */
	batch: readonly Subscription[] = NO_SUBSCRIPTIONS;
	answer = 0;
	readonly acks = new Acks();
	readonly #session: Session;
	/** Of the server's CONNACK: what we may send. */
	#granted: Properties | undefined;
	#quota: number;
	#aliases: OutgoingAliases | undefined;
	/** What goes out before the current message, or alone; its bytes that went out are `#written`. */
	#staged: Uint8Array | undefined;
	/** Of the staged bytes, or else of the current message's record and payload. */
	#written = 0;
	/** Where in its record the current message goes on after the staged bytes. */
	#from = 0;
	#auth: Uint8Array | undefined;
	/** The reason with which DISCONNECT goes out now; -1 for not yet. */
	#farewell = -1;
	/** There may be a packet for `chooseRare`, which is not worth being asked for each message. */
	#isRare = false;
	/** The staged packet is DISCONNECT. */
	#leaving = false;

	/** CONNECT is the first packet to go out. */
	constructor(session: Session) {
		this.#session = session;
		session.unsent = true;
		this.#quota = session.receiveMaximum;
		const { text, writer, connect } = session;
		this.stage(connectLength(text, connect));
		encodeConnect(writer, text, connect);
	}

	/** The server accepted us, and granted this. */
	accepted(granted: Properties | undefined): void {
		this.open = this.#session.unsent = true;
		if (granted === undefined) return;
		const { topicAliases } = this.#session;
		const { receiveMaximum = RECEIVE_MAXIMUM, topicAliasMaximum = 0 } = granted;
		this.#quota = Math.min(this.#quota, receiveMaximum);
		const aliases = Math.min(topicAliases, topicAliasMaximum); // [MQTT-3.2.2-17] [MQTT-3.2.2-18]
		if (aliases > 0) this.#aliases = new OutgoingAliases(aliases);
		const { maximumQoS, retainAvailable, maximumPacketSize } = granted;
		if (maximumQoS !== undefined || retainAvailable === false || maximumPacketSize !== undefined) {
			this.#granted = granted;
		}
	}

	/** True when no acknowledgement waits. */
	get flushed(): boolean {
		return this.acks.length === 0;
	}

	/** True in the middle of a packet: DISCONNECT cannot go out before its end. */
	get busy(): boolean {
		return this.#staged !== undefined || this.#session.outbox.current !== undefined;
	}

	acknowledge(type: number, packetId: number, reasonCode: number): void {
		this.#session.unsent = true;
		this.acks.push(type, packetId, reasonCode);
	}

	/** Queues AUTH: the one before it went out, or it would not have been answered. */
	authenticate(reasonCode: number, data: Uint8Array | undefined): void {
		const { text, writer, authentication } = this.#session;
		this.#session.unsent = true;
		const properties: Properties = { authenticationMethod: authentication!.method, authenticationData: data };
		this.#auth = new Uint8Array(reasonLength(text, PacketType.AUTH, properties));
		writer.reset(this.#auth, 0, this.#auth.byteLength);
		encodeReason(writer, text, PacketType.AUTH, reasonCode, properties);
		this.#isRare = true;
	}

	/** PINGREQ is to go out. */
	sendPing(): void {
		this.ping = this.#isRare = this.#session.unsent = true;
	}

	/** DISCONNECT goes out once every message is acknowledged. */
	close(): void {
		this.closing = this.#isRare = this.#session.unsent = true;
	}

	/** DISCONNECT goes out now. */
	leave(reasonCode: number): void {
		this.#farewell = reasonCode;
		this.#isRare = this.#session.unsent = true;
	}

	/** Writes the next outgoing bytes: see `Link.transmit`. */
	transmit(target: Uint8Array, limit: number): number {
		const session = this.#session;
		session.commit();
		const writer = session.writer;
		const outbox = session.outbox;
		const acks = this.acks;
		let position = 0;
		while (position < limit && !this.left) {
			if (this.#staged === undefined && outbox.current === undefined
				&& !((this.#isRare || session.subscriptions.unsaid) && this.chooseRare())) {
				if (acks.length > 0) {
					writer.reset(target, position, limit);
					acks.transmit(writer);
					position = writer.position;
					// One for which there is not room enough goes out in two parts.
					if (acks.length > 0 && position < limit) this.stageAck();
					continue;
				}
				if (!outbox.waiting || !this.open || !this.chooseMessage()) break;
			}
			writer.reset(target, position, limit);
			// Counted, and not asked of the writer: the source of a payload may publish, which takes the writer away.
			position += this.#staged === undefined ? this.copyMessage() : this.copyStaged(this.#staged);
		}
		return position;
	}

	/** @returns bytes written */
	private copyStaged(staged: Uint8Array): number {
		const writer = this.#session.writer;
		const outbox = this.#session.outbox;
		const left = staged.byteLength - this.#written;
		const count = left < writer.remaining ? left : writer.remaining;
		writer.copy(staged, this.#written, this.#written + count);
		this.#written += count;
		if (count < left) return count;
		this.#staged = undefined;
		this.#written = this.#from;
		if (outbox.current === undefined) this.left = this.#leaving;
		else if (outbox.releasing) outbox.sent();
		return count;
	}

	/** @returns bytes written */
	private copyMessage(): number {
		const writer = this.#session.writer;
		const outbox = this.#session.outbox;
		const length = outbox.length;
		const source = outbox.source;
		if (length < 0) throw new DeviceError("full", "the message on its way out was dropped");
		const written = this.#written;
		const room = writer.end - writer.position;
		let count = 0;
		if (written < length) {
			count = length - written < room ? length - written : room;
			const start = writer.position;
			outbox.read(written, count, writer);
			if (written === 0 && outbox.duplicate) writer.mark(start, DUPLICATE); // [MQTT-3.3.1-1]
		} else if (source !== undefined) {
			count = Math.min(length + source.byteLength - written, room);
			this.copySource(written - length, count);
		}
		this.#written = written + count;
		if (this.#written >= length + (source === undefined ? 0 : source.byteLength)) outbox.sent();
		return count;
	}

	/** A source that fails ends its message, and the connection in the middle of the packet. */
	private copySource(offset: number, count: number): void {
		const session = this.#session;
		const { writer, outbox } = session;
		session.reading = true;
		try {
			if (count > 0) outbox.source!.read(writer.range(count), offset);
		} catch (error) {
			outbox.refuse(Reason.FAILURE);
			throw toDeviceError(error, "internal", "the source of a message failed");
		} finally {
			session.reading = false;
		}
	}

	/** Stages a packet that is neither acknowledgement nor message; false when there is none, or others go first. */
	private chooseRare(): boolean {
		const session = this.#session;
		const subscriptions = session.subscriptions;
		// With a failure: none of the acknowledgements left, or nothing would have been received.
		if (this.#farewell > Reason.SUCCESS) return this.stageDisconnect(this.#farewell);
		if (this.acks.length > 0) return false;
		if (this.#farewell === Reason.SUCCESS) return this.stageDisconnect(this.#farewell);
		if (this.#auth !== undefined) {
			this.#staged = this.#auth;
			this.#auth = undefined;
			this.#written = this.#from = 0;
			return true;
		}
		if (!this.open) return false;
		if (this.ping) {
			this.ping = false;
			this.stage(BARE_LENGTH);
			encodeBare(session.writer, PacketType.PINGREQ);
			return true;
		}
		if (this.closing) {
			// [MQTT-4.9.0-2]: what waits for the quota goes before DISCONNECT, too.
			return session.outbox.empty && this.stageDisconnect(Reason.SUCCESS);
		}
		this.#isRare = false;
		return subscriptions.unsaid && this.answer === 0 && this.stageSubscriptions();
	}

	private chooseMessage(): boolean {
		const outbox = this.#session.outbox;
		while (outbox.take(this.#quota)) {
			this.#written = this.#from = 0;
			if (outbox.releasing) this.stageRelease();
			else if (this.#granted !== undefined && !this.allowed(this.#granted)) continue;
			else if (this.#aliases !== undefined) this.stageAliased(this.#aliases);
			return true;
		}
		return false;
	}

	private stageAck(): void {
		this.stage(this.acks.firstLength);
		this.acks.transmit(this.#session.writer);
	}

	/** What the server would end the connection for is not sent. */
	private allowed({ maximumQoS, retainAvailable, maximumPacketSize = Infinity }: Properties): boolean {
		const { outbox } = this.#session;
		const header = this.peek(1).uint8();
		const total = outbox.length + (outbox.source?.byteLength ?? 0);
		let reason: number = Reason.SUCCESS;
		if (((header >> 1) & 3) > (maximumQoS ?? 2)) reason = Reason.QOS_NOT_SUPPORTED; // [MQTT-3.2.2-11]
		else if (total > maximumPacketSize) reason = Reason.PACKET_TOO_LARGE; // [MQTT-3.2.2-15]
		else if ((header & RETAIN) !== 0 && retainAvailable === false) { // [MQTT-3.2.2-14]
			reason = Reason.RETAIN_NOT_SUPPORTED;
		}
		if (reason === Reason.SUCCESS) return true;
		outbox.refuse(reason);
		return false;
	}

	private stageRelease(): void {
		const { writer, outbox } = this.#session;
		this.stage(ACK_LENGTH);
		encodeAck(writer, PacketType.PUBREL, outbox.current!.id, Reason.SUCCESS);
	}

	private stageAliased(aliases: OutgoingAliases): void {
		const { outbox, writer } = this.#session;
		const reader = this.peek(Math.min(outbox.length, ALIASED_HEAD_MAXIMUM));
		const room = (this.#granted?.maximumPacketSize ?? Infinity) - outbox.length - (outbox.source?.byteLength ?? 0);
		this.#staged = aliases.replace(reader, writer, room);
		if (this.#staged === undefined) return;
		this.#from = aliases.replaced;
		if (!outbox.duplicate) return;
		writer.reset(this.#staged, 0, 1);
		writer.mark(0, DUPLICATE);
	}

	/** A reader on the current message's first bytes. */
	private peek(count: number): Session["reader"] {
		const { outbox, reader, writer } = this.#session;
		const bytes = new Uint8Array(count);
		writer.reset(bytes, 0, count);
		outbox.read(0, count, writer);
		reader.reset(bytes, 0, count);
		return reader;
	}

	private stageDisconnect(reasonCode: number): boolean {
		const { writer, text } = this.#session;
		if (reasonCode === Reason.SUCCESS) {
			this.stage(BARE_LENGTH);
			encodeBare(writer, PacketType.DISCONNECT);
		} else {
			this.stage(reasonLength(text, PacketType.DISCONNECT, undefined));
			encodeReason(writer, text, PacketType.DISCONNECT, reasonCode, undefined);
		}
		this.#leaving = true;
		return true;
	}

	/** True when a SUBSCRIBE or an UNSUBSCRIBE was staged. */
	private stageSubscriptions(): boolean {
		const { subscriptions, text, writer, connect } = this.#session;
		const { protocol } = connect;
		let batch = subscriptions.takeWanted();
		if (batch.length > 0) {
			this.stage(subscribeLength(text, protocol, batch));
			encodeSubscribe(writer, text, protocol, SUBSCRIBE_ID, batch);
			this.answer = PacketType.SUBACK;
		} else {
			batch = subscriptions.takeUnwanted();
			if (batch.length === 0) return false;
			this.stage(unsubscribeLength(text, protocol, batch));
			encodeUnsubscribe(writer, text, protocol, SUBSCRIBE_ID, batch);
			this.answer = PacketType.UNSUBACK;
		}
		this.batch = batch;
		return true;
	}

	/** A packet of `length` bytes, to be written with the session's writer. */
	private stage(length: number): void {
		this.#staged = new Uint8Array(length);
		this.#written = this.#from = 0;
		this.#session.writer.reset(this.#staged, 0, length);
	}
}
