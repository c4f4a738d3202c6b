// SPDX-License-Identifier: Apache-2.0
/** A partition as flash encryption wants it treated: sixteen bytes at a time, each of them once per erasure. */
import assert from "node:assert/strict";
import type { FlashPartition } from "../../../src/host.js";

const UNIT = 16;

export function guarded(partition: FlashPartition): FlashPartition {
	return {
		size: partition.size,
		blockLength: partition.blockLength,
		read: (target, offset) => partition.read(target, offset),
		write(source, offset) {
			assert.ok(offset % UNIT === 0 && source.byteLength % UNIT === 0, `${source.byteLength} bytes programmed at ${offset}`);
			const cells = new Uint8Array(source.byteLength);
			partition.read(cells, offset);
			assert.ok(cells.every((cell) => cell === 0xff), `programmed again: ${offset}`);
			partition.write(source, offset);
		},
		eraseBlock: (from, to) => partition.eraseBlock(from, to),
		close: () => partition.close(),
	};
}
