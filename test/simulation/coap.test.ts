// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { coapLives } from "./coap.js";

/** Fewer where a run costs more: the test of the engine brings its own number. */
const SEEDS = Number((globalThis as { SEEDS?: number }).SEEDS ?? 400);

test(`${SEEDS} lives of a CoAP client: each request ends once, no state is older than the one before`, () => {
	const sum: Record<string, number> = {};
	let boots = 0, connections = 0, states = 0;
	for (let seed = 1; seed <= SEEDS; seed++) {
		const life = coapLives(seed);
		for (const [how, count] of Object.entries(life.outcomes)) sum[how] = (sum[how] ?? 0) + count;
		boots += life.boots;
		connections += life.connections;
		states += life.states;
	}
	// The trouble is real, and so is the success.
	assert.ok(boots > SEEDS && connections > 1.5 * SEEDS && states > 3 * SEEDS, JSON.stringify({ boots, connections, states }));
	assert.ok((sum["closed"] ?? 0) > 0 && (sum["timeout"] ?? 0) > 0 && (sum["68"] ?? 0) > 2 * SEEDS, JSON.stringify(sum));
});

test("the same seed gives the same life", () => {
	const first = coapLives(7);
	assert.deepEqual(coapLives(7), first);
	assert.notEqual(coapLives(8).fingerprint, first.fingerprint);
});
