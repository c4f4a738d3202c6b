// SPDX-License-Identifier: Apache-2.0
/**
 * Whole clients on the engine of the device: instructions and bytes allocated per message.
 *
 * Instructions are counted by callgrind on the 64-bit engine, between two calls of a function that marks them. Bytes are counted by the 32-bit engine (slots of 16 bytes, as on the device) with its collector off. Both
 * repeat to the digit, or nearly, on a machine that is busy with something else.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build, packageRoot, type Bits } from "../../hosts/xs/node/build.js";
import { runXS, sdkModules } from "../../hosts/xs/node/run.js";
import { bundle, type BundleOptions } from "../xs/bundle.js";
import { TASKS, type Task } from "./tasks.js";
import { TELEMETRY_TASKS, type TelemetryTask } from "./telemetry.js";

/** Room for everything that is allocated while nothing is collected. */
const ARENA = 256 * 1024 * 1024;
const STACK = 4_096;
/** The function in the C host at which callgrind writes down what it counted since the last time. */
const MARK = "xs_resetPeaks";
/** Moddable's ECMA-419 MQTT client, in its SDK. */
const CLIENT = "examples/io/tcp/mqttclient/mqttclient.js";

const entry = (name: string): string => join(packageRoot, `dist/test/bench/xs-${name}.js`);

/** What stands for the modules that Moddable's client imports, and for its own. */
export const moddableAliases = (sdk: string): Readonly<Record<string, string>> =>
	({ mqttclient: join(sdk, CLIENT), timer: entry("timer"), time: entry("timer") });

export interface XSRow extends Task {
	ours: Cost;
	/** `mqtt-packet`: a codec alone. */
	codec: Cost;
	/** Moddable's ECMA-419 client; `undefined` where no SDK was given. */
	moddable: Cost | undefined;
}

export interface Cost {
	instructions: number;
	bytes: number;
}

interface Program {
	program: string;
	directory: string;
	thaw: boolean;
}

/** @param sdk folder of a Moddable SDK */
export async function measureXS(sdk: string | undefined): Promise<XSRow[]> {
	return inFolder(async (directory) => {
		const ours = await prepare(directory, "ours", false);
		const codec = await prepare(directory, "theirs", true);
		const moddable = sdk === undefined ? undefined : await prepare(directory, "moddable", true, { aliases: moddableAliases(sdk) });
		const [first, second] = await Promise.all([measure(ours, TASKS), measure(codec, TASKS)]);
		const third = moddable && await measure(moddable, TASKS);
		return TASKS.map((task, index) => ({ ...task, ours: first[index]!, codec: second[index]!, moddable: third?.[index] }));
	});
}

export interface TelemetryRow extends TelemetryTask {
	cost: Cost;
}

/** Our CBOR codec, `cbor-x` and the engine's own JSON, in one program. */
export async function measureTelemetry(): Promise<TelemetryRow[]> {
	return inFolder(async (directory) => {
		const costs = await measure(await prepare(directory, "telemetry", true, { buffer: false }), TELEMETRY_TASKS);
		return TELEMETRY_TASKS.map((task, index) => ({ ...task, cost: costs[index]! }));
	});
}

async function inFolder<Result>(action: (directory: string) => Promise<Result>): Promise<Result> {
	const directory = mkdtempSync(join(tmpdir(), "moorline-bench-"));
	try {
		await build(64);
		await build(32);
		return await action(directory);
	} finally {
		rmSync(directory, { recursive: true });
	}
}

async function prepare(directory: string, name: string, thaw: boolean, options: Partial<BundleOptions> = {}): Promise<Program> {
	const program = join(directory, `${name}.mjs`);
	await bundle({ entries: [entry(name)], outfile: program, preloaded: sdkModules(), ...options });
	return { program, directory, thaw };
}

/** @returns the costs in the order of the tasks */
async function measure(program: Program, tasks: readonly { readonly count: number }[]): Promise<Cost[]> {
	const dump = `${program.program}.callgrind`;
	const count = tasks.length;
	await perform(program, count, 64, ["valgrind", "--tool=callgrind", `--callgrind-out-file=${dump}`, `--dump-before=${MARK}`]);
	const lines = await perform(program, count, 32, []);
	return tasks.map(({ count }, index) => {
		// Dumps count from 1, and two of them belong to each task: the first has what was before it.
		const totals = /^totals: (\d+)$/m.exec(readFileSync(`${dump}.${2 * index + 2}`, "utf8"))?.[1];
		return { instructions: Math.round(Number(totals ?? NaN) / count), bytes: Math.round(Number(lines[index]) / count) };
	});
}

/** @returns what it traced: a line for each of `count` tasks */
async function perform(program: Program, count: number, bits: Bits, under: readonly string[]): Promise<string[]> {
	const lines: string[] = [];
	const { code, errors } = await runXS({ ...program, bits, under, arena: ARENA, stack: STACK, onLine: (line) => lines.push(line) });
	if (code !== 0 || lines.length !== count) throw new Error(`XS ended with ${code}:\n${errors.join("\n")}`);
	return lines;
}
