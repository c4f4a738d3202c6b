// SPDX-License-Identifier: Apache-2.0
/** The queue on flash, with the power failing at each operation in turn, a second time soon after, and on and on. */
import { test } from "node:test";
import { cutAlways, cutOnce, cutTwice, SCENARIOS } from "./journal-scenarios.js";

/** On the engine of the device a run costs some fifty times as much: a sample there. */
const STRIDE = (globalThis as { SEEDS?: number }).SEEDS === undefined ? 1 : 13;

for (const name of Object.keys(SCENARIOS)) {
	test(`the power fails at each operation: ${name}`, () => cutOnce(SCENARIOS[name]!, STRIDE));
	test(`the power fails twice: ${name}`, () => cutTwice(SCENARIOS[name]!, STRIDE));
	test(`the power fails again and again: ${name}`, () => cutAlways(SCENARIOS[name]!, STRIDE));
}
