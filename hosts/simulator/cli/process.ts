// SPDX-License-Identifier: Apache-2.0
/**
 * A device of the Node host: its program in a process of its own, started again whenever it restarts itself.
 *
 * The directory is what a chip's flash is: it outlives the process, and the program finds everything again. A device with
 * images has its boot loader here: before each start it chooses the image whose program that is.
 */
import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { DeviceError, type ErrorCode } from "../../../src/base/error.js";
import { TRIAL_TIMEOUT, type CrashReason, type ResetReason } from "../../../src/host.js";
import { keepCrash } from "../../node/crash.js";
import { BootLoader, SLOT } from "../../node/images.js";
import { RESTART_EXIT_CODE } from "../../node/system.js";

/** What the guard in the process sends before a program dies of an exception. */
export interface Failure {
	code: string;
	message: string;
	stack: string;
}

export interface DeviceProcessOptions {
	/** The bundled program; with images, where that of the one which boots is put. */
	file: string;
	/** Where the device keeps what it keeps. */
	directory: string;
	/** A line that the program printed. */
	onLine: (line: string, stream: "stdout" | "stderr") => void;
	/** The device starts. @param cutPower of this start: without images it ends the run, and is no reset */
	onStart?: ((cutPower: () => void) => void) | undefined;
	/** The device starts again: the program wanted it, or with images any reset. @param error what the program died of */
	onRestart?: ((reason: ResetReason, error: DeviceError | undefined) => void) | undefined;
	/** Records what comes into the program in this file, which exists. */
	record?: string | undefined;
	/** Absent: the device runs its one program. */
	images?: ImageOptions | undefined;
}

export interface ImageOptions {
	/** The program, an ES module, in the image that a device gets at the factory. */
	factory: Uint8Array;
	/** Bytes of each slot. Default 4 MB. */
	slot?: number | undefined;
	/** ms after which the watchdog resets an image on trial. Default `TRIAL_TIMEOUT`. */
	trialTimeout?: number | undefined;
}

const GUARD = new URL("./guard.js", import.meta.url).href;
const RECORDER = new URL("../../record/process.js", import.meta.url).href;
/** From a restart to the start of the program (ms): a program that restarts for ever stays cheap, as on a chip. */
const BOOT_DELAY = 200;
/** A program that does not end when it is told to is ended (ms). */
const STOP_PATIENCE = 2_000;
/** V8's words before it aborts: nothing in the process can tell of a heap that is full. */
const HEAP_FULL = "JavaScript heap out of memory";

/**
 * Runs a device until its program ends by itself, or `stopped` is aborted; when it returns the process is gone.
 *
 * With images, whatever ends the program is a reset, as on a device, and SIGKILL its power cut. Without them a crash ends the
 * run; it is kept, so that the next run in the directory finds it.
 * @throws DeviceError the program's own where it died of one, else `internal`; `corrupt` when there is no image to boot
 */
export async function runProcess(options: DeviceProcessOptions, stopped: AbortSignal): Promise<void> {
	const loader = options.images && manufacture(options.directory, options.images);
	for (let resetReason: ResetReason = "power-on"; !stopped.aborted;) {
		const trial = await loadImage(options, loader);
		const ending = await boot(options, resetReason, stopped, trial);
		// Ctrl-C in a terminal goes to all of its processes, and this one may be the first to end.
		if (stopped.aborted || ending.code === 0 || ending.signal === "SIGINT") return;
		if (ending.crash !== undefined) keepCrash(options.directory, { ...ending.crash, stack: "" });
		resetReason = resetReasonOf(ending, loader !== undefined);
		if (ending.failure !== undefined) options.onLine(ending.failure.stack, "stderr");
		options.onRestart?.(resetReason, ending.failure && toError(ending.failure));
		await sleep(BOOT_DELAY, undefined, { signal: stopped }).catch(() => undefined);
	}
}

function manufacture(directory: string, { factory, slot = SLOT }: ImageOptions): BootLoader {
	const loader = new BootLoader(directory, slot);
	loader.manufacture(factory);
	return loader;
}

/** A boot on trial, and what is asked whether it still is. */
type Trial = () => boolean;

async function loadImage({ file }: DeviceProcessOptions, loader: BootLoader | undefined): Promise<Trial | undefined> {
	if (loader === undefined) return undefined;
	const selection = loader.select();
	await writeFile(file, loader.load(selection));
	return selection.onTrial ? () => loader.isOnTrial(selection) : undefined;
}

/** @throws DeviceError when it was no reset but the end */
function resetReasonOf({ code, signal, failure, crash }: Ending, hasImages: boolean): ResetReason {
	if (crash?.reason === "watchdog") return "watchdog";
	if (code === RESTART_EXIT_CODE) return "software";
	if (hasImages) return signal === "SIGKILL" ? "power-on" : "exception";
	throw failure === undefined ? new DeviceError("internal", `the program ended with ${signal ?? `exit code ${code}`}`) : toError(failure);
}

interface Ending {
	code: number | null;
	signal: string | null;
	failure: Failure | undefined;
	/** What the process could not write down itself. */
	crash: { reason: CrashReason; message: string } | undefined;
}

function boot(
	{ file, directory, onLine, onStart, images, record }: DeviceProcessOptions, resetReason: ResetReason, stopped: AbortSignal, trial: Trial | undefined,
): Promise<Ending> {
	return new Promise((resolve, reject) => {
		const child = spawn(process.execPath, ["--enable-source-maps", "--import", GUARD, ...record === undefined ? [] : ["--import", RECORDER], file], {
			env: {
				...process.env, MOORLINE_DIRECTORY: directory, MOORLINE_RESET_REASON: resetReason,
				MOORLINE_SLOT: images === undefined ? "" : String(images.slot ?? SLOT), MOORLINE_RECORD: record ?? "",
			},
			stdio: ["ignore", "pipe", "pipe", "ipc"],
		});
		let failure: Failure | undefined;
		let crash: Ending["crash"];
		let patience: NodeJS.Timeout | undefined;
		const watchdog = trial && setTimeout(() => {
			if (trial() && child.kill("SIGKILL")) crash = { reason: "watchdog", message: "" };
		}, images?.trialTimeout ?? TRIAL_TIMEOUT);
		onStart?.(() => child.kill("SIGKILL"));
		const stop = (): void => {
			child.kill("SIGTERM");
			patience = setTimeout(() => child.kill("SIGKILL"), STOP_PATIENCE);
		};
		stopped.addEventListener("abort", stop);
		for (const stream of ["stdout", "stderr"] as const) {
			createInterface({ input: child[stream]! }).on("line", line => {
				if (stream === "stderr" && line.startsWith("FATAL ERROR:") && line.endsWith(HEAP_FULL)) crash = { reason: "memory", message: HEAP_FULL };
				onLine(line, stream);
			});
		}
		child.on("message", message => { failure = message as Failure; });
		child.on("error", error => reject(new DeviceError("internal", `cannot start the program: ${error.message}`, { cause: error })));
		// "close", not "exit": the last lines and the failure have been read by then.
		child.on("close", (code, signal) => {
			clearTimeout(patience);
			clearTimeout(watchdog);
			stopped.removeEventListener("abort", stop);
			// A program may print what it likes, and go on.
			resolve({ code, signal, failure, crash: crash?.reason === "memory" && signal !== "SIGABRT" ? undefined : crash });
		});
	});
}

function toError({ code, message, stack }: Failure): DeviceError {
	const error = new DeviceError(code as ErrorCode, message);
	error.stack = stack;
	return error;
}
