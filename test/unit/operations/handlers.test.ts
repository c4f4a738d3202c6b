// SPDX-License-Identifier: Apache-2.0
/** Whose a command is that a reset interrupted. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Command, NO_TERMS } from "../../../src/operations/command.js";
import { Handlers, type HandlersOwner } from "../../../src/operations/handlers.js";

test("a declared command that is not to be resumed has failed, and the program is not asked to take it up", () => {
	const handlers = new Handlers({} as HandlersOwner, { commands: { run: () => undefined } });
	const made = (command: string): Command => {
		return new Command({ say: () => undefined, keep: () => undefined }, "1", { command }, NO_TERMS);
	};
	for (const name of ["run", "ping"]) {
		const command = made(name);
		assert.equal(handlers.onCommandResumed(command), true);
		assert.deepEqual([command.status, command.reason], ["FAILED", "INTERRUPTED"]);
	}
	for (const name of ["dance", "constructor", "__proto__", "toString"]) {
		const command = made(name);
		assert.equal(handlers.onCommandResumed(command), false);
		assert.equal(handlers.onCommand(command), false);
		assert.equal(command.status, "CREATED");
	}
});
