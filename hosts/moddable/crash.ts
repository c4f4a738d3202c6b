// SPDX-License-Identifier: Apache-2.0
/**
 * What outlives the program: how it crashed, and memory that a reset leaves as it is. The native functions keep both.
 *
 * The engine calls `globalThis.abort` before it gives up; of a stack that is full it tells nobody. On ESP32 it is told then
 * that the chip restarted though nobody asked for that.
 */
import platform from "moddable:moorline/platform";
import { clipCrash, framesOf, parseCrash } from "../boot/crash.js";
import type { Crash, CrashReason } from "../../src/host.js";

/** By the engine's words. All others are its own business. */
const REASONS: Readonly<Record<string, CrashReason>> = Object.freeze({
	"unhandled exception": "exception", "unhandled rejection": "rejection", "memory full": "memory",
});

/** By reasons of a reset that nothing in the program is told of. */
const SILENT: Readonly<Record<string, Crash>> = Object.freeze({
	watchdog: Object.freeze({ reason: "watchdog", message: "", stack: "" }),
	exception: Object.freeze({ reason: "engine", message: "the processor stopped", stack: "" }),
});

/** Of a stack that `onAbort` made. */
const OWN_FRAME = /^onAbort\b.*\n?/;

/** Of the run before this one. */
let former: Crash | undefined;
let retained: Uint8Array | undefined;
let dying = false;

/** To be called at each boot, before anything of the program runs. */
export function watchForCrash(): void {
	const text = native("moorline_crash_take").call(undefined, platform.directory) as string | undefined;
	const crash = text === undefined ? undefined : parseCrash(text);
	// What was kept has the engine's form: nothing that can be left to this run was done in the one that died.
	former = crash && clipCrash({ ...crash, stack: framesOf(crash.stack).replace(OWN_FRAME, "") });
	globalThis.abort = onAbort;
}

export function getCrash(): Crash | undefined {
	return former ?? SILENT[platform.system.resetReason];
}

export function getRetained(): Uint8Array {
	return retained ??= new Uint8Array(native("moorline_retained").call(undefined, platform.directory) as ArrayBuffer);
}

/** Must not return false: then the engine would go on. */
function onAbort(words: string, thrown: unknown): void {
	// The heap has no room for what follows: what was kept so far has to do.
	if (dying) return;
	dying = true;
	const reason = REASONS[words] ?? "engine";
	if (reason !== "exception" && reason !== "rejection") {
		keep(reason, words, "");
		// Made here, it has the frames of what is dying under those of this function.
		keep(reason, words, String(new Error().stack));
	} else if (thrown instanceof Error) {
		keep(reason, thrown.message, "");
		keep(reason, String(thrown), String(thrown.stack));
	} else {
		keep(reason, String(thrown), "");
	}
}

function keep(reason: CrashReason, message: string, stack: string): void {
	native("moorline_crash_keep").call(undefined, platform.directory, reason, message, stack);
}
