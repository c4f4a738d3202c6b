// SPDX-License-Identifier: Apache-2.0
/**
 * Builds the XS host from the engine's sources in the npm package `@agoric/xsnap` and from hosts/xs/native.
 *
 * Objects are kept under build/xs by a hash of everything that goes into them, so that only what
 * changed is compiled again. The package's own install script is never run; only its sources are read.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { basename, dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** Of the package with the engine's sources. */
const ENGINE_PACKAGE = "@agoric/xsnap/package.json";

export type Bits = 64 | 32;

const run = promisify(execFile);

/** The root of the package: this file is dist/hosts/xs/node/build.js. */
export const packageRoot = fileURLToPath(new URL("../../../../", import.meta.url));

const ENGINE = [
	"All", "API", "Arguments", "Array", "Atomics", "BigInt", "Boolean", "Code", "Common", "DataView", "Date", "Debug", "Defaults",
	"Error", "Function", "Generator", "Global", "JSON", "Lexical", "MapSet", "Marshall", "Math", "Memory", "Module", "Number",
	"Object", "Platforms", "Promise", "Property", "Proxy", "RegExp", "Run", "Scope", "Script", "String", "Symbol", "Syntaxical",
	"Tree", "Type", "dtoa", "re", "mc",
];

/** `mxBoundsCheck`: without it a stack overflow runs silently into the heap. */
const DEFINES = [
	"_GNU_SOURCE", "INCLUDE_XSPLATFORM", 'XSPLATFORM="platform.h"', "mxRun=1", "mxParse=1", "mxSloppy=1", "mxMinusZero=1",
	"mxBoundsCheck=1", "mxNoConsole=1",
];

/** For one file of the engine each, which then calls the host: at the end of each collection, and where an error is made. */
const HOOKS: Readonly<Record<string, readonly string[]>> = Object.freeze({
	Memory: ["-DmxProfile=1"],
	Defaults: ["-DfxCaptureErrorStack=hostCaptureErrorStack"],
});

/** A build that another process started is waited for this long, then taken to be dead. */
const LOCK_LIMIT_MS = 300_000;

interface Unit { source: string; flags: readonly string[] }

function files(directory: string, extension: string): string[] {
	return readdirSync(directory).filter((name) => name.endsWith(extension)).sort().map((name) => join(directory, name));
}

function units(bits: Bits): { units: Unit[]; headers: string[] } {
	const engine = join(dirname(createRequire(import.meta.url).resolve(ENGINE_PACKAGE)), "moddable", "xs");
	const native = join(packageRoot, "hosts", "xs", "native");
	const include = [join(engine, "includes"), join(engine, "platforms"), join(engine, "sources"), native];
	const flags = [
		`-m${bits}`, "-O2", "-fno-common", ...DEFINES.map((define) => `-D${define}`), ...include.map((path) => `-I${path}`),
	];
	return {
		units: [
			...ENGINE.map((name) => ({ source: join(engine, "sources", `xs${name}.c`), flags: [...flags, "-w", ...HOOKS[name] ?? []] })),
			...files(native, ".c").map((source) => ({ source, flags: [...flags, "-Wall", "-Werror"] })),
		],
		headers: include.flatMap((path) => files(path, ".h")),
	};
}

async function compile(all: readonly { unit: Unit; object: string }[]): Promise<void> {
	const queue = all.filter(({ object }) => !existsSync(object));
	async function worker(): Promise<void> {
		for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
			await run("gcc", [...next.unit.flags, "-c", next.unit.source, "-o", `${next.object}.new`]);
			renameSync(`${next.object}.new`, next.object);
		}
	}
	await Promise.all(Array.from({ length: availableParallelism() }, worker));
}

/** Runs `work` unless `done` already holds; only one process at a time does. */
async function locked(lock: string, done: () => boolean, work: () => Promise<void>): Promise<void> {
	for (;;) {
		if (done()) return;
		try {
			mkdirSync(lock);
			break;
		} catch {
			const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
			if (age > LOCK_LIMIT_MS) rmSync(lock, { recursive: true, force: true });
			await delay(100);
		}
	}
	try {
		await work();
	} finally {
		rmSync(lock, { recursive: true, force: true });
	}
}

/** The XS host for a word size, built if need be. @returns the path of the program */
export async function build(bits: Bits): Promise<string> {
	const directory = join(packageRoot, "build", "xs", String(bits));
	const program = join(directory, "xs");
	const parts = units(bits);
	const headers = createHash("sha256");
	for (const header of parts.headers) headers.update(readFileSync(header));
	const common = headers.digest("hex");
	const objects = parts.units.map((unit) => {
		const hash = createHash("sha256").update(common).update(unit.flags.join("\n")).update(readFileSync(unit.source));
		return { unit, object: join(directory, `${basename(unit.source, ".c")}-${hash.digest("hex").slice(0, 16)}.o`) };
	});
	const key = createHash("sha256").update(objects.map(({ object }) => basename(object)).join("\n")).digest("hex");
	const keyFile = join(directory, "key");
	const done = (): boolean => existsSync(program) && existsSync(keyFile) && readFileSync(keyFile, "utf8") === key;
	mkdirSync(directory, { recursive: true });
	await locked(join(directory, "lock"), done, async () => {
		await compile(objects);
		await run("gcc", [`-m${bits}`, ...objects.map(({ object }) => object), "-o", `${program}.new`, "-lm", "-lpthread", "-latomic"]);
		renameSync(`${program}.new`, program);
		writeFileSync(keyFile, key);
		const current = new Set(objects.map(({ object }) => object));
		for (const old of files(directory, ".o")) if (!current.has(old)) rmSync(old);
	});
	return program;
}

/** Why this machine cannot build for a word size, or `undefined` when it can. */
export async function obstacle(bits: Bits): Promise<string | undefined> {
	try {
		createRequire(import.meta.url).resolve(ENGINE_PACKAGE);
	} catch {
		return "the engine's sources are not installed (npm install --save-dev --ignore-scripts @agoric/xsnap)";
	}
	const directory = join(packageRoot, "build", "xs", "probe");
	const program = join(directory, `probe-${bits}-${process.pid}`);
	mkdirSync(directory, { recursive: true });
	const source = `${program}.c`;
	try {
		writeFileSync(source, "#include <stdio.h>\nint main(void) { return puts(\"\") < 0; }\n");
		await run("gcc", [`-m${bits}`, source, "-o", program, "-latomic"]);
		await run(program);
		return undefined;
	} catch {
		return bits === 32 ? "gcc -m32 does not work here (Debian: gcc-multilib)" : "gcc does not work here";
	} finally {
		rmSync(program, { force: true });
		rmSync(source, { force: true });
	}
}
