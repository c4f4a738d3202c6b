// SPDX-License-Identifier: Apache-2.0
/**
 * The images of a device: two slots, the boot loader before each boot, and programs that the images name.
 *
 * The content of an image is text, whose first line is the name of the program; whatever follows makes it as long and as
 * incompressible as a test wants. The boot loader's operations count as all others, and the power may fail at any of them.
 */
import { DeviceError } from "../../src/base/error.js";
import type { Crypto, Host } from "../../src/host.js";
import { contentOf, imagePartitions, select, SLOTS, wrapImage, type Platform, type Selection } from "../boot/index.js";
import { Flash } from "./flash.js";
import type { Log } from "./log.js";
import { Bystander } from "./party.js";
import type { PowerSupply } from "./power.js";
import { Random } from "./random.js";
import { text, toBytes } from "./text.js";

/** Bytes of a slot unless a test wants more: an image of the world may be small. */
const SLOT = 65_536;
/** Bytes of a name and the end of its line. */
const NAME_LIMIT = 64;
const LINE_END = 0x0a;

/** What a device runs. Called at every boot; what it returns is told when the device is closed in order. */
export type Program = (host: Host) => void | { close?(): void };

export interface RunningImage extends Selection {
	/** The first line of its content. */
	name: string;
}

export interface WorldImageOptions {
	/** Bytes behind the name. Default none. */
	padding?: number | undefined;
	/** Of these bytes: the same seed gives the same. Default: the name. */
	seed?: number | string | undefined;
}

/** An image whose program is `programs[name]` of its device, of any size. */
export function worldImage(name: string, crypto: Crypto, { padding = 0, seed = name }: WorldImageOptions = {}): Uint8Array {
	const line = toBytes(`${name}\n`);
	if (line.byteLength > NAME_LIMIT || line.indexOf(LINE_END) !== line.byteLength - 1) {
		throw new DeviceError("argument", `no image can name its program "${name}"`);
	}
	const content = new Uint8Array(line.byteLength + padding);
	content.set(line);
	new Random(seed).fill(content.subarray(line.byteLength));
	return wrapImage(content, crypto);
}

interface StoreOptions {
	programs: Readonly<Record<string, Program>>;
	image: string | Uint8Array;
	slot?: number | undefined;
}

export class ImageStore {
	/** With the slots among its partitions. */
	readonly flash: Flash;
	readonly #programs: Readonly<Record<string, Program>>;
	readonly #crypto: Crypto;

	constructor({ programs, image, slot = SLOT }: StoreOptions, partitions: Readonly<Record<string, number>>, crypto: Crypto) {
		const factory = typeof image === "string" ? worldImage(image, crypto) : image;
		if (factory.byteLength > slot) throw new DeviceError("argument", `an image of ${factory.byteLength} bytes does not fit a slot of ${slot}`);
		this.flash = new Flash({ ...partitions, ...imagePartitions(slot) });
		this.flash.partition(SLOTS[0]).bytes.set(factory);
		this.#programs = programs;
		this.#crypto = crypto;
	}

	/** What the boot loader does. @returns what is to run; `undefined` when there is nothing that could */
	load(id: string, power: PowerSupply, log: Log): RunningImage | undefined {
		const platform = { flash: this.flash.provider(new Bystander(id), power, log), crypto: this.#crypto };
		const selection = select(platform);
		return selection && Object.freeze({ ...selection, name: nameIn(platform, selection) });
	}

	programOf({ name }: RunningImage): Program {
		return Object.hasOwn(this.#programs, name) ? this.#programs[name]! : () => {
			throw new DeviceError("internal", `the image names program "${name}", which this device has not`);
		};
	}
}

/** Empty for content that is no text. */
function nameIn(platform: Platform, { slot }: Selection): string {
	const content = contentOf(platform, slot, NAME_LIMIT), end = content.indexOf(LINE_END);
	try {
		return text.decode(content, 0, Math.max(end, 0));
	} catch {
		return "";
	}
}
