// SPDX-License-Identifier: Apache-2.0
/** A partition under flash encryption: cells that are erased read as noise, the same each time. */
import type { FlashPartition } from "../../../src/host.js";
import { guarded } from "./guarded.js";
import type { MemoryPartition } from "./memory-partition.js";

const UNIT = 16;
const ERASED = 0xff;

export function encrypted(partition: MemoryPartition): FlashPartition {
	return {
		...guarded(partition),
		read(target, offset) {
			partition.read(target, offset);
			const end = offset + target.byteLength;
			for (let unit = offset - offset % UNIT; unit < end; unit += UNIT) {
				if (!partition.cells.subarray(unit, unit + UNIT).every((cell) => cell === ERASED)) continue;
				for (let at = Math.max(unit, offset); at < Math.min(unit + UNIT, end); at++) target[at - offset] = Math.imul(at + 77, 0x9e37_79b1) >>> 13;
			}
		},
	};
}
