// SPDX-License-Identifier: Apache-2.0
/**
 * Loaded before a device program into its process: records that process into the file which MOORLINE_RECORD names.
 *
 * The program is the script of the process. However it ends (by itself, by a restart, an exception or a signal that asks it to),
 * the recording is brought to its end before.
 */
import { readFileSync } from "node:fs";
import { HOOK, type Hooked } from "../node/hook.js";
import { RecordingFile } from "./file.js";
import { toRecording } from "./program.js";
import { Recorder } from "./recorder.js";
import { watchImpurity } from "./impurity.js";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

const path = process.env["MOORLINE_RECORD"];
const script = process.argv[1];

if (path && script !== undefined) {
	const hooks = globalThis as Hooked;
	hooks[HOOK] = create => {
		hooks[HOOK] = undefined;
		const recorder = new Recorder({
			file: new RecordingFile(path), host: create(), program: toRecording(readFileSync(script, "utf8")), form: "module",
			// Not a reason for a finished program to live on: its end is heard of below.
			afterTurn: flush => { setImmediate(flush).unref(); },
			onFailure: ({ message }) => { process.stderr.write(`moorline: the recording ends here: ${message}\n`); },
		});
		process.on("uncaughtExceptionMonitor", error => recorder.crash(error));
		process.on("exit", () => recorder.end("exit"));
		for (const signal of SIGNALS) {
			const stop = (): void => {
				// Deaf to the signal only when all is written: it may come again.
				recorder.end("stopped");
				process.off(signal, stop);
				process.kill(process.pid, signal);
			};
			process.on(signal, stop);
		}
		watchImpurity(recorder);
		setImmediate(() => recorder.evaluated()).unref();
		return recorder.host;
	};
}
