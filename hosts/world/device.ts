// SPDX-License-Identifier: Apache-2.0
/**
 * A device of the world: a program, what it keeps through a reset, and the power that may fail.
 *
 * Every boot runs the program anew with a fresh host. Only flash and storage carry anything over, and until the power
 * fails memory that is retained, and how the program crashed.
 */
import { DeviceError } from "../../src/base/error.js";
import { createImageFlash, createImages, describeThrown } from "../boot/index.js";
import { TRIAL_TIMEOUT, type Crash as KeptCrash, type Crypto, type DigestAlgorithm, type Host, type ResetReason, type SealOptions } from "../../src/host.js";
import { Boot, PowerCut } from "./boot.js";
import type { Clock } from "./clock.js";
import { dnsClass } from "./dns.js";
import { Flash } from "./flash.js";
import { Hash } from "./hash.js";
import { ImageStore, type Program, type RunningImage } from "./images.js";
import { createKeys, type Verify } from "./keys.js";
import type { Log } from "./log.js";
import type { Network } from "./network.js";
import { PowerSupply, type Tear } from "./power.js";
import { Task } from "./queue.js";
import type { Random } from "./random.js";
import { Retained } from "./retained.js";
import { Storage, type StorageValues } from "./storage.js";
import { tcpClass } from "./tcp.js";
import { text } from "./text.js";
import { createTimers } from "./timers.js";
import { tlsClass } from "./tls.js";
import { udpClass } from "./udp.js";
import { webSocketClass } from "./websocket.js";

/** Crashes remembered; of more, the last ones. */
const CRASHES_MAXIMUM = 32;
const BOOT_DELAY = 500;

/** A device runs one program, or the images in its two slots. */
export type DeviceOptions = CommonOptions & (ProgramOptions | ImageOptions);

export interface ProgramOptions {
	program: Program;
	programs?: undefined;
}

export interface ImageOptions {
	program?: undefined;
	/** What images may name. An image that names none of them crashes as soon as it boots. */
	programs: Readonly<Record<string, Program>>;
	/** What the factory put into slot 0: an image, or the name of a program. */
	image: string | Uint8Array;
	/** Bytes of each slot: whole blocks. Default 65,536. */
	slot?: number | undefined;
}

interface CommonOptions {
	/** Unique in its world. */
	id: string;
	/** IP address literal; by default the world chooses. */
	address?: string | undefined;
	/** Bytes of each flash partition. */
	partitions?: Readonly<Record<string, number>> | undefined;
	/** Values that the factory put into storage, by path. */
	storage?: Readonly<Record<string, StorageValues>> | undefined;
	/** From a reset to the start of the program (ms). Default 500. */
	bootDelay?: number | undefined;
}

export interface Crash { time: number; error: unknown }

/** What a device is given of its world. */
export interface Surroundings {
	clock: Clock;
	log: Log;
	network: Network;
	random: Random;
	crypto: Crypto;
	verify: Verify | undefined;
}

export class Device {
	readonly id: string;
	readonly address: string;
	readonly flash: Flash;
	readonly storage = new Storage();
	/** Exceptions that left the program; each reset the device. */
	readonly crashes: Crash[] = [];
	readonly #world: Surroundings;
	readonly #program: Program | undefined;
	readonly #images: ImageStore | undefined;
	readonly #bootDelay: number;
	readonly #power: PowerSupply;
	readonly #entropy: Random;
	readonly #retained: Retained;
	readonly #start = new Task(() => this.#boot());
	readonly #watchdog = new Task(() => this.#watch());
	#boots = 0;
	#reason: ResetReason = "power-on";
	/** Of the boot that ended last. */
	#crashed: KeptCrash | undefined;
	#current: { boot: Boot; host: Host; image: RunningImage | undefined; close: (() => void) | undefined } | undefined;

	constructor(world: Surroundings, options: DeviceOptions & { address: string }) {
		const { id, address, partitions = {}, storage = {}, bootDelay = BOOT_DELAY } = options;
		this.id = id;
		this.address = address;
		this.#world = world;
		if (options.programs === undefined) {
			this.#program = options.program;
			this.flash = new Flash(partitions);
		} else {
			this.#images = new ImageStore(options, partitions, world.crypto);
			this.flash = this.#images.flash;
		}
		this.#bootDelay = bootDelay;
		this.#entropy = world.random.fork("entropy");
		this.#retained = new Retained(world.random.fork("retained"));
		this.#power = new PowerSupply(world.random.fork("power"), () => {
			this.#reset("power-on");
			throw new PowerCut();
		});
		for (const [path, values] of Object.entries(storage)) this.storage.provision(path, values);
		world.network.attach(address, false);
		this.powerOn();
	}

	/** Operations of flash and storage since the device was made. */
	get operations(): number {
		return this.#power.operations;
	}

	/** Boots so far. */
	get boots(): number {
		return this.#boots;
	}

	/** Whether the program runs now. */
	get running(): boolean {
		return this.#current !== undefined;
	}

	/** The image that runs now; `undefined` when none does, and for a device without images. */
	get image(): RunningImage | undefined {
		return this.#current?.image;
	}

	/** The host of the present boot, for tests that do what a program would do. */
	get host(): Host {
		if (this.#current === undefined) throw new DeviceError("state", `device ${this.id} is not running`);
		return this.#current.host;
	}

	/** Cuts the power in flash operation number `operation` (the first is 1); the device boots again. */
	cutPowerAt(operation: number, tear: Tear = "any"): void {
		this.#power.cutAt(operation, tear);
	}

	/** Cuts the power now; the device boots again. Nothing happens to one that is off. */
	cutPower(): void {
		if (this.#powered) this.#reset("power-on");
	}

	/** Resets the device from outside, as its own `restart` does from inside. */
	restart(): void {
		if (this.#powered) this.#reset("software");
	}

	powerOff(): void {
		this.#halt();
		this.#forget();
		this.#world.clock.cancel(this.#start);
	}

	powerOn(): void {
		if (this.#powered) return;
		this.#reason = "power-on";
		this.#world.clock.schedule(this.#start, this.#bootDelay);
	}

	/** Ends the program in good order, then the power. */
	close(): void {
		const current = this.#current;
		if (current?.close !== undefined) current.boot.enter(current.close, undefined);
		this.powerOff();
	}

	get #powered(): boolean {
		return this.running || this.#start.waiting;
	}

	#boot(): void {
		if (this.#images === undefined) return this.#run(this.#program!, undefined);
		const image = this.#load(this.#images);
		if (image !== undefined) this.#run(this.#images.programOf(image), image);
	}

	/** Runs the boot loader. */
	#load(images: ImageStore): RunningImage | undefined {
		const { log } = this.#world;
		try {
			const image = images.load(this.id, this.#power, log);
			if (image === undefined) log.add("boot.none", this.id, this.#boots);
			return image;
		} catch (error) {
			// The power failed in it, and the device is about to boot again.
			if (error instanceof PowerCut) return undefined;
			throw error;
		}
	}

	#run(program: Program, image: RunningImage | undefined): void {
		const { clock, log, network } = this.#world;
		const boot = new Boot(this.id, this.address, clock.now, error => this.#crash(error));
		const current = { boot, host: this.#makeHost(boot, this.#reason, image), image, close: undefined as (() => void) | undefined };
		this.#boots++;
		this.#current = current;
		if (image?.onTrial === true) clock.schedule(this.#watchdog, TRIAL_TIMEOUT);
		log.add("boot", this.id, this.#boots, this.#reason);
		network.attach(this.address, true);
		boot.enter(host => {
			const result = program(host);
			if (typeof result === "object" && result.close !== undefined) current.close = () => result.close!();
		}, current.host);
	}

	/** The image has been on trial for as long as one may be. */
	#watch(): void {
		if (this.host.images!.onTrial) this.#reset("watchdog");
	}

	#reset(reason: ResetReason): void {
		this.#halt();
		const { clock } = this.#world;
		clock.cancel(this.#start);
		this.#reason = reason;
		if (reason === "power-on") this.#forget();
		clock.schedule(this.#start, this.#bootDelay);
	}

	/** What the power kept is gone. */
	#forget(): void {
		this.#retained.lose();
		this.#crashed = undefined;
	}

	#halt(): void {
		const current = this.#current;
		if (current === undefined) return;
		this.#current = undefined;
		this.#retained.end();
		this.#world.clock.cancel(this.#watchdog);
		this.#world.log.add("halt", this.id, this.operations);
		this.#world.network.attach(this.address, false);
		current.boot.end();
	}

	#crash(error: unknown): void {
		if (this.crashes.length === CRASHES_MAXIMUM) this.crashes.shift();
		this.crashes.push({ time: this.#world.clock.now, error });
		this.#world.log.add("crash", this.id, this.crashes.length, String(error));
		this.#reset("exception");
		this.#crashed = describeThrown("exception", error);
	}

	#makeHost(boot: Boot, resetReason: ResetReason, image: RunningImage | undefined): Host {
		const { clock, log, network, crypto, verify } = this.#world, flash = this.flash.provider(boot, this.#power, log);
		const retained = this.#retained, crash = this.#crashed;
		this.#crashed = undefined;
		const restart = (): never => {
			boot.check();
			this.#reset("software");
			throw new PowerCut();
		};
		const running = image && Object.freeze({ flash, crypto, slot: image.slot, restart });
		const platform = {
			tcp: Object.freeze({ io: tcpClass(network, boot) }),
			tls: Object.freeze({ io: tlsClass(network, boot) }),
			timer: createTimers(clock, log, boot),
			random: (target: Uint8Array) => {
				boot.check();
				this.#entropy.fill(target);
			},
			text,
			crypto: Object.freeze({
				digest(algorithm: DigestAlgorithm) {
					boot.check();
					return crypto.digest(algorithm);
				},
				seal(options: SealOptions) {
					boot.check();
					return crypto.seal(options);
				},
				open(options: SealOptions) {
					boot.check();
					return crypto.open(options);
				},
			}),
		};
		return Object.freeze({
			...platform,
			name: "world",
			websocket: Object.freeze({ io: webSocketClass(boot, platform) }),
			udp: Object.freeze({ io: udpClass(network, boot) }),
			dtls: undefined,
			dns: Object.freeze({ io: dnsClass(network, boot) }),
			keys: createKeys(clock, this.#entropy, boot, verify),
			images: running && createImages(running),
			storage: this.storage.provider(boot, this.#power, log),
			flash: running === undefined ? flash : createImageFlash(running),
			time: Object.freeze({
				now() {
					boot.check();
					return clock.now - boot.began;
				},
				wall() {
					boot.check();
					return clock.wall;
				},
			}),
			system: Object.freeze({
				restart,
				resetReason,
				identifier: new Hash().text(this.id).hex().slice(0, 12),
				crash,
				get retained() {
					boot.check();
					return retained.begin();
				},
				heap: () => undefined,
			}),
			trace(line: string) {
				boot.check();
				log.add("trace", boot.id, line.length, line);
			},
		});
	}
}
