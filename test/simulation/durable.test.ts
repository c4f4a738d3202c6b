// SPDX-License-Identifier: Apache-2.0
/** The durable session, with the power cut at each operation of flash in turn, torn in each way. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { crypto } from "../unit/storage/digest.js";
import { play, SCENARIOS, type Cut } from "./durable.js";

/** On the engine of the device a run costs some fifty times as much: a sample there. */
const DEVICE = (globalThis as { SEEDS?: number }).SEEDS !== undefined;
const TEARS = DEVICE ? ["any"] as const : ["none", "prefix", "bits", "words", "whole"] as const;
const PROTOCOLS = DEVICE ? [5] as const : [4, 5] as const;
const STRIDE = DEVICE ? 7 : 1;
const digest = () => crypto.digest("SHA-256");

for (const scenario of SCENARIOS) {
	for (const protocol of PROTOCOLS) {
		test(`${scenario.name}, protocol ${protocol}: nothing promised is lost, whenever the power fails`, () => {
			const { operations } = play(1, protocol, scenario, [], digest);
			assert.ok(operations > 3, "the scenario writes to flash");
			for (let at = 1; at <= operations; at += STRIDE) {
				for (const tear of TEARS) {
					const { boots } = play(1, protocol, scenario, [{ at, tear }], digest);
					assert.ok(boots >= 3, `the cut at ${at} of ${operations} came`);
				}
			}
		});
	}
}

test("nothing promised is lost when the power fails twice", () => {
	for (const scenario of SCENARIOS) {
		const { operations } = play(1, 5, scenario, [], digest);
		for (let at = 1; at <= operations; at += 3 * STRIDE) {
			const cuts: Cut[] = [{ at, tear: "any" }, { at: at + 1 + at % 4, tear: "any" }];
			play(at, 5, scenario, cuts, digest);
		}
	}
});
