// SPDX-License-Identifier: Apache-2.0
/** RingQueue: packets in order, found and released by position. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { RECORD_HEADER } from "../../../src/bytes/ring.js";
import { Writer } from "../../../src/bytes/writer.js";
import { RingQueue } from "../../../src/mqtt/ring-queue.js";
import { codeOf } from "../failure.js";
import { text } from "../text.js";
import { QueueModel } from "./queue-model.js";

const OPERATIONS = 5;

/** Append a short record, a long one; release the oldest, the second; drop the second. */
function operate(model: QueueModel, operation: number): void {
	if (operation < 2) model.append(operation === 0 ? 0 : 9);
	else if (operation < 4) {
		if (model.held.length > operation - 2) model.release(operation - 2);
	} else {
		model.drop(1);
	}
	model.check();
}

test("RingQueue does what an array does, for every sequence of four operations", () => {
	for (const capacity of [RECORD_HEADER, 16, 24, 40, 64]) {
		for (let sequence = 0; sequence < OPERATIONS ** 4; sequence++) {
			const model = new QueueModel(new RingQueue(capacity));
			for (let rest = sequence, step = 0; step < 4; step++, rest = Math.floor(rest / OPERATIONS)) operate(model, rest % OPERATIONS);
		}
	}
});

test("RingQueue keeps its order through many turns of the buffer, and through its emptiness", () => {
	const model = new QueueModel(new RingQueue(50));
	for (let round = 0; round < 40; round++) {
		while (model.append(round % 11));
		model.check();
		while (model.held.length > round % 3) model.release(0);
	}
});

test("RingQueue takes nothing that it has no room for, and drops nothing when nothing may go", () => {
	const queue = new RingQueue(20), writer = new Writer(text);
	assert.ok(queue.fits(20 - RECORD_HEADER) && !queue.fits(21 - RECORD_HEADER));
	assert.equal(queue.first(), -1);
	assert.ok(!queue.reserve(21 - RECORD_HEADER, writer));
	assert.ok(queue.reserve(20 - RECORD_HEADER, writer));
	const position = queue.commit(0);
	assert.equal(queue.lastId, 0);
	assert.ok(!queue.reserve(0, writer));
	assert.ok(!queue.dropOldest(-1, { dropped: () => assert.fail() }));
	assert.equal(codeOf(() => queue.commit(1)), "internal");
	queue.flush();
	queue.release(position);
	assert.equal(queue.first(), -1);
	assert.equal(codeOf(() => queue.release(position)), "internal");
});
