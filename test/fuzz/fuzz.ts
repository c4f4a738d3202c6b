// SPDX-License-Identifier: Apache-2.0
/**
 * Mutated streams of a server against framer, decoder and link.
 *
 * What must hold for every input: nothing is thrown; an error is one CLOSED event with the code of a peer's fault, and
 * silence afterwards; what comes out is bounded by what went in; and the session serves the next link.
 */
import assert from "node:assert/strict";
import { DeviceError } from "../../src/base/error.js";
import { EventType } from "../../src/mqtt/event.js";
import { Link } from "../../src/mqtt/link.js";
import { Session } from "../../src/mqtt/session.js";
import { Random } from "../property/random.js";
import { codeOf } from "../unit/failure.js";
import { fromHex, toHex } from "../unit/hex.js";
import { decoded } from "../unit/mqtt/decoding.js";
import { text } from "../unit/text.js";
import { connack } from "../unit/wire.js";
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
	/** Inputs after which the link still stood. */
	survived: number;
	/** Inputs that ended the link, by code. */
	closed: Record<string, number>;
	/** Inputs that the decoder alone refuses, by code. */
	refused: Record<string, number>;
}

/** Inputs on one session: what one leaves behind meets the next. */
const INPUTS_PER_SESSION = 64;
/** `closed`: the program said goodbye. */
const CLOSED = /^(malformed|violation|too-large|rejected|timeout|closed)$/;
const INFLIGHT_LENGTH = 512;
const PACKET_BUFFER = 64;
const ACKNOWLEDGEMENT = 4;
/** More than the packets that a link sends on its own: subscriptions, pings, and the messages that wait. */
const OWN_MAXIMUM = 2 * INFLIGHT_LENGTH + 1024;

function count(counts: Record<string, number>, key: string): void {
	counts[key] = (counts[key] ?? 0) + 1;
}

class Fuzzer {
	readonly random: Random;
	readonly counts: FuzzCounts;
	readonly session = new Session(text, {
		clientId: "id", keepAlive: 10_000, inflightLength: INFLIGHT_LENGTH, packetBuffer: PACKET_BUFFER, maximumPacketSize: 4096,
	});
	#now = 0;
	#link: Link;
	#closed = "";
	#sent = 0;
	#messages = 0;
	#target = new Uint8Array(64);

	constructor(random: Random, counts: FuzzCounts) {
		this.random = random;
		this.counts = counts;
		this.#link = new Link(this.session, 0);
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
		assert.ok(events <= 1 + 8 * bytes.length, `${events} events of ${bytes.length} bytes`);
		const bound = OWN_MAXIMUM + ACKNOWLEDGEMENT * this.#messages;
		assert.ok(this.#sent <= bound, `${this.#sent} bytes sent after ${this.#messages} messages`);
		if (this.#closed === "") counts.survived++;
		else count(counts.closed, this.#closed);
		this.#finish();
	}

	/** Makes a link; most of them are accepted before the input comes. */
	#begin(): void {
		const { random, session } = this;
		this.#link = new Link(session, this.#now);
		this.#closed = "";
		this.#sent = this.#messages = 0;
		if (random.once(3)) session.publish("t", "x".repeat(random.below(60)), { qos: 1 });
		if (random.once(3)) session.subscribe(`f${random.below(6)}`, 1);
		if (random.once(6)) session.unsubscribe(`f${random.below(6)}`);
		this.#transmit(64);
		if (random.once(10)) return;
		this.#link.receive(fromHex(connack(random.once(2))), 0, 4, this.#now);
		this.#drain();
		if (!random.once(3)) this.#transmit(64);
	}

	/** What a driver and a program may do between two deliveries. */
	#act(): void {
		const { random, session } = this;
		if (random.once(3)) this.#now += random.pick([1, 100, 5_000]);
		if (random.once(12)) session.publish("t", "y", { qos: random.once(2) ? 1 : 0 });
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
				this.#messages++;
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
		next.receive(fromHex(connack(true)), 0, 4, this.#now);
		assert.equal(next.next()?.type, EventType.CONNECTED);
		assert.equal(next.next(), undefined);
		next.lost(new DeviceError("closed", "enough"));
		assert.equal(next.next()?.type, EventType.CLOSED);
	}
}

/** @throws when something does not hold; the message holds the seed and the input */
export function runFuzz({ seed, inputs }: FuzzOptions): FuzzCounts {
	const counts: FuzzCounts = { bytes: 0, events: 0, messages: 0, fragments: 0, survived: 0, closed: {}, refused: {} };
	const random = new Random(seed);
	let fuzzer = new Fuzzer(random, counts);
	for (let input = 0; input < inputs; input++) {
		if (input % INPUTS_PER_SESSION === 0) fuzzer = new Fuzzer(random, counts);
		const bytes = stream(random);
		try {
			const code = codeOf(() => decoded(bytes, { buffer: 4096, maximum: 4096, step: 1 + random.below(50) }));
			if (code !== "nothing") count(counts.refused, code);
			fuzzer.play(bytes);
		} catch (error) {
			const message = error instanceof Error ? error.message : String(error);
			throw new Error(`seed ${seed}, input ${input}, ${toHex(bytes)}: ${message}`, { cause: error });
		}
	}
	return counts;
}
