// SPDX-License-Identifier: Apache-2.0
/** The number of this boot: with a counter within it, it says of any two things that happened which came first. */
import { toDeviceError, type DeviceError } from "../base/error.js";
import type { StorageProvider } from "../host.js";
import { Shelf } from "./shelf.js";

const KEY = "boot";

/**
 * Counts a boot: once for each, before anything else is told of it.
 * @param onFault told where it cannot be kept, as in a storage that is full: boots of the same number are a nuisance,
 * and a device that does not start is none that anybody could help from afar
 * @returns 1 for the first
 */
export function countBoot(storage: StorageProvider, onFault: (error: DeviceError) => void): number {
	let number = 1;
	try {
		const shelf = new Shelf(storage);
		number = (shelf.readWord(KEY) ?? 0) + 1;
		shelf.writeWord(KEY, number);
	} catch (error) {
		onFault(toDeviceError(error, "storage", "the number of this boot"));
	}
	return number;
}
