// SPDX-License-Identifier: Apache-2.0
/** The memory that the SDK takes on the engine is what was committed: more is a regression, much less wants a new figure. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { packageRoot } from "../../hosts/xs/node/build.js";
import { availableBits } from "../xs/runner.js";
import { measure, type Row } from "./measure.js";

/** Certificates differ by some bytes from run to run, and timing decides what is garbage at a peak. */
const TOLERANCE = Object.freeze({ slots: 4, chunks: 96, stack: 8 });
const SHARE = 0.04;
/** The search for an arena stops at this precision. */
const ARENA_TOLERANCE = 2048;

function allowed(row: Row, figure: "slots" | "chunks" | "stack"): number {
	if (row.name.startsWith("arena:")) return ARENA_TOLERANCE;
	return Math.max(TOLERANCE[figure], Math.ceil(row[figure] * SHARE));
}

if ((await availableBits()).includes(32)) {
	test("the memory on the 32-bit engine is within the committed budget", async (t) => {
		const committed = JSON.parse(readFileSync(join(packageRoot, "test/budget/budget.json"), "utf8")) as Row[];
		const rows = await measure(32);
		assert.deepEqual(rows.map(({ name }) => name), committed.map(({ name }) => name), "the rows; npm run budget -- --update");
		for (const [index, row] of rows.entries()) {
			await t.test(row.name, () => {
				for (const figure of ["slots", "chunks", "stack"] as const) {
					const expected = committed[index]!;
					const difference = row[figure] - expected[figure];
					assert.ok(
						Math.abs(difference) <= allowed(expected, figure),
						`${row[figure]} ${figure}, ${expected[figure]} are committed; npm run budget -- --update, and say why`,
					);
				}
			});
		}
	});
}
