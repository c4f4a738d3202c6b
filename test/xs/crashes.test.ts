// SPDX-License-Identifier: Apache-2.0
/** Crashes on XS: what the engine had to say, where in the source it was, and what outlives the process. */
import assert from "node:assert/strict";
import { buildSync } from "esbuild";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { SourceMap, type SourceMapPayload } from "node:module";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { packageRoot, type Bits } from "../../hosts/xs/node/build.js";
import { ExitCode, runXS, type RunOptions, type RunResult } from "../../hosts/xs/node/run.js";
import type { Crash } from "../../src/host.js";
import { BODY, checkCrash, CRASHES, EXHAUSTION, OVERFLOW, programOf, REJECTION, type CrashCase } from "../host/crashes.js";
import { availableBits, temporaryDirectory } from "./runner.js";

const LIMIT_MS = 60_000;
const HOST = 'import host from "moorline/host";\n';

class Bench {
	readonly directory = temporaryDirectory();
	readonly lines: string[] = [];
	readonly #bits: Bits;

	constructor(context: TestContext, bits: Bits) {
		this.#bits = bits;
		context.after(() => rmSync(this.directory, { recursive: true }));
	}

	get program(): string {
		return join(this.directory, "program.js");
	}

	run(source: string | undefined, options: Partial<RunOptions> = {}): Promise<RunResult> {
		if (source !== undefined) writeFileSync(this.program, HOST + source);
		return runXS({
			program: this.program, directory: this.directory, bits: this.#bits, signal: AbortSignal.timeout(LIMIT_MS),
			// What the program does not need would only take time.
			preload: [join(packageRoot, "dist/hosts/xs/index.js")],
			onLine: line => this.lines.push(line),
			...options,
		});
	}
}

/** What only this engine dies of, or tells. */
const OWN: readonly (CrashCase & { readonly options?: Partial<RunOptions> })[] = [{
	name: "a stack of C that is full",
	body: `
		function compare(a, b) { return [a, b].sort(compare).length; }
		host.timer.set(() => { [3, 2, 1].sort(compare); return 1; }, 1);
	`,
	options: { stack: 2 ** 20, arena: 2 ** 28 },
	crash: { reason: "native-stack", message: "native stack overflow", stack: /^(?:sort\n)?compare \(program\.js:\d+\)/ },
}, {
	name: "a chunk that finds no room",
	body: `
		function greedy() { return new Uint8Array(10_000_000); }
		host.timer.set(() => { greedy().fill(1); }, 1);
	`,
	crash: { reason: "memory", message: "memory full: chunks", stack: /greedy \(program\.js:\d+\)/ },
}, {
	name: "a stack that a native function fills",
	body: `
		function asker() { [3, 2, 1].sort(function compare(a, b) { return [a, b].sort(compare).length; }); }
		host.timer.set(() => { asker(); return 1; }, 1);
	`,
	crash: { reason: "stack", message: /^stack overflow: 384 slots$/, stack: /^compare \(program\.js:\d+\)\nsort\ncompare/ },
}, {
	name: "an error of the SDK",
	body: `
		function asker() { host.storage.open({ path: "a name that is too long" }); }
		host.timer.set(() => { asker(); return 1; }, 1);
	`,
	crash: { reason: "exception", message: /^DeviceError: /, stack: /^DeviceError \(error\.js:\d+\)\n(?:.*\n)*asker \(program\.js:\d+\)/ },
}];

const CODES: Readonly<Partial<Record<Crash["reason"], number>>> = {
	exception: ExitCode.EXCEPTION, rejection: ExitCode.REJECTION, memory: ExitCode.MEMORY_FULL, stack: ExitCode.STACK_OVERFLOW,
	"native-stack": ExitCode.STACK_OVERFLOW,
};

/** What `moorline run` makes of it: one file, and a map to the sources. */
const SOURCE = `
	import host from "moorline/host";
	type Way = "exception" | "memory" | "stack";
	interface Lamp { switch(): void }
	const ways: Record<Way, () => unknown> = {
		exception() {
			const lamp: Lamp | undefined = undefined;
			return (lamp as unknown as Lamp).switch(); // exception
		},
		memory() {
			let list: unknown;
			for (;;) list = { list }; // memory
		},
		stack() {
			const deeper = (depth: number): number => 1 + deeper(depth + 1); // stack
			return deeper(0);
		},
	};
	const { crash } = host.system;
	if (crash !== undefined) host.trace(JSON.stringify(crash));
	else host.timer.set(() => { ways[WAY as Way](); return 0; }, 1);
`;

for (const bits of await availableBits()) {
	for (const { options, ...one } of [...CRASHES, BODY, REJECTION, OVERFLOW, EXHAUSTION, ...OWN] as typeof OWN) {
		test(`XS ${bits}: ${one.name} is told after it`, async context => {
			const bench = new Bench(context, bits);
			const { code } = await bench.run(programOf(one), options);
			assert.equal(code, CODES[one.crash.reason]);
			assert.deepEqual(await bench.run(undefined).then(({ code, restarts }) => [code, restarts]), [0, 1]);
			const { stack } = checkCrash(one, bench.lines);
			if (stack !== "") assert.match(stack, /\(program\.js:\d+\)/);
		});
	}

	for (const way of ["exception", "memory", "stack"]) {
		test(`XS ${bits}: through the source map, ${way} leads to function, file and line`, async context => {
			const bench = new Bench(context, bits), source = join(bench.directory, "lamp.ts");
			writeFileSync(source, SOURCE);
			buildSync({
				entryPoints: [source], outfile: bench.program, bundle: true, format: "esm", target: "es2022", sourcemap: "external",
				external: ["moorline/*"], define: { WAY: JSON.stringify(way) },
			});
			const before = await bench.run(undefined);
			assert.equal(before.code, CODES[way as Crash["reason"]]);
			await bench.run(undefined);
			const { reason, stack } = JSON.parse(bench.lines[0]!) as Crash;
			assert.equal(reason, way);
			const [, name, line] = /^(\w+) \(program\.js:(\d+)\)/.exec(stack)!;
			assert.equal(name, way === "stack" ? "deeper" : way);
			const map = new SourceMap(JSON.parse(readFileSync(`${bench.program}.map`, "utf8")) as SourceMapPayload);
			const text = readFileSync(bench.program, "utf8").split("\n")[Number(line) - 1]!;
			const found = map.findEntry(Number(line) - 1, text.length) as { originalSource: string; originalLine: number };
			assert.match(found.originalSource, /lamp\.ts$/);
			assert.match(SOURCE.split("\n")[found.originalLine]!, new RegExp(`// ${way}$`));
		});
	}

	test(`XS ${bits}: a crash is told once, and not after a run that ended well`, async context => {
		const bench = new Bench(context, bits), tell = "host.trace(String(host.system.crash?.message));";
		await bench.run('throw new Error("first");');
		await bench.run("// Asks for nothing.");
		await bench.run(tell);
		await bench.run('throw new Error("second");');
		await bench.run(tell + tell, { resetReason: "exception" });
		assert.deepEqual(bench.lines, ["undefined", "Error: second", "Error: second"]);
	});

	test(`XS ${bits}: an error tells where it was made however long ago, and for whom its text is asked`, async context => {
		const bench = new Bench(context, bits);
		await bench.run(`
			function maker() { return new RangeError("old"); }
			const old = maker();
			for (let index = 0; index < 1_000; index++) new Error("new");
			host.system.heap();
			host.trace(old.stack.split("\\n")[1]);
			throw old;
		`);
		await bench.run("host.trace(host.system.crash.stack);");
		assert.deepEqual(bench.lines, [" at maker ()", "maker (program.js:3)", "(program.js:4)"]);
	});

	test(`XS ${bits}: after a power cut what was retained is noise`, async context => {
		const bench = new Bench(context, bits), ended = new AbortController();
		const source = `
			const { retained } = host.system;
			host.trace(String(retained.every((byte) => byte === 7)));
			retained.fill(7);
		`;
		await bench.run(source);
		await bench.run(`${source} host.trace("alive"); host.timer.repeat(() => {}, 1_000);`, {
			signal: ended.signal,
			onLine(line) {
				bench.lines.push(line);
				if (line === "alive") ended.abort();
			},
		});
		await bench.run(source);
		assert.deepEqual(bench.lines, ["false", "true", "alive", "false"]);
	});

	test(`XS ${bits}: the heap's peaks and collections are told`, async context => {
		const bench = new Bench(context, bits);
		await bench.run(`
			const before = host.system.heap();
			(() => new Uint8Array(20_000))();
			const after = host.system.heap();
			host.trace([
				after.chunks - before.chunks < 20_000, after.chunksPeak - before.chunksPeak >= 15_000, after.slotsPeak >= after.slots,
				after.collections > before.collections,
			].join());
		`);
		assert.deepEqual(bench.lines, ["true,true,true,true"]);
	});
}
