// SPDX-License-Identifier: Apache-2.0
/** Store: a session on flash, taken up again by whoever has the same name. What a power cut does is played in test/simulation. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { FlashPartition } from "../../../src/host.js";
import { Session, type SessionOptions } from "../../../src/mqtt/session.js";
import { Store, type QueueOptions } from "../../../src/mqtt/store.js";
import { codeOf } from "../failure.js";
import { crypto } from "../storage/digest.js";
import { MemoryPartition } from "../storage/memory-partition.js";
import { text } from "../text.js";

const BLOCK = 4096;

function open(partition: FlashPartition, options: Partial<SessionOptions> = {}, queues?: readonly QueueOptions[]): Session {
	return new Session(text, { clientId: "meter", ...options }, new Store(crypto, partition, queues));
}

/** The server accepts, and has the session from now on. */
function accept(session: Session, sessionPresent: boolean): void {
	session.accepted(sessionPresent, session.beginConnect());
	session.commit();
}

/** Sends all that may go. @returns identifiers, with a star for what may have been sent before */
function send({ outbox }: Session, quota = 16): string[] {
	const sent: string[] = [];
	while (outbox.take(quota)) {
		sent.push(`${outbox.releasing ? "release " : ""}${outbox.current!.id}${outbox.duplicate && !outbox.releasing ? "*" : ""}`);
		outbox.sent();
	}
	return sent;
}

test("a session that was never connected sends what it kept for the first time", () => {
	const partition = new MemoryPartition(BLOCK, 8);
	const first = open(partition);
	for (const payload of ["a", "b", "c"]) first.publish("t", payload, { qos: 1 });
	const second = open(partition);
	assert.deepEqual(send(second), ["1", "2", "3"]);
	assert.equal(second.publish("t", "d", { qos: 2 }), 4, "identifiers go on");
});

test("what may have been sent before the reset has DUP, and what cannot have been has not", () => {
	const partition = new MemoryPartition(BLOCK, 8);
	const first = open(partition, { receiveMaximum: 2 });
	for (const payload of ["a", "b", "c", "d"]) first.publish("t", payload, { qos: 1 });
	accept(first, false);
	assert.deepEqual(send(first, 2), ["1", "2"]);
	const second = open(partition, { receiveMaximum: 2 });
	accept(second, true);
	assert.deepEqual(send(second, 9), ["1*", "2*"]);
	second.outbox.acknowledge(1);
	second.outbox.acknowledge(2);
	assert.deepEqual(send(second, 9), ["3", "4"]);
});

test("a server without the session is sent everything as new", () => {
	const partition = new MemoryPartition(BLOCK, 8);
	const first = open(partition);
	first.publish("t", "a", { qos: 2 });
	accept(first, false);
	send(first);
	const second = open(partition);
	accept(second, false);
	assert.deepEqual(send(second), ["1"]);
});

test("a message that the server took over is only released after a reset", () => {
	const partition = new MemoryPartition(BLOCK, 8);
	const first = open(partition);
	first.publish("t", "a", { qos: 2 });
	first.publish("t", "b", { qos: 2 });
	accept(first, false);
	send(first);
	first.outbox.received(1);
	first.commit();
	const second = open(partition);
	accept(second, true);
	assert.deepEqual(send(second), ["release 1", "2*"]);
	assert.ok(second.outbox.complete(1));
});

test("a message received at QoS 2 is known after a reset, until it is released", () => {
	const partition = new MemoryPartition(BLOCK, 8);
	const first = open(partition);
	first.accept(7);
	first.accept(9);
	first.received.delete(9);
	first.commit();
	const { received } = open(partition);
	assert.deepEqual([received.has(7), received.has(9)], [true, false]);
});

test("a message that cannot be noted is not accepted, and comes again", () => {
	const partition = new MemoryPartition(BLOCK, 8);
	const session = open(partition);
	partition.refuses = () => "nothing";
	assert.equal(codeOf(() => session.accept(7)), "storage");
	partition.refuses = () => undefined;
	assert.ok(!session.received.has(7));
	session.accept(7);
	assert.ok(open(partition).received.has(7));
});

test("a publish that the flash refuses is not kept, and the next one is", () => {
	const partition = new MemoryPartition(BLOCK, 8);
	const session = open(partition);
	session.publish("t", "a", { qos: 1 });
	partition.refuses = () => "half";
	assert.equal(codeOf(() => session.publish("t", "lost", { qos: 1 })), "storage");
	partition.refuses = () => undefined;
	const id = session.publish("t", "c", { qos: 1 });
	assert.deepEqual(send(session), ["1", String(id)]);
});

test("subscriptions that the server confirmed are not asked for again, by the server's session or by the program", () => {
	const partition = new MemoryPartition(BLOCK, 8);
	const first = open(partition, { protocol: 5 });
	first.subscribe("a/#", { qos: 2, subscriptionIdentifier: 300 });
	first.subscribe("b", 1);
	first.subscribe("c", 1);
	accept(first, false);
	for (let batch = 0; batch < 2; batch++) {
		for (const subscription of first.subscriptions.takeWanted()) first.subscriptions.subscribed(subscription, 1);
	}
	first.unsubscribe("c");
	first.commit();
	const second = open(partition, { protocol: 5 });
	second.subscribe("a/#", { qos: 2, subscriptionIdentifier: 300 });
	second.subscribe("b", 2);
	accept(second, true);
	const wanted = second.subscriptions.takeWanted().map(({ filter, options }) => `${filter} ${options}`);
	assert.deepEqual(wanted, ["b 2"], "asked for with another QoS");
	assert.deepEqual(second.subscriptions.takeUnwanted().map(({ filter }) => filter), ["c"]);
	accept(second, false);
	assert.deepEqual(second.subscriptions.takeWanted().map(({ identifier }) => identifier), [300], "one identifier in one SUBSCRIBE");
});

test("a server that is known has the session, and one that is not has none [MQTT-3.2.2-4]", () => {
	const partition = new MemoryPartition(BLOCK, 8);
	const first = open(partition);
	assert.ok(!first.established);
	accept(first, false);
	assert.ok(open(partition).established);
});

test("another client's session is nobody's: nothing of it is sent or kept [MQTT-3.1.3-2]", () => {
	const partition = new MemoryPartition(BLOCK, 8);
	const first = open(partition);
	first.publish("t", "secret", { qos: 1 });
	first.subscribe("a", 1);
	accept(first, false);
	const other = open(partition, { clientId: "other" });
	assert.ok(!other.established && other.outbox.empty && other.subscriptions.settled);
	assert.ok(open(partition).outbox.empty, "it does not come back either");
});

test("a client id that the server assigned is the session's after a reset", () => {
	const partition = new MemoryPartition(BLOCK, 8);
	const first = open(partition, { protocol: 5, clientId: "" });
	first.connect.clientId = "assigned";
	accept(first, false);
	assert.equal(open(partition, { protocol: 5, clientId: "" }).connect.clientId, "assigned");
});

test("priorities are queues of their own: the highest goes first, and each goes on with its identifiers", () => {
	const partition = new MemoryPartition(BLOCK, 10);
	const queues = [{ length: 2 * BLOCK }, {}];
	const first = open(partition, {}, queues);
	const low = first.publish("t", "low", { qos: 1 }) as number;
	const high = first.publish("t", "high", { qos: 1, priority: 1 }) as number;
	assert.notEqual(low, high);
	const second = open(partition, {}, queues);
	assert.deepEqual(send(second), [String(high), String(low)]);
	assert.equal(second.publish("t", "x", { qos: 1, priority: 1 }), high + 1);
	assert.equal(codeOf(() => second.publish("t", "x", { qos: 1, priority: 2 })), "argument");
});

test("a full queue refuses, drops the new, or drops the oldest, as it was told", () => {
	for (const [whenFull, answer] of [["reject", "full"], ["drop-newest", "dropped"]] as const) {
		const session = open(new MemoryPartition(BLOCK, 6), {}, [{ whenFull }]);
		const answers = new Set(Array.from({ length: 12 }, () => session.publish("t", "x".repeat(1000), { qos: 1 })).slice(-1));
		assert.deepEqual([...answers], [answer]);
	}
	const session = open(new MemoryPartition(BLOCK, 6), {}, [{ whenFull: "drop-oldest" }]);
	for (let id = 1; id <= 12; id++) assert.equal(session.publish("t", "x".repeat(1000), { qos: 1 }), id);
	const dropped: number[] = [];
	for (let id = session.outbox.nextSettled(); id >= 0; id = session.outbox.nextSettled()) dropped.push(id);
	const left = send(session);
	assert.equal(left.at(-1), "12");
	assert.equal(new Set([...dropped.map(String), ...left]).size, 12, "each was sent or reported");
});

test("a stream at QoS 2 is refused: after a reset nobody would know what its identifier stood for", () => {
	const session = open(new MemoryPartition(BLOCK, 8));
	const source = { byteLength: 5, read(target: Uint8Array) { target.fill(1); } };
	assert.equal(codeOf(() => session.publish("t", source, { qos: 2 })), "unsupported");
	assert.equal(typeof session.publish("t", source, { qos: 1 }), "number");
});

test("a store refuses what no session fits", () => {
	assert.equal(codeOf(() => open(new MemoryPartition(BLOCK, 5))), "argument");
	assert.equal(codeOf(() => open(new MemoryPartition(BLOCK, 8), { receiveMaximum: 65 })), "argument");
	assert.equal(codeOf(() => open(new MemoryPartition(BLOCK, 8), {}, [])), "argument");
	assert.equal(codeOf(() => open(new MemoryPartition(BLOCK, 8), {}, [{ whenFull: "drop" as "reject" }])), "argument");
	assert.equal(codeOf(() => open(new MemoryPartition(BLOCK, 8), {}, [{ length: 3 * BLOCK }, { length: 2 * BLOCK }])), "argument");
	assert.equal(codeOf(() => open(new MemoryPartition(BLOCK, 8)).publish("t", "x".repeat(BLOCK), { qos: 1 })), "too-large");
});

test("a subscription that cannot be kept is refused when it is asked for", () => {
	const session = open(new MemoryPartition(BLOCK, 8));
	assert.equal(codeOf(() => session.subscribe("x".repeat(4050), 1)), "full");
	session.subscribe("x".repeat(3000), 1);
	assert.equal(codeOf(() => session.subscribe("y".repeat(1200), 1)), "full");
	accept(session, false);
	session.commit();
});

test("whatever lies in the partition, a session begins there", () => {
	let seed = 1;
	for (let round = 0; round < 50; round++) {
		const partition = new MemoryPartition(512, 8);
		for (let index = 0; index < partition.cells.length; index++) {
			seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
			partition.cells[index] = round % 2 === 0 ? seed >>> 24 : 0;
		}
		const session = open(partition);
		assert.equal(session.publish("t", "x", { qos: 1 }), 1);
		assert.deepEqual(send(open(partition)), ["1"]);
	}
});

test("a message that rotted in the flash is reported, and those behind it go on", () => {
	const partition = new MemoryPartition(BLOCK, 8);
	const first = open(partition);
	for (const payload of ["aaaa", "bbbb", "cccc"]) first.publish("t", payload, { qos: 1 });
	const rotten = partition.cells.findIndex((_, at) => [..."bbbb"].every((letter, index) => partition.cells[at + index] === letter.charCodeAt(0)));
	partition.cells[rotten]! &= 0x0f;
	const second = open(partition);
	assert.deepEqual(send(second), ["1", "3"]);
	assert.deepEqual([second.outbox.nextSettled(), second.outbox.settledReason], [2, 0x80]);
});
