// SPDX-License-Identifier: Apache-2.0
/**
 * Two WebSockets, a client and a server, joined by a wire that is cut anywhere, has little room, and readers that are
 * slow: what one side writes the other reads, in order and whole, and each hears of the other's end once.
 */
import assert from "node:assert/strict";
import type { Stream, StreamCallbacks } from "../../src/host.js";
import { DeviceError } from "../../src/base/error.js";
import { encodeFrame } from "../../hosts/websocket/frame.js";
import { acceptOf, ClientHandshake, ServerHandshake } from "../../hosts/websocket/handshake.js";
import { WebSocketStream } from "../../hosts/websocket/stream.js";
import { toHex } from "../unit/hex.js";
import { FakeMeans } from "../unit/websocket/means.js";
import { property, type Random } from "./random.js";

const WINDOW = 600, STEPS = 50_000, BYTES_MAXIMUM = 20_000;

/** One end of a wire: strict about what it is asked, slow in what it does. */
class End implements Stream {
	other!: End;
	closed = false;
	readonly #callbacks: StreamCallbacks;
	/** Sent by the other side: on the way, and here. */
	#coming: number[] = [];
	#here: number[] = [];
	#room = WINDOW;

	constructor(callbacks: StreamCallbacks) {
		this.#callbacks = callbacks;
	}

	read(target: Uint8Array): number {
		assert(!this.closed && target.length > 0 && target.length <= this.#here.length);
		target.set(this.#here.splice(0, target.length));
		return target.length;
	}

	write(source: Uint8Array): number {
		assert(!this.closed && source.length <= this.#room, "written without room");
		for (const byte of source) this.other.#coming.push(byte);
		return this.#room -= source.length;
	}

	close(): void {
		this.closed = true;
	}

	/** Lets something happen. @returns whether something could */
	step(random: Random): boolean {
		if (this.closed) return false;
		const used = this.other.#coming.length + this.other.#here.length;
		if (this.#room < WINDOW - used && random.once(2)) {
			this.#room += 1 + random.below(WINDOW - used - this.#room);
			this.#callbacks.onWritable?.(this.#room);
			return true;
		}
		if (this.#coming.length > 0) {
			this.#here.push(...this.#coming.splice(0, 1 + random.below(Math.min(this.#coming.length, 200))));
			this.#callbacks.onReadable?.(this.#here.length);
			return true;
		}
		if (!this.other.closed) return this.#room < WINDOW - used;
		this.#callbacks.onError?.(new DeviceError("closed", "ended"));
		return false;
	}

	/** Bytes of nobody. */
	deliver(bytes: readonly number[]): void {
		this.#here.push(...bytes);
		this.#callbacks.onReadable?.(this.#here.length);
	}

	start(): void {
		this.#callbacks.onWritable?.(this.#room);
	}
}

/** A program that writes a number of bytes and closes, and reads what comes when it pleases. */
class Program {
	readonly means = new FakeMeans();
	readonly stream: WebSocketStream;
	readonly end: End;
	readonly read: number[] = [];
	available = 0;
	room = 0;
	written = 0;
	errors = 0;
	closed = false;
	readonly #bytes: Uint8Array;

	constructor(bytes: Uint8Array, isClient: boolean) {
		this.#bytes = bytes;
		const options = { address: "127.0.0.1", port: 80, host: "a.test", path: "/", protocol: "mqtt" };
		const handshake = isClient ? new ClientHandshake(options, this.means) : new ServerHandshake("mqtt", this.means);
		let end: End | undefined;
		this.stream = new WebSocketStream(this.means, isClient ? target => this.means.random(target) : undefined, handshake, {
			onReadable: count => { this.available = count; },
			onWritable: room => { this.room = room; },
			onError: () => { this.errors++; },
		}, callbacks => end = new End(callbacks));
		this.end = end!;
	}

	get done(): boolean {
		return this.written === this.#bytes.length;
	}

	step(random: Random): void {
		if (this.closed) return;
		if (this.available > 0 && random.once(2)) {
			const target = new Uint8Array(1 + random.below(this.available));
			this.stream.read(target);
			this.available -= target.length;
			this.read.push(...target);
		}
		if (this.errors === 0 && this.room > 0 && !this.done) {
			const piece = this.#bytes.subarray(this.written, this.written + 1 + random.below(this.room));
			this.room = this.stream.write(piece);
			this.written += piece.length;
		}
		if (random.once(2)) this.means.fire();
	}
}

function bytesOf(random: Random): Uint8Array {
	const bytes = new Uint8Array(random.below(BYTES_MAXIMUM));
	for (let at = 0; at < bytes.length; at++) bytes[at] = random.below(256);
	return bytes;
}

property("what either side of a WebSocket writes the other reads, and both hear of the end", 40, random => {
	const up = bytesOf(random), down = bytesOf(random);
	const client = new Program(up, true), server = new Program(down, false);
	client.end.other = server.end;
	server.end.other = client.end;
	client.end.start();
	server.end.start();
	const both = [client, server];
	for (let step = 0; step < STEPS && server.errors === 0; step++) {
		for (const program of both) {
			program.end.step(random);
			program.step(random);
		}
		if (client.closed || !client.done || client.read.length < down.length) continue;
		client.closed = true;
		client.stream.close();
	}
	assert.equal(toHex(Uint8Array.from(client.read)), toHex(down));
	while (server.available > 0) server.step(random);
	assert.equal(toHex(Uint8Array.from(server.read)), toHex(up));
	assert.deepEqual([client.errors, server.errors], [0, 1]);
});

/** The key of a client whose dice begin as those of `FakeMeans` do. */
const KEY = "AQIDBAUGBwgJCgsMDQ4PEA==";

/** What a server sends that is good in most places. */
function hostile(random: Random, means: FakeMeans): number[] {
	const { text } = means;
	const head = `HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(KEY, means)}\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n`;
	const bytes = new Uint8Array(text.byteLength(head));
	text.encode(head, bytes, 0);
	const all = [...bytes];
	for (let frames = random.below(8); frames > 0; frames--) {
		all.push(...encodeFrame(random.pick([0, 2, 2, 2, 8, 9, 9, 10]), new Uint8Array(random.below(200)), undefined));
	}
	for (let changes = random.below(4); changes > 0; changes--) {
		const at = random.once(4) ? random.below(all.length) : bytes.length + random.below(Math.max(1, all.length - bytes.length));
		if (random.once(3)) all.splice(at, random.below(5));
		else if (random.once(2)) all.splice(at, 0, random.below(256));
		else all[at] = random.below(256);
	}
	return all;
}

property("whatever a server sends, a client throws nothing, ends once, and hears of nothing afterwards", 2_000, random => {
	const client = new Program(new Uint8Array(random.below(300)), true), server = new Program(new Uint8Array(0), false);
	client.end.other = server.end;
	server.end.other = client.end;
	const sent = hostile(random, client.means);
	client.end.start();
	for (let at = 0; at < sent.length;) {
		const piece = sent.slice(at, at + 1 + random.below(100));
		at += piece.length;
		client.end.deliver(piece);
		if (client.end.closed) break;
		client.step(random);
	}
	for (let step = 0; step < 200 && client.available > 0; step++) client.step(random);
	assert(client.errors <= 1);
	assert.equal(client.end.closed, client.errors === 1);
	client.stream.close();
	assert.equal(client.means.due.size, 0);
});
