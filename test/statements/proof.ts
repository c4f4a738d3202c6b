// SPDX-License-Identifier: Apache-2.0
/** Looks whether a test that a table names is there. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../tidy/sources.js";

interface Tests { titles: ReadonlySet<string>; strings: ReadonlySet<string> }
const known = new Map<string, Tests>();

/** The titles of a file's tests, and all of its strings, as they are written there. */
function testsOf(file: string): Tests {
	const found = known.get(file);
	if (found) return found;
	assert.ok(file.startsWith("test/") && existsSync(join(ROOT, file)), `there is no ${file}`);
	const source = readFileSync(join(ROOT, file), "utf8");
	const literals = (before: string): Set<string> =>
		new Set([...source.matchAll(new RegExp(`${before}(["\`])((?:\\\\.|(?!\\1)[^\\n])*)\\1`, "g"))].map(([, , text]) => text!));
	const tests = { titles: literals("(?:\\b(?:test|property|scene)\\(|\\bname: )"), strings: literals("") };
	known.set(file, tests);
	return tests;
}

/** @param proof "file › title", or "file › title › row" where the test goes through rows with names */
export function assertProof(id: string, proof: string): void {
	const [file = "", title = "", row] = proof.split(" › ");
	const { titles, strings } = testsOf(file);
	assert.ok(titles.has(title), `${id}: no test "${title}" in ${file}`);
	if (row !== undefined) assert.ok(strings.has(row), `${id}: no row "${row}" in ${file}`);
}
