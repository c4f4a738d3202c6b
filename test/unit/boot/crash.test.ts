// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { clipCrash, describeThrown, formatCrash, framesOf, parseCrash } from "../../../hosts/boot/crash.js";
import { CRASH_MESSAGE_MAXIMUM, CRASH_STACK_MAXIMUM } from "../../../src/host.js";

test("a crash that was kept is what was kept", () => {
	const crashes = [
		{ reason: "exception", message: "Error: one", stack: "inner (program.js:1:2)\nouter (program.js:3)\n(program.js:4)" },
		{ reason: "memory", message: "memory full: slots", stack: "" },
		{ reason: "watchdog", message: "", stack: "" },
	] as const;
	for (const crash of crashes) assert.deepEqual(parseCrash(formatCrash(crash)), crash);
});

test("text that is of no crash is none", () => {
	for (const text of ["", "\n", "exceptional\nmessage", "\u0000\u0001", " exception"]) assert.equal(parseCrash(text), undefined);
	assert.deepEqual(parseCrash("stack"), { reason: "stack", message: "", stack: "" });
});

test("what is too long is cut: the message between characters, the stack between lines", () => {
	const line = `name (module.js:${"1".repeat(80)})`, lines = Array.from({ length: 20 }, () => line);
	const { message, stack } = clipCrash({ reason: "exception", message: "two\nlines ".repeat(50), stack: lines.join("\n") });
	assert.equal(message, "two lines ".repeat(50).slice(0, CRASH_MESSAGE_MAXIMUM));
	assert.equal(stack, lines.slice(0, Math.floor((CRASH_STACK_MAXIMUM + 1) / (line.length + 1))).join("\n"));
	const pairs = clipCrash({ reason: "exception", message: `x${"\u{1f4a5}".repeat(CRASH_MESSAGE_MAXIMUM)}`, stack: "x".repeat(CRASH_STACK_MAXIMUM + 1) });
	assert.ok(pairs.message.length <= CRASH_MESSAGE_MAXIMUM);
	assert.match(pairs.message, /^x(?:\u{1f4a5})+$/u);
	assert.equal(pairs.stack, "");
});

test("frames of both engines have one form, and say nothing of the machine", () => {
	const forms = [
		["    at inner (file:///home/someone/my project/program.mjs:12:34)", "inner (program.mjs:12:34)"],
		["    at /home/someone/program.mjs:12:34", "(program.mjs:12:34)"],
		["    at C:\\Users\\someone\\program.mjs:12:34", "(program.mjs:12:34)"],
		["    at async Lamp.on (file:///program.mjs:1:2)", "Lamp.on (program.mjs:1:2)"],
		["    at new Lamp (file:///program.mjs:1:2)", "new Lamp (program.mjs:1:2)"],
		["    at Timeout.callback [as _onTimeout] (file:///program.mjs:1:2)", "Timeout.callback (program.mjs:1:2)"],
		["    at Array.map (<anonymous>)", "Array.map"],
		["    at eval (eval at made (file:///program.mjs:1:2), <anonymous>:3:4)", "eval (<anonymous>:3:4)"],
		["    at process.processTimers (node:internal/timers:519:7)", "process.processTimers (timers:519:7)"],
		[" at inner ()", "inner"],
		[" at inner (/home/someone/program.js:12)", "inner (program.js:12)"],
		[" at ()", undefined],
	] as const;
	for (const [line, frame] of forms) assert.equal(framesOf(`Error: at the start\n${line}`), frame ?? "");
});

test("whatever is thrown can be told", () => {
	const tell = (thrown: unknown): string => describeThrown("exception", thrown).message;
	assert.deepEqual([undefined, null, 7, "text", {}].map(tell), ["undefined", "null", "7", "text", "[object Object]"]);
	const hostile = { toString(): string { throw new Error("in the middle of it"); } };
	assert.deepEqual(describeThrown("rejection", hostile), { reason: "rejection", message: "", stack: "" });
});
