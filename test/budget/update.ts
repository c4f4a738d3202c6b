// SPDX-License-Identifier: Apache-2.0
/** An update over the connection that is open: what it takes of memory, whatever the length of the image. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { wrapImage } from "../../hosts/boot/index.js";
import { crypto } from "../../hosts/node/digest.js";
import { createRelease, formatReleaseKey, generateReleaseKey } from "../../hosts/release/index.js";
import type { Figures } from "./figures.js";
import { identify, newDevice, PROGRAMS, run, smallestArena, type Bench } from "./measure.js";

const MB = 1_048_576;
/** Bytes of an image's head and tail. */
const OVERHEAD = 48;
const MARGIN = 1_024;

export interface UpdateFigures {
	/** In sync and idle; and when all is installed. */
	idle: Figures;
	installed: Figures | undefined;
}

/** @param length bytes of the image; 0: no update is offered */
async function measure(bench: Bench, arena: number, length: number): Promise<UpdateFigures | undefined> {
	const { cloud } = bench;
	const key = generateReleaseKey();
	const directory = newDevice(bench);
	const id = `lamp-${100 + bench.devices}`;
	identify(directory, await cloud.manufacture(id));
	const images = { slot: Math.max(length, MB), factory: wrapImage(Buffer.from("factory"), crypto) };
	const count = length === 0 ? 1 : 2;
	const figures = await run(bench, {
		file: join(PROGRAMS, "xs-update.js"), marker: "ready", words: [formatReleaseKey(key)], directory, arena, count, images,
		onFigures: () => {
			const content = wrapImage(randomBytes(length - OVERHEAD), crypto);
			const { file } = createRelease({
				product: "lamp", version: "2.0.0", counter: 0, key: key.privateKey,
				components: [{ name: "main", kind: "image", content }],
			});
			cloud.updates.offer({ id: `update-${bench.devices}`, release: file, devices: [id] });
		},
	});
	return figures.length < count ? undefined : { idle: figures[0]!, installed: figures[1] };
}

export interface UpdateMemory {
	idle: Figures;
	/** Smallest arenas: to be in sync, and to install an image of 1 MB. */
	idleArena: number;
	arena: number;
	/** Slots of the stack at most. */
	stack: number;
}

/** @throws Error when 4 MB take more than 1 MB does */
export async function measureUpdate(bench: Bench, most: number, step: number): Promise<UpdateMemory> {
	const whole = await measure(bench, most, MB);
	if (whole === undefined) throw new Error(`an update does not fit ${most} bytes`);
	const idleArena = await smallestArena(most, step, async (arena) => await measure(bench, arena, 0) !== undefined);
	const arena = await smallestArena(most, step, async (each) => await measure(bench, each, MB) !== undefined);
	// What is garbage when differs a little from run to run, as messages come in other pieces.
	const enough = arena + MARGIN;
	if (await measure(bench, enough, 4 * MB) === undefined) throw new Error(`4 MB do not fit ${enough} bytes`);
	const stack = Math.max(whole.idle.stackPeak, whole.installed!.stackPeak);
	return { idle: whole.idle, idleArena, arena, stack };
}
