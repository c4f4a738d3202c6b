// SPDX-License-Identifier: Apache-2.0
/** `npm start`: the day goes well, and when it does not it says why and leaves nothing behind. */
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { DeviceError } from "../../src/base/error.js";
import { Day, type DayOptions } from "../../hosts/simulator/day/day.js";
import { Observer } from "../../hosts/simulator/day/observer.js";
import { Command, DAY, LAMP, Place } from "./command.js";
import { FAILS, lifeline } from "./programs.js";

const TIMEOUT = 120_000;

function makeDay(options: Partial<DayOptions> = {}): Day {
	return new Day({ program: LAMP, deadline: TIMEOUT, onLine: () => undefined, onProgress: () => undefined, ...options });
}

/** Blocks that a device asks for ahead. */
const WINDOW = 8;

/** A folder with this program. */
async function folder(place: Place, text: string): Promise<string> {
	const path = join(place.path, "program");
	await mkdir(path);
	await writeFile(join(path, "main.ts"), text);
	return path;
}

test("the day goes well: every step is told, the summary says what was seen, nothing is left", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	const command = new Command(context, place, [DAY]);
	assert.deepEqual(await command.ended, { code: 0, signal: null }, command.stderr.join("\n"));
	const said = command.stdout.join("\n");
	for (const { title } of makeDay().steps) assert.ok(said.includes(title), title);
	assert.match(said, /connects with mutual TLS .* online \d+ ms after power-on, in sync at version 1/);
	assert.match(said, /reported at version 3 after \d+ ms: \{"on":true,"brightness":40\}/);
	assert.match(said, /away for \d+ ms, connection 2; meanwhile desired at version 4/);
	assert.match(said, /version 5 after \d+ ms: \{"on":true,"brightness":80\}/);
	assert.match(said, /2\.0\.0, [\d,]+ bytes, signed with key [0-9a-f]{16}/);
	assert.match(said, /\[#+-+\] {2}\d+ % of [\d,]+ bytes/);
	const [, before] = /at (?:[5-9]\d) %, (\d+) blocks sent; IN_PROGRESS \{"update":"receiving"/.exec(said)!;
	const [, first, after, again] = /from block (\d+) on, (\d+) blocks sent, (\d+) of them again/.exec(said)!;
	// Of what was asked for ahead when the power failed, nothing stands in the flash.
	assert.ok(Number(first) > 0 && Number(before) - Number(first) <= 2 * WINDOW, `${before} ${first}`);
	assert.ok(Number(again) <= 2 * WINDOW && Number(after) > Number(again), `${after} ${again}`);
	assert.match(said, /SUCCEEDED \{"update":"done","version":"2\.0\.0"\} after \d+ ms, in sync at version 5/);
	assert.match(said, /patch of [\d,]+ bytes; FAILED \{"update":"failed","version":"2\.0\.0","reason":"crashed"\}, in sync at version 7/);
	assert.match(said, /\{"on":true,"brightness":60\}/);
	assert.match(said, /The day went well, in \d+\.\d s\.$/);
	assert.deepEqual(await place.left(), []);
});

test("Ctrl-C ends the day with 130 and leaves nothing", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	const command = new Command(context, place, [DAY]);
	await command.line(line => line.includes("lamp-1 is online"));
	command.kill("SIGINT");
	assert.deepEqual(await command.ended, { code: 130, signal: null });
	assert.ok(!command.stdout.join("\n").includes("The day went well"));
	assert.deepEqual(await place.left(), []);
});

test("a device that does not come fails its step within the deadline, and its process ends", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	const { text, held } = await lifeline(context);
	const day = makeDay({ program: await folder(place, text), deadline: 500 });
	const [open, make, connect] = day.steps;
	await open!.run();
	await make!.run();
	await assert.rejects(connect!.run(), { code: "timeout", message: "the lamp connects: not within 0.5 s" });
	const { lost } = await held;
	await day.close();
	await lost;
});

test("a program that dies fails the step with its own code at once", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	const day = makeDay({ program: await folder(place, FAILS) });
	context.after(() => day.close());
	for (const step of day.steps.slice(0, 2)) await step.run();
	await assert.rejects(day.steps[2]!.run(), { code: "credential" });
});

test("Observer: a condition is looked at when something is noticed, and failure ends all waiting, now and later", async () => {
	const observer = new Observer();
	let value = 0;
	const reached = observer.until("two", TIMEOUT, () => value === 2);
	for (; value < 2; value++) observer.notice();
	observer.notice();
	await reached;
	const never = observer.until("three", TIMEOUT, () => value === 3);
	observer.fail(new Error("gone"));
	await assert.rejects(never, /gone/);
	await assert.rejects(observer.until("four", TIMEOUT, () => true), (error: DeviceError) => error.message === "gone");
});
