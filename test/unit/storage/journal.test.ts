// SPDX-License-Identifier: Apache-2.0
/** Journal: records in order, found again, and never more of the flash touched than is said. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Writer } from "../../../src/bytes/writer.js";
import type { FlashPartition } from "../../../src/host.js";
import { Journal, type JournalOptions } from "../../../src/storage/journal.js";
import { codeOf } from "../failure.js";
import { text } from "../text.js";
import { crypto } from "./digest.js";
import { guarded } from "./guarded.js";
import { MemoryPartition } from "./memory-partition.js";

/** Not every case where a run costs some fifty times as much: on the engine of the device. */
const STRIDE = (globalThis as { SEEDS?: number }).SEEDS === undefined ? 1 : 7;

const open = (partition: FlashPartition, options?: JournalOptions): Journal => new Journal(crypto, guarded(partition), options);

/** Commits a record of `length` times its `id`; its position, or -1 when there is no room. */
function commit(journal: Journal, id: number, length: number, kind = 1): number {
	const writer = new Writer(text);
	if (!journal.reserve(length, writer)) return -1;
	writer.copy(new Uint8Array(length).fill(id), 0, length);
	return journal.commit(kind, id);
}

function append(journal: Journal, id: number, length: number): number {
	const position = commit(journal, id, length);
	journal.flush();
	return position;
}

/** The records kept, as identifiers; each must be whole. */
function ids(journal: Journal): number[] {
	const found: number[] = [];
	let number = -1;
	for (let at = journal.first(); at >= 0; at = journal.after(at)) {
		const length = journal.length(at), id = journal.id(at), writer = new Writer(text);
		writer.reset(new Uint8Array(length), 0, length);
		journal.read(at, 0, length, writer);
		assert.ok(journal.verify(at) && writer.bytes.every((byte) => byte === (id & 0xff)), `record ${id}`);
		assert.ok(number < 0 || ((journal.number(at) - number) | 0) > 0, "numbers ascend");
		number = journal.number(at);
		found.push(id);
	}
	return found;
}

const range = (first: number, count: number): number[] => Array.from({ length: count }, (_, index) => first + index);

test("Journal finds after a reset what it found before", () => {
	const partition = new MemoryPartition(512, 3), journal = open(partition);
	assert.equal(journal.first(), -1);
	assert.equal(journal.next, 1);
	append(journal, 7, 0);
	append(journal, 8, 100);
	const last = commit(journal, 9, 16, 254);
	assert.deepEqual(ids(journal), [7, 8, 9]);
	journal.flush();
	assert.equal(journal.kind(last), 254);
	const again = open(partition);
	assert.deepEqual(ids(again), [7, 8, 9]);
	assert.equal(again.kind(last), 254);
	assert.equal(again.next, 4);
	assert.equal(again.lastId(), 9);
	assert.equal(append(again, 10, 5), last + 32, "it goes on where it ended");
});

test("Journal commits in one program, whatever is committed", () => {
	const partition = new MemoryPartition(4096, 2), journal = open(partition);
	append(journal, 1, 10);
	assert.equal(partition.operations, 3, "an erasure, a block's header, and the record");
	for (let id = 2; id < 20; id++) commit(journal, id, id * 3);
	assert.equal(partition.operations, 3);
	journal.flush();
	journal.flush();
	assert.equal(partition.operations, 4);
	assert.deepEqual(ids(open(partition)), range(1, 19));
});

test("Journal flushes early what the buffer or the block has no room for", () => {
	const partition = new MemoryPartition(4096, 2), journal = open(partition, { groupLength: 128 });
	for (let id = 1; id <= 4; id++) commit(journal, id, 40);
	assert.deepEqual(ids(open(partition)), [1, 2]);
	commit(journal, 5, 1000);
	assert.deepEqual(ids(open(partition)), [1, 2, 3, 4]);
	commit(journal, 6, 4000);
	assert.deepEqual(ids(open(partition)), [1, 2, 3, 4, 5]);
	assert.deepEqual(ids(journal), [1, 2, 3, 4, 5, 6]);
});

test("Journal is full rather than erase what is kept, and goes on when it may", () => {
	for (const count of [2, 3, 7]) {
		const partition = new MemoryPartition(512, count), journal = open(partition);
		let id = 0;
		while (append(journal, id + 1, 200) >= 0) id++;
		assert.equal(id, 2 * count);
		assert.deepEqual(ids(journal), range(1, id));
		journal.trim(journal.after(journal.first()));
		assert.equal(append(journal, 99, 200), -1, "the block still holds one");
		journal.trim(journal.after(journal.first()));
		assert.ok(append(journal, id + 1, 200) > 0);
		assert.deepEqual(ids(journal), range(3, id - 1));
		assert.deepEqual(ids(open(partition)), range(3, id - 1));
		journal.trim(-1);
		assert.equal(journal.first(), -1);
		append(journal, id + 2, 1);
		assert.deepEqual(ids(journal), [id + 2]);
	}
});

test("Journal takes a record as long as a block less two headers, and none longer", () => {
	for (const blockLength of [512, 528, 4096]) {
		const partition = new MemoryPartition(blockLength, 3), journal = open(partition);
		assert.equal(journal.lengthMaximum, blockLength - 32);
		assert.equal(codeOf(() => commit(journal, 1, blockLength - 31)), "too-large");
		append(journal, 1, blockLength - 32);
		append(journal, 2, blockLength - 32);
		assert.deepEqual(ids(open(partition)), [1, 2]);
	}
});

test("Journal refuses what it cannot work on", () => {
	const codes = (blockLength: number, count: number, options?: JournalOptions): string => codeOf(() => open(new MemoryPartition(blockLength, count), options));
	assert.equal(codes(512, 2), "nothing");
	assert.equal(codes(512, 1), "argument");
	assert.equal(codes(256, 8), "argument");
	assert.equal(codes(1000, 8), "argument");
	assert.equal(codes(1 << 20, 2), "argument");
	assert.equal(codes(512, 8, { first: 7 }), "argument");
	assert.equal(codes(512, 8, { first: 5, count: 4 }), "argument");
	assert.equal(codes(512, 8, { first: -1, count: 4 }), "argument");
	assert.equal(codes(512, 8, { first: 5, count: 3 }), "nothing");
	assert.equal(codeOf(() => open(new MemoryPartition(512, 2)).commit(1, 1)), "internal");
});

test("Journal leaves the blocks of others alone, and does not take them for its own", () => {
	const partition = new MemoryPartition(512, 8), first = open(partition, { count: 3 }), second = open(partition, { first: 3 });
	for (let id = 1; id < 40; id++) {
		append(first, id, 100);
		first.trim(-1);
		append(second, id + 100, 150);
		if (id > 8) second.trim(second.after(second.first()));
	}
	append(first, 40, 10);
	assert.deepEqual(ids(first), [40]);
	assert.deepEqual(ids(second), range(132, 8));
	assert.equal(partition.wear.length, 8);
	assert.equal(open(partition, { first: 1, count: 3 }).first(), -1, "another division begins anew");
});

test("Journal numbers and block sequences count on through zero", () => {
	const partition = new MemoryPartition(512, 3);
	const journal = open(partition);
	journal.skipTo(0x7fff_ffff);
	append(journal, 1, 10);
	journal.trim(-1);
	journal.skipTo(0xffff_fff0);
	for (let id = 2; id < 50; id++) {
		append(journal, id, 200);
		if (id > 3) journal.trim(journal.after(journal.first()));
	}
	assert.deepEqual(ids(journal), [48, 49]);
	const again = open(partition);
	assert.ok(again.next < 100);
	assert.equal(again.next, journal.next);
	assert.deepEqual(ids(again).slice(-2), [48, 49]);
	assert.equal(again.seek(again.number(again.first())), again.first());
	assert.deepEqual([again.id(again.seek(again.next - 1)), again.seek(again.next)], [49, -1]);
});

test("Journal.seek finds every record by its number, and the next one where it is missing", () => {
	const partition = new MemoryPartition(512, 6), journal = open(partition);
	for (let id = 1; id <= 20; id++) {
		append(journal, id, id * 5);
		if (id % 7 === 0) journal.skipTo(journal.next + 3);
	}
	journal.trim(journal.after(journal.first()));
	for (const found of [journal, open(partition)]) {
		const last = found.next;
		let expected = found === journal ? 2 : 1;
		for (let number = 1; number < last; number++) {
			const at = found.seek(number);
			assert.ok(found.number(at) >= number);
			assert.equal(found.id(at), expected);
			if (found.number(at) === number) expected++;
		}
		assert.equal(found.seek(last), -1);
	}
});

test("Journal takes any other contents for nothing, and writes over them", () => {
	let state = 1;
	const random = (): number => (state = Math.imul(state, 0x0019_660d) + 0x3c6e_f35f | 0) >>> 24;
	const contents: ((index: number) => number)[] = [() => 0, () => 0x4d, (index) => index, random, random, random];
	for (const content of contents) {
		const partition = new MemoryPartition(512, 4);
		partition.cells.forEach((_, index, cells) => { cells[index] = content(index); });
		const journal = open(partition);
		assert.equal(journal.first(), -1);
		for (let id = 1; id < 6; id++) append(journal, id, 150);
		assert.deepEqual(ids(open(partition)), range(1, 5));
	}
});

test("Journal loses one record where one is spoilt, and a block where its header is; and always opens", () => {
	const whole = new MemoryPartition(512, 5), journal = open(whole);
	for (let id = 1; id <= 11; id++) append(journal, id, 100);
	for (let index = 0; index < whole.size; index += STRIDE) {
		const partition = new MemoryPartition(512, 5);
		partition.cells.set(whole.cells);
		partition.cells[index]! ^= 1 << (index % 8);
		const spoilt = open(partition);
		const found: number[] = [];
		for (let at = spoilt.first(); at >= 0; at = spoilt.after(at)) if (spoilt.verify(at)) found.push(spoilt.id(at));
		const lost = range(1, 11).filter((id) => !found.includes(id)), place = index % 512;
		assert.deepEqual(found, range(1, 11).filter((id) => found.includes(id)), "none is invented");
		// Three records to a block, two in the newest. There, nobody can tell a spoilt header from a torn write.
		assert.ok(lost.length <= (place < 16 ? 3 : index >= 1536 ? 2 : 1), `byte ${index}: ${lost.join()} lost`);
		assert.ok(append(spoilt, 77, 30) > 0);
		assert.equal(spoilt.lastId(), 77);
	}
});

test("Journal goes on in another block when the flash refuses an operation", () => {
	for (const refusal of ["nothing", "half", "all"] as const) {
		for (let refused = 1; refused < 30; refused += STRIDE) {
			const partition = new MemoryPartition(512, 4), journal = open(partition);
			partition.refuses = (number) => number === refused ? refusal : undefined;
			let kept: number[] = [];
			for (let id = 1; id <= 20; id++) {
				const code = codeOf(() => assert.ok(append(journal, id, 130) > 0));
				assert.ok(code === "nothing" || code === "storage");
				if (code === "nothing") kept.push(id);
				assert.deepEqual(ids(journal), kept);
				if (kept.length > 3) {
					journal.trim(journal.after(journal.first()));
					kept = kept.slice(1);
				}
			}
			assert.equal(kept.length, 3);
			assert.deepEqual(ids(open(partition)).slice(-3), kept);
		}
	}
});

test("Journal does without the blocks that the flash refuses for good, and says when that is all", () => {
	for (const refusal of ["nothing", "half", "all"] as const) {
		for (const broken of [[0], [2], [3], [0, 3], [1, 2], [0, 1, 2]]) {
			const partition = new MemoryPartition(512, 6), journal = open(partition);
			for (let id = 1; id < 9; id++) append(journal, id, 100);
			journal.trim(journal.after(journal.first()));
			partition.refuses = (_, block) => broken.includes(block) ? refusal : undefined;
			let kept = range(2, 7);
			for (let id = 9; id < 60; id++) {
				const code = codeOf(() => append(journal, id, 100));
				if (code === "nothing") kept.push(id);
				else assert.equal(code, "storage");
				kept = kept.slice(-4);
				while (ids(journal).length > 4) journal.trim(journal.after(journal.first()));
				assert.deepEqual(ids(journal), kept);
				// What it refused and took nevertheless, may turn up again.
				const found = ids(open(partition)).filter((at) => refusal !== "all" || kept.includes(at));
				assert.deepEqual(found.slice(-4), kept, `after ${id}`);
			}
			assert.equal(kept.at(-1), 59);
			partition.refuses = () => refusal;
			assert.equal(codeOf(() => { for (let id = 0; id < 9; id++) append(journal, 60, 100); }), "storage");
			assert.deepEqual(ids(journal), kept);
		}
	}
});
