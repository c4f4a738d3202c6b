// SPDX-License-Identifier: Apache-2.0
/**
 * `host.images` and the partitions "running" and "nextota" over the boot loader's entries and slots.
 *
 * Nothing is remembered here: each answer is what the flash says, so that it is the same after any reset and the object
 * can be made anywhere, preloaded modules included.
 *
 * The first change in "nextota" takes the entry of its slot away: what is written there was never confirmed, though it may
 * be whole, and neither `revert` nor the boot loader may take it for the image before. While on trial, "nextota" is that
 * image, and is only read.
 */
import { DeviceError } from "../../src/base/error.js";
import type { FlashPartition, FlashProvider, Images } from "../../src/host.js";
import { isBootable } from "./image.js";
import { State, withOTAData, type Entry } from "./otadata.js";
import { OTADATA, otherSlot, SLOTS, type Platform, type Slot } from "./partitions.js";

export interface RunningPlatform extends Platform {
	/** That of the image that runs. */
	readonly slot: Slot;
	/** As `System` has it. */
	restart(): void;
}

class SlotImages implements Images {
	readonly #platform: RunningPlatform;

	constructor(platform: RunningPlatform) {
		this.#platform = platform;
	}

	get onTrial(): boolean {
		return entryOf(this.#platform, this.#platform.slot)?.state === State.PENDING_VERIFY;
	}

	get canRevert(): boolean {
		const other = otherSlot(this.#platform.slot), entry = entryOf(this.#platform, other);
		return entry !== undefined && isConfirmed(entry) && isBootable(this.#platform, other);
	}

	activate(): void {
		const other = otherSlot(this.#platform.slot);
		if (this.onTrial) throw new DeviceError("state", "an image on trial cannot activate another");
		if (!isBootable(this.#platform, other)) throw new DeviceError("corrupt", "there is no whole image in nextota");
		withOTAData(this.#platform, otadata => otadata.point(other, State.NEW));
	}

	confirm(): void {
		if (this.onTrial) withOTAData(this.#platform, otadata => otadata.point(this.#platform.slot, State.VALID));
	}

	revert(): void {
		if (!this.canRevert) throw new DeviceError("state", "there is no image before that could boot");
		withOTAData(this.#platform, otadata => {
			const entry = otadata.of(this.#platform.slot);
			if (entry !== undefined) otadata.mark(entry, State.INVALID);
		});
		this.#platform.restart();
	}
}

export function createImages(platform: RunningPlatform): Images {
	return Object.freeze(new SlotImages(platform));
}

/**
 * The slot that `select` chose, for who did not hear it: that of the newest entry which is not waiting for the next boot.
 */
export function runningSlot(platform: Platform): Slot {
	return withOTAData(platform, otadata => {
		const active = otadata.active();
		if (active === undefined) return 0;
		return active.state === State.NEW ? otherSlot(active.slot) : active.slot;
	});
}

/** The program's `host.flash`: the slots under the names that a program may use, and all other partitions. */
export function createImageFlash(platform: RunningPlatform): FlashProvider {
	const { flash } = platform;
	return Object.freeze({
		open(options: { path: string }): FlashPartition {
			const { path } = options;
			if (path === "running") return new GuardedPartition(flash.open({ path: SLOTS[platform.slot] }), refuseChange);
			if (path === "nextota") return new GuardedPartition(flash.open({ path: SLOTS[otherSlot(platform.slot)] }), () => release(platform));
			if (path === OTADATA || SLOTS.includes(path)) throw new DeviceError("argument", `the flash partition ${path} is the boot loader's`);
			return flash.open(options);
		},
	});
}

/** A partition with a word to say before each change. */
class GuardedPartition implements FlashPartition {
	readonly size: number;
	readonly blockLength: number;
	readonly #partition: FlashPartition;
	readonly #beforeChange: () => void;

	constructor(partition: FlashPartition, beforeChange: () => void) {
		this.size = partition.size;
		this.blockLength = partition.blockLength;
		this.#partition = partition;
		this.#beforeChange = beforeChange;
	}

	read(target: Uint8Array, offset: number): void {
		this.#partition.read(target, offset);
	}

	write(source: Uint8Array, offset: number): void {
		this.#beforeChange();
		this.#partition.write(source, offset);
	}

	eraseBlock(from: number, to?: number): void {
		this.#beforeChange();
		this.#partition.eraseBlock(from, to);
	}

	close(): void {
		this.#partition.close();
	}
}

function refuseChange(): never {
	throw new DeviceError("argument", "the image that runs is only read");
}

/** Makes "nextota" a slot that the boot loader knows nothing of. @throws DeviceError `state` while on trial */
function release(platform: RunningPlatform): void {
	// Asked for first: it may be looked up in the entries, too, and one within the other is more stack than XS has left here.
	const { slot } = platform;
	withOTAData(platform, otadata => {
		if (otadata.of(slot)?.state === State.PENDING_VERIFY) {
			throw new DeviceError("state", "while an image is on trial, the one before it is only read");
		}
		otadata.forget(otherSlot(slot));
	});
}

function entryOf(platform: Platform, slot: Slot): Entry | undefined {
	return withOTAData(platform, otadata => otadata.of(slot));
}

function isConfirmed({ state }: Entry): boolean {
	return state === State.VALID || state === State.UNDEFINED;
}
