// SPDX-License-Identifier: Apache-2.0
/** backoffDelay: decorrelated jitter between a base and a cap. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { backoffDelay, RECONNECT, REFUSED } from "../../../src/base/backoff.js";

/** The largest fraction that 32 random bits give. */
const ALMOST_ONE = 1 - 2 ** -32;

test("backoffDelay is between the base and three times the delay before", () => {
	const backoff = { base: 100, cap: 2000 };
	for (const [previous, longest] of [[0, 300], [100, 300], [101, 303], [300, 900], [600, 1800], [700, 2000], [2000, 2000]] as const) {
		assert.equal(backoffDelay(backoff, previous, 0), 100, `after ${previous}`);
		assert.equal(backoffDelay(backoff, previous, ALMOST_ONE), longest, `after ${previous}`);
	}
});

test("backoffDelay spreads evenly over whole milliseconds", () => {
	const backoff = { base: 1, cap: 9 };
	assert.deepEqual([0, 0.3, 0.34, 0.6, 0.67, 0.99].map((fraction) => backoffDelay(backoff, 0, fraction)), [1, 1, 2, 2, 3, 3]);
});

test("backoffDelay stays at its cap however long the delay before", () => {
	for (const backoff of [RECONNECT, REFUSED]) {
		for (const previous of [backoff.cap, backoff.cap + 1, 1e9, Infinity]) {
			assert.equal(backoffDelay(backoff, previous, ALMOST_ONE), backoff.cap);
		}
	}
});

test("a base above the cap counts as the cap", () => {
	assert.equal(backoffDelay({ base: 500, cap: 10 }, 0, ALMOST_ONE), 10);
});
