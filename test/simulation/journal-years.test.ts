// SPDX-License-Identifier: Apache-2.0
/** What a journal does to its flash in years, and how many messages it takes while the network is away. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { BLOCK_LENGTH, createWorld } from "../../hosts/world/index.js";
import { Writer } from "../../src/bytes/writer.js";
import { FlashQueue } from "../../src/mqtt/flash-queue.js";
import { Journal } from "../../src/storage/journal.js";
import { content, contentOf } from "../unit/mqtt/queue-model.js";
import { crypto } from "../unit/storage/digest.js";
import { MemoryPartition } from "../unit/storage/memory-partition.js";
import { text } from "../unit/text.js";

/** On the engine of the device a run costs some fifty times as much. */
const DEVICE = (globalThis as { SEEDS?: number }).SEEDS !== undefined;
const YEARS = 5;
const MINUTES = Math.floor(YEARS * 365.25 * 24 * 60 / (DEVICE ? 500 : 1));
/** What flash chips promise, halved. */
const WEAR_MAXIMUM = 50_000;

test(`a message a minute for ${YEARS} years wears out no block of 64 KB, and all alike`, () => {
	const partition = new MemoryPartition(BLOCK_LENGTH, 16);
	const queue = new FlashQueue(new Journal(crypto, partition));
	const writer = new Writer(text), message = content(1, 120);
	for (let minute = 0; minute < MINUTES; minute++) {
		assert.ok(queue.reserve(120, writer));
		writer.copy(message, 0, 120);
		const position = queue.commit(1 + minute % 0xffff);
		queue.flush();
		queue.release(position);
	}
	const most = Math.max(...partition.wear), least = Math.min(...partition.wear);
	assert.ok(most < WEAR_MAXIMUM && most - least <= 1, `${least} to ${most} erasures`);
	assert.ok(DEVICE || least > 1000, "there was wear");
});

test("thousands of messages wait in 2 MB for the network, through a reset, and leave in order", () => {
	const MESSAGES = DEVICE ? 300 : 10_000, LENGTH = 100;
	const world = createWorld({ seed: 1, digest: () => crypto.digest("SHA-256") });
	let phase = 0, drained = 0;
	const device = world.device({
		id: "lamp", partitions: { queue: 2 << 20 },
		program(host) {
			const queue = new FlashQueue(new Journal(host.crypto, host.flash.open({ path: "queue" })));
			if (phase++ === 0) {
				const writer = new Writer(host.text);
				for (let id = 1; id <= MESSAGES; id++) {
					assert.ok(queue.reserve(LENGTH, writer));
					writer.copy(content(id, LENGTH), 0, LENGTH);
					queue.commit(id);
					if (id % 7 === 0 || id === MESSAGES) queue.flush();
				}
			} else {
				assert.equal(queue.count, MESSAGES);
				for (let at = queue.first(); at >= 0; at = queue.first()) {
					assert.equal(queue.id(at), ++drained);
					assert.ok(queue.verify(at));
					assert.deepEqual(contentOf(queue, at), content(drained, LENGTH));
					queue.release(at);
				}
				assert.equal(queue.lastId, MESSAGES);
			}
		},
	});
	world.advance(1000);
	device.cutPower();
	world.advance(1000);
	assert.deepEqual(device.crashes, []);
	assert.equal(drained, MESSAGES);
});
