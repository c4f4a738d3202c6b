// SPDX-License-Identifier: Apache-2.0
/** Lives of a device by dice: a seed that fails is the report. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { liveThroughUpdates } from "./lives.js";

const LIVES = 25;

test("a device lives through whatever updates and power cuts come", (context) => {
	const jobs = new Map<string, number>();
	let cuts = 0;
	let boots = 0;
	for (let seed = 1; seed <= LIVES; seed++) {
		const outcome = liveThroughUpdates(seed);
		cuts += outcome.cuts;
		boots += outcome.boots;
		for (const [reason, count] of Object.entries(outcome.jobs)) jobs.set(reason, (jobs.get(reason) ?? 0) + count);
	}
	context.diagnostic(`${LIVES} lives, ${boots} boots, ${cuts} power cuts; ${[...jobs].map(([reason, count]) => `${reason} ${count}`).join(", ")}`);
	assert.ok((jobs.get("SUCCEEDED") ?? 0) > LIVES);
	assert.ok((jobs.get("back SUCCEEDED") ?? 0) > 0);
});

test("the same seed is the same life", () => {
	assert.equal(liveThroughUpdates(3).fingerprint, liveThroughUpdates(3).fingerprint);
});
