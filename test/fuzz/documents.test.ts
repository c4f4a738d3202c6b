// SPDX-License-Identifier: Apache-2.0
/** A short run over documents, and whether it reaches what it is for. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { chosenSeed } from "../property/random.js";
import { fuzzDocuments } from "./documents.js";

const INPUTS = 20_000;

test("20,000 mutated documents: each is a value that another reader confirms, or one coded error", (t) => {
	const seed = chosenSeed() ?? 1;
	const counts = fuzzDocuments({ seed, inputs: INPUTS });
	t.diagnostic(`seed ${seed}: ${JSON.stringify(counts)}`);
	for (const format of ["json", "cbor"] as const) {
		for (const code of ["nothing", "malformed"]) assert.ok(counts[format][code]! > INPUTS / 10, `${format}: ${code}`);
		assert.ok(counts[format]["too-large"]! > 0, `${format}: too-large`);
	}
});

test("the same seed makes the same run over documents", () => {
	assert.deepEqual(fuzzDocuments({ seed: 7, inputs: 300 }), fuzzDocuments({ seed: 7, inputs: 300 }));
});
