// SPDX-License-Identifier: Apache-2.0
/** Runs compiled test files on the XS engine and hands each of their results to `node:test`. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { test } from "node:test";
import { build, obstacle, packageRoot, type Bits } from "../../hosts/xs/node/build.js";
import { runXS, sdkModules, type RunOptions } from "../../hosts/xs/node/run.js";
import { bundle } from "./bundle.js";
import { END_LINE, RESULT_PREFIX, type TestResult } from "./shim/protocol.js";

/** Test data are larger than a device's heap; the budget is where that is held. */
const TEST_ARENA = 16 * 1024 * 1024;
const TEST_STACK = 4096;
/** Real time for one file of tests. */
const FILE_LIMIT_MS = 300_000;

/** The word sizes that this machine can build. A missing one is loud, and a failure in CI. */
export async function availableBits(): Promise<Bits[]> {
	const bits: Bits[] = [];
	for (const each of [64, 32] as const) {
		const why = await obstacle(each);
		if (why === undefined) {
			// Before any test's clock starts.
			await build(each);
			bits.push(each);
		}
		else if (process.env["CI"] === "true") throw new Error(`XS with ${each} bits: ${why}`);
		else console.error(`### XS with ${each} bits is SKIPPED: ${why}`);
	}
	return bits;
}

export function temporaryDirectory(): string {
	return mkdtempSync(join(tmpdir(), "moorline-xs-"));
}

export interface TestFileOptions {
	bits: Bits;
	/** Default: the file. */
	name?: string;
	/** For tests of packages that were not written for frozen built-ins. */
	thaw?: boolean;
	arena?: number;
	aliases?: Readonly<Record<string, string>>;
	arguments?: readonly string[];
	flash?: Readonly<Record<string, number>>;
}

export interface TestFileOutcome {
	results: TestResult[];
	/** All tests were run and the process ended well. */
	complete: boolean;
	/** What the process wrote besides results. */
	output: string[];
}

export async function runTestFile(file: string, options: TestFileOptions): Promise<TestFileOutcome> {
	const directory = temporaryDirectory();
	try {
		const preloaded = sdkModules();
		const program = join(directory, "tests.js");
		const { aliases = {} } = options;
		await bundle({ entries: [file], outfile: program, preloaded, tests: true, aliases });
		const results: TestResult[] = [];
		const output: string[] = [];
		let ended = false;
		const run: RunOptions = {
			program, directory, preload: preloaded, bits: options.bits,
			arena: options.arena ?? TEST_ARENA, stack: TEST_STACK, thaw: options.thaw ?? false,
			arguments: options.arguments ?? [],
			...(options.flash === undefined ? {} : { flash: options.flash }),
			signal: AbortSignal.timeout(FILE_LIMIT_MS),
			onLine(line) {
				if (line.startsWith(RESULT_PREFIX)) results.push(JSON.parse(line.slice(RESULT_PREFIX.length)) as TestResult);
				else if (line === END_LINE) ended = true;
				else output.push(line);
			},
			onErrorLine: (line) => output.push(line),
		};
		const { code } = await runXS(run);
		return { results, complete: ended && code === 0, output };
	} finally {
		rmSync(directory, { recursive: true });
	}
}

/** Registers one test for the file, with a subtest for each of its results. */
export function testOnXS(file: string, options: TestFileOptions): void {
	const title = options.name ?? relative(join(packageRoot, "dist/test"), file);
	test(`XS ${options.bits}: ${title}`, async (t) => {
		const { results, complete, output } = await runTestFile(file, options);
		for (const result of results) {
			await t.test(result.path.join(" > "), { skip: result.skipped ?? false }, () => {
				if (result.error !== undefined) assert.fail(result.error);
			});
		}
		assert.ok(complete, `the process ended early:\n${output.join("\n")}`);
	});
}
