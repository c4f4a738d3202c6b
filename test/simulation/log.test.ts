// SPDX-License-Identifier: Apache-2.0
/** The log on flash: with the power failing at each operation in turn, and again and again for a thousand records. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Tear } from "../../hosts/world/index.js";
import { Random } from "../property/random.js";
import { play, type Cut, type Scenario } from "./log.js";

const TEARS: readonly Tear[] = ["none", "prefix", "bits", "words", "whole"];
const ON_DEVICE = (globalThis as { SEEDS?: number }).SEEDS !== undefined;
/** On the engine of the device a run costs some fifty times as much: a sample there. */
const STRIDE = ON_DEVICE ? 17 : 1;
const COUNT = ON_DEVICE ? 100 : 1_000;

const always: Scenario = { count: 40, upload: "always", blocks: 3 };
const demand: Scenario = { count: 40, upload: "demand", blocks: 8, restarts: true };

function cutEach(scenario: Scenario): void {
	const { operations, missing, repeated } = play(1, scenario);
	assert.deepEqual([missing, repeated], [0, 0]);
	assert.ok(operations > 10);
	for (let at = 1; at <= operations + 3; at += STRIDE) for (const tear of TEARS) play(at, scenario, [{ at, tear }]);
}

test("the power fails at each operation of a log that is sent as it comes", () => cutEach(always));

test("the power fails at each operation of a log that is sent on demand, after restarts", () => cutEach(demand));

test("a thousand records, and the power fails again and again: at most the page that was not committed is lost each time", () => {
	for (const upload of ["always", "demand"] as const) {
		const random = new Random(upload.length), cuts: Cut[] = [];
		for (let at = 10; at < COUNT / 2; at += 1 + random.below(25)) cuts.push({ at, tear: random.pick(TEARS) });
		const { boots, missing, lost } = play(5, { count: COUNT, upload, blocks: 40 }, cuts);
		assert.ok(boots > cuts.length / 2, `${boots} boots`);
		assert.ok(missing <= 6 * boots, `${missing} of ${COUNT} are missing after ${boots} boots`);
		if (upload === "always") assert.equal(lost, 0);
	}
});
