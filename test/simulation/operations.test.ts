// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { workIsDone, type Outcome } from "./operations.js";

/** Fewer where a run costs more: the test of the engine brings its own number. */
const SEEDS = Number((globalThis as { SEEDS?: number }).SEEDS ?? 30);

test(`${SEEDS} seeds of loss, flaps, restarts, cancellations and power cuts, and all work is done`, () => {
	const sum: Record<string, number> = {};
	for (let seed = 1; seed <= SEEDS; seed++) {
		const { fingerprint: _, ...counts } = workIsDone(seed, seed % 3 === 0 ? { format: "json" } : seed % 3 === 1 ? { protocol: 4 } : {});
		for (const [name, count] of Object.entries(counts)) sum[name] = (sum[name] ?? 0) + count;
	}
	const { boots, connections, jobs, commands, reports, files, canceled } = sum as unknown as Omit<Outcome, "fingerprint">;
	// The trouble is real, and so is the work.
	assert.ok(boots > SEEDS && connections > 5 * SEEDS, `${boots} boots, ${connections} connections`);
	assert.ok(jobs > 6 * SEEDS && commands > 9 * SEEDS && reports > 5 * SEEDS, `${jobs} jobs, ${commands} commands, ${reports} reports`);
	assert.ok(files > SEEDS && canceled > 0, `${files} files, ${canceled} canceled`);
});

test("the same seed gives the same work, and another seed another", () => {
	const first = workIsDone(7);
	assert.deepEqual(workIsDone(7), first);
	assert.notEqual(workIsDone(8).fingerprint, first.fingerprint);
});
