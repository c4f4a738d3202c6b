// SPDX-License-Identifier: Apache-2.0
/** Lives of a lamp on Golioth, each out of one seed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { goliothLampLives, type GoliothOutcome } from "./golioth-lamp.js";

const SEEDS = 60;

test("the lamp and Golioth agree once the trouble is over, whatever it was", () => {
	const outcomes: GoliothOutcome[] = [];
	for (let seed = 1; seed <= SEEDS; seed++) outcomes.push(goliothLampLives(seed));
	const sum = (of: (outcome: GoliothOutcome) => number) => outcomes.reduce((total, outcome) => total + of(outcome), 0);
	assert.ok(sum(({ connections }) => connections) > 2 * SEEDS, "connections are lost and made anew");
	assert.ok(sum(({ boots }) => boots) > SEEDS, "there are restarts");
	assert.ok(sum(({ answers }) => answers) > 3 * SEEDS, "most calls are answered");
	for (const { calls, executions, answers } of outcomes) assert.ok(answers <= executions && answers <= calls);
	assert.equal(goliothLampLives(7).fingerprint, outcomes[6]!.fingerprint, "the same seed, the same life");
});
