// SPDX-License-Identifier: Apache-2.0
/** backoffDelay: full jitter within a bound that doubles up to a cap. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { backoffDelay, RECONNECT, REFUSED } from "../../../src/base/backoff.js";

/** The largest fraction that 32 random bits give. */
const ALMOST_ONE = 1 - 2 ** -32;

test("backoffDelay is at most the doubled bound of its attempt, and may be that", () => {
	const backoff = { base: 100, cap: 1000 };
	const bounds = [100, 200, 400, 800, 1000, 1000];
	bounds.forEach((bound, attempt) => assert.equal(backoffDelay(backoff, attempt, ALMOST_ONE), bound));
	bounds.forEach((_, attempt) => assert.equal(backoffDelay(backoff, attempt, 0), 0));
});

test("backoffDelay spreads evenly over whole milliseconds", () => {
	const backoff = { base: 3, cap: 3 };
	assert.deepEqual([0, 0.24, 0.26, 0.49, 0.51, 0.74, 0.76, 0.99].map((fraction) => backoffDelay(backoff, 0, fraction)),
		[0, 0, 1, 1, 2, 2, 3, 3]);
});

test("backoffDelay stays at its cap however often it failed", () => {
	for (const backoff of [RECONNECT, REFUSED]) {
		for (const attempt of [29, 30, 31, 1000, 1e9]) {
			assert.equal(backoffDelay(backoff, attempt, ALMOST_ONE), backoff.cap);
		}
	}
});

test("a base above the cap counts as the cap", () => {
	assert.equal(backoffDelay({ base: 500, cap: 10 }, 0, ALMOST_ONE), 10);
});
