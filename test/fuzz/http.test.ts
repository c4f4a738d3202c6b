// SPDX-License-Identifier: Apache-2.0
/** A short run over answers of web servers, and whether it reaches what it is for. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { chosenSeed } from "../property/random.js";
import { fuzzHTTP } from "./http.js";

const INPUTS = 5_000;

test("5,000 mutated answers: each ends as another parser says, or by one coded error", async (t) => {
	const seed = chosenSeed() ?? 1;
	const counts = await fuzzHTTP({ seed, inputs: INPUTS });
	t.diagnostic(`seed ${seed}: ${JSON.stringify(counts)}`);
	for (const [result, least] of [["end", 1_000], ["malformed", 500], ["violation", 200], ["head", 100], ["nothing", 50]] as const) {
		assert.ok((counts[result] ?? 0) > least, `${result}: ${counts[result]}`);
	}
});

test("the same seed makes the same run over answers", async () => {
	assert.deepEqual(await fuzzHTTP({ seed: 7, inputs: 200 }), await fuzzHTTP({ seed: 7, inputs: 200 }));
});
