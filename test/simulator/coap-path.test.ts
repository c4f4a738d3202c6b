// SPDX-License-Identifier: Apache-2.0
/**
 * OSCORE with an enemy on the path, who sees, keeps, changes, repeats and swaps whatever goes by in either direction: RFC 8613 §12,
 * RFC 9175 §2 and §4. He may keep things from happening, and no more.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CoAPServer } from "../../hosts/simulator/coap/server.js";
import { createWorld, text, type World } from "../../hosts/world/index.js";
import { Reader } from "../../src/bytes/reader.js";
import { Writer } from "../../src/bytes/writer.js";
import { CoAPClient } from "../../src/coap/client.js";
import { Code, OptionNumber, Type } from "../../src/coap/constants.js";
import { datagramLength, decodeDatagram, encodeDatagram } from "../../src/coap/datagram.js";
import { isResponse, type Message } from "../../src/coap/message.js";
import { uintOption } from "../../src/coap/option.js";
import type { RequestOptions, Response } from "../../src/coap/request.js";
import type { Security } from "../../src/coap/security.js";
import type { Datagrams } from "../../src/host.js";
import { Oscore } from "../../src/oscore/oscore.js";
import { CLIENT, makeHost, MemoryStorage, reversed } from "../unit/oscore/rig.js";

const ADDRESS = "10.0.0.1", PORT = 5_683;
const TROUBLE = 200_000, CALM = 900_000;
const REQUESTS = 25, KEPT = 40;
const { OBSERVE, OSCORE } = OptionNumber;

function oscore(parameters = CLIENT, seed = 1): Security {
	return new Oscore({ host: makeHost(new MemoryStorage(), seed), parameters });
}

function bodyOf(id: number): Uint8Array {
	return new Uint8Array(2_500).map((_, index) => index * 31 + id);
}

class Enemy {
	readonly #world: World;
	readonly #kept: Message[] = [];
	readonly #reader = new Reader(text);
	readonly #writer = new Writer(text);

	constructor(world: World) {
		this.#world = world;
	}

	/** What he passes on in place of a datagram. */
	tamper(bytes: Uint8Array): Uint8Array[] {
		const { random, clock } = this.#world;
		if (clock.now > TROUBLE) return [bytes];
		const read = decodeDatagram(this.#reader, bytes.slice(), 0, bytes.byteLength);
		if (read === undefined || "error" in read) return [bytes];
		this.#kept.unshift(read);
		if (this.#kept.length > KEPT) this.#kept.pop();
		const passed = random.chance(0.7) ? [bytes] : [];
		if (random.chance(0.3)) passed.splice(random.between(0, passed.length), 0, this.encode(this.change(read)));
		if (random.chance(0.2)) passed.push(this.encode(this.#kept[random.between(0, this.#kept.length - 1)]!));
		return passed;
	}

	private change(message: Message): Message {
		const { random } = this.#world;
		const { options, payload } = message;
		const other = this.#kept.filter(({ code }) => isResponse(code) === isResponse(message.code))[random.between(0, 5)] ?? message;
		switch (random.between(0, 8)) {
			// What another message holds, in the place of this one's.
			case 0: return { ...message, options: other.options, payload: other.payload };
			case 1: return { ...message, payload: other.payload };
			case 2: return { ...message, token: other.token };
			case 3: return { ...message, payload: payload.map((byte, index) => index === payload.byteLength >> 1 ? byte ^ 1 : byte) };
			case 4: return { ...message, payload: payload.slice(0, random.between(0, payload.byteLength)) };
			// Nothing protected is left of it.
			case 5: return { ...message, options: options.filter(({ number }) => number !== OSCORE) };
			case 6: return { ...message, options: [], payload: Uint8Array.of(0, 0), code: isResponse(message.code) ? [Code.CONTENT, Code.CHANGED, Code.CONTINUE][random.between(0, 2)]! : message.code };
			case 7: return { ...message, options: [...options.filter(({ number }) => number !== OBSERVE), uintOption(OBSERVE, random.between(0, 9))].sort((left, right) => left.number - right.number) };
			default: return { ...message, type: message.type === Type.ACK ? Type.CON : message.type, messageId: random.between(0, 0xffff) };
		}
	}

	private encode(message: Message): Uint8Array {
		const bytes = new Uint8Array(datagramLength(message));
		this.#writer.reset(bytes, 0, bytes.byteLength);
		encodeDatagram(this.#writer, message.type, message.messageId, message);
		this.#writer.clear();
		return bytes;
	}
}

function serve(world: World, server: CoAPServer, enemy: Enemy): void {
	const buffer = new Uint8Array(2_048), remote = { address: "", port: 0 };
	let alarm: object | undefined;
	const arm = (): void => {
		world.timer.clear(alarm);
		const { deadline } = server, now = world.clock.now;
		alarm = deadline === Infinity ? undefined : world.timer.set(() => { server.expire(world.clock.now); arm(); }, Math.max(0, deadline - now));
	};
	const socket: Datagrams = world.network.bind(ADDRESS, { port: PORT, onReadable: () => {
		for (let count = socket.read(buffer, remote); count >= 0; count = socket.read(buffer, remote)) {
			const { address, port } = remote;
			const send = (bytes: Uint8Array): void => { for (const each of enemy.tamper(bytes)) socket.write(each, address, port); };
			for (const each of enemy.tamper(buffer.slice(0, count))) server.receive(each, { key: `${address}:${port}` }, { send }, world.clock.now);
		}
		arm();
	} });
	server.watch(arm);
}

function live(seed: number): Record<string, number> {
	const world = createWorld({ seed }), { random, timer, clock } = world;
	const security = oscore(reversed(CLIENT), 2);
	const done = new Map<number, number>(), outcomes: Record<string, number> = {};
	let state = 0, seen = -1, asked = 0, ended = 0;
	const server = new CoAPServer({
		random: target => { random.fill(target); }, contexts: () => ({ security }),
		handler: ({ path: [name, id], payload, secured }, reply) => {
			assert.ok(secured);
			if (name === "state") return reply({ code: "2.05", payload: Uint8Array.of(state), maxAge: 30, observable: true });
			if (name === "body") return reply({ code: "2.05", payload: bodyOf(Number(id)) });
			done.set(Number(id), (done.get(Number(id)) ?? 0) + 1);
			if (name === "large") assert.deepEqual(payload, bodyOf(Number(id)), `seed ${seed}: another body`);
			reply({ code: "2.04", payload: Uint8Array.of(Number(id)) });
		},
	});
	serve(world, server, new Enemy(world));
	const device = world.device({ id: "lamp", program: host => {
		const client = new CoAPClient({ host, security: oscore(), server: { transport: "udp", name: ADDRESS, port: PORT }, keepAlive: 20_000, blockLength: 512 });
		client.observe({ code: Code.GET, path: "state" }, {
			onNotification: ({ payload }) => {
				assert.ok(payload[0]! >= seen && payload[0]! <= state, `seed ${seed}: state ${payload[0]} after ${seen}`);
				seen = payload[0]!;
			},
			onEnded: ({ code }) => { assert.equal(code, "rejected"); },
		});
		const ask = (): void => {
			if (client.connected && asked < REQUESTS && asked - ended < 10) {
				const id = ++asked;
				const any: RequestOptions[] = [
					{ code: Code.GET, path: `body/${id}` }, { code: Code.PUT, path: `large/${id}`, payload: bodyOf(id) },
					{ code: Code.POST, path: `quick/${id}` }, { code: Code.POST, path: `quick/${id}`, confirmable: false, timeout: 20_000 },
				];
				client.request(any[random.between(0, 3)]!, {
					onResponse: ({ code, payload }: Response) => {
						if (code === Code.CONTENT) assert.deepEqual(payload, bodyOf(id), `seed ${seed}`);
						else if (code === Code.CHANGED) assert.deepEqual(payload[0], id, `seed ${seed}: the answer to another`);
						// What he spoils in the middle of a body.
						else assert.equal(code, Code.REQUEST_ENTITY_INCOMPLETE, `seed ${seed}`);
						ended++;
						outcomes[code] = (outcomes[code] ?? 0) + 1;
					},
					onError: ({ code }) => {
						ended++;
						outcomes[code] = (outcomes[code] ?? 0) + 1;
					},
				});
			}
			host.timer.set(ask, random.between(1, 10_000));
		};
		host.timer.set(ask, 1_000);
	} });
	const change = (): void => {
		state++;
		server.notify(() => true);
		if (clock.now < TROUBLE) timer.set(change, random.between(1, 15_000));
	};
	timer.set(change, 1_000);
	world.run(() => device.crashes.length > 0 || ended === REQUESTS && clock.now > TROUBLE || clock.now > CALM);
	if (device.crashes[0] !== undefined) throw new Error(`seed ${seed}: ${String((device.crashes[0].error as Error).stack)}`);
	assert.equal(ended, REQUESTS, `seed ${seed}: requests without end`);
	for (const [id, count] of done) assert.equal(count, 1, `seed ${seed}: ${id} was done ${count} times`);
	return outcomes;
}

test("who is on the path keeps things from happening, and makes nothing happen twice or otherwise", () => {
	const sum: Record<string, number> = {};
	for (let seed = 1; seed <= 60; seed++) for (const [how, count] of Object.entries(live(seed))) sum[how] = (sum[how] ?? 0) + count;
	assert.ok((sum[Code.CHANGED] ?? 0) > 100 && (sum[Code.CONTENT] ?? 0) > 20 && (sum["timeout"] ?? 0) + (sum["rejected"] ?? 0) > 20, JSON.stringify(sum));
});
