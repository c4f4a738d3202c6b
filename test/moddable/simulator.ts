// SPDX-License-Identifier: Apache-2.0
/**
 * Builds a program with Moddable's tools and runs it in Moddable's simulator on Linux.
 *
 * Needs the SDK: MODDABLE set, its tools, a TypeScript that it takes and `xvfb-run` on the path. CI has none of
 * that, so what uses this is no part of `npm test`.
 */
import { spawn, spawnSync } from "node:child_process";
import { basename, join } from "node:path";

const TIMEOUT = 900_000;

/**
 * @param manifest  directory with the program's manifest.json
 * @param directory what the build writes, and the device keeps, goes here
 * @param onLine    gets each line of the program; returns whether it was the last
 * @throws when the program cannot be built, aborts, or does not come to its last line in a quarter of an hour
 */
export async function simulate(manifest: string, directory: string, onLine: (line: string) => boolean): Promise<void> {
	const goal = ["-m", "-p", "lin", "-t", "build", "-o", directory, `moorline=${directory}`];
	const built = spawnSync("mcconfig", goal, { cwd: manifest, encoding: "utf8" });
	if (built.status !== 0) throw new Error(`${built.error?.message ?? ""}${built.stdout}${built.stderr}`);
	const simulator = join(process.env["MODDABLE"]!, "build/bin/lin/release/mcsim");
	const library = join(directory, "bin/lin/mc/release", basename(manifest), "mc.so");
	const child = spawn("xvfb-run", ["-a", "stdbuf", "-o0", simulator, library], {
		detached: true, stdio: ["ignore", "pipe", "inherit"],
		// There it copies the program to before it runs it: two simulators must not share the place.
		env: { ...process.env, XDG_CONFIG_HOME: directory },
	});
	try {
		await new Promise<void>((resolve, reject) => {
			const timer = setTimeout(() => reject(new Error("the program does not end")), TIMEOUT);
			const end = (error?: Error): void => {
				clearTimeout(timer);
				if (error === undefined) resolve();
				else reject(error);
			};
			child.on("exit", code => end(new Error(`the simulator ended with ${code}`)));
			let waiting = "";
			child.stdout.on("data", bytes => {
				const lines = (waiting + bytes).split("\n");
				waiting = lines.pop()!;
				for (const line of lines) {
					if (line.includes("XS abort")) end(new Error(line));
					else if (onLine(line)) end();
				}
			});
		});
	} finally {
		// The simulator never ends by itself, and xvfb-run does not pass a signal on: the whole group goes.
		process.kill(-child.pid!, "SIGTERM");
	}
}
