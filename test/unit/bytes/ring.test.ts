// SPDX-License-Identifier: Apache-2.0
/** Ring: records in order, in one buffer, without overlap, whatever is released first. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Ring, RECORD_HEADER } from "../../../src/bytes/ring.js";
import { Writer } from "../../../src/bytes/writer.js";
import { codeOf } from "../failure.js";
import { text } from "../text.js";
import { RingModel } from "./ring-model.js";

const LENGTHS = [0, 1, 4];
const HELD_MAXIMUM = 3;
const writer = new Writer(text);

/** Does the operations of a sequence: below `LENGTHS.length` append, from there on release. False: not possible. */
function play(capacity: number, sequence: readonly number[]): boolean {
	const model = new RingModel(capacity);
	for (const operation of sequence) {
		const index = operation - LENGTHS.length;
		if (index < 0) model.append(LENGTHS[operation]!);
		else if (index < model.held.length) model.release(index);
		else return false;
		model.check();
	}
	return true;
}

/** Every sequence of operations up to a length, the impossible ones cut short. @returns their number */
function explore(capacity: number, depth: number): number {
	const work: number[][] = [[]];
	let count = 0;
	for (let sequence = work.pop(); sequence !== undefined; sequence = work.pop()) {
		if (!play(capacity, sequence)) continue;
		count++;
		if (sequence.length === depth) continue;
		for (let operation = 0; operation < LENGTHS.length + HELD_MAXIMUM; operation++) work.push([...sequence, operation]);
	}
	return count;
}

test("Ring does what an array does, for every short sequence in small buffers", () => {
	// From a buffer that holds one record, over those in which the mark of the wrap just fits or does not, to three.
	for (const capacity of [8, 16, 17, 18, 24, 26]) assert.ok(explore(capacity, 5) > 300, `${capacity}`);
});

/** A record of zeros. @returns its offset */
function append(ring: Ring, length: number, id: number): number {
	assert.ok(ring.reserve(length, writer));
	return ring.commit(id);
}

test("Ring takes a record of its whole buffer, and none of one byte more", () => {
	const ring = new Ring(32);
	assert.ok(ring.fits(32 - RECORD_HEADER));
	assert.ok(!ring.fits(33 - RECORD_HEADER));
	assert.ok(!ring.reserve(33 - RECORD_HEADER, writer));
	const offset = append(ring, 32 - RECORD_HEADER, 1);
	assert.ok(!ring.reserve(0, writer));
	ring.release(offset);
	assert.equal(ring.count, 0);
	assert.equal(ring.first(), -1);
	assert.equal(append(ring, 32 - RECORD_HEADER, 1), 0);
});

test("Ring.reserve without commit changes nothing", () => {
	const model = new RingModel(64);
	model.append(3);
	model.append(4);
	assert.ok(model.ring.reserve(10, writer));
	assert.ok(!model.ring.reserve(60, writer));
	model.check();
	assert.equal(codeOf(() => model.ring.commit(1)), "internal");
	model.check();
});

test("Ring keeps identifier and length of every size, and the last identifier", () => {
	const ring = new Ring(0x1_0300);
	const first = append(ring, 0x1_0203, 0xffff);
	assert.equal(ring.length(first), 0x1_0203);
	assert.equal(ring.id(first), 0xffff);
	const second = append(ring, 1, 0);
	assert.equal(ring.length(first), 0x1_0203);
	assert.deepEqual([ring.length(second), ring.id(second)], [1, 0]);
	assert.equal(ring.lastId, 0xffff);
});

test("Ring gives space back from the front: a record released behind a held one waits", () => {
	const ring = new Ring(3 * (RECORD_HEADER + 1));
	const [first, second, third] = [0, 1, 2].map((id) => append(ring, 1, id));
	ring.release(second!);
	assert.ok(!ring.reserve(1, writer));
	assert.equal(ring.after(first!), third);
	ring.release(first!);
	assert.equal(ring.first(), third);
	assert.equal(append(ring, 1 + 1 + RECORD_HEADER, 3), 0);
});

test("Ring.release refuses a record that was released before", () => {
	const ring = new Ring(64);
	append(ring, 1, 1);
	const offset = append(ring, 1, 2);
	ring.release(offset);
	assert.equal(codeOf(() => ring.release(offset)), "internal");
});

test("Ring.shrink gives the buffer back when nothing is held, and the next record has another", () => {
	const ring = new Ring(64);
	const offset = append(ring, 1, 1);
	const { bytes } = writer;
	ring.shrink();
	assert.ok(ring.reserve(1, writer));
	assert.equal(writer.bytes, bytes);
	ring.release(offset);
	ring.shrink();
	append(ring, 1, 2);
	assert.notEqual(writer.bytes, bytes);
	assert.deepEqual([ring.first(), ring.count, ring.lastId], [0, 1, 2]);
});
