// SPDX-License-Identifier: Apache-2.0
/**
 * A program that queues packets on flash, the power that fails while it does, and what must be true afterwards.
 *
 * The rider outlives the device's boots and knows what the queue owes: what a flush returned for is there, in order
 * and whole, until its release was kept; what was committed but not flushed may be there; nothing else is.
 *
 * Uses nothing of Node: runs on XS as well.
 */
import assert from "node:assert/strict";
import { BLOCK_LENGTH, createWorld, type Tear } from "../../hosts/world/index.js";
import { Writer } from "../../src/bytes/writer.js";
import type { FlashPartition, Host, StorageDomain } from "../../src/host.js";
import { FlashQueue } from "../../src/mqtt/flash-queue.js";
import { Journal } from "../../src/storage/journal.js";
import { content, contentOf } from "../unit/mqtt/queue-model.js";
import { crypto } from "../unit/storage/digest.js";
import { guarded } from "../unit/storage/guarded.js";

/** What the queue owes: `staged` may be there, `durable` must, `released` may; what must not be is no entry any more. */
interface Entry { id: number; number: number; length: number; state: "staged" | "durable" | "released" }

/** More records than any of these queues takes. */
const FULL = 1000;

export type Step = (rider: Rider) => void;

export class Rider {
	entries: Entry[] = [];
	queue!: FlashQueue;
	/** Operations of flash and storage so far. */
	readonly #operations: () => number;
	#host!: Host;
	#state!: StorageDomain;
	#lastId = 0;
	/** The last identifier that was flushed, whatever became of its record. */
	#flushedId = 0;

	readonly #tamper: Tamper;

	constructor(operations: () => number, tamper: Tamper) {
		this.#operations = operations;
		this.#tamper = tamper;
	}

	/** Takes up what is there, as a session does at boot, and compares it with what should be. */
	boot(host: Host): void {
		this.#host = host;
		this.#state = host.storage.open({ path: "owner" });
		this.#takeUp();
	}

	#takeUp(): void {
		const operations = this.#operations();
		const partition = this.#tamper(guarded(this.#host.flash.open({ path: "queue" })));
		const queue = this.queue = new FlashQueue(new Journal(this.#host.crypto, partition));
		const stored = this.#state.read("state");
		if (stored !== undefined) {
			const words = new Uint32Array(stored.slice().buffer);
			queue.restore(words[0]!, [...words.subarray(1)]);
		}
		const found = this.#found();
		const owed = this.entries.filter(({ id, state }) => state === "durable" && !found.has(id));
		assert.deepEqual(owed, [], "what was flushed is there");
		// Where torn writes made block after block useless, the last one that had an identifier may be gone.
		const known = queue.lastId >= this.#flushedId && queue.lastId <= this.#lastId;
		assert.ok(known || (queue.lastId === 0 && found.size === 0), `last id ${queue.lastId}`);
		this.entries = this.entries.filter(({ id }) => found.has(id));
		for (const entry of this.entries) entry.state = "durable";
		this.#lastId = this.#flushedId = queue.lastId;
		assert.equal(this.#operations(), operations, "recovery only reads");
	}

	/** Identifiers of the records in the queue, each compared with its entry. */
	#found(): Set<number> {
		const { queue, entries } = this;
		const found = new Set<number>();
		let index = 0;
		for (let at = queue.first(); at >= 0; at = queue.after(at)) {
			const id = queue.id(at);
			while (index < entries.length && entries[index]!.id !== id) index++;
			const entry = entries[index];
			assert.ok(entry !== undefined, `record ${id} was never accepted, comes late, or comes again`);
			assert.deepEqual([queue.number(at), queue.length(at)], [entry.number, entry.length]);
			assert.ok(queue.verify(at));
			assert.deepEqual(contentOf(queue, at), content(id, entry.length));
			found.add(id);
		}
		assert.ok(queue.count >= found.size && (queue.count === 0) === (found.size === 0), `${queue.count} of ${found.size}`);
		return found;
	}

	/** Commits a record; false when there is no room. */
	commit(length: number): boolean {
		const writer = new Writer(this.#host.text);
		if (!this.queue.reserve(length, writer)) return false;
		const id = this.#lastId + 1;
		writer.copy(content(id, length), 0, length);
		const number = this.queue.number(this.queue.commit(id));
		this.#lastId = id;
		this.entries.push({ id, number, length, state: "staged" });
		return true;
	}

	flush(): void {
		const operations = this.#operations();
		this.queue.flush();
		assert.ok(this.#operations() <= operations + 1, "a commit is one operation");
		for (const entry of this.entries) if (entry.state === "staged") entry.state = "durable";
		this.#flushedId = this.#lastId;
	}

	/** Where a cut undid a release, there may be no room: then the oldest go. */
	append(...lengths: readonly number[]): void {
		for (const length of lengths) while (!this.commit(length)) this.drop(0);
		this.flush();
	}

	/** Commits until there is no room. */
	fill(length: number): void {
		for (let count = 0; this.commit(length); count++) assert.ok(count < FULL, "it becomes full");
	}

	/** Releases the held records with these indexes, where there are such, all found before; then keeps that. */
	release(...indexes: readonly number[]): void {
		this.letGo(...indexes);
		this.keep();
	}

	/** Releases them, and forgets to keep it. */
	letGo(...indexes: readonly number[]): void {
		const held = this.held();
		for (const { position, entry } of indexes.flatMap((index) => held[index] ?? [])) {
			entry.state = "released";
			this.queue.release(position);
		}
	}

	/** Lets the queue drop what stands in the way of a block; then keeps that. */
	drop(index: number): void {
		const held = this.held();
		let count = 0;
		if (index >= held.length) return;
		assert.ok(this.queue.dropOldest(held[index]!.position, {
			dropped: (position, id) => {
				assert.deepEqual([position, id], [held[count]!.position, held[count]!.entry.id]);
				held[count++]!.entry.state = "released";
			},
		}));
		assert.ok(count > 0);
		this.keep();
	}

	/** Keeps, as the owner of a queue does, which records are released. */
	keep(): void {
		const released = new Set(this.entries.filter(({ state }) => state === "released"));
		this.#state.write("state", new Uint8Array(Uint32Array.of(this.queue.headNumber, ...this.queue.released).buffer));
		this.entries = this.entries.filter((entry) => !released.has(entry));
	}

	held(): { position: number; entry: Entry }[] {
		const held = [];
		const { queue } = this;
		const waiting = this.entries.filter(({ state }) => state !== "released");
		for (let at = queue.first(); at >= 0; at = queue.after(at)) held.push({ position: at, entry: waiting[held.length]! });
		assert.equal(held.length, waiting.length);
		return held;
	}

	/** At the end: all is as it should be, here and after one more reset; and the queue takes more. */
	finish(): void {
		this.flush();
		this.#found();
		this.#takeUp();
		this.keep();
		this.#takeUp();
		this.fill(1500);
		this.flush();
		assert.ok(this.entries.length > 1);
		this.#takeUp();
		while (this.entries.length > 0) this.release(0);
		assert.equal(this.queue.first(), -1);
		this.append(10, 20);
		this.#takeUp();
		assert.equal(this.entries.length, 2);
	}
}

export interface Cut { at: number; tear: Tear }

export interface Ride { operations: number; boots: number }

/** More boots than any ride has. */
const BOOTS = 500;

/** Makes the flash do something else than it is told, for the tests of these tests. */
type Tamper = (partition: FlashPartition) => FlashPartition;

/** Plays `steps`, those behind a cut in the next boot. @returns the operations of the steps themselves */
export function ride(seed: number, blocks: number, steps: readonly Step[], cuts: readonly Cut[], tamper: Tamper = (partition) => partition): Ride {
	const world = createWorld({ seed, digest: () => crypto.digest("SHA-256") });
	let step = 0, operations = 0, done = false;
	const device = world.device({
		id: "lamp", partitions: { queue: blocks * BLOCK_LENGTH },
		program(host) {
			rider.boot(host);
			while (step < steps.length) steps[step++]!(rider);
			operations ||= device.operations;
			rider.finish();
			done = true;
		},
	});
	const rider = new Rider(() => device.operations, tamper);
	for (const { at, tear } of cuts) device.cutPowerAt(at, tear);
	world.advance(BOOTS * 500);
	assert.deepEqual(device.crashes, []);
	assert.ok(done, "the program came to its end");
	return { operations, boots: device.boots };
}
