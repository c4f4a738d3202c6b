// SPDX-License-Identifier: Apache-2.0
/** Vitals: what a run was doing is known to the next one, and noise is not taken for it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Activity, SAMPLE_INTERVAL, UpdateState, Vital, Vitals, VITALS_LENGTH } from "../../../src/operations/vitals.js";
import { TelemetryHost } from "./telemetry-rig.js";

/** RETAINED_LENGTH; the host's numbers are no business of tests that run on the device. */
const LENGTH = 4_096;

function hostWithMemory(): TelemetryHost {
	const host = new TelemetryHost();
	// A view into more, as a platform may have it.
	host.retained = new Uint8Array(new ArrayBuffer(LENGTH + 3), 3).fill(0x55);
	return host;
}

test("Vitals of a run are there in the next: what it was, and what it was in", () => {
	const host = hostWithMemory();
	const vitals = new Vitals(host, 7);
	assert.equal(vitals.last, undefined);
	host.clock += 4_200;
	vitals.set(Vital.CONNECTED, 1);
	vitals.set(Vital.IN_SYNC, 0);
	vitals.set(Vital.UPDATE, UpdateState.TRIAL);
	vitals.set(Vital.QUEUE, 3);
	host.heap = { slots: 20_000, chunks: 9_000, slotsPeak: 30_000, chunksPeak: 12_000, collections: 5 };
	vitals.sample(host.clock);
	vitals.enter(Activity.SYNC);
	vitals.leave(Activity.SYNC);
	host.clock += 800;
	vitals.tick(host.clock);
	vitals.enter(Activity.DELTA);
	const { last } = new Vitals(host, 8);
	assert.deepEqual(last, {
		boot: 7, activity: "onDelta",
		board: { activity: "onDelta", inside: true, uptime: 5_000, connected: true, inSync: false, update: "trial", queue: 3 },
		heap: { slots: 20_000, chunks: 9_000, slotsPeak: 30_000, chunksPeak: 12_000, collections: 5 },
	});
	assert.deepEqual(new Vitals(host, 9).last, {
		boot: 8, activity: "start", board: { activity: "start", inside: true }, heap: {},
	}, "and nothing of the run before");
});

test("Vitals tells a callback that has returned from one that has not, and looks at the heap now and then", () => {
	const host = hostWithMemory();
	const vitals = new Vitals(host, 1);
	host.heap = { slots: 1, chunks: 2 };
	vitals.sample(host.clock);
	host.heap = { slots: 3, chunks: 4 };
	vitals.sample(host.clock + SAMPLE_INTERVAL - 1);
	vitals.enter(Activity.COMMAND);
	vitals.leave(Activity.COMMAND);
	const { last } = new Vitals(host, 2);
	assert.deepEqual(last?.board["inside"], false);
	assert.deepEqual(last?.heap, { slots: 1, chunks: 2 });
});

test("Vitals keeps to its part of the memory, and does without any", () => {
	const host = hostWithMemory();
	new Vitals(host, 1).sample(host.clock);
	assert.ok(host.retained!.subarray(VITALS_LENGTH).every((byte) => byte === 0x55));
	const bare = new TelemetryHost();
	const vitals = new Vitals(bare, 1);
	vitals.enter(Activity.JOB);
	vitals.leave(Activity.JOB);
	vitals.set(Vital.QUEUE, 1);
	vitals.sample(bare.clock);
	assert.equal(vitals.last, undefined);
});

test("Vitals of another boot than the one before are no vitals", () => {
	for (const boot of [4, 5, 7, 1]) {
		const host = hostWithMemory();
		new Vitals(host, 5);
		assert.equal(new Vitals(host, boot).last, undefined, `boot ${boot}`);
	}
});

test("Vitals refuses noise: a bit of its head that is another loses all, and any other one number at most", () => {
	const host = hostWithMemory();
	const vitals = new Vitals(host, 5);
	for (let vital = 1; vital <= 10; vital++) vitals.set(vital as Vital, vital === Vital.UPDATE ? UpdateState.READY : 1);
	const whole = host.retained!.slice();
	const good = new Vitals(host, 6).last!;
	const count = Object.keys(good.board).length + Object.keys(good.heap).length;
	for (let at = 0; at < VITALS_LENGTH; at++) {
		host.retained!.set(whole);
		host.retained!.fill(whole.at(at)! ^ 1 << at % 8, at, at + 1);
		const { last } = new Vitals(host, 6);
		if (at < 12) {
			assert.equal(last, undefined, `byte ${at}`);
			continue;
		}
		const left = Object.keys(last!.board).length + Object.keys(last!.heap).length;
		// What it was in and whether it was inside are one number.
		assert.ok(left >= count - 2, `byte ${at}`);
	}
	let state = 1;
	for (let round = 0; round < 200; round++) {
		for (let at = 0; at < VITALS_LENGTH; at++) {
			state = Math.imul(state, 1_664_525) + 1_013_904_223;
			host.retained!.fill(state >>> 24, at, at + 1);
		}
		assert.equal(new Vitals(host, 6).last, undefined);
	}
});
