// SPDX-License-Identifier: Apache-2.0
/**
 * A seeded, single-threaded universe: devices, their network and their time.
 *
 * The same seed and the same calls give the same run, bit for bit, on every engine: nothing in this
 * folder knows of real time, real randomness or any platform. A failing seed is the bug report.
 * Idea and habits: FoundationDB's simulation, TigerBeetle's simulator.
 *
 * `run` is synchronous, so a device program that waits for promises gets no further inside it; cores
 * and drivers need none. An exception in a device is that device's crash and is noted in its `crashes`;
 * one on the world's own side (a server, a timer of the test) leaves `run`.
 */
import { DeviceError } from "../../src/base/error.js";
import type { Crypto, Digest, DigestAlgorithm, SealOptions, Timers } from "../../src/host.js";
import { checkAddress } from "./address.js";
import { Authority } from "./authority.js";
import { Clock, DEFAULT_WALL } from "./clock.js";
import { Device, type DeviceOptions } from "./device.js";
import type { Verify } from "./keys.js";
import { formatEvent, Log, type WorldEvent } from "./log.js";
import { Network } from "./network.js";
import { Bystander } from "./party.js";
import { Random } from "./random.js";
import { createTimers } from "./timers.js";

/** Steps of one `run` without other wish: a livelock ends here. */
const STEPS = 1_000_000;
/** Events kept, and those shown when a run fails. */
const LOG_LENGTH = 512, LOG_SHOWN = 12;
/** The send buffer of lwIP on an ESP32-C3. */
const WINDOW = 5744;

export interface WorldOptions {
	seed: number | string;
	/** Wall clock at the beginning, ms since 1970; `null`: not set. Default: 2026-01-01. */
	wall?: number | null | undefined;
	/** Bytes in flight and unread per direction of a TCP connection. */
	window?: number | undefined;
	/** Message digests, which the world does not bring; without them `host.crypto.digest` and WebSockets are `unsupported`. */
	digest?: ((algorithm: DigestAlgorithm) => Digest) | undefined;
	/** AES-CCM, which the world does not bring either; without it `host.crypto.seal` and `open` are `unsupported`. */
	cipher?: Pick<Crypto, "seal" | "open"> | undefined;
	/**
	 * Says whether r and s (64 bytes) sign `bytes` with a point of P-256 (65 bytes), and throws when it is none; without
	 * it `host.keys.verify` is `unsupported`.
	 */
	verify?: Verify | undefined;
	/** Told of every event of the log. It must not touch the world. */
	onEvent?: ((event: WorldEvent) => void) | undefined;
}

export interface RunOptions {
	/** Steps after which the run fails. */
	steps?: number | undefined;
	/** Virtual ms after which a run for a condition fails. */
	within?: number | undefined;
}

export class World {
	readonly seed: string;
	readonly clock: Clock;
	readonly log: Log;
	readonly network: Network;
	/** For the scenario's own dice. */
	readonly random: Random;
	/** The authority that this world trusts by convention. */
	readonly authority: Authority;
	/** Timers of the world's own side. */
	readonly timer: Timers;
	/** The digests and the cipher that this world was given. */
	readonly crypto: Crypto;
	readonly devices: Device[] = [];
	readonly #root: Random;
	readonly #verify: Verify | undefined;
	#running = false;

	constructor(options: WorldOptions) {
		const { seed, wall = DEFAULT_WALL, window = WINDOW } = options;
		this.#root = new Random(seed);
		this.seed = this.#root.seed;
		this.clock = new Clock(wall ?? undefined);
		this.log = new Log(this.clock, LOG_LENGTH);
		this.log.onEvent = options.onEvent;
		this.random = this.#root.fork("scenario");
		this.network = new Network(this.clock, this.log, this.#root.fork("network"), window);
		this.authority = this.createAuthority("world");
		this.timer = createTimers(this.clock, this.log, new Bystander("world"));
		const { digest = noDigest, cipher = NO_CIPHER } = options;
		this.crypto = Object.freeze({ digest, seal: (given: SealOptions) => cipher.seal(given), open: (given: SealOptions) => cipher.open(given) });
		this.#verify = options.verify;
		this.log.add("world", this.seed, window);
	}

	/** The run so far as 16 hexadecimal digits. */
	get fingerprint(): string {
		return this.log.fingerprint;
	}

	/** Adds a device with its power on: it boots after its boot delay. */
	device(options: DeviceOptions): Device {
		const number = this.devices.length + 1, { id } = options;
		if (this.devices.some(device => device.id === id)) throw new DeviceError("argument", `there is already a device ${id}`);
		const { clock, log, network } = this, { address = `10.${1 + (number >> 16)}.${number >> 8 & 0xff}.${number & 0xff}` } = options;
		checkAddress(address);
		const random = this.#root.fork(`device ${id}`);
		const device = new Device({ clock, log, network, random, crypto: this.crypto, verify: this.#verify }, { ...options, address });
		this.devices.push(device);
		return device;
	}

	/** An authority of its own; its key depends on the seed and on `name`. */
	createAuthority(name: string): Authority {
		return new Authority(this.clock, this.#root.fork(`authority ${name}`), name);
	}

	/** Runs the next task. @returns false when nothing waits */
	step(): boolean {
		return this.clock.step();
	}

	/**
	 * Runs until the world's clock shows `until` ms, or until `until()` is true, asked after every step.
	 * @returns the steps taken
	 * @throws Error with the seed and the last events, when the steps, the time or the tasks run out before
	 */
	run(until: number | (() => boolean), options: RunOptions = {}): number {
		if (this.#running) throw new DeviceError("state", "the world is running already");
		this.#running = true;
		try {
			return typeof until === "number" ? this.#runTo(until, options) : this.#runUntil(until, options);
		} finally {
			this.#running = false;
		}
	}

	/** Runs for `milliseconds`. @returns the steps taken */
	advance(milliseconds: number, options?: RunOptions): number {
		return this.run(this.clock.now + milliseconds, options);
	}

	#runTo(time: number, { steps = STEPS }: RunOptions): number {
		let taken = 0;
		for (; this.clock.deadline <= time; taken++) {
			if (taken >= steps) throw this.#failure(`not at ${time} ms after ${taken} steps`);
			this.clock.step();
		}
		this.clock.skip(time);
		return taken;
	}

	#runUntil(done: () => boolean, { steps = STEPS, within = Infinity }: RunOptions): number {
		const end = this.clock.now + within;
		let taken = 0;
		for (; !done(); taken++) {
			if (taken >= steps) throw this.#failure(`the condition did not come true in ${taken} steps`);
			if (this.clock.deadline > end) throw this.#failure(`the condition did not come true within ${within} ms`);
			if (!this.clock.step()) throw this.#failure("the condition did not come true and nothing is left to happen");
		}
		return taken;
	}

	#failure(what: string): Error {
		return new Error([`seed ${this.seed}: ${what} (now ${this.clock.now} ms)`, ...this.log.tail(LOG_SHOWN).map(formatEvent)].join("\n"));
	}
}

function noCipher(): never {
	throw new DeviceError("unsupported", "this world was given no cipher");
}

const NO_CIPHER: Pick<Crypto, "seal" | "open"> = Object.freeze({ seal: noCipher, open: noCipher });

function noDigest(): never {
	throw new DeviceError("unsupported", "this world was given no digests");
}

export function createWorld(options: WorldOptions): World {
	return new World(options);
}
