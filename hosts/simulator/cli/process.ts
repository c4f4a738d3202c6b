// SPDX-License-Identifier: Apache-2.0
/**
 * A device of the Node host: its program in a process of its own, started again whenever it restarts itself.
 *
 * The directory is what a chip's flash is: it outlives the process, and the program finds everything again.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { DeviceError, type ErrorCode } from "../../../src/base/error.js";
import { RESTART_EXIT_CODE } from "../../node/system.js";

/** What the guard in the process sends before a program dies of an exception. */
export interface Failure {
	code: string;
	message: string;
	stack: string;
}

export interface DeviceProcessOptions {
	/** The bundled program. */
	file: string;
	/** Where the device keeps what it keeps. */
	directory: string;
	/** A line that the program printed. */
	onLine: (line: string, stream: "stdout" | "stderr") => void;
	/** The program restarted the device. */
	onRestart?: (() => void) | undefined;
}

const GUARD = new URL("./guard.js", import.meta.url).href;
/** From a restart to the start of the program (ms): a program that restarts for ever stays cheap, as on a chip. */
const BOOT_DELAY = 200;
/** A program that does not end when it is told to is ended (ms). */
const STOP_PATIENCE = 2_000;

/**
 * Runs a device until its program ends by itself, or `stopped` is aborted; when it returns the process is gone.
 * @throws DeviceError the program's own where it died of one, else `internal`
 */
export async function runProcess(options: DeviceProcessOptions, stopped: AbortSignal): Promise<void> {
	for (let resetReason = "power-on"; !stopped.aborted; resetReason = "software") {
		const { code, signal, failure } = await boot(options, resetReason, stopped);
		// Ctrl-C in a terminal goes to all of its processes, and this one may be the first to end.
		if (stopped.aborted || code === 0 || signal === "SIGINT") return;
		if (failure !== undefined) throw toError(failure);
		if (code !== RESTART_EXIT_CODE) throw new DeviceError("internal", `the program ended with ${signal ?? `exit code ${code}`}`);
		options.onRestart?.();
		await sleep(BOOT_DELAY, undefined, { signal: stopped }).catch(() => undefined);
	}
}

interface Ending {
	code: number | null;
	signal: string | null;
	failure: Failure | undefined;
}

function boot({ file, directory, onLine }: DeviceProcessOptions, resetReason: string, stopped: AbortSignal): Promise<Ending> {
	return new Promise((resolve, reject) => {
		const child = spawn(process.execPath, ["--enable-source-maps", "--import", GUARD, file], {
			env: { ...process.env, MOORLINE_DIRECTORY: directory, MOORLINE_RESET_REASON: resetReason },
			stdio: ["ignore", "pipe", "pipe", "ipc"],
		});
		let failure: Failure | undefined;
		let patience: NodeJS.Timeout | undefined;
		const stop = (): void => {
			child.kill("SIGTERM");
			patience = setTimeout(() => child.kill("SIGKILL"), STOP_PATIENCE);
		};
		stopped.addEventListener("abort", stop);
		for (const stream of ["stdout", "stderr"] as const) {
			createInterface({ input: child[stream]! }).on("line", line => onLine(line, stream));
		}
		child.on("message", message => { failure = message as Failure; });
		child.on("error", error => reject(new DeviceError("internal", `cannot start the program: ${error.message}`, { cause: error })));
		// "close", not "exit": the last lines and the failure have been read by then.
		child.on("close", (code, signal) => {
			clearTimeout(patience);
			stopped.removeEventListener("abort", stop);
			resolve({ code, signal, failure });
		});
	});
}

function toError({ code, message, stack }: Failure): DeviceError {
	const error = new DeviceError(code as ErrorCode, message);
	error.stack = stack;
	return error;
}
