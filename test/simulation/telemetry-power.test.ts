// SPDX-License-Identifier: Apache-2.0
/** Crashes and heartbeats of a device, with the power cut at each operation of its storage. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { crashesAndCuts, type Outcome, type PowerCut } from "./telemetry-power.js";

/** On the engine of the device a run costs some fifty times as much: a sample there. */
const STRIDE = (globalThis as { SEEDS?: number }).SEEDS === undefined ? 1 : 23;
const CRASHES = { "Error: a": 4, "Error: b": 1, "Error: c": 2, "Error: d": 1 };

const sum = (numbers: Record<string, number>): number => Object.values(numbers).reduce((total, each) => total + each, 0);

/** What holds however often the power fails. */
function check(outcome: Outcome, cuts: readonly PowerCut[], where: string): void {
	const { noted, known, whole, beats, came } = outcome;
	const slips = cuts.length;
	// A crash may be noted in the very write that the power failed at, whose boot then never knew.
	assert.ok(sum(known) >= sum(noted) && sum(known) <= sum(noted) + slips, `${where}: ${JSON.stringify([noted, known])}`);
	assert.ok(sum(noted) >= sum(CRASHES) - slips, `${where}: ${JSON.stringify(noted)}`);
	assert.ok(Object.keys(known).length >= 4 - slips, where);
	// What the cloud has and the device does not know that it has is told again.
	assert.ok(sum(whole) <= 4 + slips, `${where}: told ${JSON.stringify(whole)}`);
	const unheard = beats.filter((number) => !came.includes(number));
	assert.deepEqual(unheard, [], `${where}: heartbeats that were made, and lost`);
	assert.ok(came.length - new Set(came).size <= slips, `${where}: heartbeats ${came.join(" ")}`);
	assert.ok(came.every((number, index) => index === 0 || number >= came[index - 1]!), `${where}: in order`);
}

test("every crash and every heartbeat reaches the cloud once, as long as the power is there", () => {
	const outcome = crashesAndCuts(1, 0, []);
	check(outcome, [], "calm");
	assert.deepEqual(outcome.noted, CRASHES);
	assert.equal(sum(outcome.whole), 4);
	assert.ok(outcome.beats.length >= 24);
});

test("crashes and heartbeats survive a power cut at each operation of the storage", () => {
	const { operations } = crashesAndCuts(1, 0, []);
	assert.ok(operations > 80, `${operations} operations`);
	for (let at = 1; at <= operations; at += STRIDE) {
		for (const tear of ["none", "whole"] as const) {
			const cuts = [{ at, tear }];
			check(crashesAndCuts(at, 0, cuts), cuts, `cut at ${at} ${tear}`);
		}
		if (at % 3 > 0) continue;
		const cuts = [{ at, tear: "any" }, { at: at + 1 + at % 3, tear: "any" }] as const;
		check(crashesAndCuts(at, 0, cuts), cuts, `cuts at ${at}`);
	}
});

test("offline through all of it, crashes are all told afterwards, and of the heartbeats the last", () => {
	const { operations, known, came } = crashesAndCuts(1, 12, []);
	assert.deepEqual([sum(known), came.length >= 8], [8, true]);
	for (let at = 1; at <= operations; at += STRIDE) {
		const cuts = [{ at, tear: "any" }] as const;
		const outcome = crashesAndCuts(at, 12, cuts);
		check({ ...outcome, beats: outcome.beats.slice(-5) }, cuts, `offline, cut at ${at}`);
	}
});
