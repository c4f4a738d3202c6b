// SPDX-License-Identifier: Apache-2.0
/**
 * The mod of a device: which of its slots runs.
 *
 * A product that has one says `"defines": { "xs": { "mods": 1 } }` in its manifest, and keeps what a mod may use of the
 * engine from being stripped.
 */
import type { FlashPartition } from "../../../src/host.js";
import { ArchivePlace } from "../archive.js";
import { crypto } from "../digest.js";
import platform from "./platform.js";

/** What the SDK calls the partition that XS runs a mod from. */
const RUNNING = "xs";

/**
 * Whether XS runs the mod in this slot, which was verified before; if not, it is brought there. To be called at each boot,
 * before anything of a mod is imported, and again after the restart that `false` wants: nothing of a mod may run on.
 * @param name the slot's partition
 * @param size bytes of the mod in it
 * @throws DeviceError `corrupt`, `too-large`, `argument`, `storage`
 */
export function placeMod(name: string, size: number): boolean {
	return withPartitions(name, (place, slot) => place.place(slot, size, platform.system.resetReason === "software"));
}

/** From the next boot on no mod runs. @throws DeviceError `argument`, `storage` */
export function clearMod(): void {
	withPartitions(RUNNING, place => place.clear());
}

function withPartitions<Result>(name: string, action: (place: ArchivePlace, slot: FlashPartition) => Result): Result {
	const partition = platform.flash.open({ path: RUNNING });
	try {
		const slot = platform.flash.open({ path: name });
		try {
			return action(new ArchivePlace(partition, crypto), slot);
		} finally {
			slot.close();
		}
	} finally {
		partition.close();
	}
}
