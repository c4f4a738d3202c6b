// SPDX-License-Identifier: Apache-2.0
/**
 * One peer over datagrams: what is confirmed, what is sent again, and what was seen before.
 *
 * Spec: RFC 7252 §4. A request is acknowledged with its response where the handler replies before it returns, else at
 * once, and then answered separately.
 */
import { Code, Type } from "../../../src/coap/constants.js";
import { emptyMessage, isRequest, NOTHING, NO_OPTIONS, type Message } from "../../../src/coap/message.js";
import { exponentOf, type BlockRange } from "./block.js";
import type { CoAPTraffic } from "./faults.js";
import { exchangeLifetime } from "./limits.js";
import type { Observer } from "./observer.js";
import { decodeDatagram, encodeDatagram, headerOf } from "./packet.js";
import { Peer, type CoAPWay, type Content, type Exchange, type Surroundings } from "./peer.js";

class DatagramExchange implements Exchange {
	readonly token: Uint8Array;
	readonly confirmable: boolean;
	readonly messageId: number;
	readonly at: number;
	/** What a confirmable request was answered with; its duplicates get the same. */
	answer: { readonly traffic: CoAPTraffic; readonly bytes: Uint8Array } | undefined;

	constructor({ token, type, messageId }: Message, now: number) {
		this.token = token;
		this.confirmable = type === Type.CON;
		this.messageId = messageId;
		this.at = now;
	}
}

/** A confirmable message under way. */
interface Transmission {
	readonly traffic: CoAPTraffic;
	readonly observer: Observer | undefined;
	bytes: Uint8Array;
	retransmissions: number;
	timeout: number;
	due: number;
}

/** First byte of no message: version 1, a token of 15 bytes. */
const GARBAGE = Uint8Array.of(0x4f, 0x45, 0x4d, 0x4d, 0xff);
const IDS = 0x1_0000;

export class DatagramPeer extends Peer {
	readonly reliable = false;
	readonly blocks: BlockRange;
	readonly requestExponent: number;
	readonly #recent = new Map<number, DatagramExchange>();
	readonly #outgoing = new Map<number, Transmission>();
	/** Whose the last notifications that are not confirmed are, for a peer that resets one. */
	readonly #notified = new Map<number, Observer>();
	/** Came in this turn and may be answered in it. */
	#unsettled: DatagramExchange[] = [];
	#nextId: number;

	constructor(key: string, identity: string | undefined, way: CoAPWay, surroundings: Surroundings) {
		super(key, identity, way, surroundings);
		const { blockLength } = surroundings.limits, id = new Uint8Array(2);
		this.requestExponent = exponentOf(blockLength);
		this.blocks = { exponent: this.requestExponent, length: blockLength, whole: blockLength };
		surroundings.random(id);
		this.#nextId = id[0]! << 8 | id[1]!;
	}

	get deadline(): number {
		let deadline = Infinity;
		for (const { due } of this.#outgoing.values()) deadline = Math.min(deadline, due);
		return deadline;
	}

	/** How often what was sent arrives. */
	takeArrivals(): number {
		const { faults } = this.surroundings;
		if (faults.isSilent(this) || faults.takeLoss("request", this)) return 0;
		return faults.takeDuplicate("request", this) ? 2 : 1;
	}

	receive(bytes: Uint8Array, now: number): void {
		const message = bytes.byteLength <= this.surroundings.limits.datagramMaximum ? decodeDatagram(bytes) : undefined;
		if (!message) return this.#refuse(bytes, now);
		const { type, code, messageId } = message;
		if (type === Type.ACK || type === Type.RST) return this.#concluded(type, messageId, now);
		if (isRequest(code)) return this.#request(message, now);
		// A ping, or a response to what was never asked. Spec: RFC 7252 §4.2, §4.3.
		if (type === Type.CON) this.emit("reset", encodeDatagram(emptyMessage(Type.RST, messageId)), now);
	}

	/** The turn is over: what was not answered in it is acknowledged. */
	settle(now: number): void {
		const unsettled = this.#unsettled;
		this.#unsettled = [];
		for (const exchange of unsettled) if (!exchange.answer) this.#answer(exchange, "acknowledgement", emptyMessage(Type.ACK, exchange.messageId), now);
	}

	respond(exchange: DatagramExchange, content: Content | undefined, now: number): void {
		const { faults } = this.surroundings;
		const { confirmable, messageId } = exchange;
		const isOpen = confirmable && exchange.answer === undefined;
		if (!content) {
			if (isOpen) this.#answer(exchange, "acknowledgement", emptyMessage(Type.ACK, messageId), now);
			return;
		}
		const spoiling = faults.takeSpoiling(this);
		if (spoiling === "reset") return this.reject(exchange, now);
		const sent = spoiling === "wrong-token" ? { ...content, token: wrong(content.token) } : content;
		// What is sent again is as it should be.
		const first = spoiling === "garbage" ? GARBAGE : undefined;
		const isSeparate = faults.takeSeparation(this);
		if (isOpen && !isSeparate) return this.#answer(exchange, "response", { ...sent, type: Type.ACK, messageId }, now, first);
		if (isOpen) this.#answer(exchange, "acknowledgement", emptyMessage(Type.ACK, messageId), now);
		if (confirmable) this.#confirm("response", sent, undefined, now, first);
		else this.emit("response", first ?? encodeDatagram({ ...sent, type: Type.NON, messageId: this.#takeId() }), now);
	}

	reject({ messageId }: DatagramExchange, now: number): void {
		const exchange = this.#recent.get(messageId), bytes = encodeDatagram(emptyMessage(Type.RST, messageId));
		if (exchange) exchange.answer = { traffic: "reset", bytes };
		this.emit("reset", bytes, now);
	}

	notify(observer: Observer, content: Content, confirmable: boolean, now: number): boolean {
		if (confirmable) {
			this.#confirm("notification", content, observer, now);
			return false;
		}
		const messageId = this.#takeId();
		remember(this.#notified, messageId, observer, this.surroundings.limits.recentMaximum);
		this.emit("notification", encodeDatagram({ ...content, type: Type.NON, messageId }), now);
		return true;
	}

	idle(): void {}

	abandon(observer: Observer): void {
		for (const [messageId, transmission] of this.#outgoing) if (transmission.observer === observer) this.#outgoing.delete(messageId);
	}

	expire(now: number): void {
		for (const [messageId, transmission] of [...this.#outgoing]) {
			if (transmission.due > now) continue;
			this.#outgoing.delete(messageId);
			if (transmission.retransmissions >= this.surroundings.limits.retransmitMaximum) transmission.observer?.end();
			else this.#retransmit(messageId, transmission, now);
		}
	}

	override end(): void {
		super.end();
		this.#outgoing.clear();
	}

	/** What cannot be processed. Spec: RFC 7252 §4.2, §4.3; RFC 7959 §2.9.3 for what is too long. */
	#refuse(bytes: Uint8Array, now: number): void {
		const header = headerOf(bytes);
		if (header?.type !== Type.CON) return;
		const message = decodeDatagram(bytes);
		if (!message) return this.emit("reset", encodeDatagram(emptyMessage(Type.RST, header.messageId)), now);
		const refusal = { ...message, type: Type.ACK, code: Code.REQUEST_ENTITY_TOO_LARGE, options: NO_OPTIONS, payload: NOTHING };
		this.emit("response", encodeDatagram(refusal), now);
	}

	#concluded(type: Type, messageId: number, now: number): void {
		const transmission = this.#outgoing.get(messageId);
		this.#outgoing.delete(messageId);
		if (type === Type.ACK) transmission?.observer?.acknowledged(now);
		else (transmission?.observer ?? this.#notified.get(messageId))?.end();
	}

	#request(message: Message, now: number): void {
		const { messageId } = message, { limits } = this.surroundings;
		const seen = this.#recent.get(messageId);
		if (seen && now - seen.at < exchangeLifetime(limits)) {
			if (seen.answer) this.emit(seen.answer.traffic, seen.answer.bytes, now);
			return;
		}
		const exchange = new DatagramExchange(message, now);
		this.#recent.delete(messageId);
		remember(this.#recent, messageId, exchange, limits.recentMaximum);
		if (exchange.confirmable) this.#unsettled.push(exchange);
		this.surroundings.serve(this, message, exchange, now);
	}

	/** @param first goes out in the answer's place, the first time */
	#answer(exchange: DatagramExchange, traffic: CoAPTraffic, message: Message, now: number, first?: Uint8Array): void {
		const bytes = encodeDatagram(message);
		exchange.answer = { traffic, bytes };
		this.emit(traffic, first ?? bytes, now);
	}

	#confirm(traffic: CoAPTraffic, content: Content, observer: Observer | undefined, now: number, first?: Uint8Array): void {
		const { acknowledgeTimeout, acknowledgeRandomFactor, outgoingMaximum, observerMaximum } = this.surroundings.limits;
		// Each observation has one under way at most; an end of one may come beside that of its successor.
		if (this.#outgoing.size >= outgoingMaximum + 2 * observerMaximum) return;
		const chance = new Uint8Array(2), messageId = this.#takeId();
		this.surroundings.random(chance);
		const timeout = acknowledgeTimeout * (1 + (acknowledgeRandomFactor - 1) * (chance[0]! << 8 | chance[1]!) / IDS);
		const bytes = encodeDatagram({ ...content, type: Type.CON, messageId });
		this.#outgoing.set(messageId, { traffic, observer, bytes, retransmissions: 0, timeout, due: now + timeout });
		this.surroundings.timed(this);
		this.emit(traffic, first ?? bytes, now);
	}

	/** A notification is not sent again where there is a newer one; that has what is left of the attempts (RFC 7641 §4.5.2). */
	#retransmit(messageId: number, transmission: Transmission, now: number): void {
		const newer = transmission.observer?.renewed(now);
		const id = newer ? this.#takeId() : messageId;
		if (newer) transmission.bytes = encodeDatagram({ ...newer, type: Type.CON, messageId: id });
		transmission.retransmissions++;
		transmission.timeout *= 2;
		transmission.due = now + transmission.timeout;
		this.#outgoing.set(id, transmission);
		this.emit(transmission.traffic, transmission.bytes, now);
	}

	#takeId(): number {
		do this.#nextId = (this.#nextId + 1) % IDS; while (this.#outgoing.has(this.#nextId));
		return this.#nextId;
	}
}

function remember<Value>(map: Map<number, Value>, key: number, value: Value, maximum: number): void {
	if (map.size >= maximum) map.delete(map.keys().next().value!);
	map.set(key, value);
}

/** Another of the same length, or of one byte where there is none. */
export function wrong(token: Uint8Array): Uint8Array {
	return token.byteLength === 0 ? Uint8Array.of(0xbd) : token.map(byte => byte ^ 0xff);
}
