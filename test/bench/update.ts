// SPDX-License-Identifier: Apache-2.0
/**
 * A whole update on Node's host: over the connection that is open and over HTTPS, on loopback and with the cloud in the
 * same process, beside a bare copy of the same bytes over TLS, in turn. And what it does to the flash.
 *
 * The clock runs from the offer until the device is about to restart: the manifest is verified, the image written block by
 * block, read back, and the boot loader told. The device's files are in memory where the system has a place for that:
 * else the figure would be that of the disk, which each note of the progress has to reach.
 */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { wrapImage } from "../../hosts/boot/index.js";
import { crypto } from "../../hosts/node/digest.js";
import { BootLoader, createHost } from "../../hosts/node/index.js";
import { createRelease, formatReleaseKey, generateReleaseKey } from "../../hosts/release/index.js";
import { createCloud, IDENTITY_DOMAIN, writeIdentity, type Cloud } from "../../hosts/simulator/index.js";
import { privateCloud } from "../../src/clouds/private/index.js";
import { Device } from "../../src/device.js";
import { copy } from "./download.js";
import { Metered, type Wear } from "./update-meter.js";

export const LENGTH = 2 ** 20;
export const ROUND_COUNT = 5;
const SLOT = LENGTH;
/** Of an image: its header and its digest. */
const OVERHEAD = 48;
const LIMIT = 60_000;
const MEMORY = "/dev/shm";

export type Way = "MQTT" | "HTTPS";

export interface UpdateRow {
	way: Way;
	/** Bytes of the image a second. */
	rate: number;
	/** Parts of the time. */
	hashing: number;
	flash: number;
	storage: number;
	/** Waiting for turns, and how many there were. */
	waiting: number;
	turns: number;
}

export interface UpdateResult {
	/** Bytes a second of the bare copy. */
	copy: number;
	rows: UpdateRow[];
	/** From the offer to the end that the cloud was told of, boots included. */
	wear: ReadonlyMap<string, Wear>;
	writes: ReadonlyMap<string, number>;
}

/** One update of one device. */
interface Run extends UpdateRow {
	metered: Metered;
}

export async function measureUpdate(): Promise<UpdateResult> {
	const directory = mkdtempSync(join(existsSync(MEMORY) ? MEMORY : tmpdir(), "moorline-bench-"));
	const cloud = await createCloud();
	try {
		await cloud.serve({ tlsPort: 0, firmwarePort: 0 });
		const key = generateReleaseKey();
		const content = wrapImage(randomBytes(LENGTH - OVERHEAD), crypto);
		const { file } = createRelease({
			product: "lamp", version: "2.0.0", counter: 0, key: key.privateKey, components: [{ name: "main", kind: "image", content }],
		});
		const url = cloud.firmware.put("bench.mrl", file);
		const copies: number[] = [];
		const runs: Record<Way, Run[]> = { MQTT: [], HTTPS: [] };
		for (let round = 0; round < ROUND_COUNT; round++) {
			const begin = performance.now();
			const received = await copy(cloud, new URL(url));
			copies.push(received / (performance.now() - begin) * 1000);
			for (const way of ["MQTT", "HTTPS"] as const) {
				const id = `lamp-${way}-${round}`;
				runs[way].push(await update(cloud, { id, directory: join(directory, id), key: formatReleaseKey(key), file, url, way }));
			}
		}
		const { wear, writes } = runs.MQTT[0]!.metered;
		return { copy: median(copies), rows: [typical(runs.MQTT), typical(runs.HTTPS)], wear, writes };
	} finally {
		await cloud.close();
		rmSync(directory, { recursive: true });
	}
}

interface Job {
	id: string;
	directory: string;
	key: string;
	file: Uint8Array;
	url: string;
	way: Way;
}

async function update(cloud: Cloud, { id, directory, key, file, url, way }: Job): Promise<Run> {
	mkdirSync(directory);
	new BootLoader(directory, SLOT).manufacture(Buffer.from("1.0.0"));
	const storage = createHost({ directory }).storage.open({ path: IDENTITY_DOMAIN });
	writeIdentity(storage, await cloud.manufacture(id));
	storage.close();
	const metered = new Metered(directory, SLOT);
	let begin = 0, end = 0, run: UpdateRow | undefined;
	const boot = (version: string, isTrial: boolean): Promise<void> => new Promise((resolve, reject) => {
		const limit = setTimeout(() => { reject(new Error(`${way}: no end of the update within ${LIMIT} ms`)); }, LIMIT);
		const leave = (): void => {
			clearTimeout(limit);
			device.close();
			resolve();
		};
		const { hashing, flash, storage, turns } = metered;
		const meters = [hashing, flash, storage, turns];
		let before: number[] = [], turnsBefore = 0;
		let offered = false;
		const device = new Device({
			host: metered.boot(isTrial ? "software" : "power-on", () => { setImmediate(leave); }),
			cloud: privateCloud(), firmware: { product: "lamp", version, keys: [key] },
			update: {
				onRestart: () => {
					end = performance.now();
					const [hashed = 0, flashed = 0, stored = 0, waiting = 0] = meters.map(({ ms }, index) => (ms - before[index]!) / (end - begin));
					run = {
						way, rate: LENGTH / (end - begin) * 1000, hashing: hashed, flash: flashed, storage: stored, waiting, turns: turns.count - turnsBefore,
					};
				},
				onEnd: (_version, reason) => {
					if (reason !== undefined) reject(new Error(reason));
					// The cloud is told in this connection.
					else setImmediate(leave);
				},
			},
			onSync: () => {
				if (isTrial || offered) return;
				offered = true;
				// Of this update alone.
				metered.wear.clear();
				metered.writes.clear();
				before = meters.map(({ ms }) => ms);
				turnsBefore = turns.count;
				begin = performance.now();
				cloud.updates.offer({ id, release: file, devices: [id], ...(way === "HTTPS" ? { by: url } : {}) });
			},
			onError: reject,
		});
		device.report({ on: true });
	});
	await boot("1.0.0", false);
	await boot("2.0.0", true);
	return { ...run!, metered };
}

function typical(runs: readonly Run[]): UpdateRow {
	const of = (name: Exclude<keyof UpdateRow, "way">): number => median(runs.map((run) => run[name]));
	return {
		way: runs[0]!.way, rate: of("rate"), hashing: of("hashing"), flash: of("flash"), storage: of("storage"), waiting: of("waiting"), turns: of("turns"),
	};
}

function median(values: number[]): number {
	return values.sort((left, right) => left - right)[values.length >> 1]!;
}
