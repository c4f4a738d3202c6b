// SPDX-License-Identifier: Apache-2.0
/** `moorline symbolicate`: from the stack in a crash report to functions, files and lines of the sources. */
import { text } from "node:stream/consumers";
import type { Command } from "commander";
import { DeviceError } from "../../../src/base/error.js";
import { Console } from "./console.js";
import { readText, several } from "./release-files.js";
import { type Frame, type Origin, parseStack, Symbols } from "./symbols.js";

interface SymbolicateOptions {
	map: readonly string[];
	json?: boolean;
	verbose?: boolean;
}

/** What is shown of a crash report. Of whatever else there is nothing, all is as the device told it. */
interface Report {
	readonly reason?: string;
	readonly message?: string;
	readonly stack?: string;
	readonly fingerprint?: string;
	readonly count?: number;
	readonly product?: string;
	readonly version?: string;
	readonly boot?: number;
}

const TEXTS = ["reason", "message", "stack", "fingerprint", "product", "version"] as const, NUMBERS = ["count", "boot"] as const;

export function addSymbolicate(program: Command): void {
	program.command("symbolicate")
		.description("Show where in the sources a crash was, by the source maps of the release that crashed.")
		.argument("[report]", "a file with the crash report in JSON, or with its stack alone; -: standard input", "-")
		.requiredOption("--map <file>", "a source map, as `--source-map` of release and run writes one, or a folder with those of `tsc`; may be repeated", several)
		.option("--json", "print one JSON object a line")
		.option("--verbose", "show where a failure came from")
		.action(symbolicate);
}

async function symbolicate(file: string, { map, ...options }: SymbolicateOptions): Promise<void> {
	const symbols = await Symbols.read(map);
	const report = readReport(file === "-" ? await text(process.stdin) : await readText(file));
	const frames = parseStack(report.stack ?? "").map(frame => ({ ...frame, origin: symbols.find(frame) }));
	const { stack: _, ...facts } = report;
	const lines = [...headOf(report), ...frames.map(({ origin, ...frame }) => `  ${lineOf(frame, origin)}`), ...frames.length === 0 ? ["  no stack"] : []];
	new Console(options).say("symbolicated", { ...facts, frames: frames.map(({ origin, ...frame }) => ({ ...frame, origin: origin ?? null })) }, lines.join("\n"));
	if (frames.some(({ line }) => line > 0) && frames.every(({ origin }) => origin === undefined)) {
		throw new DeviceError("argument", "none of the frames is in these source maps: are they of this version?");
	}
}

function headOf({ reason, message, product, version, boot, count, fingerprint }: Report): string[] {
	const crash = [reason, message].filter(Boolean).join(": ");
	const facts = [
		[product, version].filter(Boolean).join(" "), boot === undefined ? "" : `boot ${boot}`, fingerprint === undefined ? "" : `fingerprint ${fingerprint}`,
		count === undefined || count === 1 ? "" : `${count} times`,
	].filter(Boolean).join(", ");
	return [crash, facts].filter(Boolean);
}

function lineOf({ name, module, line, column }: Frame, origin: Origin | undefined): string {
	const called = name === "" ? origin?.name ?? "(anonymous)" : name;
	if (origin === undefined) return module === "" ? called : `${called}  ${[module, line, column].filter(Boolean).join(":")} (not mapped)`;
	const { source, isExact } = origin;
	return `${called}  ${source}:${origin.line}${isExact ? `:${origin.column}` : ""}`;
}

/** @throws DeviceError `argument` */
function readReport(content: string): Report {
	if (!content.trimStart().startsWith("{")) return { stack: content };
	let found: unknown;
	try {
		found = JSON.parse(content);
	} catch (error) {
		throw new DeviceError("argument", "the report is not JSON", { cause: error });
	}
	const members = found as Record<string, unknown>;
	const told = (names: readonly string[], type: string) => names.filter(name => typeof members[name] === type).map(name => [name, members[name]]);
	return Object.fromEntries([...told(TEXTS, "string"), ...told(NUMBERS, "number")]) as Report;
}
