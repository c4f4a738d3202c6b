// SPDX-License-Identifier: Apache-2.0
/** The records that a run leaves in memory for the next: found after a reset at any moment, and made of nothing else. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PREVIOUS_LENGTH } from "../../../src/operations/log-records.js";
import { RETAINED_START } from "../../../src/operations/log.js";
import { RecordRing } from "../../../src/operations/record-ring.js";
import { Random } from "../../property/random.js";
import { decoded, LogHost, open, retained, type LogRecord } from "./log-rig.js";

const ROUNDS = (globalThis as { SEEDS?: number }).SEEDS === undefined ? 120 : 10;
const SALT = 0x1234_5678;

/** What boot number `boot` finds. */
function previous(memory: Uint8Array, boot: number): LogRecord[] | undefined {
	const bytes = open(new LogHost(undefined, memory), {}, boot).previous();
	if (bytes === undefined) return undefined;
	assert.ok(bytes.byteLength <= PREVIOUS_LENGTH);
	return decoded(bytes) as LogRecord[];
}

/** Writes records as a run does. */
function run(memory: Uint8Array, boot: number, count: number, dice = 0x80): void {
	const host = new LogHost(undefined, memory);
	host.dice = dice;
	const log = open(host, { bytesPerMinute: 1_000_000 }, boot), lamp = log.logger("lamp");
	for (let index = 1; index <= count; index++) lamp.info(`record ${index} of boot ${boot}`, index % 3 === 0 ? { index } : undefined);
}

test("the last records of the run before are found, the newest kept", () => {
	const memory = retained().fill(0xa5);
	assert.equal(previous(memory.slice(), 1), undefined);
	run(memory, 1, 3);
	assert.deepEqual(previous(memory.slice(), 2)!.map(([number, , , , message]) => [number, message]), [
		[1, "record 1 of boot 1"], [2, "record 2 of boot 1"], [3, "record 3 of boot 1"],
	]);
	run(memory, 2, 1000);
	const found = previous(memory.slice(), 3)!;
	assert.ok(found.length > 15);
	assert.deepEqual(found.map(([number]) => number), found.map((_, index) => 1001 - found.length + index));
	assert.equal(found.at(-1)![4], "record 1000 of boot 2");
	assert.deepEqual([...memory.subarray(0, RETAINED_START)], Array.from({ length: RETAINED_START }, () => 0xa5), "what is before is not touched");
});

test("a run that wrote nothing leaves nothing, and one that is not the one before does not count", () => {
	const memory = retained();
	run(memory, 1, 5);
	assert.equal(previous(memory.slice(), 3), undefined, "the run in between did not get so far");
	run(memory, 2, 0);
	assert.equal(previous(memory.slice(), 3), undefined);
});

test("after any number of records the run before is found whole, to the last one", () => {
	const memory = retained();
	for (let count = 1; count < 260; count += ROUNDS > 100 ? 3 : 41) {
		memory.fill(count);
		run(memory, 9, count);
		const found = previous(memory.slice(), 10)!;
		assert.equal(found.at(-1)![0], count);
		found.forEach(([number, , , , message, fields], index) => {
			assert.equal(number, count - found.length + 1 + index);
			assert.equal(message, `record ${number} of boot 9`);
			assert.deepEqual(fields, number % 3 === 0 ? { index: number } : undefined);
		});
	}
});

test("noise is taken for no record, nor is what became noise", () => {
	const random = new Random(7), memory = retained();
	const noise = (from: number, to: number): void => {
		for (let index = from; index < to; index++) memory[index] = random.below(256);
	};
	for (let round = 0; round < ROUNDS; round++) {
		noise(RETAINED_START, memory.byteLength);
		assert.equal(previous(memory.slice(), random.below(5)), undefined);
	}
	for (let round = 0; round < ROUNDS; round++) {
		const count = 1 + random.below(150);
		run(memory, 1, count, round & 0xff);
		// Some cells forget, as in a power cut that was short.
		for (let spot = random.below(12); spot >= 0; spot--) {
			const at = RETAINED_START + random.below(memory.byteLength - RETAINED_START);
			if (random.once(2)) noise(at, Math.min(at + random.below(40), memory.byteLength));
			else memory[at]! ^= 1 << random.below(8);
		}
		const found = previous(memory.slice(), 2) ?? [];
		found.forEach(([number, , , , message, fields], index) => {
			assert.equal(number, found[0]![0] + index);
			assert.ok(number <= count && message === `record ${number} of boot 1`);
			assert.deepEqual(fields, number % 3 === 0 ? { index: number } : undefined);
		});
	}
});

test("a reset in the middle of a record leaves those before it, wherever the reset was", () => {
	const memory = new Uint8Array(1024), numbers: number[] = [];
	const ring = new RecordRing(memory, { evicted: (number) => numbers.push(number) });
	ring.begin(4, SALT);
	for (let number = 1; number <= 40; number++) {
		const start = ring.reserve(), before = memory.slice(), length = 20 + number;
		memory.fill(0x40 + number, start, start + length);
		// [number, "AA…"]: as much of a record as this needs.
		memory.set([0x82, 0x18, number, 0x78, length - 5], start);
		ring.commit(number, length, 0);
		const after = memory.slice();
		for (let torn = 0; torn < 12 + length; torn += 3) {
			const half = before.slice();
			half.set(after.subarray(start - 12, start - 12 + torn), start - 12);
			const found = new RecordRing(half, { evicted: () => assert.fail() }).former(4, PREVIOUS_LENGTH);
			const last = number === 1 ? undefined : (decoded(found!) as [number][]).at(-1)![0];
			assert.equal(last, number === 1 ? undefined : number - 1);
		}
	}
	assert.deepEqual(numbers, numbers.map((_, index) => index + 1), "the oldest goes first");
	assert.ok(numbers.length > 20);
});

test("what a message holds is no record, whatever it looks like", () => {
	const memory = retained();
	const log = open(new LogHost(undefined, memory), {}, 1), lamp = log.logger("lamp");
	// As the header of a record would be that continues, but for the check that nobody can know.
	const forged = "\0\0\0\0\0\0\0\x03\0\0\0\x10" + "x".repeat(16);
	lamp.info(forged.repeat(4));
	memory[RETAINED_START + 16]! ^= 1;
	assert.equal(previous(memory, 2), undefined);
});
