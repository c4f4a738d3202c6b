// SPDX-License-Identifier: Apache-2.0
/**
 * Mutated streams of a server against framer, decoder and link.
 *
 * What must hold for every input: nothing is thrown; an error is one CLOSED event with the code of a peer's fault, and
 * silence afterwards; what comes out is bounded by what went in; and the session serves the next link.
 */
import assert from "node:assert/strict";
import { DeviceError } from "../../src/base/error.js";
import type { Protocol, QoS } from "../../src/mqtt/constants.js";
import { EventType } from "../../src/mqtt/event.js";
import { Link } from "../../src/mqtt/link.js";
import { Session } from "../../src/mqtt/session.js";
import { Random } from "../property/random.js";
import { codeOf } from "../unit/failure.js";
import { fromHex, toHex } from "../unit/hex.js";
import { decoded } from "../unit/mqtt/decoding.js";
import { text } from "../unit/text.js";
import { connack } from "../unit/wire.js";
import { connack5, text5 } from "../unit/wire5.js";
import { stream } from "./mutate.js";

export interface FuzzOptions {
	seed: number;
	inputs: number;
}

/** What happened, in numbers: a fuzzer that reaches nothing shows it here. */
export interface FuzzCounts {
	bytes: number;
	events: number;
	messages: number;
	fragments: number;
	/** Messages of ours that were done. */
	acknowledged: number;
	/** Inputs after which the link still stood. */
	survived: number;
	/** Inputs that ended the link, by code. */
	closed: Record<string, number>;
	/** Inputs that the decoder alone refuses, by code. */
	refused: Record<string, number>;
}

/** Of the sessions that authenticate. */
const METHOD = "m";
/** Identifiers at QoS 2 under way: what was granted in MQTT 5, what is taken at most without. */
const RECEIVED_MAXIMUM: Readonly<Record<Protocol, number>> = { 4: 1_024, 5: 4 };
/** Inputs on one session: what one leaves behind meets the next. */
const INPUTS_PER_SESSION = 64;
/** `closed`: the program said goodbye, or the server did; `full`: a message was dropped on its way out. */
const CLOSED = /^(malformed|violation|too-large|rejected|timeout|closed|full)$/;
const INFLIGHT_LENGTH = 512;
const PACKET_BUFFER = 64;
/** Bytes of an acknowledgement with a reason, and of the shortest packet that asks for one. */
const ANSWER = 5 / 4;
/** What the program publishes between two deliveries, per byte delivered. */
const PUBLISHED = 1;
/** More than the packets that a link sends on its own: subscriptions, pings, and the messages that wait. */
const OWN_MAXIMUM = 2 * INFLIGHT_LENGTH + 1024;

function count(counts: Record<string, number>, key: string): void {
	counts[key] = (counts[key] ?? 0) + 1;
}

class Fuzzer {
	readonly random: Random;
	readonly counts: FuzzCounts;
	readonly protocol: Protocol;
	readonly session: Session;
	/** Identifier of the newest message. */
	last = 0;
	#now = 0;
	#link: Link;
	#closed = "";
	#sent = 0;
	#target = new Uint8Array(64);
	/** How the session's server proves itself, if it does. */
	readonly #proof: string;

	constructor(random: Random, counts: FuzzCounts) {
		this.random = random;
		this.counts = counts;
		this.protocol = random.pick([4, 5]);
		const authenticates = this.protocol === 5 && random.once(4);
		this.#proof = authenticates ? text5(21, METHOD) : "";
		this.session = new Session(text, {
			clientId: "id", keepAlive: 10_000, inflightLength: INFLIGHT_LENGTH, packetBuffer: PACKET_BUFFER, maximumPacketSize: 4096,
			protocol: this.protocol, whenFull: random.pick(["reject", "drop-oldest", "drop-newest"]), topicAliasMaximum: random.below(4),
			topicAliases: random.below(3), receiveMaximum: RECEIVED_MAXIMUM[5],
			...(authenticates ? { authentication: { method: METHOD, respond: (data: Uint8Array | undefined) => data } } : {}),
		});
		this.#link = new Link(this.session, 0);
	}

	/** CONNACK of a server that has what it had. */
	#accepted(): Uint8Array {
		const { established, connect } = this.session;
		return fromHex(this.protocol === 4 ? connack(this.random.once(2)) : connack5(established && !connect.cleanStart && this.random.once(2), 0, this.#proof));
	}

	/** One input on a link of its own. */
	play(bytes: Uint8Array): void {
		const { random, counts } = this;
		this.#begin();
		let events = 0;
		for (let at = 0; at < bytes.length;) {
			const end = Math.min(bytes.length, at + 1 + random.below(random.pick([1, 8, 300])));
			this.#link.receive(bytes, at, end, this.#now);
			events += this.#drain();
			at = end;
			this.#act();
			events += this.#drain();
		}
		counts.bytes += bytes.length;
		counts.events += events;
		assert.ok(events <= 2 + 8 * bytes.length, `${events} events of ${bytes.length} bytes`);
		const bound = OWN_MAXIMUM + (ANSWER + PUBLISHED) * bytes.length;
		assert.ok(this.#sent <= bound, `${this.#sent} bytes sent after ${bytes.length} received`);
		assert.ok(this.session.received.count <= RECEIVED_MAXIMUM[this.protocol], `${this.session.received.count} identifiers`);
		if (this.#closed === "") counts.survived++;
		else count(counts.closed, this.#closed);
		this.#finish();
	}

	/** Makes a link; most of them are accepted before the input comes. */
	#begin(): void {
		const { random, session } = this;
		this.#link = new Link(session, this.#now);
		this.#closed = "";
		this.#sent = 0;
		for (const qos of [0, 1, 2] as const) {
			if (random.once(4)) this.#publish("x".repeat(random.below(60)), qos);
		}
		if (random.once(3)) session.subscribe(`f${random.below(6)}`, 1);
		if (random.once(6)) session.unsubscribe(`f${random.below(6)}`);
		this.#transmit(64);
		if (random.once(10)) return;
		const answer = this.#accepted();
		this.#link.receive(answer, 0, answer.length, this.#now);
		this.#drain();
		if (!random.once(3)) this.#transmit(64);
	}

	#publish(payload: string, qos: QoS): void {
		const id = this.session.publish("t", payload, { qos });
		if (typeof id === "number" && id > 0) this.last = id;
	}

	/** What a driver and a program may do between two deliveries. */
	#act(): void {
		const { random } = this;
		if (random.once(3)) this.#now += random.pick([1, 100, 5_000]);
		if (random.once(12)) this.#publish("y", random.pick([0, 1, 2]));
		if (random.once(40)) this.#link.disconnect(this.#now + 2_000);
		this.#link.expire(this.#now);
		// A driver delivers more only when everything went out.
		do this.#transmit(1 + random.below(64));
		while (!this.#link.flushed && this.#closed === "" && !this.#link.failed);
	}

	#transmit(limit: number): void {
		for (let sent = -1; sent !== 0; this.#sent += sent) {
			sent = this.#link.transmit(this.#target, limit);
			assert.ok(sent >= 0 && sent <= limit);
			assert.ok(sent === 0 || this.#closed === "", "nothing is sent after the end");
		}
	}

	/** Takes all events. @returns their number */
	#drain(): number {
		let events = 0;
		for (let event = this.#link.next(); event !== undefined; event = this.#link.next()) {
			events++;
			assert.equal(this.#closed, "", "CLOSED is the last event");
			if (event.type === EventType.MESSAGE) {
				this.counts.messages++;
				if (event.more || event.offset > 0) this.counts.fragments++;
				assert.ok(event.start >= 0 && event.start <= event.end && event.end <= event.bytes.length);
				assert.ok(event.offset + event.end - event.start <= event.total);
			} else if (event.type === EventType.ACKNOWLEDGED) {
				this.counts.acknowledged++;
			} else if (event.type === EventType.CLOSED) {
				this.#closed = event.error!.code;
				assert.match(this.#closed, CLOSED, event.error!.message);
			}
		}
		return events;
	}

	/** Ends the link, and sees that the session is fit for another. */
	#finish(): void {
		const { session } = this;
		if (this.#closed === "") {
			this.#link.lost(new DeviceError("closed", "enough"));
			assert.equal(this.#drain(), 1);
		}
		assert.equal(this.#link.deadline, Infinity);
		assert.equal(this.#link.transmit(this.#target, 64), 0);
		assert.equal(session.outbox.unacknowledged, 0);
		const next = new Link(session, this.#now);
		assert.equal(toHex(this.#target, 0, next.transmit(this.#target, 64)).slice(0, 2), "10");
		const answer = this.#accepted();
		next.receive(answer, 0, answer.length, this.#now);
		// What ended here is told first.
		let type = next.next()?.type;
		while (type === EventType.ACKNOWLEDGED) type = next.next()?.type;
		assert.equal(type, EventType.CONNECTED);
		for (type = next.next()?.type; type !== undefined; type = next.next()?.type) assert.equal(type, EventType.ACKNOWLEDGED);
		next.lost(new DeviceError("closed", "enough"));
		assert.equal(next.next()?.type, EventType.CLOSED);
	}
}

/** @throws when something does not hold; the message holds the seed and the input */
export function runFuzz({ seed, inputs }: FuzzOptions): FuzzCounts {
	const counts: FuzzCounts = { bytes: 0, events: 0, messages: 0, fragments: 0, acknowledged: 0, survived: 0, closed: {}, refused: {} };
	const random = new Random(seed);
	let fuzzer = new Fuzzer(random, counts);
	for (let input = 0; input < inputs; input++) {
		if (input % INPUTS_PER_SESSION === 0) fuzzer = new Fuzzer(random, counts);
		const { protocol } = fuzzer;
		const bytes = stream(random, protocol, fuzzer.last);
		try {
			const code = codeOf(() => decoded(bytes, { buffer: 4096, maximum: 4096, step: 1 + random.below(50), protocol }));
			if (code !== "nothing") count(counts.refused, code);
			fuzzer.play(bytes);
		} catch (error) {
			const message = error instanceof Error ? error.message : String(error);
			throw new Error(`seed ${seed}, input ${input}, ${toHex(bytes)}: ${message}`, { cause: error });
		}
	}
	return counts;
}
