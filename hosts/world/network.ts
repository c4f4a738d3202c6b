// SPDX-License-Identifier: Apache-2.0
/**
 * The network of a world: who listens where, which names there are, and what goes wrong.
 *
 * Faults are switches that stay as set. They are meant to be set by a test or by a scenario, from
 * outside or from any callback: what they do to open streams is reported from the event loop.
 */
import { DeviceError } from "../../src/base/error.js";
import type { Datagrams, Stream, UDPOptions } from "../../src/host.js";
import { checkAddress, checkCallback, checkPort } from "./address.js";
import type { Clock } from "./clock.js";
import type { Connection } from "./connection.js";
import { Listener, type Incoming } from "./listener.js";
import type { Log } from "./log.js";
import { Bystander } from "./party.js";
import type { Random } from "./random.js";
import { listenSecurely, type ServerSecureOptions } from "./tls.js";
import { UDPSocket, udpClass } from "./udp.js";

/** Ports that the platform chooses from. */
const FIRST_PORT = 49152, LAST_PORT = 65535;

export interface Faults {
	/** One-way latency in ms. */
	delayLeast: number;
	delayMost: number;
	/** Probability that a packet is lost. TCP repeats it later, UDP does not. */
	loss: number;
	/** Probability that a TCP write arrives in several pieces, cut at random. */
	split: number;
	/** Probability that a datagram arrives twice. */
	duplicate: number;
	/** Probability that a datagram is overtaken by those sent after it. */
	reorder: number;
}

const CALM: Faults = Object.freeze({ delayLeast: 5, delayMost: 40, loss: 0, split: 0, duplicate: 0, reorder: 0 });

export interface ListenOptions {
	address: string;
	port: number;
	tls?: ServerSecureOptions | undefined;
}

export interface FlapOptions {
	/** Whose link; default: everybody's. */
	address?: string | undefined;
	/** The link works for a time between these two (ms). */
	up: readonly [number, number];
	/** Then it is down for a time between these two (ms). */
	down: readonly [number, number];
	/** Probability that going down aborts the streams at this end instead of only silencing them. Default 0. */
	kill?: number | undefined;
}

/** A stream, all streams that an address takes part in, or (absent) all streams. */
export type Target = Stream | string | undefined;

export class Network {
	readonly clock: Clock;
	readonly log: Log;
	readonly random: Random;
	/** Bytes in flight and unread, per direction of a TCP connection. */
	readonly window: number;
	readonly faults: Faults = { ...CALM };
	readonly connections = new Set<Connection>();
	readonly sockets = new Map<string, UDPSocket>();
	readonly #listeners = new Map<string, Listener>();
	readonly #names = new Map<string, string>();
	readonly #downs = new Set<string>();
	readonly #offs = new Set<string>();
	readonly #holes = new Set<string>();
	#allDown = false;
	#port = FIRST_PORT;

	constructor(clock: Clock, log: Log, random: Random, window: number) {
		this.clock = clock;
		this.log = log;
		this.random = random;
		this.window = window;
	}

	/** Sets the one-way latency; each packet draws its own. */
	delay(least: number, most = least): void {
		if (!(least >= 0 && most >= least)) throw new DeviceError("argument", `delay must be 0 <= least <= most, not ${least}, ${most}`);
		this.faults.delayLeast = least;
		this.faults.delayMost = most;
	}

	lose(probability: number): void {
		this.faults.loss = checkProbability(probability);
	}

	split(probability: number): void {
		this.faults.split = checkProbability(probability);
	}

	duplicate(probability: number): void {
		this.faults.duplicate = checkProbability(probability);
	}

	reorder(probability: number): void {
		this.faults.reorder = checkProbability(probability);
	}

	/** Ends all faults: default latency, every link up, no black hole. Half-open connections stay what they are. */
	calm(): void {
		Object.assign(this.faults, CALM);
		this.#holes.clear();
		this.#downs.clear();
		this.up();
	}

	/** Packets to this address vanish without an answer: connecting to it times out. */
	blackHole(address: string, on = true): void {
		checkAddress(address);
		if (on) this.#holes.add(address);
		else this.#holes.delete(address);
	}

	/**
	 * Takes the link of `address` (default: everybody's) down. Streams fall silent and go on after `up`;
	 * with `kill` their local ends fail at once, and the peers learn of it only when they send.
	 */
	down(address?: string, options?: { kill?: boolean }): void {
		this.log.add("link.down", address ?? "*", options?.kill === true ? 1 : 0);
		if (address === undefined) this.#allDown = true;
		else this.#downs.add(address);
		if (options?.kill !== true) return;
		for (const { client, server } of this.connections) {
			if (address === undefined || client.party.address === address) client.abort("the link went down");
			if (address === undefined || server.party.address === address) server.abort("the link went down");
		}
	}

	up(address?: string): void {
		this.log.add("link.up", address ?? "*", 0);
		if (address === undefined) this.#allDown = false;
		else this.#downs.delete(address);
		this.#resume();
	}

	/** Lets a link go down and come up again at random times, until the returned function is called. */
	flap(options: FlapOptions): () => void {
		const { address, kill = 0 } = options, { random, clock } = this;
		const fall = () => {
			this.down(address, { kill: random.chance(kill) });
			task = clock.after(random.between(...options.down), rise);
		};
		const rise = () => {
			this.up(address);
			task = clock.after(random.between(...options.up), fall);
		};
		let task = clock.after(random.between(...options.up), fall);
		return () => {
			clock.cancel(task);
			this.up(address);
		};
	}

	/** The paths of open connections vanish: no end is told, nothing arrives any more. */
	halfOpen(target?: Target): void {
		for (const connection of this.#find(target)) {
			connection.severed = true;
			this.log.add("tcp.sever", connection.client.party.id, 0);
		}
	}

	/** Both ends of open connections fail, as when something on the path resets them. */
	reset(target?: Target): void {
		for (const { client, server } of this.#find(target)) {
			client.abort("the connection was reset");
			server.abort("the connection was reset");
		}
	}

	/** The NAT before `address` forgets its mappings: all its datagram sockets are seen at other ports from here on. */
	rebind(address: string): void {
		this.log.add("udp.rebind", address, 0);
		for (const socket of [...this.sockets.values()]) if (socket.address === address) socket.rebind();
	}

	/** Registers a name for `dns`; registering it again moves it. */
	name(host: string, address: string): void {
		checkAddress(address);
		this.#names.set(host.toLowerCase(), address);
	}

	forgetName(host: string): void {
		this.#names.delete(host.toLowerCase());
	}

	lookup(host: string): string | undefined {
		return this.#names.get(host.toLowerCase());
	}

	/** Waits for TCP (or TLS) connections. `onConnection` runs when one is made, for TLS after the handshake. */
	listen(options: ListenOptions, onConnection: (incoming: Incoming) => void): Listener {
		const { address, port, tls } = options, key = `${address} ${port}`;
		checkAddress(address);
		checkPort(port, 1);
		checkCallback("onConnection", onConnection, true);
		if (this.#listeners.has(key)) throw new DeviceError("state", `something already listens at ${address}:${port}`);
		const listener = new Listener(this, address, port, tls === undefined ? onConnection : listenSecurely(this, tls, onConnection));
		this.#listeners.set(key, listener);
		return listener;
	}

	/** A datagram socket of the world's own side. */
	bind(address: string, options: UDPOptions): Datagrams {
		checkAddress(address);
		return new (udpClass(this, new Bystander(address)))(options);
	}

	listener(address: string, port: number): Listener | undefined {
		return this.#listeners.get(`${address} ${port}`);
	}

	forgetListener(listener: Listener): void {
		const key = `${listener.address} ${listener.port}`;
		if (this.#listeners.get(key) === listener) this.#listeners.delete(key);
	}

	/** The next port for who does not care. */
	takePort(): number {
		const port = this.#port;
		this.#port = port === LAST_PORT ? FIRST_PORT : port + 1;
		return port;
	}

	latency(): number {
		return this.random.between(this.faults.delayLeast, this.faults.delayMost);
	}

	isDown(address: string): boolean {
		return this.#allDown || this.#downs.has(address);
	}

	/** A device without power, or between two boots. */
	isOff(address: string): boolean {
		return this.#offs.has(address);
	}

	swallows(address: string): boolean {
		return this.isDown(address) || this.#holes.has(address);
	}

	/** Power of the device at `address`. */
	attach(address: string, on: boolean): void {
		if (!on) {
			this.#offs.add(address);
			return;
		}
		this.#offs.delete(address);
		this.#resume();
	}

	#resume(): void {
		for (const connection of this.connections) connection.resume();
	}

	#find(target: Target): Connection[] {
		const all = [...this.connections];
		if (target === undefined) return all;
		if (typeof target === "string") return all.filter(connection => connection.touches(target));
		return all.filter(connection => connection === connectionOf(target));
	}
}

function connectionOf(stream: Stream): Connection | undefined {
	return (stream as Stream & { connection?: Connection }).connection;
}

function checkProbability(probability: number): number {
	if (probability >= 0 && probability <= 1) return probability;
	throw new DeviceError("argument", `a probability must be from 0 to 1, not ${String(probability)}`);
}
