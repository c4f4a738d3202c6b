// SPDX-License-Identifier: Apache-2.0
/** Commands are begun once and answered always the same, whatever happens. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { crypto } from "../unit/storage/digest.js";
import { live } from "./command-lives.js";

/** On the engine of the device a run costs some fifty times as much: a sample there. */
const IS_SAMPLE = (globalThis as { SEEDS?: number }).SEEDS !== undefined;
const SEEDS = IS_SAMPLE ? 1 : 12;
const digest = () => crypto.digest("SHA-256");

for (const scheme of [undefined, "coap", "coap+tcp"] as const) {
	test(`${SEEDS} seeds of commands over ${scheme ?? "mqtt"}: begun once, and answered the same`, () => {
		const ends: Record<string, number> = {};
		let boots = 0;
		for (let seed = 1; seed <= SEEDS; seed++) {
			const lives = live(seed, { scheme, digest });
			boots += lives.boots;
			for (const [end, count] of Object.entries(lives.ends)) ends[end] = (ends[end] ?? 0) + count;
		}
		if (IS_SAMPLE) return;
		// The trouble is real, and so are the ends.
		assert.ok(boots > 2 * SEEDS, `${boots} boots`);
		for (const end of ["SUCCEEDED ", "FAILED BROKEN", "REJECTED UNWANTED", "CANCELED ", "TIMED_OUT "]) {
			assert.ok(ends[end]! > 0, `${end}: ${JSON.stringify(ends)}`);
		}
	});
}

test("commands when the power fails at each operation of the storage", () => {
	const { operations } = live(1, { digest, troubled: false });
	assert.ok(operations > 30, `${operations} operations`);
	const stride = IS_SAMPLE ? 40 : 3;
	for (let at = 1; at <= operations; at += stride) {
		live(1, { digest, troubled: false, cuts: [{ at, tear: at % 2 === 0 ? "none" : "whole" }] });
	}
});

test("the same seed gives the same lives, and another seed others", () => {
	if (IS_SAMPLE) return;
	const first = live(7, { digest });
	assert.deepEqual(live(7, { digest }), first);
	assert.notEqual(live(8, { digest }).fingerprint, first.fingerprint);
});
