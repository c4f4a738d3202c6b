// SPDX-License-Identifier: Apache-2.0
/** Holds the SDK to the memory that `budget.json` grants it, on the engine of the device with slots as long as its own. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { obstacle } from "../../hosts/xs/node/build.js";
import { complaint, measureAll, readLimits } from "./budget.js";

const TIMEOUT = 300_000;
const missing = await obstacle(32);
if (missing !== undefined && process.env["CI"] === "true") throw new Error(missing);
if (missing !== undefined) console.error(`### The memory budget is SKIPPED: ${missing}`);

test("the SDK keeps to its memory budget", { skip: missing ?? false, timeout: TIMEOUT }, async (t) => {
	const limits = readLimits();
	const rows = await measureAll(32);
	for (const row of rows) await t.test(row.what, () => assert.equal(complaint(row, limits), undefined));
	assert.deepEqual(Object.keys(limits), rows.map(({ key }) => key), "limits and figures are the same rows");
});

test("a figure is held to its limit in both directions", () => {
	const check = (value: number) => complaint({ key: "row", what: "a figure", value }, { row: 1000 });
	for (const value of [850, 1000, 1030]) assert.equal(check(value), undefined);
	assert.match(check(1031)!, /1031, over the limit of 1000; .*npm run budget -- --write/);
	assert.match(check(849)!, /849, far below 1000: lower the limit/);
	assert.match(complaint({ key: "new", what: "a figure", value: 1 }, {})!, /no limit/);
});
