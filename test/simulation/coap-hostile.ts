// SPDX-License-Identifier: Apache-2.0
/**
 * A CoAP client whose server is its enemy, out of one seed: it sees all that the device sends, and answers with whatever
 * a message can hold: other blocks than were asked for, sizes that are lies, tokens of other requests, resets, pings,
 * settings that make no sense, requests for what the device offers, and bytes that are nothing at all.
 *
 * Held to in each run: nothing is thrown at the device, no timer rings without end, each request has one outcome, in
 * time, and nobody is given more than was agreed to.
 */
import { createWorld, text, type World } from "../../hosts/world/index.js";
import { Reader } from "../../src/bytes/reader.js";
import { Writer } from "../../src/bytes/writer.js";
import { blockOption, findBlock, type Block } from "../../src/coap/block.js";
import { CoAPClient } from "../../src/coap/client.js";
import { Code, OptionNumber, Signal, Type } from "../../src/coap/constants.js";
import { datagramLength, decodeDatagram, encodeDatagram } from "../../src/coap/datagram.js";
import { decodeFrame, encodeFrame, frameLength, Framer } from "../../src/coap/frame.js";
import { isRequest, type Message } from "../../src/coap/message.js";
import { uintOption, type Option } from "../../src/coap/option.js";
import type { RequestOptions, Response } from "../../src/coap/request.js";
import { Resources } from "../../src/coap/resources.js";
import type { Datagrams, Host, Stream } from "../../src/host.js";

const ADDRESS = "10.6.6.6", PORT = 5_683;
const TROUBLE = 300_000;
/** Virtual ms in which all has ended once the peer is silent. */
const PATIENCE = 300_000;
const REQUESTS = 60;
const BODY_MAXIMUM = 2_048;
const { BLOCK1, BLOCK2, ECHO, ETAG, MAX_AGE, OBSERVE, OSCORE, SIZE2, URI_PATH } = OptionNumber;
const CODES = [
	Code.CONTENT, Code.CONTENT, Code.CONTENT, Code.CHANGED, Code.CONTINUE, Code.CONTINUE, Code.VALID, Code.UNAUTHORIZED, Code.NOT_FOUND,
	Code.REQUEST_ENTITY_INCOMPLETE, Code.REQUEST_ENTITY_TOO_LARGE, Code.TOO_MANY_REQUESTS, Code.SERVICE_UNAVAILABLE, Code.BAD_REQUEST,
];
const NUMBERS = [0, 1, 60, 1_000, 5_000, 0xff_ffff, 0xffff_ffff];
const NOTHING = new Uint8Array(0);

export interface HostileOutcome {
	fingerprint: string;
	asked: number;
	outcomes: Record<string, number>;
	connections: number;
	heard: number;
}

/** Makes up messages. */
class Enemy {
	readonly #world: World;
	readonly #tokens: Uint8Array[] = [Uint8Array.of(1)];

	constructor(world: World) {
		this.#world = world;
	}

	/** To one of the device's: none, one or several. */
	answers(message: Message): Message[] {
		const { random } = this.#world;
		if (isRequest(message.code)) this.#tokens.unshift(message.token.slice());
		if (this.#tokens.length > 8) this.#tokens.pop();
		const { messageId } = message;
		const empty = (type: Type): Message => ({ type, code: Code.EMPTY, messageId, token: NOTHING, options: [], payload: NOTHING });
		// A ping, and what is not to be answered.
		if (message.code === Code.EMPTY) return message.type === Type.CON && random.chance(0.9) ? [empty(Type.RST)] : [];
		if (!isRequest(message.code)) return message.type === Type.CON ? [empty(random.chance(0.9) ? Type.ACK : Type.RST)] : [];
		const answers: Message[] = [];
		if (random.chance(0.05)) answers.push(empty(Type.RST));
		if (random.chance(0.3)) answers.push(empty(Type.ACK));
		if (random.chance(0.8)) answers.push(this.answer(message, answers.length === 0 ? Type.ACK : this.type()));
		if (random.chance(0.2)) answers.push(this.answer(message, this.type()));
		if (random.chance(0.1)) answers.push(...answers);
		return answers;
	}

	/** Of its own accord. */
	message(): Message {
		const { random } = this.#world;
		const messageId = random.between(0, 0xffff), token = this.#tokens[random.between(0, this.#tokens.length - 1)]!;
		if (random.chance(0.5)) {
			const options = [this.pathOf(), ...this.options(undefined)].sort((left, right) => left.number - right.number);
			return { type: this.type(), code: random.between(1, 9), messageId, token, options, payload: this.payload(undefined) };
		}
		const type = random.chance(0.2) ? Type.ACK : this.type();
		return { type, code: CODES[random.between(0, CODES.length - 1)]!, messageId, token, options: this.options(undefined), payload: this.payload(undefined) };
	}

	private type(): Type {
		return this.#world.random.chance(0.5) ? Type.CON : Type.NON;
	}

	private pathOf(): Option {
		const names = ["state", "echo", "nothing", "\xff"];
		return { number: URI_PATH, value: Uint8Array.from(names[this.#world.random.between(0, 3)]!, (each) => each.charCodeAt(0)) };
	}

	private answer(request: Message, type: Type): Message {
		const { random } = this.#world;
		const code = random.chance(0.05) ? random.between(0x40, 0xbf) : CODES[random.between(0, CODES.length - 1)]!;
		const token = random.chance(0.9) ? request.token.slice() : this.#tokens[random.between(0, this.#tokens.length - 1)]!;
		const options = this.options(request);
		const messageId = type === Type.ACK && random.chance(0.95) ? request.messageId : random.between(0, 0xffff);
		const isBlock = options.some(({ number, value }) => number === BLOCK2 && value.byteLength < 4);
		const block = isBlock ? findBlock(options, BLOCK2, true) : undefined;
		return { type, code, messageId, token, options, payload: this.payload(block) };
	}

	private payload(block: Block | undefined): Uint8Array {
		const { random } = this.#world;
		const length = block !== undefined && random.chance(0.8) ? block.size : [0, 16, 100, 1_024][random.between(0, 3)]!;
		return new Uint8Array(length);
	}

	private options(request: Message | undefined): Option[] {
		const { random } = this.#world;
		const options: Option[] = [];
		const maybe = (probability: number, make: () => Option): void => { if (random.chance(probability)) options.push(make()); };
		const number = (): number => NUMBERS[random.between(0, NUMBERS.length - 1)]!;
		const bytes = (): Uint8Array => new Uint8Array(random.between(0, 20)).fill(random.between(0, 1));
		maybe(0.3, () => ({ number: ETAG, value: bytes() }));
		maybe(0.4, () => uintOption(OBSERVE, number()));
		maybe(0.02, () => ({ number: OSCORE, value: bytes() }));
		maybe(0.4, () => random.chance(0.9) ? uintOption(MAX_AGE, number()) : { number: MAX_AGE, value: bytes() });
		maybe(0.02, () => ({ number: 21, value: bytes() }));
		maybe(0.5, () => this.block(BLOCK2, request));
		maybe(0.3, () => this.block(BLOCK1, request));
		maybe(0.2, () => uintOption(SIZE2, number()));
		maybe(0.02, () => ({ number: 65_001, value: bytes() }));
		maybe(0.3, () => ({ number: ECHO, value: bytes() }));
		return options.sort((left, right) => left.number - right.number);
	}

	private block(number: number, request: Message | undefined): Option {
		const { random } = this.#world;
		const asked = request && findBlock(request.options, number, true);
		if (asked !== undefined && random.chance(0.8)) return blockOption(number, { ...asked, more: random.chance(0.7) });
		if (random.chance(0.1)) return { number, value: new Uint8Array(random.between(0, 5)).fill(0xff) };
		return blockOption(number, { number: random.between(0, 3), more: random.chance(0.7), size: 16 << random.between(0, 6), bert: random.chance(0.1) });
	}

	/** Of a stream. */
	signal(): Message {
		const { random } = this.#world;
		const code = [Code.CSM, Code.CSM, Code.PING, Code.PING, Code.PONG, Code.RELEASE, Code.ABORT][random.between(0, random.chance(0.1) ? 6 : 4)]!;
		const options: Option[] = [];
		if (random.chance(0.5)) options.push(uintOption(Signal.MAX_MESSAGE_SIZE, [0, 5, 100, 1_152, 2_000, 70_000, 0xffff_ffff][random.between(0, 6)]!));
		if (random.chance(0.5)) options.push({ number: Signal.BLOCK_WISE_TRANSFER, value: NOTHING });
		if (random.chance(0.02)) options.push({ number: 9, value: NOTHING });
		return { type: Type.CON, code, messageId: 0, token: random.chance(0.5) ? NOTHING : Uint8Array.of(3), options, payload: NOTHING };
	}

	garbage(): Uint8Array {
		const bytes = new Uint8Array(this.#world.random.between(0, 60));
		this.#world.random.fill(bytes);
		return bytes;
	}
}

function serveDatagrams(world: World, enemy: Enemy): void {
	const { network, random, timer, clock } = world;
	const buffer = new Uint8Array(2_048), remote = { address: "", port: 0 }, reader = new Reader(text), writer = new Writer(text);
	const say = (message: Message): void => {
		const { type, messageId } = message, bytes = new Uint8Array(datagramLength(message));
		writer.reset(bytes, 0, bytes.byteLength);
		encodeDatagram(writer, type, messageId, message);
		socket.write(bytes, remote.address, remote.port);
	};
	const socket: Datagrams = network.bind(ADDRESS, { port: PORT, onReadable: () => {
		for (let count = socket.read(buffer, remote); count >= 0; count = socket.read(buffer, remote)) {
			const message = decodeDatagram(reader, buffer.slice(0, count), 0, count);
			if (message === undefined || "error" in message) throw new Error("the device sent what is no message");
			if (clock.now < TROUBLE) for (const answer of enemy.answers(message)) say(answer);
		}
	} });
	const attack = (): void => {
		if (remote.port !== 0 && random.chance(0.8)) say(enemy.message());
		else if (remote.port !== 0) socket.write(enemy.garbage(), remote.address, remote.port);
		if (clock.now < TROUBLE) timer.set(attack, random.between(1, 3_000));
	};
	timer.set(attack, 1_000);
}

function serveStreams(world: World, enemy: Enemy): void {
	const { network, random, timer, clock } = world;
	network.listen({ address: ADDRESS, port: PORT }, (incoming) => {
		const reader = new Reader(text), framer = new Framer(reader, "stream", 1_000_000), writer = new Writer(text);
		let readable = 0, writable = 0, isOver = false;
		const stream: Stream = incoming.accept({
			onReadable: (count) => {
				readable = count;
				timer.set(read, 0);
			},
			onWritable: (count) => { writable = count; },
			onError: () => { isOver = true; },
		});
		const write = (bytes: Uint8Array): void => { if (!isOver && bytes.byteLength > 0 && bytes.byteLength <= writable) writable = stream.write(bytes); };
		const say = (message: Message): void => {
			const bytes = new Uint8Array(frameLength("stream", message));
			writer.reset(bytes, 0, bytes.byteLength);
			encodeFrame(writer, "stream", message);
			write(bytes);
		};
		const read = (): void => {
			// Who attacks need not read.
			if (isOver || readable === 0 || clock.now > TROUBLE) return;
			const bytes = new Uint8Array(readable);
			readable = 0;
			stream.read(bytes);
			framer.push(bytes, 0, bytes.byteLength);
			while (framer.next()) {
				const message = decodeFrame(reader, framer);
				for (const answer of enemy.answers(message)) if (answer.code !== Code.EMPTY) say(answer);
				if (message.code === Code.PING && random.chance(0.95)) say({ ...message, code: Code.PONG });
			}
		};
		const attack = (): void => {
			if (isOver || clock.now > TROUBLE) return;
			if (random.chance(0.02)) write(enemy.garbage());
			else if (random.chance(0.4)) say(enemy.signal());
			else say(enemy.message());
			timer.set(attack, random.between(1, 5_000));
		};
		timer.set(() => {
			say({ ...enemy.signal(), code: Code.CSM });
			attack();
		}, 100);
	});
}

class Victim {
	readonly outcomes: Record<string, number> = {};
	asked = 0;
	connections = 0;
	heard = 0;
	waiting = 0;
	readonly #world: World;
	readonly #host: Host;
	readonly #client: CoAPClient;

	constructor(world: World, host: Host, transport: "udp" | "tcp") {
		this.#world = world;
		this.#host = host;
		const resources = new Resources({ codec: host.text });
		resources.add("state", { methods: [Code.GET], observable: true, onRequest: (_, replier) => { replier.send({ code: Code.CONTENT, payload: new Uint8Array(1_500) }); } });
		resources.add("echo", { methods: [Code.POST, Code.FETCH, Code.IPATCH], onRequest: ({ payload }, replier) => {
			if (world.random.chance(0.8)) replier.send({ code: Code.CHANGED, payload });
		} });
		this.#client = new CoAPClient({
			host, server: { transport, name: ADDRESS, port: PORT }, keepAlive: 20_000, bodyMaximum: BODY_MAXIMUM, resources: resources.answerer(),
			onConnected: () => { this.connections++; },
		});
		for (let count = 0; count < 3; count++) this.observe(count);
		const tick = (): void => {
			this.ask();
			resources.notify("state");
			if (world.clock.now < TROUBLE) host.timer.set(tick, world.random.between(1, 8_000));
		};
		host.timer.set(tick, 1_000);
	}

	private hear({ payload }: Response): void {
		this.heard++;
		if (payload.byteLength > BODY_MAXIMUM) throw new Error(`a body of ${payload.byteLength} bytes`);
	}

	private observe(count: number): void {
		this.#client.observe({ code: Code.GET, path: `observed/${count}` }, {
			onNotification: (response) => { this.hear(response); },
			onEnded: () => { this.#host.timer.set(() => { this.observe(count); }, 1_000); },
		});
	}

	private ask(): void {
		if (!this.#client.connected || this.asked === REQUESTS) return;
		const { random } = this.#world;
		let isOver = false;
		const end = (how: string | number): void => {
			if (isOver) throw new Error("a request ends twice");
			isOver = true;
			this.waiting--;
			this.outcomes[how] = (this.outcomes[how] ?? 0) + 1;
		};
		const timeout = random.between(1_000, 60_000);
		const any: RequestOptions[] = [
			{ code: Code.GET, path: "x", timeout }, { code: Code.PUT, path: "x", payload: new Uint8Array(random.between(0, 9_000)), timeout },
			{ code: Code.GET, path: "x", block: { number: random.between(0, 9), size: 64 }, timeout },
			{ code: Code.POST, path: "x", payload: new Uint8Array(random.between(0, 9_000)), confirmable: false, timeout },
			{ code: Code.POST, path: "x", silent: true, timeout },
		];
		const request = any[random.between(0, any.length - 1)]!;
		try {
			this.#client.request(request, {
				onResponse: (response) => {
					this.hear(response);
					end(response.code);
				},
				onError: ({ code }) => { end(code); },
			});
		} catch (error) {
			if ((error as { code?: string }).code !== "full") throw error;
			return;
		}
		this.asked++;
		this.waiting++;
	}
}

/** @throws Error that names the seed, when anything is not as it should be */
export function coapHostile(seed: number, transport: "udp" | "tcp"): HostileOutcome {
	const world = createWorld({ seed });
	const { random, network, clock } = world;
	network.delay(1, random.between(5, 500));
	network.split(random.chance(0.5) ? random.between(0, 90) / 100 : 0);
	const enemy = new Enemy(world);
	if (transport === "udp") serveDatagrams(world, enemy);
	else serveStreams(world, enemy);
	let victim: Victim | undefined;
	const device = world.device({ id: "victim", program: (host) => { victim = new Victim(world, host, transport); } });
	world.run(() => device.crashes.length > 0 || clock.now > TROUBLE);
	world.run(() => device.crashes.length > 0 || victim!.waiting === 0 || clock.now > TROUBLE + PATIENCE);
	const [crash] = device.crashes;
	if (crash !== undefined) throw new Error(`seed ${seed} over ${transport}: ${String((crash.error as Error).stack)}`);
	const { asked, waiting, outcomes, connections, heard } = victim!;
	if (waiting > 0) throw new Error(`seed ${seed} over ${transport}: ${waiting} requests without end`);
	return { fingerprint: world.fingerprint, asked, outcomes, connections, heard };
}
