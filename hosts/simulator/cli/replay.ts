// SPDX-License-Identifier: Apache-2.0
/** `moorline replay FILE [PROGRAM]`: runs a recorded program again, from what came into it. */
import type { Command } from "commander";
import { DeviceError } from "../../../src/base/error.js";
import { bundle } from "./bundle.js";
import { Console } from "./console.js";
import { findProgram } from "./program.js";

interface ReplayCommandOptions {
	json?: boolean;
	verbose?: boolean;
}

export function addReplay(program: Command): void {
	program.command("replay")
		.description("Run a recorded program again from what came into it, without a network and without waiting, and compare all that it says.")
		.argument("<recording>", "what `run --record` wrote")
		.argument("[program]", "runs instead of the recorded one: a folder with main.ts, or a file")
		.option("--json", "print one JSON object a line")
		.option("--verbose", "show where a failure came from")
		.action((file: string, changed: string | undefined, options: ReplayCommandOptions) => run(file, changed, new Console(options)));
}

async function run(file: string, changed: string | undefined, output: Console): Promise<void> {
	const [{ openRecording, describe }, { FUNCTION_PARAMETER, replay, toRecording }] = await Promise.all([import("./recording.js"), import("../../record/index.js")]);
	const recording = await openRecording(file), summary = recording.summarize();
	const how = summary.form === "function" ? { format: "iife", host: `export default ${FUNCTION_PARAMETER};` } as const : { format: "esm" } as const;
	const script = changed === undefined ? undefined : toRecording(await bundle(await findProgram(changed), { ...how, sourceMap: false }));
	const { boots, fingerprint, state } = await replay({ recording, program: script, onTrace: line => output.say("trace", { line }, line) });
	// Nothing that both agreed on gives another one.
	if (fingerprint !== summary.fingerprint) throw new DeviceError("internal", `the replay has fingerprint ${fingerprint}, not ${summary.fingerprint}`);
	for (const [name, digest] of state ?? []) output.note("state", { name, digest }, `${name}: ${digest}`);
	if (state === undefined) output.note("cut", {}, "the recording ends before the program did");
	for (const what of summary.impure) output.note("impure", { what }, `the program asks ${what} past its host`);
	output.note("replay", { boots, fingerprint, isComplete: state !== undefined }, `replayed: ${describe(summary)}`);
}
