// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { coapBodies } from "./coap-exchanges-bodies.js";

/** Fewer where a run costs more: the test of the engine brings its own number. */
const SEEDS = Number((globalThis as { SEEDS?: number }).SEEDS ?? 100);

test(`${SEEDS} schedules of asking and answering: bodies whole, commands once, observations never back in time`, () => {
	const sum = { answered: 0, failed: 0, notifications: 0, long: 0 };
	for (let seed = 1; seed <= SEEDS; seed++) {
		const outcome = coapBodies(seed);
		for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += outcome[name];
	}
	// Most goes well, and the trouble is real.
	const { answered, failed, notifications, long } = sum;
	assert.ok(answered > 9 * SEEDS && failed > SEEDS / 5 && notifications > 5 * SEEDS && long > 2 * SEEDS, JSON.stringify(sum));
});

test("the same seed gives the same run", () => {
	const first = coapBodies(7);
	assert.deepEqual(coapBodies(7), first);
	assert.notEqual(coapBodies(8).fingerprint, first.fingerprint);
});
