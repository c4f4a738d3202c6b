// SPDX-License-Identifier: Apache-2.0
/** Runs a program on the engine of the device: XS, with the SDK preloaded and an ESP32's memory. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { DeviceError } from "../../../src/base/error.js";
import { build, obstacle } from "../../xs/node/build.js";
import { ExitCode, runXS, type RunResult, sdkImports } from "../../xs/node/run.js";
import { bundleWithMap } from "./bundle.js";
import type { Console } from "./console.js";
import { aborted, timeLimit } from "./interrupt.js";
import type { Run } from "./run.js";
import { writeBytes } from "./release-files.js";
import { openSite } from "./site.js";

const BITS = 64;
/** ms within which an interruption that ended the engine reaches us, too. */
const HEARING = 1_000;

export async function runXSHost({ file, options, output, stopped }: Run): Promise<void> {
	const missing = await obstacle(BITS);
	if (missing !== undefined) throw new DeviceError("unsupported", `cannot build the XS engine: ${missing}`);
	// The SDK stays outside: on the device, too, it is preloaded and not part of the program.
	const imports = sdkImports();
	const { script, map } = await bundleWithMap(file, { format: "esm", external: Object.keys(imports) });
	if (options.sourceMap !== undefined) await writeBytes(options.sourceMap, map);
	const site = await openSite(options, file, output);
	try {
		const program = join(site.scratch, "program.mjs");
		await writeFile(program, script);
		// Before the clock starts: the first build takes its time.
		await build(BITS);
		const over = timeLimit(stopped, options.for);
		const result = await runXS({
			program, imports, bits: BITS, directory: site.directory, signal: over,
			...(options.arena !== undefined && { arena: options.arena }),
			onLine: line => output.say("trace", { line }, line),
			onErrorLine: line => { if (output.verbose) output.note("stderr", { line }, line); },
		});
		if (result.report !== undefined) {
			const { slotsPeak, slotBytes, chunksPeak, arena } = result.report;
			const most = `${slotsPeak} slots of ${slotBytes} bytes and ${chunksPeak} bytes of chunks`;
			output.note("memory", result.report, `memory: ${most} at most, of ${arena} bytes`);
		}
		// Ctrl-C goes to the engine and to us at once, and either may hear of it first.
		if (result.code === null) await Promise.race([aborted(over), setTimeout(HEARING)]);
		if (!over.aborted) check(result, output);
	} finally {
		await site.close();
	}
}

/** @throws DeviceError for any ending that is not the program's own, and says where that was */
function check({ code, errors }: RunResult, output: Console): void {
	if (code === 0) return;
	// With --verbose they were told when they came.
	if (!output.verbose) for (const line of errors.slice(1)) output.note("stderr", { line }, line);
	const exhausted = code === ExitCode.MEMORY_FULL || code === ExitCode.STACK_OVERFLOW;
	const said = errors[0]?.replace(/^xs: /, "") ?? `the program ended with exit code ${code}`;
	throw new DeviceError(exhausted ? "full" : "internal", said);
}
