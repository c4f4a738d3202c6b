// SPDX-License-Identifier: Apache-2.0
/** From a crash to the line of the source that it was in. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Command, moorline, Place } from "./command.js";
import { writeProgram } from "./programs.js";

const TIMEOUT = 120_000;
const DEVICE_CODE = fileURLToPath(new URL("../../src", import.meta.url));

/** Dies at its first boot, and tells of it at its second. */
const PROGRAM = `
import host from "moorline/host";

interface Lamp { glow(): number }

function blink(lamp: Lamp | undefined): number {
	return lamp!.glow();
}

const { crash } = host.system;
if (crash === undefined) host.timer.set(() => { blink(undefined); }, 1);
else {
	host.trace(JSON.stringify({ ...crash, fingerprint: "0a1b2c3d", version: "1.2.0", product: "lamp", boot: 1, count: 2 }));
	host.system.restart();
}
`;

interface Told { name: string; module: string; line: number; origin: { source: string; line: number; column: number; isExact: boolean } | null }

async function frames(context: TestContext, place: Place, ...words: string[]): Promise<Told[]> {
	const command = moorline(context, place, "symbolicate", ...words, "--json");
	return (await command.event("symbolicated"))["frames"] as Told[];
}

async function ended(command: Command, code: number): Promise<string> {
	assert.deepEqual(await command.ended, { code, signal: null }, command.stderr.join("\n"));
	return command.stdout.join("\n");
}

test("symbolicate leads from what a program died of to its source, by the map that run wrote", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	const name = await writeProgram(place, "lamp.ts", PROGRAM);
	const run = moorline(context, place, "run", name, "--images", "--source-map", "lamp.map", "--directory", "state");
	const report = await run.line(line => line.startsWith("{"));
	run.kill("SIGINT");
	await run.ended;
	await writeFile(join(place.path, "report.json"), report);
	assert.doesNotMatch(report, /lamp\.ts/, "the device knows nothing of it");

	const text = await ended(moorline(context, place, "symbolicate", "report.json", "--map", "lamp.map"), 0);
	assert.match(text, /^exception: TypeError: [^\n]*\nlamp 1\.2\.0, boot 1, fingerprint 0a1b2c3d, 2 times\n {2}blink {2}lamp\.ts:7:15\n/);
	const [first, second, ...rest] = await frames(context, place, "report.json", "--map", "lamp.map");
	assert.deepEqual([first!.name, first!.origin], ["blink", { source: "lamp.ts", line: 7, column: 15, isExact: true }]);
	assert.equal(second!.origin!.line, 11);

	// A release has the same program in its image.
	await ended(moorline(context, place, "release", "--program", name, "--source-map", "release.map", "--product", "lamp", "--version", "1.2.0", "--counter", "1", "--unsigned", "--out", "lamp.mrl"), 0);
	assert.deepEqual(await frames(context, place, "report.json", "--map", "release.map"), [first, second, ...rest]);

	// XS knows no columns: then it is what the line begins with.
	const { stack } = JSON.parse(report) as { stack: string };
	await writeFile(join(place.path, "stack.txt"), stack.replace(/:(\d+):\d+\)/g, ":$1)"));
	const [line] = await frames(context, place, "stack.txt", "--map", "lamp.map");
	assert.deepEqual(line!.origin, { source: "lamp.ts", line: 7, column: 2, isExact: false });
	assert.match(await ended(moorline(context, place, "symbolicate", "stack.txt", "--map", "lamp.map"), 0), /^ {2}blink {2}lamp\.ts:7$/m);
});

test("symbolicate takes the maps of tsc, and does not guess between two", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	const built = await readFile(join(DEVICE_CODE, "operations/meters.js"), "utf8");
	const line = built.split("\n").findIndex(each => each.includes("value += count")) + 1;
	await writeFile(join(place.path, "stack.txt"), [
		`add (moorline/dist/src/operations/meters:${line})`, `Counter.add (meters.js:${line}:9)`, "index (index.js:3)", "send (mqtt/index.js:3)", "sort", "(main.js:1)",
	].join("\n"));
	const told = await frames(context, place, "stack.txt", "--map", DEVICE_CODE);
	assert.deepEqual(told.map(({ name }) => name), ["add", "Counter.add", "index", "send", "sort", ""]);
	assert.deepEqual(told.map(({ origin }) => origin?.source), ["src/operations/meters.ts", "src/operations/meters.ts", undefined, "src/mqtt/index.ts", undefined, undefined]);
	const source = await readFile(join(DEVICE_CODE, "../../src/operations/meters.ts"), "utf8");
	assert.match(source.split("\n")[told[0]!.origin!.line - 1]!, /value \+= count/);
	assert.match(await ended(moorline(context, place, "symbolicate", "stack.txt", "--map", DEVICE_CODE), 0), /^ {2}index {2}index\.js:3 \(not mapped\)\n.*\n {2}sort$/m);
});

test("symbolicate says what is wrong with reports and maps", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	const files = {
		"empty.map": JSON.stringify({ version: 3, file: "program.mjs", sources: [], names: [], mappings: "" }),
		"none.map": "{}", "torn.json": "{\"stack\": ", "watchdog.json": JSON.stringify({ reason: "watchdog", vitals: {} }), "stack.txt": "blink (program.mjs:3)",
	};
	for (const [name, content] of Object.entries(files)) await writeFile(join(place.path, name), content);
	assert.equal(await ended(moorline(context, place, "symbolicate", "watchdog.json", "--map", "empty.map"), 0), "watchdog\n  no stack");
	const mistakes = [
		["stack.txt", "empty.map", /argument: none of the frames is in these source maps/], ["stack.txt", "none.map", /argument: none\.map is no source map of version 3/],
		["stack.txt", "torn.json", /argument: torn\.json is no source map/], ["torn.json", "empty.map", /argument: the report is not JSON/],
		["missing", "empty.map", /storage: cannot read missing: ENOENT/], ["stack.txt", "missing", /storage: cannot read missing: ENOENT/],
		["stack.txt", ".", /argument: none\.map is no source map/],
	] as const;
	for (const [report, map, says] of mistakes) {
		const command = moorline(context, place, "symbolicate", report, "--map", map);
		await ended(command, 1);
		assert.match(command.stderr.join("\n"), says);
	}
	const command = moorline(context, place, "symbolicate", "stack.txt");
	await ended(command, 2);
	assert.match(command.stderr.join("\n"), /required option '--map <file>' not specified/);
	const needs = moorline(context, place, "release", "--product", "a", "--version", "1.0.0", "--counter", "1", "--image", "x", "--source-map", "y", "--unsigned", "--out", "z");
	await ended(needs, 2);
	assert.match(needs.stderr.join("\n"), /--source-map needs --program/);
	const world = moorline(context, place, "run", "x", "--host", "world", "--source-map", "y");
	await ended(world, 2);
	assert.match(world.stderr.join("\n"), /--source-map means nothing with --host world/);
});
