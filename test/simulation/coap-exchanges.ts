// SPDX-License-Identifier: Apache-2.0
/**
 * Two message layers of CoAP on a bad road, out of one seed: datagrams are lost, doubled, late, out of order, and
 * some come from nobody. Both ends ask, notify, ping, give up, refuse, answer at once, later or never. However it
 * goes, each confirmable message has one outcome, nothing is delivered twice, and nothing is remembered for ever.
 *
 * Uses nothing of Node: runs on XS as well.
 */
import { ARRIVAL_MAXIMUM } from "../../src/coap/arrivals.js";
import { Code, Type } from "../../src/coap/constants.js";
import { Exchanges } from "../../src/coap/exchanges.js";
import { isRequest, NO_OPTIONS, type Message } from "../../src/coap/message.js";
import { MessengerEvent, type MessengerNews, type Outgoing } from "../../src/coap/messenger.js";
import { SENDING_MAXIMUM } from "../../src/coap/sendings.js";
import { DEFAULT_TIMING, exchangeLifetime, maxTransmitWait } from "../../src/coap/timing.js";
import { Random } from "../property/random.js";
import { text } from "../unit/text.js";

/** Virtual ms within which both ends begin things. */
const TROUBLE = 60_000;
/** What one end begins; so many that an end remembers all that come to it, answers and strangers included. */
const ACTS = 7;
const STRANGERS = 2;
const DATAGRAM_MAXIMUM = 1_152;
/** Transmissions of one confirmable message, and turns of a schedule: more would be a loop. */
const TRANSMISSIONS_MAXIMUM = 1 + DEFAULT_TIMING.maxRetransmit;
const TURNS_MAXIMUM = 20_000;
/** A byte of each token: whose it is. Strangers have none. */
const TOKEN_LENGTH = 2;

export interface ExchangesOutcome {
	fingerprint: number;
	datagrams: number;
	lost: number;
	copies: number;
	/** Outcomes of confirmable messages. */
	acknowledged: number;
	answered: number;
	timeouts: number;
	rejected: number;
	cancelled: number;
}

interface Begun {
	readonly number: number;
	readonly confirmable: boolean;
	readonly request: boolean;
	readonly ping: boolean;
	handle: number;
	outcomes: number;
	cancelled: boolean;
	/** Answers that came, in whatever. */
	answers: number;
	/** Times that the other end was told of it. */
	deliveries: number;
	refused: boolean;
}

/** Something that an end does at its time. */
interface Task {
	readonly at: number;
	run(now: number): void;
}

class End {
	readonly exchanges: Exchanges;
	readonly begun: Begun[] = [];
	readonly separate: Begun[] = [];
	/** Of answers to strangers. */
	readonly #strange = new Set<number>();
	other!: End;
	readonly #run: Run;
	readonly #mark: number;
	readonly #transmissions = new Map<number, number>();
	/** The confirmable message under way. */
	#underway: Begun | undefined;

	constructor(run: Run, mark: number) {
		this.#run = run;
		this.#mark = mark;
		this.exchanges = new Exchanges({ codec: text, seed: run.random.below(2 ** 32) });
	}

	/** Begins one thing. */
	act(now: number): void {
		const { random } = this.#run;
		const ping = random.once(8);
		const confirmable = ping || !random.once(3);
		const request = !ping && !random.once(4);
		const begun: Begun = {
			number: this.begun.length, confirmable, request, ping, handle: 0, outcomes: 0, cancelled: false, answers: 0, deliveries: 0, refused: false,
		};
		this.begun.push(begun);
		const code = request ? random.pick([Code.GET, Code.POST]) : Code.CONTENT;
		const handle = ping ? this.exchanges.ping(now) : this.exchanges.send(this.message(confirmable, code, begun.number), now);
		if (handle === "full") throw new Error("full");
		begun.handle = handle;
		if (random.once(8)) this.#run.later(now + random.below(20_000), (then) => this.cancel(begun, then));
	}

	/** Tells what came, and what became of what was sent. */
	drain(now: number): void {
		for (let news = this.exchanges.next(); news !== undefined; news = this.exchanges.next()) this.take(news, now);
		if (this.exchanges.records > SENDING_MAXIMUM + ARRIVAL_MAXIMUM) throw new Error("too many records");
	}

	/** Puts all that is due on the road. */
	transmit(now: number): void {
		const target = this.#run.scratch;
		while (this.exchanges.unsent) {
			const length = this.exchanges.transmit(target, DATAGRAM_MAXIMUM, now);
			const bytes = target.slice(0, length);
			const type = bytes[0]! >> 4 & 3;
			if (type === Type.CON) this.count(bytes);
			this.#run.carry(this.other, bytes, now);
		}
	}

	/** What is wrong when all is over. */
	check(): void {
		const { exchanges } = this;
		if (exchanges.records > 0) throw new Error(`${exchanges.records} records are left`);
		if (exchanges.unsent || exchanges.deadline !== Infinity) throw new Error("something is due for ever");
		for (const begun of [...this.begun, ...this.separate]) {
			const { confirmable, outcomes, cancelled, number, deliveries } = begun;
			if (confirmable ? outcomes !== (cancelled ? 0 : 1) : outcomes > 1) {
				throw new Error(`${number} has ${outcomes} outcomes${cancelled ? " though it was cancelled" : ""}`);
			}
			if (deliveries > 1) throw new Error(`${number} was delivered ${deliveries} times`);
		}
	}

	private message(confirmable: boolean, code: number, number: number): Outgoing {
		return { confirmable, code, token: Uint8Array.of(this.#mark, number), options: NO_OPTIONS, payload: Uint8Array.of(number) };
	}

	private cancel(begun: Begun, now: number): void {
		if (begun.outcomes > 0 || begun.cancelled) return;
		this.#run.note(now, this.#mark, 90, begun.number);
		begun.cancelled = true;
		this.#run.outcome.cancelled++;
		this.exchanges.cancel(begun.handle);
		this.over(begun);
	}

	/** No more than one interaction, and none too often. */
	private count(bytes: Uint8Array): void {
		const id = bytes[2]! << 8 | bytes[3]!;
		const transmissions = (this.#transmissions.get(id) ?? 0) + 1;
		this.#transmissions.set(id, transmissions);
		if (transmissions > TRANSMISSIONS_MAXIMUM) throw new Error(`${transmissions} transmissions`);
		if (transmissions > 1) return;
		if (this.#underway !== undefined) throw new Error("two interactions at once");
		const [mark, number] = bytes.subarray(4);
		if (mark === undefined) this.#underway = this.begun.find(({ ping, outcomes, cancelled }) => ping && outcomes === 0 && !cancelled);
		else this.#underway = mark === this.#mark ? this.begun[number!]! : this.separate.find((begun) => begun.number === number);
	}

	private over(begun: Begun): void {
		if (this.#underway === begun) this.#underway = undefined;
	}

	private take(news: MessengerNews, now: number): void {
		const { type, handle, message, error } = news;
		this.#run.note(now, this.#mark, type, handle);
		if (handle > 0 && !this.#strange.has(handle)) this.end(news, now);
		if (type === MessengerEvent.FAILED && error!.code !== "timeout" && error!.code !== "rejected") throw error!;
		if (type === MessengerEvent.MESSAGE) this.hear(message!, news.exchange, now);
	}

	private end({ type, handle, message, error }: MessengerNews, now: number): void {
		const { outcome } = this.#run;
		const begun = this.withHandle(handle);
		if (begun === undefined) throw new Error(`the outcome of ${handle}, which is nothing`);
		if (begun.cancelled) throw new Error(`${begun.number} was cancelled`);
		begun.outcomes++;
		if (!begun.confirmable) {
			if (error?.code !== "rejected" || !begun.refused) throw new Error("what is not confirmable came to an end unasked");
			return;
		}
		this.over(begun);
		if (type === MessengerEvent.FAILED) {
			const isTimeout = error!.code === "timeout";
			if (isTimeout) outcome.timeouts++;
			else outcome.rejected++;
			if (!isTimeout && !begun.refused) throw new Error(`${begun.number} was reset by nobody at ${now}`);
			return;
		}
		if (type === MessengerEvent.MESSAGE) {
			outcome.answered++;
			if (message!.payload[0] !== begun.number) throw new Error("the answer to something else");
		} else {
			outcome.acknowledged++;
		}
		if (!begun.ping && begun.deliveries !== 1) throw new Error(`${begun.number} is acknowledged and was delivered ${begun.deliveries} times`);
	}

	private hear(message: Message, exchange: number, now: number): void {
		const { token, code, payload } = message;
		if (token.byteLength !== TOKEN_LENGTH) return this.hearStranger(message, exchange, now);
		if (isRequest(code)) {
			const begun = this.other.begun[token[1]!]!;
			begun.deliveries++;
			return this.serve(begun, exchange, now);
		}
		// A notification of the other's, or the answer to what this end asked.
		if (token[0] !== this.#mark) {
			const begun = this.other.begun[token[1]!]!;
			begun.deliveries++;
			if (this.#run.random.once(4)) this.refuse(begun);
			return;
		}
		const begun = this.begun[token[1]!]!;
		if (payload[0] !== begun.number) throw new Error("an answer to something else");
		if (++begun.answers > 1) throw new Error(`${begun.number} was answered twice`);
		const answer = this.other.separate.find(({ number }) => number === begun.number);
		if (answer !== undefined && message.type !== Type.ACK) answer.deliveries++;
		// Its token shows that the request was received: nobody waits for the acknowledgement any more. Spec: RFC 7252 §5.2.2.
		if (begun.confirmable && begun.outcomes === 0) this.cancel(begun, now);
	}

	private hearStranger(message: Message, exchange: number, now: number): void {
		if (exchange === 0 || this.#run.random.once(2)) return this.exchanges.reject();
		const handle = this.exchanges.respond(exchange, { ...this.message(false, Code.CONTENT, 0), token: message.token.slice() }, now);
		if (typeof handle === "number") this.#strange.add(handle);
	}

	/** Answers at once, later or never. */
	private serve(begun: Begun, exchange: number, now: number): void {
		const { random } = this.#run;
		if (random.once(10)) return this.refuse(begun);
		if (random.once(10)) return;
		if (random.once(2)) this.answer(begun, exchange, now);
		else this.#run.later(now + random.below(4_000), (then) => this.answer(begun, exchange, then));
	}

	private answer({ number }: Begun, exchange: number, now: number): void {
		const { random } = this.#run;
		if (random.once(10)) {
			this.exchanges.respond(exchange, undefined, now);
			return;
		}
		const message = { ...this.message(!random.once(3), Code.CONTENT, number), token: Uint8Array.of(this.other.#mark, number) };
		const handle = this.exchanges.respond(exchange, message, now);
		if (handle === "full") throw new Error("full");
		if (handle === 0) return;
		// Whether it is confirmable depends on how the question came, too.
		const confirmable = message.confirmable && this.other.begun[number]!.confirmable;
		this.separate.push({
			number, confirmable, request: false, ping: false, handle, outcomes: 0, cancelled: false, answers: 0, deliveries: 0, refused: false,
		});
	}

	private refuse(begun: Begun): void {
		begun.refused = true;
		this.exchanges.reject();
	}

	private withHandle(handle: number): Begun | undefined {
		return this.begun.find((begun) => begun.handle === handle) ?? this.separate.find((begun) => begun.handle === handle);
	}
}

class Run {
	readonly random: Random;
	readonly scratch = new Uint8Array(DATAGRAM_MAXIMUM);
	readonly outcome: ExchangesOutcome = {
		fingerprint: 0, datagrams: 0, lost: 0, copies: 0, acknowledged: 0, answered: 0, timeouts: 0, rejected: 0, cancelled: 0,
	};
	readonly #tasks: Task[] = [];
	/** One datagram of so many is lost, doubled, or late. */
	readonly #loss: number;
	readonly #doubling: number;
	readonly #lateness: number;

	constructor(seed: number) {
		this.random = new Random(seed);
		this.#loss = this.random.pick([2, 3, 5, 20, Infinity]);
		this.#doubling = this.random.pick([2, 5, 20, Infinity]);
		this.#lateness = this.random.pick([2, 5, 20, Infinity]);
	}

	later(at: number, run: (now: number) => void): void {
		this.#tasks.push({ at, run });
	}

	note(now: number, ...numbers: readonly number[]): void {
		for (const number of [Math.floor(now), ...numbers]) {
			this.outcome.fingerprint = Math.imul(this.outcome.fingerprint ^ number, 0x0100_0193) >>> 0;
		}
	}

	carry(to: End, bytes: Uint8Array, now: number): void {
		const { outcome, random } = this;
		outcome.datagrams++;
		if (this.happens(this.#loss)) {
			outcome.lost++;
			return;
		}
		do {
			const delay = 1 + random.below(this.happens(this.#lateness) ? 30_000 : 200);
			this.later(now + delay, (then) => to.exchanges.receive(bytes, 0, bytes.byteLength, then));
			outcome.copies++;
		} while (this.happens(this.#doubling));
		outcome.copies--;
	}

	play(): void {
		const ends = [new End(this, 1), new End(this, 2)] as const;
		ends[0].other = ends[1];
		ends[1].other = ends[0];
		for (const end of ends) {
			for (let count = 1 + this.random.below(ACTS); count > 0; count--) {
				this.later(this.random.below(TROUBLE), (now) => end.act(now));
			}
			for (let count = this.random.below(STRANGERS + 1); count > 0; count--) this.strange(end);
		}
		const now = this.turns(ends);
		// The last one begun may have waited for all others of its end.
		const longest = TROUBLE + 2 * ACTS * maxTransmitWait(DEFAULT_TIMING) + exchangeLifetime(DEFAULT_TIMING) + TROUBLE;
		if (now > longest) throw new Error(`not over before ${now}`);
		for (const end of ends) end.check();
		if (this.#loss === Infinity && this.outcome.timeouts > 0) throw new Error("given up though nothing was lost");
		for (const end of ends) for (const { cancelled, confirmable, deliveries, outcomes } of end.begun) this.note(now, Number(cancelled), Number(confirmable), deliveries, outcomes);
	}

	private turns(ends: readonly [End, End]): number {
		let now = 0;
		for (let turn = 0; turn < TURNS_MAXIMUM; turn++) {
			const task = this.first();
			const deadline = Math.min(ends[0].exchanges.deadline, ends[1].exchanges.deadline);
			const at = Math.min(task?.at ?? Infinity, deadline);
			if (at === Infinity) return now;
			now = Math.max(now, at);
			if (task !== undefined && task.at <= deadline) {
				this.#tasks.splice(this.#tasks.indexOf(task), 1);
				task.run(now);
			}
			for (const end of ends) {
				if (end.exchanges.deadline <= now) end.exchanges.expire(now);
				end.drain(now);
				end.transmit(now);
			}
		}
		throw new Error("no end");
	}

	private first(): Task | undefined {
		let first: Task | undefined;
		for (const task of this.#tasks) if (first === undefined || task.at < first.at) first = task;
		return first;
	}

	/** A datagram from nobody: no acknowledgement, for that would be believed if it hit an ID. */
	private strange(end: End): void {
		const { random } = this;
		const bytes = random.once(2) ? Uint8Array.of(random.pick([0x40, 0x50]), random.pick([Code.GET, Code.CONTENT]), random.below(256), random.below(256))
			: Uint8Array.from(random.list(20, () => random.below(256)));
		if (bytes.byteLength > 0) bytes[0]! &= 0xdf;
		// With a token like ours it would be believed, too.
		if ((bytes[0]! & 0x0f) === TOKEN_LENGTH) return;
		this.later(random.below(TROUBLE), (now) => end.exchanges.receive(bytes, 0, bytes.byteLength, now));
	}

	private happens(odds: number): boolean {
		return odds !== Infinity && this.random.once(odds);
	}
}

/** @throws Error that names the seed, when anything is not as it should be */
export function coapExchanges(seed: number): ExchangesOutcome {
	const run = new Run(seed);
	try {
		run.play();
	} catch (error) {
		throw new Error(`CoAP exchanges, seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
	}
	return run.outcome;
}
