// SPDX-License-Identifier: Apache-2.0
/** The number of this boot: with a counter within it, it says of any two things that happened which came first. */
import { toDeviceError, type DeviceError } from "../base/error.js";
import { setWord, wordAt } from "../bytes/word.js";
import type { StorageProvider } from "../host.js";

/** Name of the storage domain that operations keep things in. */
export const OPERATIONS = "operations";
const KEY = "boot";
const LENGTH = 4;

/**
 * Counts a boot: once for each, before anything else is told of it.
 * @param onFault told where it cannot be kept, as in a storage that is full: boots of the same number are a nuisance,
 * and a device that does not start is none that anybody could help from afar
 * @returns 1 for the first
 */
export function countBoot(storage: StorageProvider, onFault: (error: DeviceError) => void): number {
	let number = 1;
	try {
		const domain = storage.open({ path: OPERATIONS });
		try {
			const kept = domain.read(KEY);
			if (kept?.byteLength === LENGTH) number = wordAt(kept, 0) + 1;
			const bytes = new Uint8Array(LENGTH);
			setWord(bytes, 0, number);
			domain.write(KEY, bytes);
		} finally {
			domain.close();
		}
	} catch (error) {
		onFault(toDeviceError(error, "storage", "the number of this boot"));
	}
	return number;
}
