// SPDX-License-Identifier: Apache-2.0
/** Runs a program on the Node host: a process of its own, with real sockets and files. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bundle } from "./bundle.js";
import { timeLimit } from "./interrupt.js";
import { runProcess } from "./process.js";
import { beginRecording, sayRecording } from "./recording.js";
import type { Run } from "./run.js";
import { openSite } from "./site.js";

export async function runNode({ file, options, output, stopped }: Run): Promise<void> {
	const { images = false, record } = options;
	const script = await bundle(file, { format: "esm", sourceMap: !images });
	const recording = record === undefined ? undefined : await beginRecording(record);
	const site = await openSite(options, file, output);
	try {
		const scriptFile = join(site.scratch, "program.mjs");
		await writeFile(scriptFile, script);
		await runProcess({
			file: scriptFile,
			directory: site.directory,
			onLine: (line, stream) => stream === "stdout" ? output.say("trace", { line }, line) : output.note("stderr", { line }, line),
			onRestart: reason => output.note("restart", { reason }, `the device restarts${images ? `: ${reason}` : ""}`),
			record: recording,
			images: images ? { factory: Buffer.from(script) } : undefined,
		}, timeLimit(stopped, options.for));
	} finally {
		if (recording !== undefined) await sayRecording(recording, output);
		await site.close();
	}
}
