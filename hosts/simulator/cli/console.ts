// SPDX-License-Identifier: Apache-2.0
/**
 * What a command says, for people as text and with `--json` for scripts as one JSON object a line, and how it ends.
 *
 * Results go to standard output. Remarks and failures go to standard error, where they do not mix with what the device
 * program prints; with `--json` everything goes to standard output, so that a script reads one stream in order.
 */
import { DeviceError } from "../../../src/base/error.js";
import { printable, printableJSON } from "./printable.js";

/** The whole contract with scripts; `--help` shows it. */
export const EXIT = Object.freeze({ ok: 0, failed: 1, usage: 2 });

export interface ConsoleOptions {
	json?: boolean | undefined;
	verbose?: boolean | undefined;
}

/** The command line asks for what cannot be; found before anything is started. */
export class UsageError extends DeviceError {
	constructor(message: string) {
		super("argument", message);
	}
}

export class Console {
	readonly json: boolean;
	readonly verbose: boolean;

	constructor(options: ConsoleOptions) {
		this.json = options.json === true;
		this.verbose = options.verbose === true;
	}

	/** A result: `text` for people, or `event` with `fields` for scripts. */
	say(event: string, fields: object, text: string): void {
		process.stdout.write(`${this.json ? printableJSON({ event, ...fields }) : printable(text)}\n`);
	}

	/** A remark beside the results. */
	note(event: string, fields: object, text: string): void {
		if (this.json) this.say(event, fields, text);
		else process.stderr.write(`${printable(text)}\n`);
	}

	/** The one line that a failure is worth. @returns the exit code */
	fail(error: unknown): number {
		const { code, message, stack } = describe(error);
		this.note("error", { code, message, ...(this.verbose && { stack }) }, `moorline: ${code}: ${message}`);
		if (this.verbose && !this.json && stack !== undefined) process.stderr.write(`${stack}\n`);
		return error instanceof UsageError ? EXIT.usage : EXIT.failed;
	}
}

function describe(error: unknown): { code: string; message: string; stack: string | undefined } {
	if (!(error instanceof Error)) return { code: "internal", message: String(error), stack: undefined };
	// The name, not the class: a device program brings its own copy of the SDK.
	const code = error.name === "DeviceError" ? (error as DeviceError).code : "internal";
	return { code, message: error.message.split("\n", 1)[0]!, stack: error.stack };
}
