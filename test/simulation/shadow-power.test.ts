// SPDX-License-Identifier: Apache-2.0
/** A whole device that reports while offline, with the power cut at each operation of its storage. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { powerFails } from "./shadow-power.js";

/** On the engine of the device a run costs some fifty times as much: a sample there. */
const STRIDE = (globalThis as { SEEDS?: number }).SEEDS === undefined ? 1 : 9;

for (const online of [0, 6, 17]) {
	test(`nothing that was reported is lost when the power fails, online from report ${online} on`, () => {
		const { operations } = powerFails(1, online, []);
		assert.ok(operations >= 16, `${operations} operations`);
		for (let at = 1; at <= operations; at += STRIDE) {
			for (const tear of ["none", "whole"] as const) {
				assert.equal(powerFails(at, online, [{ at, tear }]).boots, 2, `the cut at ${at} of ${operations} came`);
			}
			powerFails(at, online, [{ at, tear: "any" }, { at: at + 1 + at % 3, tear: "any" }]);
		}
	});
}
