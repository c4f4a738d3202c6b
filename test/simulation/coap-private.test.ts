// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { lampLives } from "./lamp.js";

/** Fewer where a run costs more: the test of the engine brings its own number. */
const SEEDS = Math.ceil(Number((globalThis as { SEEDS?: number }).SEEDS ?? 1_000) / 10);

for (const scheme of ["coap", "coap+tcp", "coaps+tcp"]) {
	test(`a lamp over ${scheme}: ${SEEDS} seeds of trouble end in sync`, () => {
		let connections = 0;
		let boots = 0;
		for (let seed = 1; seed <= SEEDS; seed++) {
			const outcome = lampLives(seed, scheme);
			connections += outcome.connections;
			boots += outcome.boots;
		}
		// The trouble is real: a world in which nothing ever breaks would prove nothing.
		assert.ok(connections > SEEDS, `${connections} connections`);
		assert.ok(boots > SEEDS, `${boots} boots`);
	});
}
