// SPDX-License-Identifier: Apache-2.0
/** The table of CoAP's plug tests names tests that are there, and the documentation shows it as it is. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { plugtest, plugtestTable } from "../interop/coap-plugtest.js";
import { ROOT } from "../tidy/sources.js";
import { assertProof } from "./proof.js";

/** A case that does not apply is rare. */
const REASONS_MAXIMUM = 4;

test("every case of the CoAP plug tests that a client answers for has a test that is there, or a reason", () => {
	assert.equal(new Set(plugtest.map(({ id }) => id)).size, plugtest.length);
	for (const { id, ...proof } of plugtest) if ("tests" in proof) for (const name of proof.tests) assertProof(id, name);
	assert.ok(plugtest.filter(statement => "reason" in statement).length <= REASONS_MAXIMUM);
});

test("docs/coap.md has the table of the CoAP plug tests", () => {
	const documentation = readFileSync(join(ROOT, "docs/coap.md"), "utf8");
	assert.ok(documentation.includes(plugtestTable()), `its section "Conformance" should have:\n\n${plugtestTable()}`);
});
