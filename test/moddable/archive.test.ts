// SPDX-License-Identifier: Apache-2.0
/** The way of a mod's archive to where XS runs it, with the power cut at every operation, XS's own included. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ArchivePlace } from "../../hosts/moddable/archive.js";
import { crypto } from "../../hosts/node/digest.js";
import { MemoryPartition, type Refusal } from "../unit/storage/memory-partition.js";

const BLOCK = 256;
/** Bytes of an archive: its last block is not full. */
const SIZE = 5 * BLOCK - 100;
const TYPE = "XS_A";
/** One of many bytes that XS replaces, and the first of them. */
const isName = (offset: number): boolean => offset % 32 === 0 && offset >= 64;
const FIRST_NAME = 64;
const CUTS: readonly Refusal[] = ["nothing", "half", "all"];

function makeArchive(seed: number, size = SIZE): Uint8Array {
	const archive = Uint8Array.from({ length: size }, (_, index) => isName(index) ? 0 : (index * 7 + seed * 31 & 0x7f) + 1);
	new DataView(archive.buffer).setUint32(0, size);
	archive.set(new TextEncoder().encode(TYPE), 4);
	return archive;
}

function slotWith(archive: Uint8Array): MemoryPartition {
	const slot = new MemoryPartition(BLOCK, 6);
	slot.cells.set(archive);
	return slot;
}

/** What XS does at a boot: all or nothing by the first name, block by block, and without a look at the content. */
function mapArchive(partition: MemoryPartition, engine: number): void {
	const { cells } = partition;
	if (new TextDecoder().decode(cells.subarray(4, 8)) !== TYPE || cells[FIRST_NAME] === engine) return;
	for (let block = 0; block * BLOCK < SIZE; block++) {
		const bytes = cells.slice(block * BLOCK, (block + 1) * BLOCK);
		for (let index = 0; index < BLOCK; index++) if (isName(block * BLOCK + index)) bytes[index] = engine;
		partition.eraseBlock(block);
		partition.write(bytes, block * BLOCK);
	}
}

function assertSound({ cells }: MemoryPartition, archive: Uint8Array, engine: number, what: string): void {
	archive.forEach((byte, index) => assert.equal(cells[index], isName(index) ? engine : byte, `${what}: byte ${index}`));
}

interface Step { archive: Uint8Array; engine: number }

/** Boots until each step's archive runs. @returns boots that it took */
function live(partition: MemoryPartition, steps: readonly Step[], what: string): number {
	let boots = 0;
	for (const { archive, engine } of steps) {
		const slot = slotWith(archive);
		for (let isRestarted = false, isPlaced = false; !isPlaced;) {
			assert.ok(++boots <= 20, `${what} never comes to rest`);
			try {
				mapArchive(partition, engine);
				isPlaced = new ArchivePlace(partition, crypto).place(slot, archive.byteLength, isRestarted);
				isRestarted = true;
			} catch {
				isRestarted = false;
			}
		}
		assertSound(partition, archive, engine, what);
	}
	return boots;
}

const first = makeArchive(1), second = makeArchive(2);
const LIFE: readonly Step[] = [
	{ archive: first, engine: 201 }, { archive: second, engine: 201 }, { archive: second, engine: 202 }, { archive: second, engine: 201 },
];

test("what runs is whole, whichever operation the power failed in, in our copy and in what XS makes of it", () => {
	const undisturbed = new MemoryPartition(BLOCK, 6);
	live(undisturbed, LIFE, "undisturbed");
	assert.ok(undisturbed.operations > 50);
	for (let cut = 1; cut <= undisturbed.operations; cut++) {
		for (const refusal of CUTS) {
			for (const gap of [Infinity, 1, 5]) {
				const partition = new MemoryPartition(BLOCK, 6);
				partition.refuses = number => number === cut || number === cut + gap ? refusal : undefined;
				live(partition, LIFE, `cut ${cut} ${refusal} ${gap}`);
			}
		}
	}
});

/** Erases a block from its end. */
class Backward extends MemoryPartition {
	override eraseBlock(block: number): void {
		const kept = this.cells.slice(block * this.blockLength, (block + 0.5) * this.blockLength);
		try {
			super.eraseBlock(block);
		} catch (error) {
			this.cells.copyWithin((block + 0.5) * this.blockLength, block * this.blockLength, (block + 0.5) * this.blockLength);
			this.cells.set(kept, block * this.blockLength);
			throw error;
		}
	}
}

test("a copy that was cut short is no archive, and neither is the one before", () => {
	const slot = slotWith(second);
	for (const Partition of [MemoryPartition, Backward]) {
		for (let cut = 1, isCut = true; isCut; cut++) {
			const partition = new Partition(BLOCK, 6);
			live(partition, LIFE.slice(0, 1), "before");
			const start = partition.operations;
			partition.refuses = number => number === start + cut ? "half" : undefined;
			try {
				new ArchivePlace(partition, crypto).place(slot, SIZE, false);
				isCut = false;
				assert.ok(cut > 10);
			} catch {
				assert.notEqual(new TextDecoder().decode(partition.cells.subarray(4, 8)), TYPE, String(cut));
			}
		}
	}
});

test("what is there already costs no wear, in any later boot", () => {
	const partition = new MemoryPartition(BLOCK, 6);
	assert.equal(live(partition, LIFE.slice(0, 1), "first"), 2);
	const { operations } = partition;
	assert.equal(live(partition, LIFE.slice(0, 1), "again"), 1);
	assert.equal(partition.operations, operations);
});

test("a byte that changed later is noticed", () => {
	const partition = new MemoryPartition(BLOCK, 6);
	live(partition, LIFE.slice(0, 1), "first");
	partition.cells[3 * BLOCK + 7]! ^= 1;
	live(partition, LIFE.slice(0, 1), "after the change");
});

test("an archive that XS refused is not tried again, and another is", () => {
	const partition = new MemoryPartition(BLOCK, 6), place = new ArchivePlace(partition, crypto);
	assert.equal(place.place(slotWith(first), SIZE, false), false);
	partition.eraseBlock(0);
	partition.write(Uint8Array.of(0, 0, 0, 9, 0x58, 0x53, 0x5f, 0x45, 1), 0);
	const { operations } = partition;
	assert.throws(() => place.place(slotWith(first), SIZE, true), { code: "corrupt" });
	assert.equal(partition.operations, operations);
	assert.equal(place.place(slotWith(second), SIZE, true), false);
});

test("what is no archive of that size, or too large, changes nothing", () => {
	const partition = new MemoryPartition(BLOCK, 6), place = new ArchivePlace(partition, crypto);
	const other = first.slice();
	other[7] = 0x42;
	for (const [archive, size, code] of [
		[other, SIZE, "corrupt"], [first, SIZE - 1, "corrupt"], [first, 43, "corrupt"],
		[makeArchive(1, 5 * BLOCK + 1), 5 * BLOCK + 1, "too-large"],
	] as const) {
		assert.throws(() => place.place(slotWith(archive), size, true), { code }, `${size}`);
	}
	assert.equal(partition.operations, 0);
});

test("flash that does not keep what it was given is a failure, not a mod", () => {
	class Worn extends MemoryPartition {
		override eraseBlock(): void {}
	}
	const partition = new Worn(BLOCK, 6);
	partition.cells[2 * BLOCK + 5] = 0;
	assert.throws(() => new ArchivePlace(partition, crypto).place(slotWith(first), SIZE, true), { code: "storage" });
	assert.notEqual(new TextDecoder().decode(partition.cells.subarray(4, 8)), TYPE);
});
