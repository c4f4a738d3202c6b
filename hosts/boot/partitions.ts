// SPDX-License-Identifier: Apache-2.0
/** The flash partitions of a device with two images, under the names that ESP-IDF's partition tables give them. */
import type { Crypto, FlashProvider } from "../../src/host.js";

export type Slot = 0 | 1;

export const SLOTS: readonly [string, string] = Object.freeze(["ota_0", "ota_1"]);
export const OTADATA = "otadata";
/** Erase blocks of `otadata`, and bytes of each. */
export const SECTORS = 2, SECTOR_LENGTH = 4_096;

/** What the boot loader needs of a platform. */
export interface Platform {
	/** Opens the partitions above, all of which can be written. */
	readonly flash: FlashProvider;
	readonly crypto: Crypto;
}

/** Bytes of each partition, by its name, for slots of `slot` bytes. */
export function imagePartitions(slot: number): Record<string, number> {
	return { [SLOTS[0]]: slot, [SLOTS[1]]: slot, [OTADATA]: SECTORS * SECTOR_LENGTH };
}

export function otherSlot(slot: Slot): Slot {
	return slot === 0 ? 1 : 0;
}
