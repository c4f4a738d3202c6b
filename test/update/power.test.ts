// SPDX-License-Identifier: Apache-2.0
/**
 * The power fails at every operation of an update, torn in every way: the device always boots what is whole, and ends with
 * what is new, without fetching again what it had.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../../hosts/world/index.js";
import {
	badReleases, blocksAllowed, revertThroughPowerCuts, scenarios, TEARS, updateThroughPowerCuts, type ScenarioName,
} from "./power.js";

const PAIRS = 20;

for (const name of Object.keys(scenarios) as ScenarioName[]) {
	test(`an update survives a power cut at each of its operations: ${name}`, (context) => {
		const calm = updateThroughPowerCuts(name, []);
		let cuts = 0;
		for (let at = calm.first; at <= calm.operations; at++) {
			for (const tear of TEARS) {
				const outcome = updateThroughPowerCuts(name, [{ at, tear }]);
				cuts++;
				assert.ok(outcome.operations >= at, `the cut at ${at} came`);
				assert.ok(outcome.erasures <= calm.erasures + 1, `at ${at}, ${tear}: one block more is erased at most`);
				assert.ok(outcome.blocks <= blocksAllowed(calm.blocks, 1), `at ${at}, ${tear}: ${outcome.blocks} blocks were sent`);
			}
		}
		context.diagnostic(`${cuts} power cuts at ${calm.operations - calm.first + 1} operations`);
	});

	test(`and two of them: ${name}`, () => {
		const calm = updateThroughPowerCuts(name, []);
		const random = new Random(`pairs of ${name}`);
		for (let pair = 0; pair < PAIRS; pair++) {
			const at = random.between(calm.first, calm.operations);
			const second = at + random.between(1, 12);
			const outcome = updateThroughPowerCuts(name, [{ at, tear: "any" }, { at: second, tear: "any" }]);
			assert.ok(outcome.erasures <= calm.erasures + 2);
			assert.ok(outcome.blocks <= blocksAllowed(calm.blocks, 2));
		}
	});
}

for (const name of badReleases) {
	test(`${name} is left, wherever the power fails`, (context) => {
		const calm = revertThroughPowerCuts(name, []);
		const random = new Random(name);
		for (let at = calm.first; at <= calm.operations; at++) {
			revertThroughPowerCuts(name, [{ at, tear: TEARS[at % TEARS.length]! }]);
			revertThroughPowerCuts(name, [{ at, tear: "any" }, { at: at + random.between(1, 12), tear: "any" }]);
		}
		context.diagnostic(`${calm.operations - calm.first + 1} operations`);
	});
}
