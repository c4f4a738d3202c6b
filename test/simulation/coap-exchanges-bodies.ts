// SPDX-License-Identifier: Apache-2.0
/**
 * Somebody who asks and a device that answers, both ends ours, on a bad road out of one seed: bodies in blocks both
 * ways, commands, an observation, answers at once or late. However it goes, each request has one outcome, a body that
 * arrives is one that was sent, a command is obeyed once at most, and what is observed never goes back in time. One
 * schedule in four has a stream for its road, which loses nothing, but cuts everything to pieces.
 *
 * Uses nothing of Node: runs on XS as well.
 */
import { Code } from "../../src/coap/constants.js";
import { Exchanges } from "../../src/coap/exchanges.js";
import type { Answerer, Messenger } from "../../src/coap/messenger.js";
import { Reliable } from "../../src/coap/reliable.js";
import type { ObservationOwner, RequestOwner, Response } from "../../src/coap/request.js";
import { Requests } from "../../src/coap/requests.js";
import type { Replier, Resource, ResourceRequest } from "../../src/coap/resource.js";
import { Resources } from "../../src/coap/resources.js";
import { Random } from "../property/random.js";
import { text } from "../unit/text.js";

/** Virtual ms of a bad road, and until when all must be well after it. */
const TROUBLE = 120_000;
const RECOVERY = 600_000;
const REQUESTS = 12;
const CHANGES = 10;
const BODY_MAXIMUM = 400;
const DATAGRAM_MAXIMUM = 1_152;
const TURNS_MAXIMUM = 50_000;

export interface BodiesOutcome {
	fingerprint: number;
	datagrams: number;
	answered: number;
	failed: number;
	notifications: number;
	/** Bodies that came in more than one block. */
	long: number;
}

/** Of any length up to the maximum, and of this version alone. */
function bodyOf(version: number): Uint8Array {
	const body = new Uint8Array(8 + version * 37 % BODY_MAXIMUM);
	for (let index = 0; index < body.length; index++) body[index] = (version >> 8 * (index % 2)) + Math.floor(index / 2);
	return body;
}

/** @throws Error for what is no body, or a mixture of several */
function versionOf(body: Uint8Array): number {
	const version = body[0]! | body[1]! << 8;
	const whole = bodyOf(version);
	if (whole.length !== body.length || whole.some((byte, index) => byte !== body[index])) throw new Error(`no body of version ${version}`);
	return version;
}

/** The device's: a state that is read and observed, a place for bodies, and commands. */
class Thing implements Resource {
	readonly methods: readonly number[] = [Code.GET, Code.PUT, Code.POST];
	readonly observable = true;
	version = 1;
	readonly stored: number[] = [];
	readonly obeyed = new Map<number, number>();
	readonly #run: Run;

	constructor(run: Run) {
		this.#run = run;
	}

	onRequest({ code, payload }: ResourceRequest, reply: Replier): void {
		if (code === Code.PUT) this.stored.push(versionOf(payload));
		if (code === Code.POST) {
			const number = versionOf(payload);
			this.obeyed.set(number, (this.obeyed.get(number) ?? 0) + 1);
		}
		const { random } = this.#run;
		const answer = () => {
			if (code === Code.GET) reply.send({ code: Code.CONTENT, payload: bodyOf(this.version), maxAge: 30 });
			else reply.send({ code: Code.CHANGED, payload: bodyOf(versionOf(payload)) });
		};
		if (random.once(4)) this.#run.later(this.#run.now + random.below(5_000), answer);
		else answer();
	}
}

class Asker implements RequestOwner, ObservationOwner {
	readonly code: number;
	readonly version: number;
	outcomes = 0;
	/** Versions as they were told. */
	readonly told: number[] = [];
	readonly #run: Run;

	constructor(run: Run, code: number, version: number) {
		this.#run = run;
		this.code = code;
		this.version = version;
	}

	onResponse({ code, payload }: Response, now: number): void {
		this.outcomes++;
		const { outcome, thing } = this.#run;
		outcome.answered++;
		this.#run.note(now, code, payload.length);
		// More bodies at once than a device has room for.
		if (code === Code.REQUEST_ENTITY_INCOMPLETE || code === Code.SERVICE_UNAVAILABLE) return;
		// What was being read has become shorter than what was read of it.
		if (code === Code.BAD_REQUEST && this.code === Code.GET) return;
		if (code >= Code.BAD_REQUEST) throw new Error(`answered with ${code}`);
		const version = versionOf(payload);
		if (payload.length > this.#run.blockLength) outcome.long++;
		if (this.code === Code.GET) {
			if (version > thing.version || version < this.version) throw new Error(`version ${version} was not there`);
			return;
		}
		if (version !== this.version) throw new Error("the answer to another request");
		const done = this.code === Code.PUT ? thing.stored.includes(version) : thing.obeyed.get(version) === 1;
		if (!done) throw new Error(`answered, but not done: ${version}`);
	}

	onError({ code }: { code: string }, now: number): void {
		this.outcomes++;
		this.#run.outcome.failed++;
		this.#run.note(now, code.length);
		if (code !== "timeout" && code !== "rejected" && code !== "violation") throw new Error(`failed as ${code}`);
	}

	onNotification({ payload }: Response, now: number): void {
		const version = versionOf(payload);
		this.#run.outcome.notifications++;
		this.#run.note(now, version);
		if (version < (this.told.at(-1) ?? 0)) throw new Error(`version ${version} after ${this.told.at(-1)}`);
		this.told.push(version);
	}

	onEnded(error: Error): void {
		throw new Error(`the observation ended: ${error.message}`, { cause: error });
	}
}

interface Task {
	readonly at: number;
	run(): void;
}

class Run {
	now = 0;
	readonly random: Random;
	readonly blockLength: number;
	readonly outcome: BodiesOutcome = { fingerprint: 0, datagrams: 0, answered: 0, failed: 0, notifications: 0, long: 0 };
	readonly thing: Thing;
	readonly #tasks: Task[] = [];
	readonly #scratch = new Uint8Array(DATAGRAM_MAXIMUM);
	readonly #client: Messenger;
	readonly #requests: Requests;
	readonly #server: Messenger;
	/** When the last piece of a stream arrives. */
	#latest = 0;
	readonly #answerer: Answerer;
	readonly #resources: Resources;
	readonly #loss: number;
	readonly #doubling: number;
	readonly #lateness: number;

	constructor(seed: number) {
		const random = this.random = new Random(seed);
		this.#loss = random.pick([4, 10, 30, Infinity]);
		this.#doubling = random.pick([3, 10, Infinity]);
		this.#lateness = random.pick([3, 10, Infinity]);
		this.blockLength = random.pick([16, 64, 256]);
		this.thing = new Thing(this);
		this.#resources = new Resources({ codec: text, bodyMaximum: BODY_MAXIMUM + 8, blockLength: random.pick([32, 1_024]) });
		this.#resources.add("thing", this.thing);
		const isStream = random.once(4);
		const messageMaximum = random.pick([1_152, 1_400, 3_000]);
		const make = () => isStream ? new Reliable(text, { form: "stream", messageMaximum }, 0) : new Exchanges({ codec: text, seed: random.below(2 ** 32) });
		this.#client = make();
		this.#server = make();
		this.#requests = new Requests(this.#client, text, {
			tokenPrefix: random.below(2 ** 32), security: undefined, bodyMaximum: 2 * BODY_MAXIMUM, blockLength: this.blockLength,
		});
		this.#answerer = this.#resources.answerer();
		this.#answerer.attach(this.#server, undefined);
	}

	later(at: number, run: () => void): void {
		this.#tasks.push({ at, run });
	}

	note(...numbers: readonly number[]): void {
		for (const number of numbers) {
			this.outcome.fingerprint = Math.imul(this.outcome.fingerprint ^ Math.floor(number), 0x0100_0193) >>> 0;
		}
	}

	play(): void {
		const { random, thing } = this;
		const askers: Asker[] = [];
		const observer = new Asker(this, Code.GET, 0);
		this.later(1_000 + random.below(10_000), () => {
			const observation = this.#requests.observe({ code: Code.GET, path: "thing" }, observer);
			this.later(TROUBLE + RECOVERY, () => observation.cancel());
		});
		for (let number = 1; number <= REQUESTS; number++) {
			this.later(1_000 + random.below(TROUBLE), () => {
				const code = random.pick([Code.GET, Code.PUT, Code.POST]);
				const asker = new Asker(this, code, code === Code.GET ? thing.version : number);
				askers.push(asker);
				// Those with effects are told apart by what they ask for: their blocks are.
				const query = code === Code.GET ? [] : [`n=${number}`];
				this.#requests.request({ code, path: "thing", query, payload: code === Code.GET ? undefined : bodyOf(number), confirmable: code === Code.PUT || !random.once(4) }, asker);
			});
		}
		for (let count = 0; count < CHANGES; count++) {
			this.later(random.below(TROUBLE), () => {
				thing.version++;
				this.#resources.notify("thing");
			});
		}
		this.turns();
		for (const { outcomes, code } of askers) if (outcomes !== 1) throw new Error(`${outcomes} outcomes of ${code}`);
		for (const [number, count] of thing.obeyed) if (count > 1) throw new Error(`command ${number} was obeyed ${count} times`);
		if (observer.told.at(-1) !== thing.version) throw new Error(`version ${thing.version} was never told: ${observer.told.join(" ")}`);
		if (this.#requests.count > 0) throw new Error("requests are left");
		for (const end of [this.#client, this.#server]) if (end instanceof Exchanges && end.records > 0) throw new Error("records are left");
	}

	/** Until nothing is due any more. */
	private turns(): void {
		// Streams begin with what each end takes.
		this.turn();
		for (let turn = 0; turn < TURNS_MAXIMUM; turn++) {
			const task = this.first();
			const deadline = Math.min(this.#client.deadline, this.#server.deadline, this.#requests.deadline, this.#answerer.deadline);
			const at = Math.min(task?.at ?? Infinity, deadline);
			if (at === Infinity) return;
			this.now = Math.max(this.now, at);
			if (task !== undefined && task.at <= deadline) {
				this.#tasks.splice(this.#tasks.indexOf(task), 1);
				task.run();
			}
			this.turn();
		}
		throw new Error("no end");
	}

	private turn(): void {
		const { now } = this;
		const client = this.#client;
		const server = this.#server;
		client.expire(now);
		for (let news = client.next(); news !== undefined; news = client.next()) if (!this.#requests.take(news, now)) client.reject();
		this.#requests.expire(now);
		this.#requests.flush(now);
		this.transmit(client, server);
		server.expire(now);
		for (let news = server.next(); news !== undefined; news = server.next()) this.#answerer.take(news, now);
		this.#answerer.expire(now);
		this.transmit(server, client);
	}

	private transmit(from: Messenger, to: Messenger): void {
		while (from.unsent) {
			const limit = from.reliable ? 1 + this.random.below(DATAGRAM_MAXIMUM) : DATAGRAM_MAXIMUM;
			const bytes = this.#scratch.slice(0, from.transmit(this.#scratch, limit, this.now));
			if (bytes.length === 0) return;
			this.outcome.datagrams++;
			if (from.reliable) this.#latest = this.carry(to, bytes, Math.max(this.#latest, this.now + this.random.below(100)));
			else if (!this.happens(this.#loss)) this.scatter(to, bytes);
		}
	}

	private scatter(to: Messenger, bytes: Uint8Array): void {
		do this.carry(to, bytes, this.now + 1 + this.random.below(this.happens(this.#lateness) ? 10_000 : 100));
		while (this.happens(this.#doubling));
	}

	private carry(to: Messenger, bytes: Uint8Array, at: number): number {
		this.later(at, () => to.receive(bytes, 0, bytes.byteLength, this.now));
		return at;
	}

	private first(): Task | undefined {
		let first: Task | undefined;
		for (const task of this.#tasks) if (first === undefined || task.at < first.at) first = task;
		return first;
	}

	private happens(odds: number): boolean {
		return this.now < TROUBLE && odds !== Infinity && this.random.once(odds);
	}
}

/** @throws Error that names the seed, when anything is not as it should be */
export function coapBodies(seed: number): BodiesOutcome {
	const run = new Run(seed);
	try {
		run.play();
	} catch (error) {
		throw new Error(`CoAP bodies, seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
	}
	return run.outcome;
}
