// SPDX-License-Identifier: Apache-2.0
/** `moorline run` as a user starts it: an unchanged program, on each host, with a cloud of its own. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { obstacle } from "../../hosts/xs/node/build.js";
import { type Event, LAMP, moorline, Place } from "./command.js";
import { lifeline, RESTARTS, writeProgram } from "./programs.js";

const TIMEOUT = 120_000;
/** The engine may have to be built first. */
const XS_TIMEOUT = 300_000;

const noXS = await obstacle(64);
const needsXS = noXS !== undefined && process.env["CI"] !== "true" ? `SKIPPED: ${noXS}` : false;
if (needsXS !== false) console.warn(needsXS);

const inSync = ({ line }: Event): boolean => /^lamp: in sync at version \d+$/.test(String(line));

test("the lamp connects with mutual TLS and syncs on Node; Ctrl-C leaves nothing", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	const command = moorline(context, place, "run", LAMP, "--json");
	await command.event("trace", inSync);
	assert.match(String((await command.event("cloud")).endpoint), /^mqtts:\/\/localhost:\d+$/);
	await command.event("online");
	assert.deepEqual((await command.event("shadow")).reported, { on: false, brightness: 100 });
	command.kill("SIGINT");
	assert.deepEqual(await command.ended, { code: 0, signal: null });
	assert.deepEqual(command.stderr, []);
	assert.deepEqual(await place.left(), []);
});

test("for people, the program's lines are on standard output and all else on standard error", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	const command = moorline(context, place, "run", join(LAMP, "main.ts"), "--id", "lamp-7");
	await command.line(line => line === "lamp-7: in sync at version 1");
	command.signal("SIGTERM");
	assert.deepEqual(await command.ended, { code: 0, signal: null });
	assert.deepEqual(command.stdout, ["lamp-7: connected", "lamp-7: in sync at version 1"]);
	assert.ok(command.stderr.includes("cloud: lamp-7 is online"));
});

test("a program that restarts its device is started again; when it ends, so does the command", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	const program = await writeProgram(place, "restarts.ts", RESTARTS);
	const command = moorline(context, place, "run", program);
	assert.deepEqual(await command.ended, { code: 0, signal: null });
	assert.deepEqual(command.stdout, ["boot 1 power-on", "boot 2 software"]);
});

test("--directory keeps what the device keeps from one run to the next", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	const program = await writeProgram(place, "restarts.js", RESTARTS);
	assert.equal((await moorline(context, place, "run", program, "--directory", "flash").ended).code, 0);
	const second = moorline(context, place, "run", program, "--directory", "flash");
	assert.equal((await second.ended).code, 0);
	assert.deepEqual(second.stdout, ["boot 3 power-on"]);
});

test("--for ends a program that would go on", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	const { text } = await lifeline(context);
	const command = moorline(context, place, "run", await writeProgram(place, "waits.ts", text), "--for", "1s");
	assert.deepEqual(await command.ended, { code: 0, signal: null });
	assert.deepEqual(await place.left(), []);
});

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"] as const) {
	test(`${signal} to the command alone ends the device's process, too`, { timeout: TIMEOUT }, async context => {
		const place = await Place.make(context);
		const { text, held } = await lifeline(context);
		const command = moorline(context, place, "run", await writeProgram(place, "waits.ts", text));
		const { lost } = await held;
		command.signal(signal);
		await lost;
		const expected = signal === "SIGKILL" ? { code: null, signal } : { code: 0, signal: null };
		assert.deepEqual(await command.ended, expected);
	});
}

test("a world's seed gives its fingerprint, each time, and another seed another", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	const fingerprint = async (...words: string[]): Promise<unknown> => {
		const command = moorline(context, place, "run", LAMP, "--host", "world", "--json", ...words);
		assert.deepEqual(await command.ended, { code: 0, signal: null }, command.stdout.join("\n"));
		await command.event("trace", inSync);
		return (await command.event("fingerprint")).fingerprint;
	};
	const first = await fingerprint("--seed", "7");
	assert.match(String(first), /^[0-9a-f]{16}$/);
	assert.equal(await fingerprint("--seed", "7"), first);
	assert.notEqual(await fingerprint("--seed", "8"), first);
	assert.notEqual(await fingerprint("--seed", "7", "--for", "2h"), first);
});

test("the lamp syncs on the XS engine", { timeout: XS_TIMEOUT, skip: needsXS }, async context => {
	const place = await Place.make(context);
	const command = moorline(context, place, "run", LAMP, "--host", "xs", "--json");
	await command.event("trace", inSync);
	command.kill("SIGINT");
	assert.deepEqual(await command.ended, { code: 0, signal: null }, [...command.stdout, ...command.stderr].join("\n"));
	assert.deepEqual(await place.left(), []);
});
