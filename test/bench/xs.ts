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
import { bundle } from "../xs/bundle.js";
import { TASKS, type Task } from "./tasks.js";

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
	const directory = mkdtempSync(join(tmpdir(), "moorline-bench-"));
	async function prepare(name: string, thaw: boolean, aliases: Readonly<Record<string, string>> = {}): Promise<Program> {
		const program = join(directory, `${name}.mjs`);
		await bundle({ entries: [entry(name)], outfile: program, preloaded: sdkModules(), aliases });
		return { program, directory, thaw };
	}
	try {
		await build(64);
		await build(32);
		const ours = await prepare("ours", false);
		const codec = await prepare("theirs", true);
		const moddable = sdk === undefined ? undefined
			: await prepare("moddable", true, moddableAliases(sdk));
		const [first, second] = await Promise.all([measure(ours), measure(codec)]);
		const third = moddable && await measure(moddable);
		return TASKS.map((task, index) => ({ ...task, ours: first[index]!, codec: second[index]!, moddable: third?.[index] }));
	} finally {
		rmSync(directory, { recursive: true });
	}
}

/** @returns the costs in the order of the tasks */
async function measure(program: Program): Promise<Cost[]> {
	const dump = `${program.program}.callgrind`;
	await perform(program, 64, ["valgrind", "--tool=callgrind", `--callgrind-out-file=${dump}`, `--dump-before=${MARK}`]);
	const lines = await perform(program, 32, []);
	return TASKS.map(({ count }, index) => {
		// Dumps count from 1, and two of them belong to each task: the first has what was before it.
		const totals = /^totals: (\d+)$/m.exec(readFileSync(`${dump}.${2 * index + 2}`, "utf8"))?.[1];
		return { instructions: Math.round(Number(totals ?? NaN) / count), bytes: Math.round(Number(lines[index]) / count) };
	});
}

/** @returns what it traced */
async function perform(program: Program, bits: Bits, under: readonly string[]): Promise<string[]> {
	const lines: string[] = [];
	const { code, errors } = await runXS({ ...program, bits, under, arena: ARENA, stack: STACK, onLine: (line) => lines.push(line) });
	if (code !== 0 || lines.length !== TASKS.length) throw new Error(`XS ended with ${code}:\n${errors.join("\n")}`);
	return lines;
}
