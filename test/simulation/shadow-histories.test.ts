// SPDX-License-Identifier: Apache-2.0
/** Histories of a shadow, thousands of them, and some with the power cut at each write in turn. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { chosenSeed } from "../property/random.js";
import { shadowLives, type History } from "./shadow-histories.js";

/** On the engine of the device a history costs some fifty times as much: a sample there. */
const SEEDS = (globalThis as { SEEDS?: number }).SEEDS;
const HISTORIES = SEEDS === undefined ? 10_000 : 5 * SEEDS;
/** Histories in which each write has its cut, before it and after it. */
const CUT = SEEDS === undefined ? 40 : 2;

test(`${HISTORIES} histories of trouble end in agreement, and every count in the sum of all`, () => {
	const chosen = chosenSeed();
	if (chosen !== undefined) return void shadowLives(chosen);
	const sum: History = { writes: 0, boots: 0, told: 0, conflicts: 0, fetches: 0, counted: 0 };
	for (let seed = 1; seed <= HISTORIES; seed++) {
		const history = shadowLives(seed);
		for (const name of Object.keys(sum) as (keyof History)[]) sum[name] += history[name];
	}
	// The trouble is real: histories in which nothing ever breaks would prove nothing.
	assert.ok(sum.boots > 1.3 * HISTORIES, `${sum.boots} boots`);
	assert.ok(sum.conflicts > 0.2 * HISTORIES, `${sum.conflicts} conflicts`);
	assert.ok(sum.fetches > 2 * HISTORIES && sum.told > 2 * HISTORIES, `${sum.fetches} documents, ${sum.told} deltas`);
	assert.ok(sum.counted > 2 * HISTORIES, `${sum.counted} counted`);
});

test(`${CUT} histories end in agreement with the power cut at each of their writes`, () => {
	for (let seed = 1; seed <= CUT; seed++) {
		const { writes } = shadowLives(seed, { cuts: [] });
		for (let at = 1; at <= writes; at++) {
			for (const after of [false, true]) shadowLives(seed, { cuts: [{ at, after }] });
		}
	}
});

test("the same seed gives the same history", () => {
	assert.deepEqual(shadowLives(7), shadowLives(7));
});
