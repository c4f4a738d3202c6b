// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { coapExchanges } from "./coap-exchanges.js";

/** Fewer where a run costs more: the test of the engine brings a number, of schedules that cost a hundred times as much. */
const SEEDS = 20 * Number((globalThis as { SEEDS?: number }).SEEDS ?? 250);

test(`${SEEDS} schedules of two message layers: one outcome each, no delivery twice, no record for ever`, () => {
	const sum = { datagrams: 0, lost: 0, copies: 0, acknowledged: 0, answered: 0, timeouts: 0, rejected: 0, cancelled: 0 };
	for (let seed = 1; seed <= SEEDS; seed++) {
		const outcome = coapExchanges(seed);
		for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += outcome[name];
	}
	// The trouble is real, and all outcomes occur.
	assert.ok(sum.lost > SEEDS && sum.copies > SEEDS, JSON.stringify(sum));
	const { acknowledged, answered, timeouts, rejected, cancelled } = sum;
	assert.ok(Math.min(acknowledged, answered, timeouts, rejected, cancelled) > SEEDS / 20, JSON.stringify(sum));
});

test("the same seed gives the same run", () => {
	const first = coapExchanges(7);
	assert.deepEqual(coapExchanges(7), first);
	assert.notEqual(coapExchanges(8).fingerprint, first.fingerprint);
});
