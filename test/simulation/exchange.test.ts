// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { crypto } from "../unit/storage/digest.js";
import { exchange } from "./exchange.js";

/** Of each protocol; fewer where a run costs more: the test of the engine brings its own number. */
const SEEDS = Number((globalThis as { SEEDS?: number }).SEEDS ?? 150);
const digest = () => crypto.digest("SHA-256");

test(`${SEEDS} schedules of each protocol: QoS 2 exactly once, QoS 1 at least once, each topic in its order`, () => {
	const sum = { connections: 0, boots: 0, copies: 0 };
	for (let seed = 1; seed <= SEEDS; seed++) {
		for (const protocol of [4, 5] as const) {
			const { connections, boots, copies } = exchange(seed, protocol, digest);
			sum.connections += connections;
			sum.boots += boots;
			sum.copies += copies;
		}
	}
	// The trouble is real: without it nothing would come twice.
	assert.ok(sum.connections > 8 * SEEDS && sum.boots > 2 * SEEDS && sum.copies > SEEDS, JSON.stringify(sum));
});

test("the same seed gives the same run", () => {
	const first = exchange(7, 5, digest);
	assert.deepEqual(exchange(7, 5, digest), first);
	assert.notEqual(exchange(8, 5, digest).fingerprint, first.fingerprint);
});
