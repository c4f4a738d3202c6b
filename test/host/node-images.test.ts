// SPDX-License-Identifier: Apache-2.0
/** A device of Node with two images: its supervisor as boot loader and watchdog, and a SIGKILL as its power cut. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { wrapImage } from "../../hosts/boot/index.js";
import { crypto } from "../../hosts/node/digest.js";
import { BootLoader, createHost } from "../../hosts/node/index.js";
import { runProcess, type DeviceProcessOptions } from "../../hosts/simulator/cli/process.js";
import { refuses } from "./bench.js";

const TIMEOUT = { timeout: 120_000 };
const SLOT = 65_536;
const HOST = new URL("../../hosts/node/index.js", import.meta.url).href;
/** What programs here share: `say` tells who runs and why, `install` puts the other image into its slot, block by block. */
const COMMON = `
	import { readFileSync } from "node:fs";
	import host from ${JSON.stringify(HOST)};
	const { images, flash, system } = host;
	const counts = host.storage.open({ path: "counts" });
	/** How often this was called, over all boots. */
	function count(key) {
		const value = (counts.read(key)?.[0] ?? 0) + 1;
		counts.write(key, Uint8Array.of(value));
		return value;
	}
	let point = 0;
	/** A place where the power may fail, once. */
	function risk() {
		if (++point === Number(process.env.KILL_AT) && count("killed") === 1) {
			process.kill(process.pid, "SIGKILL");
			for (;;);
		}
	}
	function install(file) {
		const image = new Uint8Array(readFileSync(file)), next = flash.open({ path: "nextota" });
		for (let offset = 0; offset < image.byteLength; offset += 4096) {
			next.eraseBlock(offset / 4096);
			risk();
			next.write(image.subarray(offset, offset + 4096), offset);
			risk();
		}
		next.close();
		images.activate();
		risk();
	}
	function say(name) {
		host.trace(name + (images.onTrial ? "? " : " ") + system.resetReason);
	}
`;

class Bench {
	readonly directory: string;
	readonly lines: string[] = [];
	readonly reasons: string[] = [];

	constructor(context: TestContext) {
		this.directory = mkdtempSync(join(tmpdir(), "moorline-images-"));
		context.after(() => rmSync(this.directory, { recursive: true }));
	}

	/** Makes an image for `install`. @returns its file */
	image(name: string, source: string): string {
		const file = join(this.directory, `${name}.image`);
		writeFileSync(file, wrapImage(Buffer.from(COMMON + source), crypto));
		return file;
	}

	run(source: string, options: Partial<DeviceProcessOptions["images"]> = {}): Promise<void> {
		const { directory } = this;
		return runProcess({
			file: join(directory, "program.mjs"), directory: join(directory, "device"),
			onLine: (line, stream) => { if (stream === "stdout") this.lines.push(line); },
			onRestart: reason => this.reasons.push(reason),
			images: { factory: Buffer.from(COMMON + source), slot: SLOT, ...options },
		}, new AbortController().signal);
	}

	/** One that updates itself once, and ends when it is back. */
	one(file: string): string {
		return `say("one"); if (count("updates") === 1) { install(${JSON.stringify(file)}); system.restart(); }`;
	}
}

test("an image is installed, tried, confirmed, and runs from then on", TIMEOUT, async context => {
	const bench = new Bench(context), two = bench.image("two", `
		say("two");
		if (images.onTrial) { images.confirm(); system.restart(); }
		host.trace(String(images.canRevert));
	`);
	await bench.run(bench.one(two));
	assert.deepEqual(bench.lines, ["one power-on", "two? software", "two software", "true"]);
	assert.deepEqual(bench.reasons, ["software", "software"]);
	await bench.run("the factory is not asked again");
	assert.deepEqual(bench.lines.slice(4), ["two power-on", "true"]);
});

test("an image on trial that throws, exits, is no program, restarts or reverts, is reverted", TIMEOUT, async context => {
	const cases = [
		["throw new Error('on trial')", "exception"], ["process.exit(1)", "exception"], ["this is no program", "exception"],
		["system.restart()", "software"], ["images.revert()", "software"], ["process.kill(process.pid, 'SIGKILL')", "power-on"],
	] as const;
	for (const [source, reason] of cases) {
		const bench = new Bench(context), two = bench.image("two", source);
		await bench.run(bench.one(two));
		assert.deepEqual(bench.lines, ["one power-on", `one ${reason}`], source);
	}
});

test("an image on trial that hangs is ended by the watchdog, one that was confirmed in time is not", TIMEOUT, async context => {
	const bench = new Bench(context), trialTimeout = 1_500;
	const two = bench.image("two", "say('two'); for (;;);");
	await bench.run(bench.one(two), { trialTimeout });
	assert.deepEqual(bench.lines, ["one power-on", "two? software", "one watchdog"]);
	const other = new Bench(context), three = other.image("three", `
		say("three"); images.confirm(); host.timer.set(() => { host.trace("alive"); process.exit(0); }, ${trialTimeout + 300});
	`);
	await other.run(other.one(three), { trialTimeout });
	assert.deepEqual(other.lines, ["one power-on", "three? software", "alive"]);
});

test("a confirmed image that crashes is the one that boots again", TIMEOUT, async context => {
	const bench = new Bench(context);
	const two = bench.image("two", `say("two"); if (images.onTrial) { images.confirm(); throw new Error("after the trial"); }`);
	await bench.run(bench.one(two));
	assert.deepEqual(bench.lines, ["one power-on", "two? software", "two exception"]);
});

test("a SIGKILL at any point of an update leaves a device that boots, and that updates itself in the end", TIMEOUT, async context => {
	const padding = `\n// ${"x".repeat(9_000)}`;
	for (let kill = 1, killed = true; killed; kill++) {
		const bench = new Bench(context), two = bench.image("two", `
			say("two"); risk();
			if (images.onTrial) { images.confirm(); risk(); }
			host.trace("done " + (counts.read("killed")?.[0] ?? 0));
		${padding}`);
		process.env["KILL_AT"] = String(kill);
		await bench.run(`say("one"); install(${JSON.stringify(two)}); system.restart();`);
		const last = bench.lines.at(-1)!;
		killed = last !== "done 0";
		assert.deepEqual(bench.reasons.filter(reason => reason !== "software"), killed ? ["power-on"] : []);
		assert.ok(killed || kill > 5, `${kill} kills`);
	}
	delete process.env["KILL_AT"];
});

test("createHost: the program's slots, and what of them it may write", context => {
	const directory = join(new Bench(context).directory, "device"), loader = new BootLoader(directory, SLOT);
	loader.manufacture(Buffer.from("content"));
	assert.deepEqual(loader.select(), { slot: 0, onTrial: false });
	assert.equal(Buffer.from(loader.load({ slot: 0, onTrial: false })).toString(), "content");
	const host = createHost({ directory, images: { slot: SLOT } });
	assert.equal(host.flash.open({ path: "running" }).size, SLOT);
	assert.equal(host.flash.open({ path: "session" }).size, 65_536);
	refuses("argument", () => host.flash.open({ path: "otadata" }));
	refuses("argument", () => createHost({ directory, images: { slot: 100 } }));
	refuses("too-large", () => new BootLoader(join(directory, "other"), SLOT).manufacture(new Uint8Array(SLOT)));
	refuses("corrupt", () => new BootLoader(join(directory, "other"), SLOT).select());
	assert.equal(createHost({ directory }).images, undefined);
});
