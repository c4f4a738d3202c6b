// SPDX-License-Identifier: Apache-2.0
/** Two endpoints without a network: storage in memory, seeded dice, and a record of what was sealed. */
import assert from "node:assert/strict";
import { crypto } from "../../../hosts/node/digest.js";
import { Reader } from "../../../src/bytes/reader.js";
import { Writer } from "../../../src/bytes/writer.js";
import { Code, OptionNumber, Type } from "../../../src/coap/constants.js";
import { datagramLength, decodeDatagram, encodeDatagram } from "../../../src/coap/datagram.js";
import type { Message } from "../../../src/coap/message.js";
import type { Outgoing } from "../../../src/coap/messenger.js";
import type { Option } from "../../../src/coap/option.js";
import type { Crypto, StorageProvider } from "../../../src/host.js";
import { Oscore, type OSCOREHost } from "../../../src/oscore/oscore.js";
import type { OSCOREParameters } from "../../../src/oscore/parameters.js";
import { fromHex, toHex } from "../hex.js";
import { text } from "../text.js";

/** Values that outlive the objects that wrote them. */
export class MemoryStorage implements StorageProvider {
	readonly values = new Map<string, Uint8Array>();
	writes = 0;
	/** Domains that are open. */
	opened = 0;
	/** Thrown by each write, when it is there. */
	fault: Error | undefined;

	open({ path }: { path: string }): ReturnType<StorageProvider["open"]> {
		this.opened++;
		return {
			read: (key) => this.values.get(`${path}/${key}`)?.slice(),
			write: (key, value) => {
				if (this.fault !== undefined) throw this.fault;
				this.writes++;
				this.values.set(`${path}/${key}`, value.slice());
			},
			delete: (key) => { this.values.delete(`${path}/${key}`); },
			keys: () => [...this.values.keys()],
			close: () => { this.opened--; },
		};
	}
}

/** What was sealed with which key and nonce: one of both seals one message, if several times. */
export class Seals {
	readonly #messages = new Map<string, string>();
	count = 0;

	watch(): Crypto {
		return {
			...crypto,
			seal: (options) => {
				const once = `${toHex(options.key)} ${toHex(options.nonce)}`;
				const message = `${toHex(options.additional)} ${toHex(options.bytes)}`;
				const before = this.#messages.get(once);
				assert.ok(before === undefined || before === message, `a nonce was used again: ${before}, then ${message}`);
				this.#messages.set(once, message);
				this.count++;
				return crypto.seal(options);
			},
		};
	}
}

/** The same bytes for the same seed. */
export function dice(seed: number): (target: Uint8Array) => void {
	let state = seed;
	return (target) => {
		for (let index = 0; index < target.length; index++) {
			state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
			target[index] = state >>> 24;
		}
	};
}

export function makeHost(storage: StorageProvider, seed = 1, seals = new Seals()): OSCOREHost {
	return { crypto: seals.watch(), random: dice(seed), storage, text };
}

export const CLIENT: OSCOREParameters = {
	masterSecret: fromHex("0102030405060708090a0b0c0d0e0f10"), masterSalt: fromHex("9e7ca92223786340"),
	senderId: fromHex(""), recipientId: fromHex("01"), idContext: undefined, renews: false,
};

export function reversed(parameters: OSCOREParameters): OSCOREParameters {
	return { ...parameters, senderId: parameters.recipientId, recipientId: parameters.senderId };
}

/** One endpoint, and what it keeps. */
export class Endpoint {
	readonly storage = new MemoryStorage();
	readonly parameters: OSCOREParameters;
	readonly seals: Seals;
	oscore: Oscore;
	#boots = 0;
	readonly #seed: number;

	constructor(parameters: OSCOREParameters, seed: number, seals = new Seals()) {
		this.parameters = parameters;
		this.seals = seals;
		this.#seed = seed;
		this.oscore = this.make();
	}

	/** What was not stored is lost. */
	reboot(): void {
		this.oscore = this.make();
	}

	private make(): Oscore {
		const host = makeHost(this.storage, this.#seed + 1_000 * this.#boots++, this.seals);
		return new Oscore({ host, parameters: this.parameters });
	}
}

export function makePair(parameters: Partial<OSCOREParameters> = {}): { client: Endpoint; server: Endpoint } {
	const seals = new Seals(), one = { ...CLIENT, ...parameters };
	return { client: new Endpoint(one, 1, seals), server: new Endpoint(reversed(one), 2, seals) };
}

export const PATH: Option = { number: OptionNumber.URI_PATH, value: fromHex("747631") };

export function outgoing(code: number, options: readonly Option[] = [PATH], payload = "", token = "01"): Outgoing {
	return { confirmable: true, code, token: fromHex(token), options, payload: fromHex(payload) };
}

export const GET = outgoing(Code.GET);

/** As it comes out at the other end. */
export function passed({ code, token, options, payload }: Outgoing, type: Type = Type.CON): Message {
	return decode(encode({ type, messageId: 7, code, token, options, payload }));
}

export function encode(message: Message): Uint8Array {
	const bytes = new Uint8Array(datagramLength(message)), writer = new Writer(text);
	writer.reset(bytes, 0, bytes.length);
	encodeDatagram(writer, message.type, message.messageId, message);
	return bytes;
}

export function decode(bytes: Uint8Array): Message {
	const message = decodeDatagram(new Reader(text), bytes, 0, bytes.length);
	assert.ok(message !== undefined && !("error" in message));
	return message;
}

/** Code, options and payload, as the tests compare them. */
export function said({ code, options, payload }: Pick<Message, "code" | "options" | "payload">): string {
	const listed = options.map(({ number, value }) => `${number}:${toHex(value)}`).join(" ");
	return `${code >> 5}.${String(code & 0x1f).padStart(2, "0")} [${listed}] ${toHex(payload)}`;
}
