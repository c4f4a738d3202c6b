// SPDX-License-Identifier: Apache-2.0
/**
 * `moorline run --record` and `moorline replay`: the lamp and the meter, recorded on Node, end in the same state when they
 * are replayed. The thing and the update are recorded where they are tested.
 */
import assert from "node:assert/strict";
import { readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { replay } from "../../hosts/record/index.js";
import { beginRecording, openRecording } from "../../hosts/simulator/cli/recording.js";
import { Broker, serve } from "../../hosts/simulator/index.js";
import { type Event, LAMP, METER, moorline, Place } from "./command.js";
import { writeProgram } from "./programs.js";
import { assertNoSecrets, assertReplays } from "./replays.js";

const TIMEOUT = 120_000;

const inSync = ({ line }: Event): boolean => /^lamp: in sync at version \d+$/.test(String(line));

test("the lamp, recorded on Node, replays to the same state; its key is not in the recording", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	const command = moorline(context, place, "run", LAMP, "--directory", "lamp", "--record", "lamp.rec", "--json");
	await command.event("trace", inSync);
	command.kill("SIGINT");
	assert.deepEqual(await command.ended, { code: 0, signal: null });
	const recorded = await command.event("recording"), traces = ["lamp: connected", "lamp: in sync at version 1"];
	assert.equal(await assertReplays(place, "lamp.rec", traces), recorded.fingerprint);
	await assertNoSecrets(place, "lamp.rec", "lamp");
	// The same program by its name, and one that says something else.
	const same = moorline(context, place, "replay", "lamp.rec", LAMP, "--json");
	assert.deepEqual(await same.ended, { code: 0, signal: null });
	assert.deepEqual(same.stdout.map(line => JSON.parse(line) as Event).filter(({ event }) => event === "trace").map(({ line }) => line), traces);
	assert.equal((await same.event("replay")).fingerprint, recorded.fingerprint);
	await same.event("state", ({ name }) => name === "storage shadow");
	const text = await readFile(join(LAMP, "main.ts"), "utf8"), changed = text.replace("}: connected`", "}: is here`");
	assert.notEqual(changed, text);
	const other = moorline(context, place, "replay", "lamp.rec", await writeProgram(place, "other.ts", changed));
	assert.deepEqual(await other.ended, { code: 1, signal: null });
	assert.match(other.stderr.join("\n"), /^moorline: rejected: the replay left the recording at record \d+: expected another trace, but the program did trace \(lamp: is here\)$/);
	// What a power cut of this machine leaves of the file is replayed as far as it goes.
	await truncate(join(place.path, "lamp.rec"), Number(recorded.bytes) - 20);
	const cut = await openRecording(join(place.path, "lamp.rec"));
	assert.equal(cut.isWhole, false);
	assert.equal((await replay({ recording: cut })).state, undefined);
});

test("the meter, which delivers exactly once from its flash, replays", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context), server = await serve(new Broker(), { port: 0 });
	context.after(() => server.close());
	const text = await readFile(join(METER, "main.ts"), "utf8");
	const program = text.replace("port: 1883", `port: ${server.port!}`).replace("INTERVAL = 1_000", "INTERVAL = 20");
	const command = moorline(context, place, "run", await writeProgram(place, "meter.ts", program), "--id", "meter", "--broker", `mqtt://127.0.0.1:${server.port!}`, "--record", "meter.rec");
	await command.line(line => /^reading 5 arrived$/.test(line));
	command.kill("SIGINT");
	assert.deepEqual(await command.ended, { code: 0, signal: null });
	await assertReplays(place, "meter.rec", command.stdout);
});

test("a program that asks past its host is told so; one that restarts is one recording, in the place of what was there", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	const program = await writeProgram(place, "dice.ts", `
		import host from "moorline/host";
		const boots = host.storage.open({ path: "boots" });
		if (boots.keys().length === 0) { boots.write("count", Uint8Array.of(1)); host.system.restart(); }
		host.timer.set(() => { if (Math.random() < 2) host.trace("thrown"); new Date(0); }, 1);
	`);
	await writeFile(join(place.path, "dice.rec"), "of another time");
	const command = moorline(context, place, "run", program, "--record", "dice.rec");
	assert.deepEqual(await command.ended, { code: 0, signal: null });
	assert.deepEqual(command.stderr.filter(line => line.startsWith("moorline:")), ["moorline: the program asks Math.random, which no replay knows; its host has the same"]);
	await assertReplays(place, "dice.rec", ["thrown"]);
});

test("a world's run replays, too", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	const command = moorline(context, place, "run", LAMP, "--host", "world", "--for", "10m", "--record", "lamp.rec", "--json");
	assert.deepEqual(await command.ended, { code: 0, signal: null });
	const traces = command.stdout.map(line => JSON.parse(line) as Event).filter(({ event }) => event === "trace").map(({ line }) => String(line));
	assert.equal(await assertReplays(place, "lamp.rec", traces), (await command.event("recording")).fingerprint);
});

test("what is no recording, and no place for one, ends in one line with its code", { timeout: TIMEOUT }, async context => {
	const place = await Place.make(context);
	await writeFile(join(place.path, "none.rec"), "no recording");
	const none = moorline(context, place, "replay", "none.rec");
	assert.deepEqual(await none.ended, { code: 1, signal: null });
	assert.match(none.stderr.join("\n"), /^moorline: malformed: not a recording, or a damaged one: /);
	const xs = moorline(context, place, "run", LAMP, "--host", "xs", "--record", "xs.rec");
	assert.deepEqual(await xs.ended, { code: 2, signal: null });
	assert.match(xs.stderr.join("\n"), /^moorline: argument: --record means nothing with --host xs$/);
	await assert.rejects(openRecording(join(place.path, "missing.rec")), { code: "storage", message: /^cannot read .*missing\.rec: ENOENT$/ });
	await assert.rejects(beginRecording(join(place.path, "no", "place.rec")), { code: "storage", message: /^cannot write .*place\.rec: ENOENT$/ });
});
