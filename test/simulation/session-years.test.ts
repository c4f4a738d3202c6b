// SPDX-License-Identifier: Apache-2.0
/** The whole session on flash, for years and for thousands of messages: its state wears the flash, too. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { BLOCK_LENGTH } from "../../hosts/world/index.js";
import { Session } from "../../src/mqtt/session.js";
import { Store } from "../../src/mqtt/store.js";
import { crypto } from "../unit/storage/digest.js";
import { MemoryPartition } from "../unit/storage/memory-partition.js";
import { text } from "../unit/text.js";
import { play, type Step } from "./durable.js";

/** On the engine of the device a run costs some fifty times as much. */
const DEVICE = (globalThis as { SEEDS?: number }).SEEDS !== undefined;
const YEARS = 5;
const MINUTES = YEARS * 365.25 * 24 * 60;
/** Wear is even and grows in step with the messages, so a part of the years tells of all: one that erases each block often. */
const PART = DEVICE ? 1_000 : 50;
/** A tenth of what flash chips promise, as the README says. */
const WEAR_MAXIMUM = 10_000;

test(`a session that sends a message a minute for ${YEARS} years wears out no block of 64 KB`, () => {
	const partition = new MemoryPartition(BLOCK_LENGTH, 16);
	const session = new Session(text, { clientId: "meter" }, new Store(crypto, partition));
	const { outbox } = session;
	const payload = "x".repeat(100);
	const messages = Math.floor(MINUTES / PART);
	outbox.connected();
	for (let minute = 0; minute < messages; minute++) {
		const id = session.publish("meter/power", payload, { qos: 1 });
		assert.ok(outbox.take(16));
		outbox.sent();
		assert.ok(outbox.acknowledge(id as number));
		session.commit();
	}
	const most = Math.max(...partition.wear) * PART;
	assert.ok(most > 1_000 && most < WEAR_MAXIMUM, `${most} erasures of one block in ${YEARS} years`);
});

test("thousands of messages that were queued offline leave in order after a reset", () => {
	const batches = DEVICE ? 2 : 40;
	const script: Step[] = [
		({ world }) => world.network.down(),
		...Array.from({ length: batches }, () => (stage: { batch(count: number, qos: 1): void }) => stage.batch(250, 1)),
		({ device }) => device.restart(), () => {}, ({ world }) => world.network.up(), () => {},
	];
	const { boots } = play(3, 4, { name: "thousands", blocks: 512, script, length: 100 }, [], () => crypto.digest("SHA-256"));
	assert.equal(boots, 3);
});
