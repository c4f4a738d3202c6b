// SPDX-License-Identifier: Apache-2.0
/**
 * What becomes a device with two images before its program runs: the factory, and the boot loader.
 *
 * The slots are flash partitions like all others, so the process of the program and the one that starts it see the same
 * files; whatever kills the former is the device's power cut.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DeviceError } from "../../src/base/error.js";
import { contentOf, createImages, imagePartitions, select, SLOTS, wrapImage, type Platform, type Selection } from "../boot/index.js";
import { crypto } from "./digest.js";
import { replaceFile, toFileName } from "./file.js";
import { createFlash } from "./flash.js";

/** Bytes of a slot unless it is told otherwise: room for a bundled program with its source map, twice over. */
export const SLOT = 2 ** 22;

export class BootLoader {
	readonly #directory: string;
	readonly #slot: number;
	readonly #platform: Platform;

	/** @param slot bytes of each */
	constructor(directory: string, slot: number) {
		this.#directory = directory;
		this.#slot = slot;
		this.#platform = { flash: createFlash(directory, imagePartitions(slot)), crypto };
	}

	/** Puts an image with `content` into the first slot of a device that is new. */
	manufacture(content: Uint8Array): void {
		const file = join(this.#directory, "flash", toFileName(SLOTS[0]));
		if (existsSync(file)) return;
		const image = wrapImage(content, crypto);
		if (image.byteLength > this.#slot) throw new DeviceError("too-large", `an image of ${image.byteLength} bytes for a slot of ${this.#slot}`);
		const cells = new Uint8Array(this.#slot).fill(0xff);
		cells.set(image);
		replaceFile(file, cells);
	}

	/** Chooses the image of a boot. @throws DeviceError `corrupt` when there is none that could */
	select(): Selection {
		const selection = select(this.#platform);
		if (selection === undefined) throw new DeviceError("corrupt", `no image in ${this.#directory} could boot`);
		return selection;
	}

	/** The program in the image that was chosen. */
	load({ slot }: Selection): Uint8Array {
		return contentOf(this.#platform, slot);
	}

	/** Whether it was not confirmed since. */
	isOnTrial({ slot, onTrial }: Selection): boolean {
		return onTrial && createImages({ ...this.#platform, slot, restart() {} }).onTrial;
	}
}
