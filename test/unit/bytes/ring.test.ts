// SPDX-License-Identifier: Apache-2.0
/** Ring: records in order, in one buffer, without overlap, whatever is released first. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Ring, RECORD_HEADER } from "../../../src/bytes/ring.js";
import { codeOf } from "../failure.js";
import { RingModel } from "./ring-model.js";

const LENGTHS = [0, 1, 4];
const HELD_MAXIMUM = 3;

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
	for (const capacity of [7, 14, 15, 16, 21, 23]) assert.ok(explore(capacity, 5) > 300, `${capacity}`);
});

test("Ring takes a record of its whole buffer, and none of one byte more", () => {
	const ring = new Ring(32);
	assert.ok(ring.fits(32 - RECORD_HEADER));
	assert.ok(!ring.fits(33 - RECORD_HEADER));
	assert.equal(ring.reserve(33 - RECORD_HEADER), -1);
	const offset = ring.reserve(32 - RECORD_HEADER);
	ring.commit(offset, 32 - RECORD_HEADER, 1, 1);
	assert.equal(ring.reserve(0), -1);
	ring.release(offset);
	assert.equal(ring.count, 0);
	assert.equal(ring.first(), -1);
	assert.equal(ring.reserve(32 - RECORD_HEADER), 0);
});

test("Ring.reserve without commit changes nothing", () => {
	const model = new RingModel(64);
	model.append(3);
	model.append(4);
	model.ring.reserve(10);
	model.ring.reserve(60);
	model.check();
});

test("Ring keeps identifier, state and length of every size", () => {
	const ring = new Ring(0x1_0300);
	ring.commit(ring.reserve(0x1_0203), 0x1_0203, 254, 0xfffe);
	const offset = ring.first();
	assert.equal(ring.length(offset), 0x1_0203);
	assert.equal(ring.id(offset), 0xfffe);
	assert.equal(ring.state(offset), 254);
	ring.setState(offset, 3);
	assert.equal(ring.state(offset), 3);
	assert.equal(ring.id(offset), 0xfffe);
});

test("Ring.mark sets bits in the record's first byte and leaves the others", () => {
	const ring = new Ring(32);
	const offset = ring.reserve(2);
	ring.bytes.set([0x32, 0x55], ring.start(offset));
	ring.commit(offset, 2, 1, 1);
	ring.mark(offset, 0x08);
	ring.mark(offset, 0x08);
	assert.equal(ring.bytes[ring.start(offset)], 0x3a);
	assert.equal(ring.bytes[ring.start(offset) + 1], 0x55);
});

test("Ring gives space back from the front: a record released behind a held one waits", () => {
	const ring = new Ring(3 * (RECORD_HEADER + 1));
	const [first, second, third] = [0, 1, 2].map((id) => {
		const offset = ring.reserve(1);
		ring.commit(offset, 1, 1, id);
		return offset;
	});
	ring.release(second!);
	assert.equal(ring.reserve(1), -1);
	assert.equal(ring.after(first!), third);
	ring.release(first!);
	assert.equal(ring.first(), third);
	assert.equal(ring.reserve(1 + 1 + RECORD_HEADER), 0);
});

test("Ring.release refuses a record that was released before", () => {
	const ring = new Ring(64);
	ring.commit(ring.reserve(1), 1, 1, 1);
	const offset = ring.reserve(1);
	ring.commit(offset, 1, 1, 2);
	ring.release(offset);
	assert.equal(codeOf(() => ring.release(offset)), "internal");
});
