// SPDX-License-Identifier: Apache-2.0
/** `npm start`: the day goes well, and when it does not it says why and leaves nothing behind. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { DeviceError } from "../../src/base/error.js";
import { Day } from "../../hosts/simulator/day/day.js";
import { Observer } from "../../hosts/simulator/day/observer.js";
import { Command, DAY, LAMP, Place } from "./command.js";
import { FAILS, lifeline } from "./programs.js";

const TIMEOUT = 120_000;

test("the day goes well: every step is told, the summary says what was seen, nothing is left", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	const command = new Command(context, place, [DAY]);
	assert.deepEqual(await command.ended, { code: 0, signal: null }, command.stderr.join("\n"));
	const said = command.stdout.join("\n");
	for (const { title } of new Day({ program: LAMP, deadline: 1, onLine: () => undefined }).steps) assert.ok(said.includes(title), title);
	assert.match(said, /connects with mutual TLS .* online \d+ ms after power-on, in sync at version 1/);
	assert.match(said, /reported at version 3 after \d+ ms: \{"on":true,"brightness":40\}/);
	assert.match(said, /away for \d+ ms, connection 2; meanwhile desired at version 4/);
	assert.match(said, /version 5 after \d+ ms: \{"on":true,"brightness":80\}/);
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
	await writeFile(join(place.path, "main.ts"), text);
	const day = new Day({ program: place.path, deadline: 500, onLine: () => undefined });
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
	await writeFile(join(place.path, "main.ts"), FAILS);
	const day = new Day({ program: place.path, deadline: TIMEOUT, onLine: () => undefined });
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
