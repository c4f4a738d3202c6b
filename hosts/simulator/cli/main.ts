#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/** The command `moorline`: one file for each of its commands. */
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { addCommand } from "./command.js";
import { Console, EXIT, UsageError } from "./console.js";
import { addDevices } from "./devices.js";
import { addKeygen } from "./keygen.js";
import { addLogs } from "./logs.js";
import { addRelease } from "./release.js";
import { addReplay } from "./replay.js";
import { addRun } from "./run.js";
import { addConfiguration, addShadow } from "./shadow.js";
import { addSign } from "./sign.js";
import { addSimulate } from "./simulate.js";
import { addStats } from "./stats.js";
import { addSymbolicate } from "./symbolicate.js";
import { addTrace } from "./trace.js";
import { addVerify } from "./verify.js";

/** Commander's words for what is no failure. */
const SHOWN = Object.freeze(["commander.helpDisplayed", "commander.version"]);
/** Commander's word for a command line without a command, whose help is on the console already. */
const NO_COMMAND = "commander.help";

const EXIT_CODES = `
Exit codes:
  ${EXIT.ok}  it went well, also when Ctrl-C ended it
  ${EXIT.failed}  it failed; standard error says why in one line that begins with a code
  ${EXIT.usage}  the command line is wrong; nothing was started`;

async function main(words: readonly string[]): Promise<number> {
	const program = new Command("moorline")
		.description("Device programs and their cloud, on a laptop and in CI.")
		.version(version())
		// So that a command may have a --version of its own.
		.enablePositionalOptions()
		.exitOverride()
		.configureOutput({ outputError: () => undefined });
	addSimulate(program);
	addRun(program);
	addReplay(program);
	addKeygen(program);
	addRelease(program);
	addSign(program);
	addVerify(program);
	addDevices(program);
	addShadow(program);
	addConfiguration(program);
	addCommand(program);
	addLogs(program);
	addTrace(program);
	addStats(program);
	addSymbolicate(program);
	for (const command of [program, ...program.commands]) command.addHelpText("after", EXIT_CODES);
	const output = new Console({ json: words.includes("--json"), verbose: words.includes("--verbose") });
	try {
		await program.parseAsync(words, { from: "user" });
		return EXIT.ok;
	} catch (error) {
		if (!(error instanceof CommanderError)) return output.fail(error);
		if (SHOWN.includes(error.code)) return EXIT.ok;
		return error.code === NO_COMMAND ? EXIT.usage : output.fail(new UsageError(error.message.replace(/^error: /, "")));
	}
}

function version(): string {
	const { version } = JSON.parse(readFileSync(new URL("../../../../package.json", import.meta.url), "utf8")) as { version: string };
	return version;
}

process.exitCode = await main(process.argv.slice(2));
