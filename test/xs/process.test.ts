// SPDX-License-Identifier: Apache-2.0
/** What the XS host promises as a process: how it ends, what it says then, what outlives it, and what preloading allows. */
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import type { Bits } from "../../hosts/xs/node/build.js";
import { startRelay } from "../../hosts/xs/node/relay.js";
import { ExitCode, runXS, sdkModules, type RunOptions, type RunResult } from "../../hosts/xs/node/run.js";
import { availableBits, temporaryDirectory } from "./runner.js";

const LIMIT_MS = 60_000;

interface Outcome extends RunResult { lines: string[] }

/** Runs a program given as text. `preload` is the text of a module `./preloaded.js`, preloaded before it. */
async function run(bits: Bits, source: string, options: Partial<RunOptions> & { preloadSource?: string } = {}): Promise<Outcome> {
	const directory = options.directory ?? temporaryDirectory();
	const { preloadSource, ...rest } = options;
	const lines: string[] = [];
	const program = join(directory, "program.js");
	const preloaded = join(directory, "preloaded.js");
	writeFileSync(program, source);
	if (preloadSource !== undefined) writeFileSync(preloaded, preloadSource);
	try {
		const result = await runXS({
			directory, bits, signal: AbortSignal.timeout(LIMIT_MS),
			preload: [...sdkModules(), ...(preloadSource === undefined ? [] : [preloaded])],
			...rest,
			program,
			onLine(line) {
				lines.push(line);
				rest.onLine?.(line);
			},
		});
		return { ...result, lines };
	} finally {
		if (options.directory === undefined) rmSync(directory, { recursive: true });
	}
}

const HOST = 'import host from "moorline/host";\n';

for (const bits of await availableBits()) {
	const xs = (name: string, body: () => Promise<void>): void => { test(`XS ${bits}: ${name}`, body); };

	xs("an empty program ends with code 0 and fits 2 KB of 16-byte slots", async () => {
		const { code, errors, report } = await run(bits, "", { arena: 2048 * (bits / 32), preload: [] });
		assert.deepEqual([code, errors], [0, []]);
		assert(report!.slots > 0 && report!.stackPeak > 0 && report!.arenaUsed <= report!.arena);
	});

	xs("slots that do not fit end the process with one clear line", async () => {
		const { code, errors, report } = await run(bits, "let list; for (;;) list = { list };");
		assert.deepEqual([code, errors[0]], [ExitCode.MEMORY_FULL, "xs: memory full: slots"]);
		assert(report!.slots * report!.slotBytes > report!.arena * 0.8, "the arena was not used up");
	});

	xs("chunks that do not fit end the process with one clear line", async () => {
		const { code, errors, report } = await run(bits, "const list = []; for (;;) list.push(new Uint8Array(1000));");
		assert.deepEqual([code, errors[0]], [ExitCode.MEMORY_FULL, "xs: memory full: chunks"]);
		assert(report!.chunks > report!.arena * 0.7, "the arena was not used up");
	});

	xs("room that chunks gave back serves slots", async () => {
		const { code, lines } = await run(bits, `${HOST}
			let big = new Uint8Array(${100_000 * (bits / 32)});
			big = undefined;
			let list;
			for (let i = 0; i < 3000; i++) list = { list };
			host.trace("fits");
		`);
		assert.deepEqual([code, lines], [0, ["fits"]]);
	});

	xs("a stack overflow ends the process with one clear line, and where it was", async () => {
		const { code, errors } = await run(bits, "function deeper() { return 1 + deeper(); } deeper();", { stack: 384 });
		assert.deepEqual([code, errors[0], errors[1]], [ExitCode.STACK_OVERFLOW, "xs: stack overflow: 384 slots", " at deeper (program.js:1)"]);
	});

	xs("an exception that nobody catches ends the process with its message and stack", async () => {
		const { code, errors } = await run(bits, `${HOST}
			function thrower() { throw new RangeError("too far"); }
			host.timer.set(() => thrower(), 1);
		`);
		assert.equal(code, ExitCode.EXCEPTION);
		assert.equal(errors[0], "xs: uncaught exception: RangeError: too far");
		assert.equal(errors[1], " at thrower (program.js:3)");
	});

	xs("an exception of the program's body ends the process", async () => {
		const { code, errors } = await run(bits, "throw new Error('at once');");
		assert.deepEqual([code, errors[0]], [ExitCode.EXCEPTION, "xs: uncaught exception: Error: at once"]);
	});

	xs("a rejection that nobody handles ends the process", async () => {
		const { code, errors } = await run(bits, "Promise.reject(new Error('never caught'));");
		assert.deepEqual([code, errors[0]], [ExitCode.REJECTION, "xs: unhandled rejection: Error: never caught"]);
	});

	xs("a rejection that is handled in the same turn is none", async () => {
		const { code } = await run(bits, `
			const promise = Promise.reject(new Error("late"));
			Promise.resolve().then(() => promise.catch(() => {}));
		`);
		assert.equal(code, 0);
	});

	xs("a syntax error names file and line", async () => {
		const { code, errors } = await run(bits, "\nconst = 1;");
		assert.equal(code, ExitCode.USAGE);
		assert.match(errors[0] ?? "", /^xs: .*program\.js:2: /);
	});

	xs("an import that leads nowhere is told before anything runs", async () => {
		const { code, errors, lines } = await run(bits, `${HOST}import "./absent.js"; host.trace("ran");`);
		assert.equal(code, ExitCode.USAGE);
		assert.match(errors[0] ?? "", /^xs: cannot find module "\.\/absent\.js" imported by .*program\.js$/);
		assert.deepEqual(lines, []);
	});

	xs("a dynamic import of what was not linked is rejected", async () => {
		const { lines } = await run(bits, `${HOST} import("./absent.js").catch((error) => host.trace(error.name));`);
		assert.deepEqual(lines, ["ReferenceError"]);
	});

	xs("a preloaded module keeps the rules of a device's flash", async () => {
		const preloadSource = `
			export const map = new Map([["a", 1]]);
			export const bytes = new Uint8Array([1, 2, 3]);
			export const list = [1, 2, 3];
			export let count = 0;
			export const increment = () => ++count;
			export class Counter { static total = 0; #n = 1; add() { return ++this.#n; } }
			export let chosen = () => 1;
			export const choose = () => { chosen = () => 2; };
		`;
		const { code, lines, errors } = await run(bits, `${HOST}
			import { map, bytes, list, count, increment, Counter, chosen, choose } from "./preloaded.js";
			const result = (action) => { try { return action(); } catch (error) { return error.name; } };
			const attempt = (name, action) => host.trace(name + " " + result(action));
			attempt("map.get", () => map.get("a"));
			attempt("map.set", () => map.set("b", 2));
			attempt("bytes", () => { bytes[0] = 9; return bytes[0]; });
			attempt("list", () => { list.push(4); return list.join(); });
			attempt("count", () => { increment(); return increment() + count; });
			attempt("static", () => { Counter.total = 1; return Counter.total; });
			attempt("prototype", () => { Counter.prototype.more = 1; });
			attempt("private", () => new Counter().add());
			attempt("function", () => { choose(); return chosen(); });
			attempt("built-in", () => { Array.prototype.more = 1; });
		`, { preloadSource });
		assert.deepEqual([code, errors], [0, []]);
		assert.deepEqual(lines, [
			"map.get 1", "map.set TypeError", "bytes TypeError", "list 1,2,3,4", "count 4", "static TypeError",
			"prototype TypeError", "private 2", "function TypeError", "built-in TypeError",
		]);
	});

	xs("a preloaded module cannot call the host", async () => {
		const { code, errors } = await run(bits, 'import "./preloaded.js";', { preloadSource: `${HOST} host.time.now();` });
		assert.equal(code, ExitCode.EXCEPTION);
		assert.match(errors[0] ?? "", /native functions are not available while modules are preloaded/);
	});

	xs("strings, big integers and code of preloaded modules outlive every collection", async () => {
		const preloadSource = `
			export const text = ["made", "while", "preloading"].join(" ");
			export const big = 2n ** 100n;
			export const texts = Array.from({ length: 50 }, (_, i) => "text " + i);
			export const object = { name: text + "!" , nested: { texts } };
			export const evaluated = (0, eval)("(a) => 'from eval ' + a");
		`;
		const { code, lines, errors } = await run(bits, `${HOST}
			import { text, big, texts, object, evaluated } from "./preloaded.js";
			const { heap } = host.system;
			const expected = texts.join() + text + big + object.name + evaluated(1);
			const copies = [];
			let bad = 0;
			for (let i = 0; i < 300; i++) {
				copies.push({ text, big, item: texts[i % 50], name: object.name });
				if (i % 10 === 0) object["key" + (i % 7)] = texts[i % 50] + i;
				heap();
				if (texts.join() + text + big + object.name + evaluated(1) !== expected) bad++;
				const copy = copies[i >> 1];
				if (copy.text !== text || copy.big !== big || copy.item !== "text " + ((i >> 1) % 50)) bad++;
			}
			host.trace(bad + " " + text + " " + big + " " + evaluated(2));
		`, { preloadSource, arena: 64 * 1024 * (bits / 32) });
		assert.deepEqual([code, errors, lines], [0, [], [`0 made while preloading ${2n ** 100n} from eval 2`]]);
	});

	xs("restart starts the device again and tells why", async () => {
		const { code, lines, restarts } = await run(bits, `${HOST}
			host.trace(host.system.resetReason);
			if (host.system.resetReason === "power-on") host.system.restart();
			host.trace("goes on");
		`);
		assert.deepEqual([code, restarts, lines], [0, 1, ["power-on", "software", "goes on"]]);
	});

	xs("what was written to storage and flash outlives SIGKILL, whole", async () => {
		const directory = temporaryDirectory();
		try {
			let child: ChildProcess | undefined;
			let last = 0;
			const { code } = await run(bits, `${HOST}
				const domain = host.storage.open({ path: "kill" });
				const flash = host.flash.open({ path: "state" });
				flash.eraseBlock(0);
				let n = 0;
				host.timer.repeat(() => {
					n++;
					domain.write("value", new Uint8Array(1000).fill(n));
					flash.write(new Uint8Array([n]), n);
					host.trace(String(n));
				}, 1);
			`, {
				directory,
				onStart(process) { child = process; },
				onLine(line) {
					last = Number(line);
					if (last === 20) child!.kill("SIGKILL");
				},
			});
			assert.equal(code, null);
			const { lines } = await run(bits, `${HOST}
				const value = host.storage.open({ path: "kill" }).read("value");
				const flash = host.flash.open({ path: "state" });
				const cells = new Uint8Array(${last + 1});
				flash.read(cells, 0);
				host.trace(String(value.byteLength) + " " + value.every((byte) => byte === value[0]) + " " + value[0]);
				host.trace(String(cells));
			`, { directory });
			const [length, whole, value] = lines[0]!.split(" ");
			assert.deepEqual([length, whole], ["1000", "true"]);
			assert(Number(value) >= last, `${value} was kept, ${last} had been written`);
			assert.equal(lines[1], [255, ...Array.from({ length: last }, (_, i) => i + 1)].join(","));
		} finally {
			rmSync(directory, { recursive: true });
		}
	});

	xs("arguments and identifier arrive, and a seed makes random bytes repeatable", async () => {
		const source = `${HOST}import { native } from ${JSON.stringify(sdkModules().find((path) => path.endsWith("hosts/xs/native.js")))};
			const bytes = new Uint8Array(20);
			host.random(bytes);
			host.trace([native.argument(0), native.argument(1), String(native.argument(2)), host.system.identifier, bytes].join(" "));
		`;
		const options = { arguments: ["one", "two words"], identifier: "device-7", seed: 42n };
		const [first, second] = [await run(bits, source, options), await run(bits, source, options)];
		assert.match(first.lines[0]!, /^one two words undefined device-7 /);
		assert.equal(first.lines[0], second.lines[0]);
	});

	xs("with the collector off, allocations are counted exactly and the same in every run", async () => {
		const source = `import { native, Figure } from ${JSON.stringify(sdkModules().find((path) => path.endsWith("hosts/xs/native.js")))};
			const measure = (action) => {
				native.collect();
				native.collector(false);
				const slots = native.figure(Figure.slotsAllocated), chunks = native.figure(Figure.chunksAllocated);
				action();
				const slotsMore = native.figure(Figure.slotsAllocated) - slots, chunksMore = native.figure(Figure.chunksAllocated) - chunks;
				native.collector(true);
				return slotsMore + "," + chunksMore;
			};
			const sink = { value: undefined };
			native.trace((measure(() => {})));
			native.trace((measure(() => { sink.value = {}; })));
			native.trace((measure(() => { sink.value = { a: 1, b: 2 }; })));
			native.trace((measure(() => { sink.value = new Uint8Array(16); })));
		`;
		const { lines } = await run(bits, source);
		assert.deepEqual(lines, ["0,0", "1,0", "3,0", bits === 64 ? "7,32" : "7,24"]);
	});
}

test("the relay serves nobody without its token", async () => {
	const relay = await startRelay("the right token");
	try {
		const socket = connect(relay.port, "127.0.0.1");
		const received: Buffer[] = [];
		socket.on("data", (chunk: Buffer) => received.push(chunk));
		const closed = new Promise((resolve) => socket.once("close", resolve));
		socket.on("error", () => {});
		const token = Buffer.from("the bad token!!");
		const field = Buffer.concat([Buffer.from("T"), Buffer.from([0, 0, 0, token.length]), token]);
		socket.write(Buffer.concat([Buffer.from([0, 0, 0, field.length]), field]));
		await closed;
		assert.equal(Buffer.concat(received).length, 0);
	} finally {
		relay.close();
	}
});
