// SPDX-License-Identifier: Apache-2.0
/** What operators are told in words that never change is what the documents say. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { BUILT_INS } from "../../src/operations/builtin.js";
import { CommandReason } from "../../src/operations/commands.js";
import { Reason } from "../../src/operations/declared.js";
import { ROOT } from "./sources.js";

const document = readFileSync(join(ROOT, "docs/operations.md"), "utf8");

test("every reason of a command, and every command that devices have, is documented", () => {
	for (const word of [...Object.values(Reason), ...Object.values(CommandReason), ...Object.keys(BUILT_INS)]) {
		assert.ok(document.includes(`\n| \`${word}\``) || document.includes(`, \`${word}\``), word);
	}
});
