// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { lampLives } from "./lamp.js";

/** Fewer where a run costs more: the test of the engine brings its own number. */
const SEEDS = Number((globalThis as { SEEDS?: number }).SEEDS ?? 1_000);

test(`${SEEDS} seeds of loss, splits, flaps, restarts and power cuts end in sync`, () => {
	let connections = 0;
	let boots = 0;
	for (let seed = 1; seed <= SEEDS; seed++) {
		const outcome = lampLives(seed);
		connections += outcome.connections;
		boots += outcome.boots;
	}
	// The trouble is real: a world in which nothing ever breaks would prove nothing.
	assert.ok(connections > 3 * SEEDS, `${connections} connections`);
	assert.ok(boots > SEEDS, `${boots} boots`);
});

test("the same seed gives the same run, and another seed another", () => {
	const first = lampLives(7);
	assert.deepEqual(lampLives(7), first);
	assert.notEqual(lampLives(8).fingerprint, first.fingerprint);
});
