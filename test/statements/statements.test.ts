// SPDX-License-Identifier: Apache-2.0
/**
 * The tables of statements are complete, and what they name is there: every statement once, and for each a test of this
 * project by its file and title, or the reason why it cannot be broken.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import ids from "./ids.json" with { type: "json" };
import { mqtt311 } from "./mqtt311.js";
import { mqtt5 } from "./mqtt5.js";
import { assertProof } from "./proof.js";
import type { Statement } from "./statement.js";

/** Shorter ones explain nothing. */
const REASON_MINIMUM = 40;
/** A statement of the kind "does not apply" is rare in a client that has everything. */
const REASONS_MAXIMUM = 5;

const TABLES: readonly [version: string, table: readonly Statement[], ids: readonly string[], count: number][] = [
	["MQTT 3.1.1", mqtt311, ids.mqtt311, 93],
	["MQTT 5.0", mqtt5, ids.mqtt5, 156],
];

for (const [version, table, wanted, count] of TABLES) {
	test(`every statement of ${version} that a client answers for is in its table, once`, () => {
		assert.equal(wanted.length, count);
		assert.deepEqual(table.map(({ id }) => id), wanted);
		assert.equal(new Set(wanted).size, count);
	});

	test(`every statement of ${version} has a test that is there, or a reason`, () => {
		for (const statement of table) {
			assert.ok(statement.text !== "", statement.id);
			if ("reason" in statement) assert.ok(statement.reason.length >= REASON_MINIMUM, `${statement.id}: ${statement.reason}`);
			else assert.ok(statement.tests.length > 0, `${statement.id} has neither tests nor a reason`);
		}
		for (const { id, ...proof } of table) if ("tests" in proof) for (const name of proof.tests) assertProof(id, name);
		assert.ok(table.filter((statement) => "reason" in statement).length <= REASONS_MAXIMUM);
	});
}

test("a test that is not there is noticed: file, title and row", () => {
	const file = "test/statements/statements.test.ts";
	assertProof("this", `${file} › a test that is not there is noticed: file, title and row › this`);
	for (const proof of ["test/none.ts › a", `${file} › none`, `${file} › a test that is not there is noticed: file, title and row › no${"ne"}`]) {
		assert.throws(() => assertProof("this", proof), assert.AssertionError, proof);
	}
});
