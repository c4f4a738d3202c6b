// SPDX-License-Identifier: Apache-2.0
/** Store: whatever each boot leaves behind, there is room for the next. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { FlashPartition } from "../../../src/host.js";
import { Session } from "../../../src/mqtt/session.js";
import { Store } from "../../../src/mqtt/store.js";
import { codeOf } from "../failure.js";
import { crypto } from "../storage/digest.js";
import { encrypted } from "../storage/encrypted.js";
import { MemoryPartition } from "../storage/memory-partition.js";
import { text } from "../text.js";

const BOOTS = 100;

/** Boots, sends a message and has it acknowledged. */
function live(partition: FlashPartition): Session {
	const session = new Session(text, { clientId: "meter" }, new Store(crypto, partition));
	const { outbox } = session;
	outbox.connected();
	const id = session.publish("meter/power", "1", { qos: 1 });
	assert.ok(outbox.take(16));
	outbox.sent();
	assert.ok(outbox.acknowledge(id as number));
	session.commit();
	return session;
}

test("Store has room when every boot must leave the rest of a block, as flash encryption has it", () => {
	const partition = encrypted(new MemoryPartition(4096, 8));
	for (let boot = 0; boot < BOOTS; boot++) live(partition);
});

test("Store has room when every boot ends in a torn write", () => {
	const partition = new MemoryPartition(4096, 8);
	for (let boot = 0; boot < BOOTS; boot++) {
		const session = live(partition);
		partition.refuses = () => "half";
		session.outbox.dirty = true;
		assert.equal(codeOf(() => session.commit()), "storage");
		partition.refuses = () => undefined;
	}
});

test("Store goes on after a commit that the flash refused", () => {
	const partition = new MemoryPartition(4096, 8), session = live(partition);
	session.subscribe("a", 1);
	partition.refuses = () => "nothing";
	assert.equal(codeOf(() => session.commit()), "storage");
	partition.refuses = () => undefined;
	session.outbox.dirty = true;
	session.commit();
	const again = new Session(text, { clientId: "meter" }, new Store(crypto, partition));
	assert.ok(again.established === session.established && again.subscriptions.saveLength(text) === session.subscriptions.saveLength(text));
});
