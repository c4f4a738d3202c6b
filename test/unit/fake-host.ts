// SPDX-License-Identifier: Apache-2.0
/**
 * A host whose network, clock and dice are in the hands of the test.
 *
 * It holds its user to the contract of `src/host.ts`: reading more than was announced, writing more than there is room
 * for, or using a stream after `close` is thrown, and what is left open can be counted.
 */
import assert from "node:assert/strict";
import { DeviceError } from "../../src/base/error.js";
import type {
	Clocks, Crypto, Datagrams, FlashProvider, Host, Keys, ResolveOptions, Resolver, StorageDomain, StorageProvider, Stream, System,
	TCPOptions, TimerHandle, Timers, TLSOptions, UDPOptions, WebSocketOptions,
} from "../../src/host.js";
import { fromHex, toHex } from "./hex.js";
import { crypto } from "./storage/digest.js";
import { text } from "./text.js";

/** Bytes that a stream takes before it must tell of room again. */
const ROOM = 4096;
/** Timers that may run at one instant: more means that something is due for ever. */
const INSTANT_MAXIMUM = 100;

export class FakeStream implements Stream {
	readonly options: TCPOptions & Partial<TLSOptions & WebSocketOptions>;
	closed = false;
	/** What was written and not looked at, as hexadecimal text. */
	written = "";
	#inbox: number[] = [];
	#room = -1;

	constructor(options: TCPOptions) {
		this.options = options;
	}

	read(target: Uint8Array): number {
		assert.ok(!this.closed, "read after close");
		assert.ok(target.length > 0 && target.length <= this.#inbox.length, "read of what was announced");
		target.set(this.#inbox.splice(0, target.length));
		return target.length;
	}

	write(source: Uint8Array): number {
		assert.ok(!this.closed, "write after close");
		assert.ok(this.#room >= 0, "write before the stream is connected");
		if (source.length > this.#room) throw new DeviceError("full", "no room");
		this.written += toHex(source);
		this.#room -= source.length;
		return this.#room;
	}

	close(): void {
		this.closed = true;
	}

	/** Room for `room` bytes; the first time it means connected. */
	writable(room = ROOM): void {
		assert.ok(!this.closed);
		this.#room = room;
		this.options.onWritable?.(room);
	}

	deliver(hex: string): void {
		assert.ok(!this.closed);
		// One by one: the device's stack has no room for so many arguments.
		for (const byte of fromHex(hex)) this.#inbox.push(byte);
		this.options.onReadable?.(this.#inbox.length);
	}

	fail(error: DeviceError): void {
		assert.ok(!this.closed);
		this.options.onError?.(error);
	}

	/** What was written since the last time, as hexadecimal text. */
	take(): string {
		const { written } = this;
		this.written = "";
		return written;
	}

	get unread(): number {
		return this.#inbox.length;
	}
}

export class FakeResolver implements Resolver {
	options: ResolveOptions | undefined;
	closed = false;

	resolve(options: ResolveOptions): void {
		assert.ok(!this.closed && this.options === undefined);
		this.options = options;
	}

	close(): void {
		this.closed = true;
	}

	answer(address: string): void {
		assert.ok(!this.closed);
		this.options!.onResolved(this.options!.host, address);
	}

	fail(code: "unreachable" | "timeout"): void {
		assert.ok(!this.closed);
		this.options!.onError(new DeviceError(code, "name not resolved"));
	}
}

class Timer {
	readonly at: number;
	readonly callback: () => void;

	constructor(at: number, callback: () => void) {
		this.at = at;
		this.callback = callback;
	}
}

class Domain implements StorageDomain {
	readonly values: Record<string, Uint8Array>;
	readonly #host: FakeHost;
	closed = false;

	constructor(host: FakeHost, values: Record<string, Uint8Array>) {
		this.#host = host;
		this.values = values;
	}

	#check(operation: StorageOperation): void {
		assert.ok(!this.closed, `${operation} after close`);
		this.#host.store(operation);
	}

	read(key: string): Uint8Array | undefined {
		this.#check("read");
		return this.values[key];
	}

	write(key: string, value: Uint8Array): void {
		this.#check("write");
		this.values[key] = value;
	}

	delete(key: string): void {
		this.#check("delete");
		delete this.values[key];
	}

	keys(): string[] {
		this.#check("keys");
		return Object.keys(this.values);
	}

	close(): void {
		this.closed = true;
	}
}

export type StorageOperation = "open" | "read" | "write" | "delete" | "keys";

const unused = (): never => {
	throw new Error("not part of this host");
};

export class FakeHost implements Host {
	readonly name = "world";
	clock = 1_000;
	/** Every random byte. */
	dice = 0x80;
	readonly streams: FakeStream[] = [];
	readonly resolvers: FakeResolver[] = [];
	/** Storage: values by key, by domain. */
	readonly stored: Record<string, Record<string, Uint8Array>> = {};
	readonly domains: Domain[] = [];
	/** What was done to the storage, and what of it fails. */
	readonly stores: StorageOperation[] = [];
	failingStore: StorageOperation | undefined;
	/** Thrown by the next stream's constructor. */
	refusal: Error | undefined;
	readonly #timers = new Set<Timer>();

	readonly tcp: { io: new (options: TCPOptions) => Stream };
	readonly tls: { io: new (options: TLSOptions) => Stream };
	readonly websocket: { io: new (options: WebSocketOptions) => Stream };
	readonly udp: { io: new (options: UDPOptions) => Datagrams } = { io: unused as unknown as new () => Datagrams };
	readonly dtls = undefined;
	readonly dns: { io: new () => Resolver };
	readonly flash: FlashProvider = { open: unused };
	readonly crypto: Crypto = crypto;
	readonly keys: Keys = { generate: unused, sign: unused, verify: unused };
	readonly images = undefined;
	readonly system: System = { restart: unused, resetReason: "power-on", identifier: "fake", crash: undefined, retained: undefined, heap: () => undefined };
	readonly text = text;

	constructor() {
		const host = this;
		const stream = class extends FakeStream {
			constructor(options: TCPOptions) {
				super(options);
				if (host.refusal !== undefined) throw host.refusal;
				host.streams.push(this);
			}
		};
		this.tcp = { io: stream };
		this.tls = { io: stream };
		this.websocket = { io: stream };
		this.dns = {
			io: class extends FakeResolver {
				constructor() {
					super();
					host.resolvers.push(this);
				}
			},
		};
	}

	readonly storage: StorageProvider = {
		open: ({ path }) => {
			this.store("open");
			const domain = new Domain(this, this.stored[path] ??= {});
			this.domains.push(domain);
			return domain;
		},
	};

	/** Notes an operation of the storage. */
	store(operation: StorageOperation): void {
		this.stores.push(operation);
		if (operation === this.failingStore) throw new DeviceError("storage", `${operation} failed`);
	}

	readonly time: Clocks = { now: () => this.clock, wall: () => undefined };

	readonly timer: Timers = {
		set: (callback, delay) => {
			assert.ok(delay >= 0 && delay <= 0x7fff_ffff, `a delay of ${delay} ms`);
			const timer = new Timer(this.clock + delay, callback);
			this.#timers.add(timer);
			return timer;
		},
		repeat: unused,
		clear: (handle: TimerHandle | undefined) => {
			this.#timers.delete(handle as Timer);
		},
	};

	random(target: Uint8Array): void {
		target.fill(this.dice);
	}

	trace(): void {
		unused();
	}

	/** The newest stream. */
	get stream(): FakeStream {
		return this.streams.at(-1)!;
	}

	get resolver(): FakeResolver {
		return this.resolvers.at(-1)!;
	}

	/** When the next timer runs, ms from now; `Infinity` when none is set. */
	get nextTimer(): number {
		return Math.min(...[...this.#timers].map(({ at }) => at - this.clock), Infinity);
	}

	get timers(): number {
		return this.#timers.size;
	}

	/** Plays the network up to what a client says first, as hexadecimal text. */
	reach(): string {
		this.advance(0);
		if (this.resolver === undefined || this.resolver.closed) this.advance(this.nextTimer);
		this.resolver.answer("10.0.0.1");
		this.stream.writable();
		return this.stream.take();
	}

	/** Streams and resolvers that were made and not closed. */
	get open(): number {
		return [...this.streams, ...this.resolvers].filter(({ closed }) => !closed).length;
	}

	/** Lets time pass; timers run when they are due, in order. */
	advance(duration: number): void {
		const end = this.clock + duration;
		for (let runs = 0, instant = this.clock; ; runs++) {
			const due = [...this.#timers].filter(({ at }) => at <= end).sort((left, right) => left.at - right.at)[0];
			if (due === undefined) break;
			if (due.at > instant) runs = 0;
			assert.ok(runs < INSTANT_MAXIMUM, "time goes on");
			this.#timers.delete(due);
			this.clock = instant = Math.max(this.clock, due.at);
			due.callback();
		}
		this.clock = end;
	}
}
