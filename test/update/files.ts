// SPDX-License-Identifier: Apache-2.0
/**
 * A device that fetches a release over MQTT out of one seed, on either of the clouds: blocks are dropped, repeated and
 * shuffled, the network loses and delays, links flap, the broker restarts, and power is cut. After each reset it goes on
 * at the block where it was. In the end it has had each byte once, in order.
 */
import { disturbance } from "../../hosts/simulator/clouds/aws/selection.js";
import { AwsWorldCloud } from "../../hosts/simulator/clouds/aws/world.js";
import { identityValues } from "../../hosts/simulator/identity.js";
import { WorldCloud } from "../../hosts/simulator/world.js";
import { createWorld, type World } from "../../hosts/world/index.js";
import { aws } from "../../src/clouds/aws/index.js";
import type { Closer } from "../../src/base/closer.js";
import type { Cloud } from "../../src/clouds/cloud.js";
import type { Format } from "../../src/clouds/format.js";
import { privateCloud } from "../../src/clouds/private/index.js";
import { Device } from "../../src/device.js";
import type { Host } from "../../src/host.js";
import { BLOCK_LENGTH } from "../../src/ota/source.js";
import { StreamSource } from "../../src/ota/stream-source.js";

const ID = "lamp-1";
const NAME = "release";
const TROUBLE = 120_000;
const RECOVERY = 3_600_000;
/** ms after which the program tries again what failed. */
const RETRY = 5_000;

export interface FilesOptions {
	cloud: "private" | "aws";
	format?: Format;
	/** Blocks of the file. Default: 200. */
	count?: number;
}

export interface FilesOutcome {
	fingerprint: string;
	boots: number;
	connections: number;
	/** Times that the source failed and was opened again. */
	failures: number;
}

const byteOf = (offset: number): number => offset * 7 + (offset >> 8) + (offset >> 16) & 0xff;

/** What is on the flash of the device: blocks that it has. It survives resets. */
class Flash {
	next = 0;
	connections = 0;
	failures = 0;
	isDone = false;
}

/** The program of the device. */
class Reader {
	readonly #host: Host;
	readonly #flash: Flash;
	readonly #end: number;
	readonly #source: StreamSource;
	#opened: Closer | undefined;

	constructor(host: Host, flash: Flash, cloud: Cloud, count: number) {
		this.#host = host;
		this.#flash = flash;
		this.#end = count * BLOCK_LENGTH;
		const device = new Device({
			host, cloud,
			onConnected: () => {
				flash.connections++;
				this.#begin();
			},
			onError: (error) => { throw error; },
		});
		this.#source = new StreamSource(device, NAME, 0);
	}

	/** Once: from then on the source lives with all connections of this boot. */
	#begin(): void {
		const flash = this.#flash;
		if (this.#opened !== undefined || flash.isDone) return;
		this.#opened = this.#source.open(flash.next * BLOCK_LENGTH, this.#end, {
			onBytes: (bytes, start, end) => {
				if (end - start !== BLOCK_LENGTH) throw new Error(`${end - start} bytes`);
				const offset = flash.next * BLOCK_LENGTH;
				for (let at = start; at < end; at++) {
					if (bytes[at] !== byteOf(offset + at - start)) throw new Error(`block ${flash.next} is not what it should be`);
				}
				flash.next++;
				return true;
			},
			onEnd: () => {
				this.#opened!.close();
				flash.isDone = true;
			},
			onFailed: (error) => {
				if (error.code !== "timeout") throw error;
				flash.failures++;
				this.#opened!.close();
				this.#opened = undefined;
				this.#host.timer.set(() => this.#begin(), RETRY);
			},
		});
	}
}

/** @throws Error that names the seed, when anything is not as it should be */
export function fileIsFetched(seed: number, options: FilesOptions): FilesOutcome {
	const { cloud: kind, format, count = 200 } = options;
	const world = createWorld({ seed });
	const { random } = world;
	const odds = () => random.chance(0.5) ? random.between(0, 20) / 100 : 0;
	const disturb = disturbance(random, { drop: odds(), duplicate: odds(), reorder: odds() });
	const file = Uint8Array.from({ length: count * BLOCK_LENGTH }, (_, index) => byteOf(index));
	const aCloud = kind === "aws" ? new AwsWorldCloud(world, { streams: { disturb } }) : new WorldCloud(world, { files: { disturb } });
	const identity = aCloud.manufacture(ID);
	if (aCloud instanceof AwsWorldCloud) aCloud.services.streams.put(ID, NAME, { version: 1, description: "", files: { 0: file } });
	else aCloud.files.put(ID, NAME, file);
	const flash = new Flash();
	const device = world.device({
		id: ID, storage: { identity: identityValues(identity) },
		program: (host) => void new Reader(host, flash, kind === "aws" ? aws({ format }) : privateCloud({ format }), count),
	});
	const end = makeTrouble(world, aCloud);
	world.run(TROUBLE);
	end();
	world.run(() => flash.isDone, { within: RECOVERY });
	const check = (holds: boolean, what: string): void => {
		if (!holds) throw new Error(`seed ${seed}, ${kind}: ${what}`);
	};
	check(device.crashes.length === 0, `crashed: ${String((device.crashes[0]?.error as Error | undefined)?.stack)}`);
	check(flash.next === count, `${flash.next} blocks of ${count}`);
	const { connections, failures } = flash;
	return { fingerprint: world.fingerprint, boots: device.boots, connections, failures };
}

/** Returns what ends it all. */
function makeTrouble(world: World, cloud: AwsWorldCloud | WorldCloud): () => void {
	const { random, network, timer, devices } = world;
	network.delay(1, random.between(5, 400));
	network.lose(random.chance(0.5) ? random.between(0, 10) / 100 : 0);
	network.split(random.chance(0.5) ? random.between(0, 100) / 100 : 0);
	const calmLink = random.chance(0.6)
		? network.flap({ up: [2_000, random.between(5_000, 40_000)], down: [100, random.between(1_000, 10_000)], kill: 0.5 })
		: () => {};
	const at = (probability: number, action: () => void): void => {
		if (random.chance(probability)) timer.set(action, random.between(0, TROUBLE - 1));
	};
	for (let index = 0; index < 4; index++) {
		at(0.3, () => cloud.restart(random.between(100, 10_000), { forget: random.chance(0.5) }));
		at(0.3, () => network.halfOpen());
		at(0.3, () => network.reset());
		at(0.4, () => devices[0]!.cutPower());
	}
	return () => {
		calmLink();
		network.calm();
		cloud.start();
	};
}
