// SPDX-License-Identifier: Apache-2.0
/** The crash of a run, kept in the device's directory until the next run begins. */
import { join, resolve } from "node:path";
import type { Crash } from "../../src/host.js";
import { describeThrown, formatCrash, parseCrash } from "../boot/index.js";
import { readFile, removeFile, replaceFile } from "./file.js";

const fileIn = (directory: string): string => join(directory, "crash");

export function keepCrash(directory: string, crash: Crash): void {
	replaceFile(fileIn(directory), Buffer.from(formatCrash(crash)));
}

/** The crash that was kept: it is told once. */
export function takeCrash(directory: string): Crash | undefined {
	const kept = readFile(fileIn(directory));
	if (kept === undefined) return undefined;
	removeFile(fileIn(directory));
	return parseCrash(Buffer.from(kept).toString());
}

/** Keeps what this process is about to die of, and changes nothing of how it does. */
export function watchForCrash(directory: string): void {
	// The program may change its working directory later; the device stays where it is.
	const place = resolve(directory);
	process.on("uncaughtExceptionMonitor", (error: unknown, origin) => {
		try {
			keepCrash(place, describeThrown(origin === "unhandledRejection" ? "rejection" : "exception", error));
		} catch {
			// A directory that takes nothing is no reason to die of another error.
		}
	});
}
