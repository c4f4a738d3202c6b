// SPDX-License-Identifier: Apache-2.0
/** FlashQueue: what a queue is, on flash, and after a reset. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Writer } from "../../../src/bytes/writer.js";
import { FlashQueue } from "../../../src/mqtt/flash-queue.js";
import { RANGES_MAXIMUM } from "../../../src/mqtt/ranges.js";
import { Journal } from "../../../src/storage/journal.js";
import { codeOf } from "../failure.js";
import { crypto } from "../storage/digest.js";
import { guarded } from "../storage/guarded.js";
import { MemoryPartition } from "../storage/memory-partition.js";
import { text } from "../text.js";
import { QueueModel } from "./queue-model.js";

const OPERATIONS = 5;
/** Fewer where a run costs some fifty times as much: on the engine of the device. */
const STEPS = (globalThis as { SEEDS?: number }).SEEDS === undefined ? 5 : 3;

function open(partition: MemoryPartition): FlashQueue {
	return new FlashQueue(new Journal(crypto, guarded(partition)));
}

/** As after a reset for which the owner had kept everything. */
function reopen(partition: MemoryPartition, before: FlashQueue): FlashQueue {
	const { headNumber, released } = before;
	const queue = open(partition);
	queue.restore(headNumber, released);
	return queue;
}

function model(blocks: number): { model: QueueModel; partition: MemoryPartition } {
	const partition = new MemoryPartition(512, blocks);
	return { model: new QueueModel(open(partition)), partition };
}

/** Append a short record, a long one; release the oldest, the second; drop the second. */
function operate(model: QueueModel, operation: number): void {
	if (operation < 2) model.append(operation === 0 ? 30 : 400);
	else if (operation < 4) {
		if (model.held.length > operation - 2) model.release(operation - 2);
	} else {
		model.drop(1);
	}
	model.check();
}

test("FlashQueue does what an array does, for every short sequence of operations, and after a reset", () => {
	for (let sequence = 0; sequence < OPERATIONS ** STEPS; sequence++) {
		const { model: filled, partition } = model(2);
		filled.append(200);
		filled.append(100);
		for (let rest = sequence, step = 0; step < STEPS; step++, rest = Math.floor(rest / OPERATIONS)) operate(filled, rest % OPERATIONS);
		filled.queue.flush();
		filled.queue = reopen(partition, filled.queue as FlashQueue);
		filled.check();
		filled.append(300);
		filled.check();
	}
});

test("FlashQueue gives everything back to an owner who kept nothing", () => {
	const { model: filled, partition } = model(4);
	for (let count = 0; count < 8; count++) filled.append(100);
	filled.queue.flush();
	const all = [...filled.held];
	filled.release(3);
	filled.release(0);
	filled.queue = open(partition);
	filled.held = all;
	filled.check();
});

test("FlashQueue goes by its owner's numbers when its own flash was lost", () => {
	const lost = open(new MemoryPartition(512, 2));
	lost.restore(5000, [5003, 5004]);
	assert.equal(lost.first(), -1);
	assert.deepEqual([lost.headNumber, lost.released], [5004, []]);
	const queue = new QueueModel(lost);
	queue.append(10);
	assert.equal(queue.held[0]!.number, 5004);
});

test("FlashQueue drops the records of its oldest block, those in flight too", () => {
	const { model: full } = model(3);
	while (full.append(150));
	assert.equal(full.held.length, 6);
	full.drop(4);
	assert.deepEqual(full.dropped, [1, 2]);
	assert.ok(full.append(150));
	full.check();
	full.drop(9);
	assert.deepEqual(full.dropped, [1, 2], "nothing may go");
});

test("FlashQueue holds at most so many ranges of released records behind a held one", () => {
	const { model: filled } = model(40);
	for (let count = 0; count < 2 * RANGES_MAXIMUM + 4; count++) filled.append(50);
	for (let count = 1; count <= RANGES_MAXIMUM; count++) filled.release(count);
	filled.check();
	assert.equal(codeOf(() => filled.queue.release(filled.held.at(-1)!.position)), "state");
	filled.check();
	filled.release(0);
	filled.check();
	assert.equal(codeOf(() => filled.queue.release(filled.held.at(-1)!.position)), "nothing");
});

test("FlashQueue forgets what the flash refused, and counts on", () => {
	const { model: filled, partition } = model(4), { queue } = filled;
	for (let count = 0; count < 3; count++) filled.append(100);
	queue.flush();
	filled.release(1);
	const durable = [...filled.held];
	filled.append(20);
	filled.append(20);
	filled.release(2);
	partition.refuses = () => "half";
	assert.equal(codeOf(() => queue.flush()), "storage");
	partition.refuses = () => undefined;
	filled.held = durable;
	filled.missing = 1;
	filled.check();
	filled.append(40);
	filled.check();
	queue.flush();
	filled.queue = reopen(partition, queue as FlashQueue);
	filled.check();
	while (filled.held.length > 0) filled.release(0);
	filled.missing = 0;
	partition.refuses = () => "nothing";
	filled.append(30);
	filled.append(30);
	filled.release(1);
	assert.equal(codeOf(() => filled.queue.reserve(400, new Writer(text))), "storage");
	filled.held = [];
	filled.check();
	partition.refuses = () => undefined;
	filled.append(30);
	filled.check();
});

test("FlashQueue does not fit what no block takes", () => {
	const { model: empty } = model(2);
	assert.ok(empty.queue.fits(480) && !empty.queue.fits(481));
	assert.ok(!empty.append(481));
	assert.ok(empty.append(480));
});

test("FlashQueue knows the last identifier of a packet that had one", () => {
	const { model: filled, partition } = model(4), writer = new Writer(text);
	assert.equal(filled.queue.lastId, 0);
	filled.append(480);
	for (let count = 0; count < 2; count++) {
		filled.queue.reserve(480, writer);
		filled.queue.commit(0);
	}
	filled.queue.flush();
	assert.equal(open(partition).lastId, 1);
});
