// SPDX-License-Identifier: Apache-2.0
/** NOR flash of the simulated device: one file of fixed size for each partition. */
import { File } from "file";
import { DeviceError } from "../../../src/base/error.js";
import type { FlashPartition, FlashProvider } from "../../../src/host.js";
import { imagePartitions, OTADATA, SLOTS } from "../../boot/index.js";
import { checkName, checkRange, isIntegerIn } from "../check.js";
import { attempt, lengthOf, pathOf, replaceFile } from "./files.js";

/** Bytes by name; the same as on the Node host. */
const PARTITIONS: Readonly<Record<string, number>> = Object.freeze({ session: 65_536, state: 65_536 });
const BLOCK_LENGTH = 4096;
const ERASED = 0xff;

export const flash: FlashProvider = Object.freeze({
	open({ path }: { path: string }): FlashPartition {
		checkName(path);
		const size = sizeOf(path);
		if (size === undefined) throw new DeviceError("argument", `there is no flash partition ${path}`);
		return new Partition(path, size);
	},
});

/** A boot loader ran before the simulator: it was left its partitions. */
export function hasBootLoader(): boolean {
	return sizeOf(OTADATA) !== undefined;
}

/** The boot loader and its factory know how long a slot is; both slots are alike. */
function sizeOf(path: string): number | undefined {
	if (Object.hasOwn(PARTITIONS, path)) return PARTITIONS[path];
	const slot = path === OTADATA || SLOTS.includes(path) ? lengthOf(pathOf("flash", SLOTS[0])) : undefined;
	return slot === undefined ? undefined : imagePartitions(slot)[path];
}

class Partition implements FlashPartition {
	readonly size: number;
	readonly blockLength = BLOCK_LENGTH;
	#file: File | undefined;

	constructor(name: string, size: number) {
		this.size = size;
		const directory = pathOf("flash");
		const path = `${directory}/${name}`;
		if (!File.exists(path)) replaceFile(directory, name, new Uint8Array(size).fill(ERASED));
		const file = attempt(path, () => new File(path, true));
		if (file.length !== size) {
			file.close();
			throw new DeviceError("storage", `${path} does not have the ${size} bytes of the partition; delete it to start anew`);
		}
		this.#file = file;
	}

	read(target: Uint8Array, offset: number): void {
		const file = this.#open();
		checkRange(target, offset, this.size);
		if (target.byteLength > 0) target.set(new Uint8Array(this.#readAt(file, offset, target.byteLength)));
	}

	write(source: Uint8Array, offset: number): void {
		const file = this.#open();
		checkRange(source, offset, this.size);
		if (source.byteLength === 0) return;
		const cells = new Uint8Array(this.#readAt(file, offset, source.byteLength));
		for (let index = 0; index < cells.byteLength; index++) cells[index]! &= source[index]!;
		this.#writeAt(file, offset, cells);
	}

	eraseBlock(from: number, to: number = from + 1): void {
		const file = this.#open();
		if (!isIntegerIn(to, 0, this.size / BLOCK_LENGTH) || !isIntegerIn(from, 0, to)) {
			throw new DeviceError("argument", `erasing blocks ${from} to ${to} of ${this.size / BLOCK_LENGTH}`);
		}
		if (from < to) this.#writeAt(file, from * BLOCK_LENGTH, new Uint8Array((to - from) * BLOCK_LENGTH).fill(ERASED));
	}

	close(): void {
		this.#file?.close();
		this.#file = undefined;
	}

	#open(): File {
		if (this.#file === undefined) throw new DeviceError("state", "the flash partition is closed");
		return this.#file;
	}

	#readAt(file: File, offset: number, count: number): ArrayBuffer {
		return attempt("flash", () => {
			file.position = offset;
			return file.read(ArrayBuffer, count);
		});
	}

	#writeAt(file: File, offset: number, cells: Uint8Array<ArrayBuffer>): void {
		attempt("flash", () => {
			file.position = offset;
			file.write(cells.buffer);
		});
	}
}
