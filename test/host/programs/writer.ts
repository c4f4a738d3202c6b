// SPDX-License-Identifier: Apache-2.0
/**
 * Writes numbered records to storage and flash until it is killed, and says each number when both calls returned.
 *
 * Arguments: the directory of the device, the number to start with.
 */
import { writeSync } from "node:fs";
import { createHost } from "../../../hosts/node/index.js";
import { PARTITION, recordOf, RECORD_LENGTH, slotOf, STORAGE_KEYS, storageValueOf } from "./records.js";

const [directory = "", first = ""] = process.argv.slice(2);
const host = createHost({ directory, partitions: PARTITION });
const storage = host.storage.open({ path: "records" });
const flash = host.flash.open({ path: "records" });

for (let number = Number(first); ; number++) {
	storage.write(STORAGE_KEYS[number % STORAGE_KEYS.length]!, storageValueOf(number));
	const offset = slotOf(number) * RECORD_LENGTH;
	if (offset % flash.blockLength === 0) flash.eraseBlock(offset / flash.blockLength);
	flash.write(recordOf(number), offset);
	// Synchronous, so that the number is in the pipe before the next write begins.
	writeSync(1, `${number}\n`);
}
