// SPDX-License-Identifier: Apache-2.0
/** A short run over messages of CoAP, and whether it reaches what it is for. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { chosenSeed } from "../property/random.js";
import { fuzzCoAP } from "./coap.js";

const INPUTS = 20_000;

test("20,000 mutated datagrams and streams of CoAP: each is a message, or one coded error", (t) => {
	const seed = chosenSeed() ?? 1;
	const counts = fuzzCoAP({ seed, inputs: INPUTS });
	t.diagnostic(`seed ${seed}: ${JSON.stringify(counts)}`);
	for (const fate of ["message", "rejected", "ignored"]) assert.ok(counts.datagrams[fate]! > INPUTS / 20, `datagrams: ${fate}`);
	for (const fate of ["messages", "malformed", "violation"]) assert.ok(counts.streams[fate]! > INPUTS / 50, `streams: ${fate}`);
	for (const fate of ["silent", "too-large", "closed", "timeout"]) assert.ok(counts.streams[fate]! > 0, `streams: ${fate}`);
});

test("the same seed makes the same run over messages of CoAP", () => {
	assert.deepEqual(fuzzCoAP({ seed: 7, inputs: 300 }), fuzzCoAP({ seed: 7, inputs: 300 }));
});
