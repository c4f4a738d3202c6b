// SPDX-License-Identifier: Apache-2.0
/** Flash in memory, with blocks of any length, that counts its wear and refuses operations on demand. */
import { DeviceError } from "../../../src/base/error.js";
import type { FlashPartition } from "../../../src/host.js";

const ERASED = 0xff;

/** How much of an operation that the flash refuses becomes real. */
export type Refusal = "nothing" | "half" | "all";

export class MemoryPartition implements FlashPartition {
	readonly cells: Uint8Array;
	readonly blockLength: number;
	/** How often each block was erased. */
	readonly wear: number[];
	/** Writes and erasures so far. */
	operations = 0;
	/** Whether operation `number` on `block` is refused. */
	refuses: (number: number, block: number) => Refusal | undefined = () => undefined;

	constructor(blockLength: number, count: number) {
		this.blockLength = blockLength;
		this.cells = new Uint8Array(blockLength * count).fill(ERASED);
		this.wear = new Array<number>(count).fill(0);
	}

	get size(): number {
		return this.cells.byteLength;
	}

	read(target: Uint8Array, offset: number): void {
		if (offset < 0 || offset + target.byteLength > this.size) throw new DeviceError("argument", `read of ${target.byteLength} at ${offset}`);
		target.set(this.cells.subarray(offset, offset + target.byteLength));
	}

	write(source: Uint8Array, offset: number): void {
		if (offset < 0 || offset + source.byteLength > this.size) throw new DeviceError("argument", `write of ${source.byteLength} at ${offset}`);
		this.#operate(source.byteLength, offset, (from, to) => {
			for (let index = from; index < to; index++) this.cells[offset + index]! &= source[index]!;
		});
	}

	eraseBlock(from: number, to = from + 1): void {
		for (let block = from; block < to; block++) {
			const start = block * this.blockLength;
			this.#operate(this.blockLength, start, (first, end) => this.cells.fill(ERASED, start + first, start + end));
			this.wear[block]!++;
		}
	}

	close(): void {}

	#operate(count: number, offset: number, apply: (from: number, to: number) => void): void {
		const refusal = this.refuses(++this.operations, Math.floor(offset / this.blockLength));
		if (refusal !== "nothing") apply(0, refusal === "half" ? count >> 1 : count);
		if (refusal !== undefined) throw new DeviceError("storage", "refused");
	}
}
