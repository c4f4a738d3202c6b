// SPDX-License-Identifier: Apache-2.0
/** What scripts may trust: exit codes, one line that says why, and JSON lines. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { moorline, Place } from "./command.js";
import { FAILS, IMPORTS_NOTHING, IS_WRONG, writeProgram } from "./programs.js";

const TIMEOUT = 120_000;

const MISTAKES: readonly (readonly [words: readonly string[], says: RegExp])[] = [
	[["fly"], /unknown command 'fly'/],
	[["run"], /missing required argument 'program'/],
	[["run", "program.js", "--fast"], /unknown option '--fast'/],
	[["run", "program.js", "--host", "moon"], /Allowed choices are node, xs, world/],
	[["run", "program.js", "--for", "soon"], /Expected a duration/],
	[["run", "program.js", "--for", "25d"], /at most 24d/],
	[["run", "program.js", "--seed", "1"], /--seed means nothing with --host node/],
	[["run", "program.js", "--host", "world", "--broker", "mqtt://localhost"], /--broker means nothing with --host world/],
	[["run", "program.js", "--broker", "http://localhost"], /Expected mqtts:/],
	[["run", "program.js", "--broker", "mqtt://localhost"], /--broker needs --id/],
	[["run", "program.js", "--broker", "coap+tcp://localhost"], /--broker needs --id/],
	[["run", "program.js", "--broker", "coap://localhost", "--id", "lamp", "--protocol", "coap"], /--protocol means nothing with --broker/],
	[["run", "program.js", "--protocol", "coap+ws", "--host", "world"], /--protocol coap\+ws means nothing with --host world/],
	[["run", "program.js", "--broker", "mqtt://localhost", "--cert", "a.pem"], /--cert and --key belong together/],
	[["run", "program.js", "--ca", "a.pem"], /need --broker/],
	[["run", "program.js", "--psk", "key"], /--psk needs --broker/],
	[["run", "program.js", "--id", "a/b"], /argument 'a\/b' is invalid\. Expected up to 128/],
	[["run", "program.js", "--host", "world", "--id", "a/b"], /argument 'a\/b' is invalid\. Expected up to 128/],
	[["simulate", "--device", "lamp-1", "--device", "#"], /argument '#' is invalid\. Expected up to 128/],
	[["simulate", "--port", "65536"], /whole number from 0 to 65535/],
	[["simulate", "--cert", "a.pem", "--key", "b.pem"], /need --broker/],
	[["simulate", "--cloud", "moon"], /Allowed choices are private, aws/],
	[["simulate", "--cloud", "aws", "--coap-port", "0"], /--coap-port means nothing with --cloud aws/],
	[["simulate", "--cloud", "aws", "--broker", "mqtt://localhost"], /--broker means nothing with --cloud aws/],
	[["simulate", "--cloud", "aws", "--wss-port", "0"], /--wss-port means nothing with --cloud aws/],
	[["simulate", "--alpn-port", "0"], /--alpn-port means nothing with --cloud private/],
	[["simulate", "--cloud", "golioth", "--rules", "rules.json"], /--rules means nothing with --cloud golioth/],
	[["simulate", "--rules", "program.js"], /program\.js is not JSON/],
	[["shadow", "lamp-1", "on"], /expected name=value, but got 'on'/],
	[["shadow", "lamp-1", "set"], /set needs a JSON object or name=value/],
	[["shadow", "lamp-1", "set", "{\"on\""], /expected a JSON object/],
	[["shadow", "lamp-1", "set", "a.__proto__.b=1"], /a name is missing, or is none/],
	[["command", "lamp-1"], /which command/],
	[["command", "lamp-1", "blink", "--parameters", "[]"], /expected a JSON object/],
	[["command", "lamp-1", "blink", "times=1", "--parameters", "{}"], /exclude each other/],
	[["logs", "lamp-1", "--level", "loud"], /Allowed choices are error, warning, info, debug/],
	[["trace", "lamp-1", "--limit", "0"], /whole number from 1 to/],
];

test("a wrong command line ends with 2, one line on standard error and nothing else", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	await writeProgram(place, "program.js", "");
	for (const [words, says] of MISTAKES) {
		const command = moorline(context, place, ...words);
		assert.deepEqual(await command.ended, { code: 2, signal: null }, words.join(" "));
		assert.equal(command.stderr.length, 1, command.stderr.join("\n"));
		assert.match(command.stderr[0]!, /^moorline: argument: /);
		assert.match(command.stderr[0]!, says);
		assert.deepEqual(command.stdout, []);
	}
	assert.deepEqual(await place.left(), []);
});

test("what fails for another reason ends with 1, and the line begins with the code", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	const missing = /^moorline: argument: cannot bundle .*: moorline has no "moorline\/missing"$/;
	const failures = [
		["nowhere.ts", /^moorline: argument: no program at nowhere\.ts: /],
		[await writeProgram(place, "wrong.ts", IS_WRONG), /^moorline: argument: cannot bundle .*wrong\.ts:2:\d+: /],
		[await writeProgram(place, "imports.ts", IMPORTS_NOTHING), missing],
		[await writeProgram(place, "fails.ts", FAILS), /^moorline: credential: no identity fit for this cloud$/],
	] as const;
	for (const [program, says] of failures) {
		const command = moorline(context, place, "run", program);
		assert.deepEqual(await command.ended, { code: 1, signal: null }, program);
		const ours = command.stderr.filter(line => !line.startsWith("cloud: "));
		assert.equal(ours.length, 1, ours.join("\n"));
		assert.match(ours[0]!, says);
	}
	assert.deepEqual(await place.left(), []);
});

test("the world's program that fails has its code, too", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	const command = moorline(context, place, "run", await writeProgram(place, "fails.ts", FAILS), "--host", "world");
	assert.deepEqual(await command.ended, { code: 1, signal: null });
	assert.deepEqual(command.stderr, ["moorline: credential: no identity fit for this cloud"]);
});

test("--verbose shows where a failure came from, --json says it as an object", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	const program = await writeProgram(place, "fails.ts", FAILS);
	const verbose = moorline(context, place, "run", program, "--verbose");
	assert.equal((await verbose.ended).code, 1);
	assert.ok(verbose.stderr.some(line => /^\s+at .*fails\.ts:3/.test(line)), verbose.stderr.join("\n"));
	const json = moorline(context, place, "run", program, "--json");
	assert.equal((await json.ended).code, 1);
	assert.deepEqual(await json.event("error"), { event: "error", code: "credential", message: "no identity fit for this cloud" });
	assert.deepEqual(json.stderr, []);
	const usage = moorline(context, place, "run", "--json");
	assert.equal((await usage.ended).code, 2);
	assert.equal((await usage.event("error")).code, "argument");
});

test("--help of every command ends with 0 and shows the exit codes; no command at all ends with 2", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	for (const words of [["--help"], ["simulate", "--help"], ["run", "--help"], ["devices", "--help"], ["command", "--help"]]) {
		const command = moorline(context, place, ...words);
		assert.deepEqual(await command.ended, { code: 0, signal: null });
		assert.match(command.stdout.join("\n"), /^Usage: moorline [^]*Exit codes:\n {2}0 /);
	}
	const version = moorline(context, place, "--version");
	assert.equal((await version.ended).code, 0);
	assert.match(version.stdout.join("\n"), /^\d+\.\d+\.\d+$/);
	assert.equal((await moorline(context, place).ended).code, 2);
});
