// SPDX-License-Identifier: Apache-2.0
/** The README says what is so: its program runs, its commands parse, its tables are those of the sources. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { moorline, Place } from "./command.js";
import { writeProgram } from "./programs.js";

const TIMEOUT = 120_000;
const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");
const readme = read("README.md");

test("the smallest program works", { timeout: TIMEOUT }, async context => {
	const [, program] = /```ts\n([^]*?)```/.exec(readme) ?? [];
	const place = await Place.make(context);
	const command = moorline(context, place, "run", await writeProgram(place, "smallest.ts", program!));
	await command.line(line => /^in sync at version \d+$/.test(line));
	command.kill("SIGINT");
	assert.deepEqual(await command.ended, { code: 0, signal: null });
});

test("the options in the commands exist", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	for (const name of ["run", "simulate", "keygen", "release", "verify"]) {
		const help = moorline(context, place, name, "--help");
		assert.equal((await help.ended).code, 0);
		const lines = readme.replaceAll("\\\n", " ").split("\n").filter(line => line.startsWith(`npx moorline ${name}`));
		assert.ok(lines.length > 0);
		for (const [option] of lines.join("\n").matchAll(/--[a-z-]+/g)) assert.ok(help.stdout.join("\n").includes(` ${option} `), option);
	}
});

test("the table of errors is the one beside the codes", () => {
	const rows = [...read("src/base/error.ts").matchAll(/^ \* (\| .*?) *\|$/gm)].map(([, row]) => row!);
	const cells = (row: string): string => row.replace(/ *\| */g, "|");
	const known = readme.split("\n").map(cells);
	assert.ok(rows.length > 7);
	for (const row of rows) assert.ok(known.includes(`${cells(row)}|`), row);
});

test("the limits are those in the sources", () => {
	const rows = [...readme.matchAll(/^\| .* \| (\d+) \| `(\w+)` in `(.*)` \|$/gm)];
	assert.ok(rows.length > 3);
	for (const [row, value, name, file] of rows) {
		const [, found] = new RegExp(`\\b${name}(?: =|:) ([\\d_]+(?: \\* [\\d_]+)?)[;,]`).exec(read(file!)) ?? [];
		const product = (found ?? "").replaceAll("_", "").split(" * ").reduce((sum, factor) => sum * Number(factor), 1);
		assert.equal(product, Number(value), row);
	}
});

test("every file and folder that is named exists", () => {
	for (const [, path] of readme.matchAll(/[`(]((?:src|hosts|examples|test|\.ci)\/[\w./-]*|LICENSE|manifest\.json)[`)]/g)) {
		assert.ok(existsSync(join(ROOT, path!)), path);
	}
});
