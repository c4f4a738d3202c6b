// SPDX-License-Identifier: Apache-2.0
/** A short run of the fuzzer, and whether it reaches what it is for. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { chosenSeed } from "../property/random.js";
import { runFuzz } from "./fuzz.js";

const INPUTS = 20_000;

test("20,000 mutated inputs: nothing is thrown, nothing grows, every session goes on", (t) => {
	const seed = chosenSeed() ?? 1;
	const counts = runFuzz({ seed, inputs: INPUTS });
	t.diagnostic(`seed ${seed}: ${JSON.stringify(counts)}`);
	for (const code of ["malformed", "violation", "rejected", "too-large", "closed", "timeout"]) {
		assert.ok((counts.closed[code] ?? 0) > 0, `some inputs end in ${code}`);
	}
	assert.ok(counts.survived > INPUTS / 10 && counts.survived < INPUTS * 0.9, `${counts.survived} inputs survived`);
	assert.ok(counts.messages > INPUTS / 4 && counts.fragments > INPUTS / 50 && counts.acknowledged > INPUTS / 20);
});

test("the same seed makes the same run", () => {
	assert.deepEqual(runFuzz({ seed: 7, inputs: 300 }), runFuzz({ seed: 7, inputs: 300 }));
	assert.notEqual(JSON.stringify(runFuzz({ seed: 7, inputs: 300 })), JSON.stringify(runFuzz({ seed: 8, inputs: 300 })));
});
