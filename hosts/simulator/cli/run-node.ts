// SPDX-License-Identifier: Apache-2.0
/** Runs a program on the Node host: a process of its own, with real sockets and files. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bundleWithMap } from "./bundle.js";
import { timeLimit } from "./interrupt.js";
import { runProcess } from "./process.js";
import { beginRecording, sayRecording } from "./recording.js";
import { writeBytes } from "./release-files.js";
import type { Run } from "./run.js";
import { openSite } from "./site.js";

export async function runNode({ file, options, output, stopped }: Run): Promise<void> {
	const { images = false, record, sourceMap } = options;
	// A program of its own has its map in it, so that Node itself shows the sources; an image has none, as on a device.
	const { script, map } = await bundleWithMap(file, { format: "esm" });
	if (sourceMap !== undefined) await writeBytes(sourceMap, map);
	const recording = record === undefined ? undefined : await beginRecording(record);
	const site = await openSite(options, file, output);
	try {
		const scriptFile = join(site.scratch, "program.mjs");
		await writeFile(scriptFile, images ? script : `${script}//# sourceMappingURL=data:application/json;base64,${Buffer.from(map).toString("base64")}\n`);
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
