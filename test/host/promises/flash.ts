// SPDX-License-Identifier: Apache-2.0
/** What a flash partition promises. */
import assert from "node:assert/strict";
import type { FlashPartition } from "../../../src/host.js";
import { pattern, refuses, sameBytes, type Bench, type HostPromise } from "../bench.js";

/** The partition, erased. */
function open(bench: Bench): FlashPartition {
	const partition = bench.host.flash.open({ path: bench.platform.partition });
	partition.eraseBlock(0, partition.size / partition.blockLength);
	bench.defer(() => partition.close());
	return partition;
}

function read(partition: FlashPartition, offset: number, count: number): Uint8Array {
	const target = new Uint8Array(count);
	partition.read(target, offset);
	return target;
}

function erased(count: number): Uint8Array {
	return new Uint8Array(count).fill(0xff);
}

export const flashPromises: readonly HostPromise[] = [{
	name: "the size is a whole number of blocks, at least three",
	run(bench) {
		const { size, blockLength } = open(bench);
		assert(blockLength > 0 && size % blockLength === 0 && size >= 3 * blockLength);
	},
}, {
	name: "erased cells read as 0xFF from the first to the last",
	run(bench) {
		const partition = open(bench);
		sameBytes(read(partition, 0, partition.size), erased(partition.size));
	},
}, {
	name: "what is written to erased cells is read, and the cells around it stay erased",
	run(bench) {
		const partition = open(bench);
		partition.write(pattern(100), 50);
		sameBytes(read(partition, 0, 200), new Uint8Array([...erased(50), ...pattern(100), ...erased(50)]));
	},
}, {
	name: "writing only clears bits",
	run(bench) {
		const partition = open(bench);
		partition.write(new Uint8Array([0b1111_0000, 0b1010_1010, 0x00]), 10);
		partition.write(new Uint8Array([0b1100_1100, 0b1111_1111, 0xff]), 10);
		assert.deepEqual(read(partition, 10, 3), new Uint8Array([0b1100_0000, 0b1010_1010, 0x00]));
	},
}, {
	name: "write leaves its source as it was",
	run(bench) {
		const partition = open(bench);
		partition.write(new Uint8Array([0]), 0);
		const source = pattern(10);
		partition.write(source, 0);
		sameBytes(source, pattern(10));
	},
}, {
	name: "reads and writes go across blocks",
	run(bench) {
		const partition = open(bench);
		const offset = partition.blockLength - 50;
		partition.write(pattern(partition.blockLength + 100), offset);
		sameBytes(read(partition, offset, partition.blockLength + 100), pattern(partition.blockLength + 100));
	},
}, {
	name: "the last cells can be written",
	run(bench) {
		const partition = open(bench);
		partition.write(new Uint8Array([1, 2, 3]), partition.size - 3);
		assert.deepEqual(read(partition, partition.size - 3, 3), new Uint8Array([1, 2, 3]));
	},
}, {
	name: "eraseBlock erases one block by default and no other",
	run(bench) {
		const partition = open(bench);
		const { blockLength } = partition;
		partition.write(new Uint8Array(3 * blockLength), 0);
		partition.eraseBlock(1);
		sameBytes(read(partition, 0, 3 * blockLength), new Uint8Array([...new Uint8Array(blockLength), ...erased(blockLength), ...new Uint8Array(blockLength)]));
	},
}, {
	name: "eraseBlock erases up to but not including its second argument",
	run(bench) {
		const partition = open(bench);
		const { blockLength } = partition;
		partition.write(new Uint8Array(3 * blockLength), 0);
		partition.eraseBlock(0, 2);
		sameBytes(read(partition, 0, 3 * blockLength), new Uint8Array([...erased(2 * blockLength), ...new Uint8Array(blockLength)]));
	},
}, {
	name: "beyond the end everything is refused with argument, and nothing is changed",
	run(bench) {
		const partition = open(bench);
		const { size, blockLength } = partition;
		const blocks = size / blockLength;
		for (const offset of [-1, size - 1, size, 0.5, NaN, undefined]) {
			refuses("argument", () => partition.write(new Uint8Array(2), offset as number), `write at ${offset}`);
			refuses("argument", () => partition.read(new Uint8Array(2), offset as number), `read at ${offset}`);
		}
		for (const [from, to] of [[-1, 1], [0, blocks + 1], [blocks, undefined], [2, 1], [0.5, 1], [0, NaN]]) {
			refuses("argument", () => partition.eraseBlock(from!, to), `erase ${from} to ${to}`);
		}
		sameBytes(read(partition, 0, size), erased(size));
	},
}, {
	name: "a partition that does not exist is refused with argument",
	run({ host }) {
		for (const path of ["no such one", "", "toString", undefined]) refuses("argument", () => host.flash.open({ path: path as string }), String(path));
	},
}, {
	name: "two openings of a partition are one partition",
	run(bench) {
		const first = open(bench);
		const second = bench.host.flash.open({ path: bench.platform.partition });
		bench.defer(() => second.close());
		first.write(pattern(10), 0);
		sameBytes(read(second, 0, 10), pattern(10));
	},
}, {
	name: "what is written survives a restart without a close, and so does what is erased",
	run(bench) {
		const partition = open(bench);
		const { blockLength } = partition;
		partition.write(pattern(2 * blockLength), 0);
		partition.eraseBlock(0);
		const after = bench.platform.reboot().flash.open({ path: bench.platform.partition });
		sameBytes(read(after, 0, 2 * blockLength), new Uint8Array([...erased(blockLength), ...pattern(2 * blockLength).subarray(blockLength)]));
		after.close();
	},
}, {
	name: "after close everything but close is refused with state",
	run(bench) {
		const partition = open(bench);
		const again = bench.host.flash.open({ path: bench.platform.partition });
		again.close();
		again.close();
		refuses("state", () => again.read(new Uint8Array(1), 0));
		refuses("state", () => again.write(new Uint8Array(1), 0));
		refuses("state", () => again.eraseBlock(0));
		sameBytes(read(partition, 0, 1), erased(1));
	},
}];
