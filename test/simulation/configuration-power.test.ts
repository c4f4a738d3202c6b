// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { comesBack } from "./configuration-power.js";

/** Fewer where a run costs more. */
const TEARS = (globalThis as { SEEDS?: number }).SEEDS === undefined ? ["none", "bits", "whole"] as const : ["bits"] as const;

test("a device that was sent to an access point that there is not comes back, whenever the power fails", () => {
	const { operations, boots } = comesBack(1, []);
	assert.equal(operations, 4, "each change is written when it is tried and when it is over");
	assert.equal(boots, 1);
	for (let at = 1; at <= operations; at++) {
		for (const tear of TEARS) {
			assert.equal(comesBack(1, [{ at, tear }]).boots, 2);
			for (let again = at + 1; again <= at + 3; again++) comesBack(1, [{ at, tear }, { at: again, tear }]);
		}
	}
});
