// SPDX-License-Identifier: Apache-2.0
/**
 * The codecs on the engine of the device: instructions and bytes allocated per message.
 *
 * Instructions are counted by callgrind on the 64-bit engine: the difference of two runs, so that starting costs
 * nothing. Bytes are counted by the 32-bit engine (slots of 16 bytes, as on the device) with its collector off. Both
 * repeat to the digit, or nearly, on a machine that is busy with something else.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageRoot, type Bits } from "../../hosts/xs/node/build.js";
import { runXS, sdkModules } from "../../hosts/xs/node/run.js";
import { bundle } from "../xs/bundle.js";
import { SIZES, type Direction } from "./codec.js";

/** Messages of the shorter run, and how many more the longer one has. */
const FEW = 20;
const MORE = 100;
/** Room for everything that is allocated while nothing is collected. */
const ARENA = 256 * 1024 * 1024;

export interface XSRow {
	direction: Direction;
	size: number;
	ours: Cost;
	theirs: Cost;
}

export interface Cost {
	instructions: number;
	bytes: number;
}

export async function measureXS(): Promise<XSRow[]> {
	const directory = mkdtempSync(join(tmpdir(), "moorline-bench-"));
	try {
		const preloaded = sdkModules();
		const codecs = await Promise.all((["ours", "theirs"] as const).map(async (name) => {
			const program = join(directory, `${name}.mjs`);
			await bundle({ entries: [join(packageRoot, `dist/test/bench/xs-${name}.js`)], outfile: program, preloaded });
			return { program, directory, thaw: name === "theirs" };
		}));
		const rows: XSRow[] = [];
		for (const direction of ["decode", "encode"] as const) {
			for (const size of SIZES) {
				const [ours, theirs] = await Promise.all(codecs.map((codec) => measure(codec, direction, size)));
				rows.push({ direction, size, ours: ours!, theirs: theirs! });
			}
		}
		return rows;
	} finally {
		rmSync(directory, { recursive: true });
	}
}

interface Codec {
	program: string;
	directory: string;
	thaw: boolean;
}

async function measure(codec: Codec, direction: Direction, size: number): Promise<Cost> {
	const run = (bits: Bits, count: number, under: readonly string[]) => perform(codec, bits, [direction, String(size), String(count)], under);
	const valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"];
	const few = await run(64, FEW, valgrind);
	const many = await run(64, FEW + MORE, valgrind);
	const { bytes } = await run(32, MORE, []);
	return { instructions: Math.round((many.instructions - few.instructions) / MORE), bytes: Math.round(bytes / MORE) };
}

async function perform(codec: Codec, bits: Bits, words: readonly string[], under: readonly string[]): Promise<Cost> {
	let bytes = NaN;
	const { code, errors } = await runXS({
		...codec, bits, under, arguments: words, arena: ARENA, stack: 4096, onLine: (line) => { bytes = Number(line); },
	});
	if (code !== 0) throw new Error(`XS ended with ${code}:\n${errors.join("\n")}`);
	const collected = /Collected : (\d+)/.exec(errors.join("\n"))?.[1];
	return { bytes, instructions: Number(collected ?? NaN) };
}
