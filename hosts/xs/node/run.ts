// SPDX-License-Identifier: Apache-2.0
/**
 * Runs a device program on the XS engine: builds the host, starts it, carries its TLS, and starts it
 * again when the program restarts its device.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { ResetReason } from "../../../src/host.js";
import { imagePartitions } from "../../boot/index.js";
import { BootLoader } from "../../node/images.js";
import { build, packageRoot, type Bits } from "./build.js";
import { startRelay } from "./relay.js";

/** How the process ended; hosts/xs/native/host.h has the same numbers. */
export const ExitCode = Object.freeze({
	USAGE: 2, EXCEPTION: 10, REJECTION: 11, MEMORY_FULL: 12, STACK_OVERFLOW: 13, KEYS: 14, RESTART: 75,
});

/** What an ESP32 leaves to the engine: two blocks of this size, for slots of 16 bytes and for chunks. */
export const ESP32_ARENA = 157_696;
/** Slots of the stack: what Moddable gives a program that asks for nothing. */
export const DEVICE_STACK = 384;

const RESTART_LIMIT = 100;

/** Figures of the machine at its end. Slots are counted, all else is bytes. */
export interface HeapReport {
	slots: number;
	slotBytes: number;
	slotsPeak: number;
	chunks: number;
	chunksPeak: number;
	stack: number;
	stackPeak: number;
	collections: number;
	slotsAllocated: number;
	chunksAllocated: number;
	arena: number;
	arenaUsed: number;
	aliases: number;
}

export interface RunOptions {
	/** The module to run: an ES module file; what it imports is linked with it. */
	program: string;
	arguments?: readonly string[];
	bits?: Bits;
	/** Bytes of slots and chunks. Default: an ESP32's; with 64 bits twice as much, because slots are twice as long. */
	arena?: number;
	/** Slots of the stack. Default: a device's. */
	stack?: number;
	/** Where storage and flash are kept, and the file names of the program's data. */
	directory: string;
	/** Bare specifiers and the files that they name. Default: `sdkImports()`. */
	imports?: Readonly<Record<string, string>>;
	/** Modules that are preloaded. Default: `sdkModules()`. */
	preload?: readonly string[];
	/** Modules to link that only a dynamic import reaches. */
	modules?: readonly string[];
	/** Flash partitions: bytes by name, each a multiple of 4096. Default: `FLASH`. */
	flash?: Readonly<Record<string, number>>;
	/**
	 * Two slots for images of `slot` bytes, the first with `factory` as its content. The boot loader runs before each start;
	 * whatever it chooses, the program that runs is `program`.
	 */
	images?: { readonly slot: number; readonly factory: Uint8Array };
	/** Leaves built-ins writable, for programs that were not written for a device. */
	thaw?: boolean;
	/** Makes `random` repeatable. */
	seed?: bigint;
	identifier?: string;
	/** Of the first start. Default: "power-on". */
	resetReason?: ResetReason;
	onLine?: (line: string) => void;
	onErrorLine?: (line: string) => void;
	/** The command and its words under which the engine runs, such as a profiler's. */
	under?: readonly string[];
	/** Ends the process. */
	signal?: AbortSignal;
	/** Called with each process that is started, the first and those after restarts. */
	onStart?: (process: ChildProcess) => void;
}

export interface RunResult {
	/** The last process's exit code; `null` when a signal ended it. */
	code: number | null;
	report: HeapReport | undefined;
	/** What the last process wrote to stderr. */
	errors: string[];
	restarts: number;
}

/** The partitions of the Node host, so that both can use one directory. */
export const FLASH: Readonly<Record<string, number>> = Object.freeze({ session: 65_536, state: 65_536 });

function modulesUnder(directory: string): string[] {
	return readdirSync(join(packageRoot, directory), { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile() && entry.name.endsWith(".js"))
		.map((entry) => join(entry.parentPath, entry.name))
		.sort();
}

/** Every module of the SDK and of this host, as a device's manifest preloads them. */
export function sdkModules(): string[] {
	const ofNode = join(packageRoot, "dist/hosts/xs/node");
	return [
		...modulesUnder("dist/src"), ...modulesUnder("dist/hosts/crypto"), ...modulesUnder("dist/hosts/websocket"),
		...modulesUnder("dist/hosts/boot"),
		...modulesUnder("dist/hosts/xs").filter((path) => !path.startsWith(ofNode)),
	];
}

/** The package's own names, as a program imports them. */
export function sdkImports(): Record<string, string> {
	const { exports } = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as {
		exports: Record<string, { default: string } | string>;
	};
	const imports: Record<string, string> = {};
	for (const [name, target] of Object.entries(exports)) {
		if (typeof target === "object") imports[`moorline${name.slice(1)}`] = join(packageRoot, target.default);
	}
	imports["moorline/host"] = join(packageRoot, "dist/hosts/xs/index.js");
	return imports;
}

function collectLines(stream: Readable, onLine: (line: string) => void): Promise<void> {
	return new Promise((resolve) => {
		createInterface({ input: stream, crlfDelay: Infinity }).on("line", onLine).on("close", resolve);
	});
}

async function runOnce(program: string, options: RunOptions, parameters: readonly string[]): Promise<RunResult> {
	const [command, ...words] = [...(options.under ?? []), program, ...parameters, options.program, ...(options.arguments ?? [])];
	const child = spawn(command!, words, {
		stdio: ["ignore", "pipe", "pipe", "pipe"],
		...(options.signal === undefined ? {} : { signal: options.signal }),
	});
	const errors: string[] = [];
	let report: HeapReport | undefined;
	const ended = new Promise<number | null>((resolve, reject) => {
		child.once("exit", resolve);
		child.once("error", (error) => options.signal?.aborted ? resolve(null) : reject(error));
	});
	options.onStart?.(child);
	const [code] = await Promise.all([
		ended,
		collectLines(child.stdout!, (line) => options.onLine?.(line)),
		collectLines(child.stderr!, (line) => {
			errors.push(line);
			options.onErrorLine?.(line);
		}),
		collectLines(child.stdio[3] as Readable, (line) => { report = JSON.parse(line) as HeapReport; }),
	]);
	return { code, report, errors, restarts: 0 };
}

/**
 * Runs a program until it ends otherwise than by a restart. How it crashed is kept in the directory for the next run; one
 * that a signal ended is a power cut.
 */
export async function runXS(options: RunOptions): Promise<RunResult> {
	const bits = options.bits ?? 64;
	const program = await build(bits);
	const { images } = options;
	const loader = images && new BootLoader(options.directory, images.slot);
	const flash = { ...options.flash ?? FLASH, ...images && imagePartitions(images.slot) };
	const token = randomBytes(16).toString("hex");
	const relay = await startRelay(token);
	const parameters = [
		"--report",
		"--arena", String(options.arena ?? ESP32_ARENA * (bits / 32)),
		"--stack", String(options.stack ?? DEVICE_STACK),
		"--directory", options.directory,
		"--identifier", options.identifier ?? "xs-device",
		"--relay-port", String(relay.port),
		"--relay-token", token,
		...(options.thaw ? ["--thaw"] : []),
		...(options.seed === undefined ? [] : ["--seed", String(options.seed)]),
		...Object.entries(options.imports ?? sdkImports()).flatMap(([name, file]) => ["--import", `${name}=${file}`]),
		...(options.preload ?? sdkModules()).flatMap((path) => ["--preload", path]),
		...(options.modules ?? []).flatMap((path) => ["--module", path]),
		...Object.entries(flash).flatMap(([name, size]) => ["--flash", `${name}=${size}`]),
	];
	try {
		loader?.manufacture(images!.factory);
		loader?.select();
		let result = await runOnce(program, options, [...parameters, "--reset-reason", options.resetReason ?? "power-on"]);
		while (result.code === ExitCode.RESTART && result.restarts < RESTART_LIMIT) {
			const restarts = result.restarts + 1;
			loader?.select();
			result = { ...await runOnce(program, options, [...parameters, "--reset-reason", "software"]), restarts };
		}
		if (result.code === null) rmSync(join(options.directory, "retained"), { force: true });
		return result;
	} finally {
		relay.close();
	}
}
