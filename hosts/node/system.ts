// SPDX-License-Identifier: Apache-2.0
/** The device as a process: its name, why it started, and how it starts again. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Crash, ResetReason, System } from "../../src/host.js";
import { takeCrash } from "./crash.js";
import { readFile, replaceFile } from "./file.js";
import { retained } from "./retained.js";

/** How a program that restarts itself ends (EX_TEMPFAIL of sysexits.h): whoever supervises it starts it again. */
export const RESTART_EXIT_CODE = 75;
/** As long as a MAC address. */
const IDENTIFIER_LENGTH = 6;

export interface SystemOptions {
	directory: string;
	resetReason: ResetReason;
	/** Absent: the process ends with RESTART_EXIT_CODE. Storage and flash are in the kernel's hands by then. */
	onRestart?: (() => void) | undefined;
}

export function createSystem({ directory, resetReason, onRestart }: SystemOptions): System {
	let identifier: string | undefined;
	let crash: { readonly found: Crash | undefined } | undefined;
	return Object.freeze({
		restart(): void {
			if (onRestart === undefined) process.exit(RESTART_EXIT_CODE);
			onRestart();
		},
		resetReason,
		get identifier(): string {
			return identifier ??= findIdentifier(join(directory, "identifier"));
		},
		get crash(): Crash | undefined {
			crash ??= { found: takeCrash(directory) };
			return crash.found;
		},
		get retained(): Uint8Array {
			return retained(directory);
		},
		heap: () => undefined,
	});
}

/** The directory stands for the chip, so its identifier is made once and kept in it. */
function findIdentifier(file: string): string {
	const kept = readFile(file);
	if (kept !== undefined) return Buffer.from(kept).toString("latin1");
	const made = randomBytes(IDENTIFIER_LENGTH).toString("hex");
	replaceFile(file, Buffer.from(made, "latin1"));
	return made;
}
