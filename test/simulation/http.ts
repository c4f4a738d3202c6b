// SPDX-License-Identifier: Apache-2.0
/**
 * A release over HTTPS in a bad world, out of one seed: the network loses, splits and resets, links flap, the server
 * breaks off, trickles, refuses and redirects, the device keeps what came for a while, and the power is cut, also in the
 * middle of writing a block.
 *
 * The device keeps each whole block on flash and asks on from there after every failure and every boot.
 */
import { FirmwareFiles, type FirmwareFault } from "../../hosts/simulator/firmware.js";
import { serveFirmwareInWorld } from "../../hosts/simulator/firmware-world.js";
import { createWorld, type World } from "../../hosts/world/index.js";
import type { Host } from "../../src/host.js";
import { TIMEOUT } from "../../src/http/client.js";
import { HTTPSSource } from "../../src/ota/https.js";
import { BLOCK_LENGTH } from "../../src/ota/source.js";
import { Fetch } from "../unit/http/fetch.js";

const BLOCKS = 24;
const LENGTH = BLOCKS * BLOCK_LENGTH;
const NAME = "lamp.mrl";
const DELAY = 1_000;
/** Virtual ms of trouble at most, and what the rest may take when it is over. */
const TROUBLE = 600_000;
const RECOVERY = 600_000;

export interface HTTPOutcome {
	fingerprint: string;
	boots: number;
	requests: number;
	/** Failures that the device went on after, by code. */
	failures: Record<string, number>;
}

class Diary {
	readonly failures: Record<string, number> = {};
	isDone = false;
}

/** The program of the device. */
function program(host: Host, url: string, anchor: Uint8Array, diary: Diary, hold: () => number | undefined): void {
	const flash = host.flash.open({ path: "store" });
	const storage = host.storage.open({ path: "progress" });
	const first = storage.read("block")?.[0] ?? 0;
	const block = new Uint8Array(BLOCK_LENGTH);
	if (first === BLOCKS) {
		// The power was cut behind the last block.
		diary.isDone = true;
		return;
	}
	const fetch = new Fetch({
		timer: host.timer, source: new HTTPSSource(host, url, { anchors: [anchor] }), offset: first * BLOCK_LENGTH, end: LENGTH, delay: DELAY, hold,
		onBytes(offset, bytes) {
			for (let at = 0; at < bytes.byteLength; at++) {
				const position = offset + at;
				block[position % BLOCK_LENGTH] = bytes[at]!;
				if (position % BLOCK_LENGTH < BLOCK_LENGTH - 1) continue;
				const index = (position + 1) / BLOCK_LENGTH - 1;
				flash.eraseBlock(index);
				flash.write(block, index * BLOCK_LENGTH);
				storage.write("block", Uint8Array.of(index + 1));
			}
		},
		onEnd({ complete, failures }) {
			if (!complete) throw failures.at(-1)!;
			diary.isDone = true;
		},
	});
	const onFailed = fetch.onFailed.bind(fetch);
	fetch.onFailed = (error) => {
		diary.failures[error.code] = (diary.failures[error.code] ?? 0) + 1;
		onFailed(error);
	};
}

/** @throws Error that names the seed, when anything is not as it should be */
export function releaseArrives(seed: number): HTTPOutcome {
	const world = createWorld({ seed });
	const { random } = world;
	const firmware = new FirmwareFiles();
	serveFirmwareInWorld(firmware, world);
	const file = Uint8Array.from({ length: LENGTH }, () => random.between(0, 255));
	const url = firmware.put(NAME, file);
	const diary = new Diary();
	/** Flash takes its time, sometimes longer than a server may. */
	const held = random.between(0, 2) / 2;
	const hold = (): number | undefined => {
		if (!random.chance(held)) return undefined;
		return random.chance(0.01) ? TIMEOUT + DELAY : random.between(0, 60);
	};
	const device = world.device({
		id: "lamp", partitions: { store: LENGTH }, program: (host) => { program(host, url, world.authority.certificate, diary, hold); },
	});
	const end = makeTrouble(world, firmware);
	const check = (holds: boolean, what: string): void => {
		if (!holds) throw new Error(`seed ${seed}: ${what}`);
	};
	world.timer.set(end, TROUBLE);
	world.run(() => diary.isDone, { within: TROUBLE + RECOVERY, steps: 5_000_000 });
	check(device.crashes.length === 0, `crashed: ${String((device.crashes[0]?.error as Error | undefined)?.stack)}`);
	const stored = new Uint8Array(LENGTH);
	device.host.flash.open({ path: "store" }).read(stored, 0);
	check(stored.every((byte, index) => byte === file[index]), "another file than was sent");
	return { fingerprint: world.fingerprint, boots: device.boots, requests: firmware.requests.length, failures: diary.failures };
}

/** Sets the network's faults and plans what happens to everybody. Returns what ends it all. */
function makeTrouble(world: World, firmware: FirmwareFiles): () => void {
	const { random, network, timer, devices } = world;
	network.delay(1, random.between(5, 300));
	network.lose(random.chance(0.5) ? random.between(0, 20) / 100 : 0);
	network.split(random.chance(0.5) ? random.between(0, 100) / 100 : 0);
	const calmLink = random.chance(0.5)
		? network.flap({ up: [2_000, random.between(5_000, 60_000)], down: [100, random.between(500, 50_000)], kill: 0.5 })
		: () => {};
	for (let count = random.between(2, 12); count > 0; count--) firmware.fail(anyFault(random, firmware));
	for (let count = random.between(0, 4); count > 0; count--) {
		timer.set(() => random.chance(0.5) ? network.reset() : network.halfOpen(), random.between(0, 60_000));
		timer.set(() => { devices[0]!.cutPower(); }, random.between(0, 60_000));
		devices[0]!.cutPowerAt(random.between(1, 3 * BLOCKS));
	}
	return () => {
		calmLink();
		network.calm();
		firmware.repair();
	};
}

/** One that another try gets over. */
function anyFault(random: World["random"], firmware: FirmwareFiles): FirmwareFault {
	const most = 3 * BLOCK_LENGTH;
	switch (random.between(0, 6)) {
		case 0: return { status: 503, retryAfter: random.between(0, 20) };
		case 1: return { status: 500 };
		case 2: return { location: random.chance(0.5) ? firmware.url(NAME) : `./${NAME}?again` };
		case 3: return { chunked: true, resetAfter: random.between(0, most) };
		case 4: return { missing: random.between(1, 100), resetAfter: random.between(0, most) };
		case 5: return { trickle: { count: random.between(1, 500), interval: random.between(1, 500) }, resetAfter: random.between(0, most) };
		default: return { resetAfter: random.between(0, most), chunked: random.chance(0.5) };
	}
}
