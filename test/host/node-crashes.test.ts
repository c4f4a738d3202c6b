// SPDX-License-Identifier: Apache-2.0
/** Crashes on the Node host: what the process writes down before it ends, and who starts it again. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { createHost } from "../../hosts/node/index.js";
import { runProcess, type DeviceProcessOptions } from "../../hosts/simulator/cli/process.js";
import { BODY, checkCrash, CRASHES, EXHAUSTION, OVERFLOW, programOf, REJECTION, type CrashCase } from "./crashes.js";

const TIMEOUT = { timeout: 60_000 };
const HOST = `import host from ${JSON.stringify(new URL("../../hosts/node/index.js", import.meta.url).href)};\n`;

class Bench {
	readonly directory: string;
	readonly lines: string[] = [];
	readonly errors: string[] = [];
	readonly reasons: string[] = [];
	cutPower = (): void => {};

	constructor(context: TestContext) {
		this.directory = mkdtempSync(join(tmpdir(), "moorline-crashes-"));
		context.after(() => rmSync(this.directory, { recursive: true }));
	}

	get device(): string {
		return join(this.directory, "device");
	}

	run(source: string, options: Partial<DeviceProcessOptions> = {}): Promise<void> {
		const file = join(this.directory, "program.mjs");
		writeFileSync(file, HOST + source);
		return runProcess({
			file, directory: this.device,
			onLine: (line, stream) => (stream === "stdout" ? this.lines : this.errors).push(line),
			onStart: cutPower => { this.cutPower = cutPower; },
			onRestart: reason => this.reasons.push(reason),
			...options,
		}, new AbortController().signal);
	}
}

async function crash(context: TestContext, one: CrashCase, code = "internal"): Promise<Bench> {
	const bench = new Bench(context);
	await assert.rejects(bench.run(programOf(one)), { code });
	await bench.run(programOf(one));
	assert.deepEqual(bench.reasons, ["software"]);
	return bench;
}

/** Node evaluates a module by a promise. */
const MODULE: CrashCase = { ...BODY, crash: { ...BODY.crash, reason: "rejection" } };

// What a crash says does not depend on who is told; test/world has all of them.
for (const one of [CRASHES[0]!, MODULE, REJECTION, OVERFLOW]) {
	test(`Node: ${one.name} is told after it`, TIMEOUT, async context => {
		const { lines } = await crash(context, one);
		assert.match(checkCrash(one, lines).stack, /\(program\.mjs:\d+:\d+\)/);
	});
}

test(`Node: ${EXHAUSTION.name} is told after it; what was retained is lost with the process`, TIMEOUT, async context => {
	process.env["NODE_OPTIONS"] = "--max-old-space-size=32";
	context.after(() => { delete process.env["NODE_OPTIONS"]; });
	const { lines } = await crash(context, EXHAUSTION);
	checkCrash(EXHAUSTION, lines, false);
});

test("Node: with images a device that crashed starts again, confirmed or not, and its developer sees why", TIMEOUT, async context => {
	const one = CRASHES[0]!, bench = new Bench(context);
	await bench.run("", { images: { factory: Buffer.from(HOST + programOf(one)), slot: 65_536 } });
	checkCrash(one, bench.lines);
	assert.deepEqual(bench.reasons, ["exception", "software"]);
	assert.match(bench.errors.join("\n"), /RangeError: too far\n\s+at thrower/);
});

test("Node: the watchdog that ends an image on trial is a crash", TIMEOUT, async context => {
	const bench = new Bench(context), source = "host.trace(JSON.stringify(host.system.crash ?? null));";
	const hung = "for (;;);";
	const factory = `${HOST}
		${source}
		if (host.system.crash === undefined) {
			const { flash, images, text } = host;
			const { wrapImage } = await import(${JSON.stringify(new URL("../../hosts/boot/index.js", import.meta.url).href)});
			const bytes = new TextEncoder().encode(${JSON.stringify(HOST + hung)});
			const next = flash.open({ path: "nextota" });
			next.eraseBlock(0, next.size / next.blockLength);
			next.write(wrapImage(bytes, host.crypto), 0);
			next.close();
			images.activate();
			host.system.restart();
		}
	`;
	await bench.run("", { images: { factory: Buffer.from(factory), slot: 65_536, trialTimeout: 500 } });
	assert.deepEqual(bench.lines.map(line => JSON.parse(line) as unknown), [null, { reason: "watchdog", message: "", stack: "" }]);
});

test("Node: a crash is told once, and not after a run that ended well", TIMEOUT, async context => {
	const bench = new Bench(context), tell = "host.trace(String(host.system.crash?.message));";
	await assert.rejects(bench.run('throw new Error("first")'), { message: "first" });
	await bench.run("// Asks for nothing.");
	await bench.run(tell);
	await assert.rejects(bench.run('throw new Error("second")'), { message: "second" });
	await bench.run(`${tell} ${tell}`);
	assert.deepEqual(bench.lines, ["undefined", "Error: second", "Error: second"]);
});

test("Node: after SIGKILL what was retained is noise", TIMEOUT, async context => {
	const bench = new Bench(context);
	const source = `
		const { retained } = host.system;
		host.trace(String(retained.every(byte => byte === 7)));
		retained.fill(7);
	`;
	await bench.run(source);
	const killed = bench.run(`${source} host.trace("alive"); setInterval(() => {}, 1_000);`, {
		onLine: line => {
			bench.lines.push(line);
			if (line === "alive") bench.cutPower();
		},
	});
	await assert.rejects(killed, { message: "the program ended with SIGKILL" });
	await bench.run(source);
	assert.deepEqual(bench.lines, ["false", "true", "alive", "false"]);
});

test("Node: hosts of one directory have one memory, and a host that asks for none leaves no file", context => {
	const { device } = new Bench(context), host = createHost({ directory: device });
	host.storage.open({ path: "domain" }).write("key", new Uint8Array(1));
	assert.equal(host.system.crash, undefined);
	assert.deepEqual(readdirSync(device), ["storage"]);
	assert.equal(createHost({ directory: device }).system.retained, host.system.retained);
});
