// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileIsFetched } from "./files.js";

/** Fewer where a run costs more: the test of the engine brings its own number. */
const SEEDS = Number((globalThis as { SEEDS?: number }).SEEDS ?? 15);

for (const cloud of ["private", "aws"] as const) {
	test(`${cloud}, ${SEEDS} seeds of losses, disorder, flaps, restarts and power cuts: each byte once and in order`, () => {
		let boots = 0, connections = 0;
		for (let seed = 1; seed <= SEEDS; seed++) {
			const outcome = fileIsFetched(seed, { cloud, format: seed % 2 === 0 ? "json" : "cbor" });
			boots += outcome.boots;
			connections += outcome.connections;
		}
		// The trouble is real.
		assert.ok(boots > SEEDS && connections > 2 * SEEDS, `${boots} boots, ${connections} connections`);
	});
}

test("the same seed gives the same run, and another seed another", () => {
	const first = fileIsFetched(3, { cloud: "private" });
	assert.deepEqual(fileIsFetched(3, { cloud: "private" }), first);
	assert.notEqual(fileIsFetched(4, { cloud: "private" }).fingerprint, first.fingerprint);
});
