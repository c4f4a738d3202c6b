// SPDX-License-Identifier: Apache-2.0
/** OSCORE: two endpoints on a bad network, with resets, worn storage and altered messages. */
import assert from "node:assert/strict";
import { DeviceError } from "../../src/base/error.js";
import { Code, OptionNumber, Type } from "../../src/coap/constants.js";
import type { Message } from "../../src/coap/message.js";
import type { Outgoing } from "../../src/coap/messenger.js";
import { findOption, uintOption, type Option } from "../../src/coap/option.js";
import type { Binding } from "../../src/coap/security.js";
import { encodeNumber } from "../../src/oscore/option.js";
import { fromHex, toHex } from "../unit/hex.js";
import { CLIENT, Endpoint, passed, PATH, reversed, Seals } from "../unit/oscore/rig.js";
import { property, type Random } from "./random.js";

const STEPS = 300;
const IN_FLIGHT_MAXIMUM = 40;
/** Rounds in which a request is served on a calm network: for the echo, and for a new context. */
const ROUNDS = 4;

/** One request as it was sent, under one token. */
interface Asked { binding: Binding; payload: string; observes: boolean; newest: number; answers: number }

/** One request as it was served. */
interface Served { binding: Binding; token: string; payload: string; observes: boolean; notices: number }

class Pair {
	readonly #random: Random;
	readonly #client: Endpoint;
	readonly #server: Endpoint;
	readonly #toServer: Message[] = [];
	readonly #toClient: Message[] = [];
	#asked = new Map<string, Asked>();
	#served: Served[] = [];
	/** By protected request, as it was sent: how often it was served. */
	readonly #takenRequests = new Set<string>();
	#count = 0;

	constructor(random: Random) {
		this.#random = random;
		const seals = new Seals(), parameters = { ...CLIENT, renews: random.once(2) };
		this.#client = new Endpoint(parameters, random.below(1_000_000), seals);
		this.#server = new Endpoint(reversed(parameters), random.below(1_000_000), seals);
	}

	step(): void {
		const random = this.#random;
		switch (random.below(12)) {
			case 0: case 1: case 2: return this.ask([], random.once(3));
			case 3: case 4: case 5: return this.carry(this.#toServer, (message) => this.serve(message));
			case 6: case 7: case 8: return this.carry(this.#toClient, (message) => this.hear(message));
			case 9: return this.notify();
			case 10: return this.wear(random.pick([this.#client, this.#server]));
			default: if (random.once(4)) this.reset(random.once(2));
		}
	}

	/** All is well again: a request is served soon. */
	calm(): void {
		this.#client.storage.fault = this.#server.storage.fault = undefined;
		this.#toServer.length = this.#toClient.length = 0;
		const before = this.#served.length;
		this.ask([], false);
		for (let round = 1; this.#served.length === before; round++) {
			assert.ok(round <= ROUNDS, "not served on a calm network");
			this.serve(this.#toServer.shift()!);
			this.hear(this.#toClient.shift()!);
		}
	}

	private ask(more: readonly Option[], observes: boolean): void {
		const token = toHex(encodeNumber(++this.#count)).padStart(4, "0"), payload = token;
		const options = observes ? [uintOption(OptionNumber.OBSERVE, 0), PATH, ...more] : [PATH, ...more];
		const plain: Outgoing = { confirmable: true, code: Code.FETCH, token: fromHex(token), options, payload: fromHex(payload) };
		const request = this.attempt(() => this.#client.oscore.protectRequest(plain));
		if (request === undefined) return;
		this.#asked.set(token, { binding: request.binding, payload, observes, newest: 0, answers: 0 });
		this.#toServer.push(passed(request.message));
	}

	/** Any message, whatever its age; now and then it comes again, or altered, or not at all. */
	private carry(messages: Message[], receive: (message: Message) => void): void {
		const random = this.#random;
		if (messages.length === 0) return;
		const index = random.below(messages.length), message = messages[index]!;
		if (!random.once(4) || messages.length > IN_FLIGHT_MAXIMUM) messages.splice(index, 1);
		if (random.once(10)) return;
		receive(random.once(6) ? this.alter(message) : message);
	}

	private alter(message: Message): Message {
		const payload = message.payload.slice(), bit = this.#random.below(8 * payload.length);
		payload[bit >> 3]! ^= 1 << (bit & 7);
		return { ...message, payload };
	}

	private serve(message: Message): void {
		const { message: opened, binding, answer } = this.#server.oscore.unprotectRequest(message);
		if (answer !== undefined) this.#toClient.push(passed(answer));
		if (opened === undefined) return;
		const identity = `${toHex(findOption(message.options, OptionNumber.OSCORE)!.value)} ${toHex(message.payload)}`;
		assert.ok(!this.#takenRequests.has(identity), "a request was served twice");
		this.#takenRequests.add(identity);
		const token = toHex(opened.token), payload = toHex(opened.payload);
		assert.equal(payload, token, "the request that was sent");
		const observes = findOption(opened.options, OptionNumber.OBSERVE) !== undefined;
		this.#served.push({ binding: binding!, token, payload, observes, notices: 0 });
		this.answer(this.#served.at(-1)!, true);
	}

	private answer(served: Served, first: boolean): void {
		const { binding, token, payload, observes } = served;
		const options = observes ? [uintOption(OptionNumber.OBSERVE, 5)] : [];
		const content = payload + toHex(encodeNumber(++served.notices)).padStart(4, "0");
		const plain: Outgoing = { confirmable: true, code: Code.CONTENT, token: fromHex(token), options, payload: fromHex(content) };
		const response = this.attempt(() => this.#server.oscore.protectResponse(plain, binding, first));
		if (response !== undefined) this.#toClient.push(passed(response, Type.NON));
	}

	private notify(): void {
		const observed = this.#served.filter(({ observes }) => observes);
		if (observed.length > 0) this.answer(this.#random.pick(observed), false);
	}

	private hear(message: Message): void {
		const asked = this.#asked.get(toHex(message.token));
		if (asked === undefined) return;
		const response = this.attempt(() => this.#client.oscore.unprotectResponse(message, asked.binding));
		if (response === undefined) return;
		const { code, options, payload } = response;
		if (findOption(message.options, OptionNumber.OSCORE) === undefined) {
			assert.deepEqual([options.length, payload.length], [0, 0]);
			return;
		}
		asked.answers++;
		const echo = findOption(options, OptionNumber.ECHO);
		if (echo !== undefined) return this.ask([echo], asked.observes);
		assert.equal(code, Code.CONTENT);
		assert.equal(toHex(payload).slice(0, 4), asked.payload, "the answer to another request");
		const number = Number.parseInt(toHex(payload).slice(4), 16);
		assert.ok(number > asked.newest, "an older answer after a newer");
		assert.ok(asked.observes || asked.answers === 1, "one request has one answer");
		asked.newest = number;
	}

	private wear({ storage }: Endpoint): void {
		storage.fault = storage.fault === undefined && this.#random.once(2) ? new DeviceError("storage", "worn out") : undefined;
	}

	private reset(isClient: boolean): void {
		if (isClient) {
			this.#client.reboot();
			this.#asked = new Map();
		} else {
			this.#server.reboot();
			this.#served = [];
		}
	}

	/** What is refused with a code is refused; anything else is a mistake. */
	private attempt<Result>(action: () => Result): Result | undefined {
		try {
			return action();
		} catch (error) {
			assert.equal((error as Error).name, "DeviceError", String((error as Error).stack));
			return undefined;
		}
	}
}

property("OSCORE serves no request twice, takes no answer for another, and uses no nonce again", 60, (random) => {
	const pair = new Pair(random);
	for (let step = 0; step < STEPS; step++) pair.step();
	pair.calm();
});
