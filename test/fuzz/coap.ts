// SPDX-License-Identifier: Apache-2.0
/**
 * Mutated datagrams and streams of CoAP.
 *
 * What must hold for every datagram: nothing is thrown; it is ignored, rejected where it was confirmable, or a message
 * that is encoded to the very same bytes. For every stream: nothing is thrown; an error is one CLOSED event with a
 * peer's fault, and silence afterwards; what comes out are whole messages, bounded by what went in.
 */
import assert from "node:assert/strict";
import { Code, Type } from "../../src/coap/constants.js";
import { HEADER_LENGTH } from "../../src/coap/datagram.js";
import type { Form } from "../../src/coap/frame.js";
import { MessengerEvent, type Outgoing } from "../../src/coap/messenger.js";
import { QUEUE_LENGTH } from "../../src/coap/departures.js";
import { Reliable } from "../../src/coap/reliable.js";
import { anyDatagram, anyStreamMessage, carried, joined } from "../property/coap-codec.js";
import { Random } from "../property/random.js";
import { decoded, encoded, marked, message, unframed, type Shown } from "../unit/coap/encoding.js";
import { toHex } from "../unit/hex.js";
import { text } from "../unit/text.js";
import type { FuzzOptions } from "./fuzz.js";

/** What became of the inputs: how often each. */
export type CoAPCounts = Record<"datagrams" | "streams", Record<string, number>>;

/** Bytes that mean something where they stand: headers, deltas and lengths of each form, markers, codes. */
const INTERESTING = [0, 1, 0x0d, 0x0e, 0x0f, 0x10, 0x40, 0x44, 0x48, 0x49, 0x50, 0x60, 0x70, 0x7f, 0x80, 0xb1, 0xd0, 0xdd, 0xe0, 0xe1, 0xe2, 0xe4, 0xe5, 0xee, 0xf0, 0xff];
const MUTATIONS: readonly ((random: Random, bytes: number[], at: number) => void)[] = [
	(random, bytes, at) => { bytes[at]! ^= 1 << random.below(8); },
	(random, bytes, at) => { bytes[at] = random.pick(INTERESTING); },
	(random, bytes, at) => { bytes[at] = random.below(256); },
	(random, bytes, at) => bytes.splice(at, 1 + random.below(4)),
	(random, bytes, at) => bytes.splice(at, 0, random.pick(INTERESTING)),
	(random, bytes, at) => bytes.splice(at, 0, ...bytes.slice(at, at + 1 + random.below(12))),
	(random, bytes, at) => bytes.splice(at, 0, ...Array<number>(random.below(80)).fill(random.pick(INTERESTING))),
	(_, bytes, at) => bytes.splice(at),
];

const MESSAGE_MAXIMUM = 1_500;
const CLOSED = /^(malformed|violation|too-large|timeout|closed)$/;
/** Bytes that go out without anything coming in: a CSM, an Abort, a ping and what was queued. */
const OWN_MAXIMUM = 300 + 2 * QUEUE_LENGTH;

function count(counts: Record<string, number>, key: string): void {
	counts[key] = (counts[key] ?? 0) + 1;
}

function mutated(random: Random, source: Uint8Array): Uint8Array {
	const bytes = [...source];
	for (let left = random.below(4); left > 0 && bytes.length > 0; left--) random.pick(MUTATIONS)(random, bytes, random.below(bytes.length));
	return Uint8Array.from(bytes);
}

/** @returns what became of it */
function playDatagram(bytes: Uint8Array): string {
	const result = decoded(bytes);
	if (result === undefined) {
		assert.ok(bytes.length < HEADER_LENGTH || bytes[0]! >> 4 !== 4, "a confirmable message is ignored");
		return "ignored";
	}
	assert.equal(result.messageId, bytes[2]! << 8 | bytes[3]!);
	if ("error" in result) {
		assert.equal(bytes[0]! >> 4, 0x4 | Type.CON, "only a confirmable message is rejected");
		assert.equal(result.error.code, "malformed", result.error.message);
		return "rejected";
	}
	assert.equal(toHex(encoded(result)), toHex(bytes));
	return "message";
}

/** A messenger, and the driver and the services that it may have. */
class Play {
	readonly #random: Random;
	readonly #form: Form;
	readonly #messenger: Reliable;
	readonly #sent: Uint8Array[] = [];
	readonly #requests: number[] = [];
	readonly #target = new Uint8Array(MESSAGE_MAXIMUM);
	#now = 0;
	#messages = 0;
	#closed = "";

	constructor(random: Random, form: Form) {
		this.#random = random;
		this.#form = form;
		this.#messenger = new Reliable(text, { form, messageMaximum: MESSAGE_MAXIMUM, sendMaximum: MESSAGE_MAXIMUM }, 0);
	}

	/** @returns what became of it */
	run(bytes: Uint8Array): string {
		const random = this.#random, messenger = this.#messenger;
		for (let at = 0; at < bytes.length;) {
			const end = Math.min(bytes.length, at + 1 + random.below(random.pick([1, 8, 300])));
			// Each piece in memory that is used for something else afterwards.
			const piece = bytes.slice(at, end);
			messenger.receive(piece, 0, piece.length, this.#now);
			this.#drain();
			piece.fill(0xee);
			at = end;
			this.#act();
			this.#drain();
		}
		while (messenger.unsent) this.#transmit(MESSAGE_MAXIMUM);
		this.#check(bytes.length);
		return this.#closed !== "" ? this.#closed : this.#messages > 0 ? "messages" : "silent";
	}

	#drain(): void {
		const messenger = this.#messenger;
		for (let news = messenger.next(); news !== undefined; news = messenger.next()) {
			assert.equal(this.#closed, "", "CLOSED is the last event");
			if (news.type === MessengerEvent.MESSAGE) {
				this.#messages++;
				if (news.exchange > 0 && this.#random.once(8)) messenger.reject();
				else if (news.exchange > 0) this.#requests.push(news.exchange);
			} else if (news.type === MessengerEvent.CLOSED) {
				this.#closed = news.error!.code;
				assert.match(this.#closed, CLOSED, news.error!.message);
			}
		}
	}

	/** What may happen between two deliveries. */
	#act(): void {
		const random = this.#random, messenger = this.#messenger;
		if (random.once(3)) this.#now += random.pick([1, 100, 1_000]);
		if (random.once(60)) this.#now += 20_000;
		messenger.expire(this.#now);
		if (random.once(10)) messenger.ping(this.#now);
		if (random.once(6)) this.#send(random);
		while (this.#requests.length > 0 && random.once(2)) {
			const [exchange] = this.#requests.splice(random.below(this.#requests.length), 1);
			if (messenger.respond(exchange!, undefined) === "full") break;
		}
		if (random.once(2)) this.#transmit(1 + random.below(MESSAGE_MAXIMUM));
	}

	#send(random: Random): void {
		const content: Outgoing = { ...message({ code: Code.GET, token: "01", payload: "aa".repeat(random.below(20)) }), confirmable: true };
		// The peer may have said that it takes next to nothing.
		if (this.#messenger.messageMaximum < 100) return;
		const handle = this.#messenger.send(content);
		if (handle !== "full" && random.once(4)) this.#messenger.cancel(handle);
	}

	#transmit(limit: number): void {
		const length = this.#messenger.transmit(this.#target, limit);
		assert.ok(length >= 0 && length <= limit);
		if (length > 0) this.#sent.push(this.#target.slice(0, length));
	}

	/** What went out are messages that a peer could read, and not many. */
	#check(received: number): void {
		assert.equal(this.#messenger.deadline === Infinity || this.#closed === "", true);
		const sent = joined(this.#form === "stream" ? this.#sent : this.#sent.map(piece => marked(piece)));
		assert.ok(sent.length <= OWN_MAXIMUM + 8 * received, `${sent.length} bytes sent after ${received} received`);
		const messages: Shown[] = unframed(this.#form, sent);
		assert.equal(messages[0]?.code, this.#closed === "" || messages.length > 1 ? Code.CSM : messages[0]?.code);
		messages.slice(0, -1).forEach(({ code }) => assert.notEqual(code, Code.ABORT, "an Abort is the last message"));
	}
}

function stream(random: Random, form: Form): Uint8Array {
	const csm = message({ code: Code.CSM, options: random.once(2) ? [[2, "2000"], [4, ""]] : [] });
	const pieces = [csm, ...random.list(6, () => anyStreamMessage(random))].slice(random.once(20) ? 1 : 0).flatMap(content => carried(random, form, content));
	const good = random.once(2) ? 0 : random.below(pieces.length);
	return joined([...pieces.slice(0, good), mutated(random, joined(pieces.slice(good)))]);
}

/** @throws when something does not hold; the message holds the seed and the input */
export function fuzzCoAP({ seed, inputs }: FuzzOptions): CoAPCounts {
	const counts: CoAPCounts = { datagrams: {}, streams: {} };
	const random = new Random(seed);
	for (let input = 0; input < inputs; input++) {
		const kind = random.once(2) ? "datagrams" : "streams";
		const form = random.once(2) ? "stream" : "websocket";
		const bytes = kind === "datagrams" ? mutated(random, encoded(anyDatagram(random))) : stream(random, form);
		try {
			count(counts[kind], kind === "datagrams" ? playDatagram(bytes) : new Play(random, form).run(bytes));
		} catch (error) {
			const reason = error instanceof Error ? error.message : String(error);
			throw new Error(`seed ${seed}, input ${input}, ${kind} ${form} ${toHex(bytes)}: ${reason}`, { cause: error });
		}
	}
	return counts;
}
