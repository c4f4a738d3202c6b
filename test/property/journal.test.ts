// SPDX-License-Identifier: Apache-2.0
/** The queues of packets: long random lives beside a plain array, with resets in between where the queue survives them. */
import assert from "node:assert/strict";
import { FlashQueue } from "../../src/mqtt/flash-queue.js";
import { RingQueue } from "../../src/mqtt/ring-queue.js";
import { Journal } from "../../src/storage/journal.js";
import { content, contentOf, QueueModel } from "../unit/mqtt/queue-model.js";
import { crypto } from "../unit/storage/digest.js";
import { encrypted } from "../unit/storage/encrypted.js";
import { guarded } from "../unit/storage/guarded.js";
import { MemoryPartition } from "../unit/storage/memory-partition.js";
import { property, type Random } from "./random.js";

const STEPS = 150;
/** Gaps that a queue on flash may have: the owner keeps as many in flight. */
const WINDOW = 60;

function operate(model: QueueModel, random: Random, longest: number): void {
	const { length } = model.held;
	if (length > 0 && random.once(2)) model.release(random.once(3) ? random.below(Math.min(length, WINDOW)) : 0);
	else if (!model.append(random.below(longest)) && random.once(2)) model.drop(random.below(length));
	if (random.once(5)) model.queue.flush();
}

property("RingQueue does what an array does, for as long as one likes", 60, (random) => {
	const model = new QueueModel(new RingQueue(1 + random.below(150)));
	const longest = 1 + random.below(40);
	for (let step = 0; step < STEPS; step++) {
		operate(model, random, longest);
		model.check();
	}
});

property("FlashQueue opens on whatever the flash holds, gives nothing that is not whole, and takes more", 200, (random) => {
	const partition = new MemoryPartition(random.pick([512, 1024]), 2 + random.below(4));
	const model = new QueueModel(new FlashQueue(new Journal(crypto, partition)));
	for (let step = 0; step < 20; step++) operate(model, random, 200);
	model.queue.flush();
	for (let spots = 1 + random.below(6); spots > 0; spots--) {
		const start = random.below(partition.size), end = start + random.pick([1, 2, 16, 100, 2000]);
		const whole = random.once(2), byte = random.below(256);
		for (let index = start; index < Math.min(end, partition.size); index++) partition.cells[index]! ^= whole ? byte : random.below(256);
	}
	const queue = new FlashQueue(new Journal(crypto, partition));
	if (random.once(2)) queue.restore(random.below(30), random.once(2) ? [] : [30, 35]);
	const known = new Set(model.held.map(({ id }) => id));
	for (let at = queue.first(); at >= 0; at = queue.first()) {
		const id = queue.id(at);
		if (queue.verify(at) && known.has(id)) assert.deepEqual(contentOf(queue, at), content(id, queue.length(at)));
		queue.release(at);
	}
	const again = new QueueModel(queue);
	again.lastId = queue.lastId;
	again.append(100);
	again.queue.flush();
	again.check();
});

property("FlashQueue does what an array does, for as long as one likes, and after each reset", 60, (random) => {
	const partition = new MemoryPartition(random.pick([512, 1024, 4096]), 2 + random.below(5));
	const first = random.below(partition.wear.length - 1);
	const count = 2 + random.below(partition.wear.length - first - 1);
	const cells = random.once(3) ? encrypted(partition) : guarded(partition);
	const open = (): FlashQueue => new FlashQueue(new Journal(crypto, cells, { first, count, groupLength: random.below(2000) }));
	const longest = 1 + random.below(random.pick([30, 300, partition.blockLength - 31]));
	let queue = open();
	const model = new QueueModel(queue);
	for (let step = 0; step < STEPS; step++) {
		operate(model, random, longest);
		if (random.once(4)) model.check();
		if (!random.once(20)) continue;
		queue.flush();
		const { headNumber, released } = queue;
		queue = model.queue = open();
		queue.restore(headNumber, released);
		model.check();
	}
});
