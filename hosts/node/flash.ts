// SPDX-License-Identifier: Apache-2.0
/**
 * NOR flash: one file of fixed size for each partition, `<directory>/flash/<partition>`.
 *
 * Every operation is one call to the kernel, so what it took outlives a kill of the process at any point, and a
 * kill in the middle leaves at most one operation half done, as a power cut does on the chip. It is not brought
 * to the disk each time (a journal writes often, and a laptop's power cut is not what is simulated here) but
 * when a partition that was changed is closed.
 */
import { closeSync, fsyncSync, openSync, readSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { DeviceError } from "../../src/base/error.js";
import type { FlashPartition, FlashProvider } from "../../src/host.js";
import { checkBytes, checkName, isIntegerIn } from "./check.js";
import { attempt, ifPresent, replaceFile, toFileName } from "./file.js";

/** The erase block of the flash chips on ESP32 modules. */
export const BLOCK_LENGTH = 4096;
const ERASED = 0xff;

export function createFlash(directory: string, partitions: Readonly<Record<string, number>>): FlashProvider {
	return Object.freeze({
		open({ path }: { path: string }): FlashPartition {
			checkName("the name of a flash partition", path);
			if (!Object.hasOwn(partitions, path)) throw new DeviceError("argument", `there is no flash partition ${path}`);
			return new Partition(join(directory, "flash", toFileName(path)), partitions[path]!);
		},
	});
}

class Partition implements FlashPartition {
	readonly size: number;
	readonly blockLength = BLOCK_LENGTH;
	readonly #file: string;
	#descriptor: number | undefined;
	#changed = false;

	constructor(file: string, size: number) {
		this.size = size;
		this.#file = file;
		const present = ifPresent(`opening ${file}`, () => statSync(file).size);
		if (present === undefined) replaceFile(file, new Uint8Array(size).fill(ERASED));
		else if (present !== size) {
			throw new DeviceError("storage", `${file} has ${present} bytes where the partition has ${size}; delete it to start anew`);
		}
		this.#descriptor = attempt(`opening ${file}`, () => openSync(file, "r+"));
	}

	read(target: Uint8Array, offset: number): void {
		const descriptor = this.#open();
		this.#checkRange("reading", target, offset);
		this.#transfer(target, taken => readSync(descriptor, target, taken, target.byteLength - taken, offset + taken));
	}

	write(source: Uint8Array, offset: number): void {
		const descriptor = this.#open();
		this.#checkRange("writing", source, offset);
		this.#changed = true;
		const cells = new Uint8Array(source.byteLength);
		this.read(cells, offset);
		for (let index = 0; index < cells.byteLength; index++) cells[index]! &= source[index]!;
		this.#transfer(cells, taken => writeSync(descriptor, cells, taken, cells.byteLength - taken, offset + taken));
	}

	eraseBlock(from: number, to: number = from + 1): void {
		const descriptor = this.#open();
		if (!isIntegerIn(to, 0, this.size / BLOCK_LENGTH) || !isIntegerIn(from, 0, to)) {
			throw new DeviceError("argument", `erasing blocks ${from} to ${to} of ${this.size / BLOCK_LENGTH}`);
		}
		this.#changed = true;
		const cells = new Uint8Array((to - from) * BLOCK_LENGTH).fill(ERASED);
		this.#transfer(cells, taken => writeSync(descriptor, cells, taken, cells.byteLength - taken, from * BLOCK_LENGTH + taken));
	}

	close(): void {
		const descriptor = this.#descriptor;
		if (descriptor === undefined) return;
		this.#descriptor = undefined;
		attempt(`closing ${this.#file}`, () => {
			try {
				if (this.#changed) fsyncSync(descriptor);
			} finally {
				closeSync(descriptor);
			}
		});
	}

	#open(): number {
		if (this.#descriptor === undefined) throw new DeviceError("state", "the flash partition is closed");
		return this.#descriptor;
	}

	#checkRange(what: string, bytes: Uint8Array, offset: number): void {
		checkBytes("the buffer of a flash operation", bytes);
		if (!isIntegerIn(offset, 0, this.size - bytes.byteLength)) {
			throw new DeviceError("argument", `${what} ${bytes.byteLength} bytes at ${offset} of ${this.size}`);
		}
	}

	/** The kernel may take less than asked for; repeats `step` until all of `bytes` went through. */
	#transfer(bytes: Uint8Array, step: (taken: number) => number): void {
		attempt(`access to ${this.#file}`, () => {
			for (let taken = 0; taken < bytes.byteLength;) {
				const count = step(taken);
				if (count === 0) throw new Error("the file was cut short");
				taken += count;
			}
		});
	}
}
