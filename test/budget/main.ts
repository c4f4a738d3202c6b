// SPDX-License-Identifier: Apache-2.0
/** Prints the memory table; with `--update`, commits it to budget.json as the budget from now on. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { obstacle, packageRoot } from "../../hosts/xs/node/build.js";
import { measure, type Row } from "./measure.js";

const SLOT_BYTES = 16;

function format(rows: readonly Row[]): string {
	const cells = [
		["", "slots", "chunk bytes", "bytes", "stack slots"],
		...rows.map(({ name, slots, chunks, stack }) =>
			[name, slots, chunks, slots * SLOT_BYTES + chunks, stack === 0 ? "" : stack].map((cell) => cell.toLocaleString("en-US"))),
	];
	const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
	const pad = (cell: string, column: number): string => column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!);
	return cells.map((row) => row.map(pad).join("  ")).join("\n");
}

const why = await obstacle(32);
if (why !== undefined) {
	console.error(`### the memory budget is NOT MEASURED: ${why}`);
	process.exitCode = process.env["CI"] === "true" ? 1 : 0;
} else {
	const rows = await measure(32);
	console.log(format(rows));
	if (process.argv.includes("--update")) {
		writeFileSync(join(packageRoot, "test/budget/budget.json"), `${JSON.stringify(rows, undefined, "\t")}\n`);
	}
}
