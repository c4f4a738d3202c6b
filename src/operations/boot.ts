// SPDX-License-Identifier: Apache-2.0
/** The number of this boot: with a counter within it, it says of any two things that happened which came first. */
import { setWord, wordAt } from "../bytes/word.js";
import type { StorageProvider } from "../host.js";

/** Name of the storage domain that operations keep things in. */
export const OPERATIONS = "operations";
const KEY = "boot";
const LENGTH = 4;

/**
 * Counts a boot: once for each, before anything else is told of it.
 * @returns 1 for the first
 * @throws DeviceError `storage`, `full`
 */
export function countBoot(storage: StorageProvider): number {
	const domain = storage.open({ path: OPERATIONS });
	try {
		const kept = domain.read(KEY);
		const number = kept?.byteLength === LENGTH ? wordAt(kept, 0) + 1 : 1;
		const bytes = new Uint8Array(LENGTH);
		setWord(bytes, 0, number);
		domain.write(KEY, bytes);
		return number;
	} finally {
		domain.close();
	}
}
