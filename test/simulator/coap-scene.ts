// SPDX-License-Identifier: Apache-2.0
/** What the tests of the CoAP server share: a server, a clock, and clients that say exactly what a test says. */
import assert from "node:assert/strict";
import { Code, OptionNumber, Type } from "../../src/coap/constants.js";
import { isRequest, type Message } from "../../src/coap/message.js";
import type { Option } from "../../src/coap/option.js";
import { blockOf, blockValue, unitOf } from "../../hosts/simulator/coap/block.js";
import { sorted, textOption, uintOf, uintOption, valueOf } from "../../hosts/simulator/coap/options.js";
import { decodeDatagram, decodeFrame, encodeDatagram, encodeFrame, frameHeader } from "../../hosts/simulator/coap/packet.js";
import { CoAPServer, type CoAPConnection, type CoAPServerOptions } from "../../hosts/simulator/coap/server.js";
import { fromBytes, toBytes } from "../../hosts/world/text.js";

/** A server whose randomness counts, and its time. */
export class Scene {
	readonly server: CoAPServer;
	now = 1_000;
	#random = 0;

	constructor(options: Partial<CoAPServerOptions> & Pick<CoAPServerOptions, "handler">) {
		this.server = new CoAPServer({
			random: target => { for (let index = 0; index < target.byteLength; index++) target[index] = this.#random = (this.#random + 37) % 251; },
			...options,
		});
	}

	/** Time passes; what is due happens when it is. */
	advance(milliseconds: number): void {
		const end = this.now + milliseconds;
		for (let turn = 0; turn < 1_000; turn++) {
			const { deadline } = this.server;
			if (deadline > end) break;
			this.now = Math.max(this.now, deadline);
			this.server.expire(this.now);
		}
		this.now = end;
	}
}

export interface Asked {
	type?: Type;
	code?: number;
	path?: string;
	query?: readonly string[];
	options?: readonly Option[];
	payload?: Uint8Array | string;
	messageId?: number;
	token?: Uint8Array;
}

/** The next message ID and token of whoever asks. */
export class Asker {
	#count = 0;

	message({ type = Type.CON, code = Code.GET, path = "", query = [], options = [], payload = new Uint8Array(0), messageId, token }: Asked): Message {
		this.#count++;
		const segments = path === "" ? [] : path.split("/");
		return {
			type, code, messageId: messageId ?? 100 + this.#count, token: token ?? Uint8Array.of(0x70, this.#count),
			payload: typeof payload === "string" ? toBytes(payload) : payload,
			options: sorted([
				...segments.map(segment => textOption(OptionNumber.URI_PATH, segment)), ...query.map(each => textOption(OptionNumber.URI_QUERY, each)), ...options,
			]),
		};
	}
}

/** A peer that sends datagrams. */
export class DatagramClient {
	readonly scene: Scene;
	readonly key: string;
	readonly identity: string | undefined;
	/** Came and was not taken. */
	readonly received: Message[] = [];
	/** Came and was no message. */
	readonly malformed: Uint8Array[] = [];
	readonly #asker = new Asker();

	constructor(scene: Scene, key = "10.0.0.2:5000", identity?: string) {
		this.scene = scene;
		this.key = key;
		this.identity = identity;
	}

	send(bytes: Uint8Array): void {
		this.scene.server.receive(bytes, this, {
			send: answer => {
				const message = decodeDatagram(answer);
				if (message) this.received.push(message);
				else this.malformed.push(answer);
			},
		}, this.scene.now);
	}

	say(type: Type, messageId: number): void {
		this.send(encodeDatagram({ type, code: Code.EMPTY, messageId, token: new Uint8Array(0), options: [], payload: new Uint8Array(0) }));
	}

	ask(asked: Asked): Message {
		const message = this.#asker.message(asked);
		this.send(encodeDatagram(message));
		return message;
	}

	/** Asks, and takes the one message that comes at once. */
	exchange(asked: Asked): Message {
		assert.deepEqual(this.received, [], "nothing waits");
		const { token, code } = this.ask(asked);
		const [message, ...others] = this.take();
		assert.ok(message && others.length === 0, `one message comes, not ${others.length + (message ? 1 : 0)}`);
		if (isRequest(code) && message.code !== Code.EMPTY) assert.deepEqual([...message.token], [...token]);
		return message;
	}

	take(): Message[] { return this.received.splice(0); }
}

/** A peer on a stream. */
export class StreamClient {
	readonly scene: Scene;
	readonly form: "tcp" | "ws";
	readonly connection: CoAPConnection;
	readonly received: Message[] = [];
	isClosed = false;
	#collected: Uint8Array = new Uint8Array(0);
	readonly #asker = new Asker();

	/** @param settings absent: those of a peer that takes 1,152 bytes and blocks; `undefined`: none are sent */
	constructor(scene: Scene, form: "tcp" | "ws" = "tcp", settings: readonly Option[] | undefined = [{ number: 4, value: new Uint8Array(0) }], identity?: string) {
		this.scene = scene;
		this.form = form;
		const connection = scene.server.connect(form, identity, { send: bytes => { this.#take(bytes); }, close: () => { this.isClosed = true; } }, scene.now);
		assert.ok(connection);
		this.connection = connection;
		assert.deepEqual(this.take().map(({ code }) => code), [Code.CSM]);
		if (settings) this.say(Code.CSM, settings);
	}

	say(code: number, options: readonly Option[] = [], token = new Uint8Array(0)): void {
		this.send(encodeFrame({ type: Type.CON, code, messageId: 0, token, options, payload: new Uint8Array(0) }, this.form));
	}

	send(bytes: Uint8Array): void { this.connection.receive(bytes, this.scene.now); }

	ask(asked: Asked): Message {
		const message = this.#asker.message(asked);
		this.send(encodeFrame(message, this.form));
		return message;
	}

	exchange(asked: Asked): Message {
		const { token } = this.ask(asked), [message, ...others] = this.take();
		assert.ok(message && others.length === 0, `one message comes, not ${others.length + (message ? 1 : 0)}`);
		assert.deepEqual([...message.token], [...token]);
		return message;
	}

	take(): Message[] { return this.received.splice(0); }

	#take(bytes: Uint8Array): void {
		this.#collected = Uint8Array.from([...this.#collected, ...bytes]);
		for (;;) {
			const header = frameHeader(this.#collected), end = this.form === "ws" ? this.#collected.byteLength : header?.end ?? Infinity;
			if (!header || end > this.#collected.byteLength) return;
			const message = decodeFrame(this.#collected.subarray(0, end), header);
			assert.ok(message, "a message");
			this.received.push(message);
			this.#collected = this.#collected.subarray(end);
		}
	}
}

/** `2:0/1/128`, as the RFCs write blocks: option, number, more, size. */
export function blockOption(text: string, bert = 7): Option {
	const [option, number, more, size] = text.split(/[:/]/);
	return {
		number: option === "1" ? OptionNumber.BLOCK1 : OptionNumber.BLOCK2,
		value: blockValue({ number: Number(number), more: more === "1", exponent: size === "BERT" ? bert : Math.log2(Number(size)) - 4 }),
	};
}

/** The block options of a message in the same words, Block2 first. */
export function blocksOf({ options }: Message): string[] {
	const written = (name: string, number: number): string[] => {
		const value = valueOf(options, number);
		if (!value) return [];
		const block = blockOf(value);
		return [`${name}:${block.number}/${block.more ? 1 : 0}/${block.exponent === 7 ? "BERT" : unitOf(block.exponent)}`];
	};
	return [...written("2", OptionNumber.BLOCK2), ...written("1", OptionNumber.BLOCK1)];
}

/** Code, payload as text and the numbers of the options, to compare. */
export function seen({ code, payload, type }: Message): string {
	return `${["CON", "NON", "ACK", "RST"][type]} ${code >> 5}.${String(code & 31).padStart(2, "0")}${payload.byteLength > 0 ? ` ${fromBytes(payload)}` : ""}`;
}

export { fromBytes, toBytes, uintOf, uintOption, valueOf };
