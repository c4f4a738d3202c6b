// SPDX-License-Identifier: Apache-2.0
/** Slots and entries in memory, for the boot loader alone. */
import { imagePartitions, OTADATA, SLOTS, wrapImage, type Platform, type Slot } from "../../../hosts/boot/index.js";
import { DeviceError } from "../../../src/base/error.js";
import type { FlashPartition } from "../../../src/host.js";
import { crypto } from "../storage/digest.js";
import { MemoryPartition } from "../storage/memory-partition.js";

const BLOCK = 4_096;

export class Rig implements Platform {
	readonly crypto = crypto;
	readonly partitions = new Map<string, MemoryPartition>();
	readonly flash = {
		open: ({ path }: { path: string }): FlashPartition => {
			const partition = this.partitions.get(path);
			if (partition === undefined) throw new DeviceError("argument", path);
			return partition;
		},
	};

	constructor() {
		for (const [name, size] of Object.entries(imagePartitions(BLOCK))) this.partitions.set(name, new MemoryPartition(BLOCK, size / BLOCK));
	}

	get otadata(): MemoryPartition {
		return this.partitions.get(OTADATA)!;
	}

	/** An image that could boot, whose content is its name. */
	fill(slot: Slot, name = `image ${slot}`): void {
		this.cells(slot).set(wrapImage(Uint8Array.from(name, letter => letter.charCodeAt(0)), crypto));
	}

	cells(slot: Slot): Uint8Array {
		return this.partitions.get(SLOTS[slot])!.cells;
	}

	/** As a tool of the chip's maker would write it. */
	setEntry(sector: number, sequence: number, state: number, check: number): void {
		const view = new DataView(this.otadata.cells.buffer, sector * BLOCK);
		view.setUint32(0, sequence, true);
		view.setUint32(24, state, true);
		view.setUint32(28, check, true);
	}
}
