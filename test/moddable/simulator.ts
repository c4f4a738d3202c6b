// SPDX-License-Identifier: Apache-2.0
/**
 * Builds a program with Moddable's tools and runs it in Moddable's simulator on Linux.
 *
 * Needs the SDK: MODDABLE set, its tools, a TypeScript that it takes and `xvfb-run` on the path. CI has none of
 * that, so what uses this is no part of `npm test`.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { contentOf, imagePartitions, select, SLOTS, wrapImage, type Selection } from "../../hosts/boot/index.js";
import { crypto } from "../../hosts/node/digest.js";
import { createFlash } from "../../hosts/node/flash.js";

const TIMEOUT = 900_000;
/** ms in which a program that is aborted keeps how that was. */
const LAST_WORDS = 300;
/** How a program that restarts its device ends. */
const RESTART_EXIT_CODE = 75;
/** Bytes of an image: a program for the simulator has more than three million. */
const SLOT = 2 ** 23;

/** A line of the program; whether it was the last. */
export type OnLine = (line: string) => boolean;

/**
 * @param manifest  directory with the program's manifest.json
 * @param directory what the build writes, and the device keeps, goes here
 * @returns the program's file
 * @throws when the program cannot be built
 */
export function buildProgram(manifest: string, directory: string): string {
	const goal = ["-m", "-p", "lin", "-t", "build", "-o", directory, `moorline=${directory}`];
	const built = spawnSync("mcconfig", goal, { cwd: manifest, encoding: "utf8" });
	if (built.status !== 0) throw new Error(`${built.error?.message ?? ""}${built.stdout}${built.stderr}`);
	return join(directory, "bin/lin/mc/release", basename(manifest), "mc.so");
}

/** @throws when the program cannot be built, aborts, ends, or does not come to its last line in a quarter of an hour */
export async function simulate(manifest: string, directory: string, onLine: OnLine): Promise<void> {
	const code = await run(buildProgram(manifest, directory), directory, onLine);
	if (code !== undefined) throw new Error(`the simulator ended with ${code}`);
}

/**
 * A device with two images, of which a boot loader chooses one at each boot. The content of an image is a program's file.
 * @param library the program in the image of the factory
 * @param onBoot  hears of each boot, before the program runs
 */
export async function simulateImages(library: string, directory: string, onBoot: (selection: Selection) => void, onLine: OnLine): Promise<void> {
	const platform = { flash: createFlash(directory, imagePartitions(SLOT)), crypto };
	const factory = platform.flash.open({ path: SLOTS[0] });
	factory.eraseBlock(0, factory.size / factory.blockLength);
	factory.write(wrapImage(readFileSync(library), crypto), 0);
	factory.close();
	const chosen = join(directory, "image", "mc.so");
	mkdirSync(join(directory, "image"), { recursive: true });
	for (let code: number | undefined = RESTART_EXIT_CODE; code !== undefined;) {
		if (code !== RESTART_EXIT_CODE) throw new Error(`the simulator ended with ${code}`);
		const selection = select(platform);
		if (selection === undefined) throw new Error("no image could boot");
		writeFileSync(chosen, contentOf(platform, selection.slot));
		onBoot(selection);
		code = await run(chosen, directory, onLine);
	}
}

/** @returns the exit code, or `undefined` when the last line came. @throws when the program aborts */
export async function run(library: string, directory: string, onLine: OnLine): Promise<number | undefined> {
	const simulator = join(process.env["MODDABLE"]!, "build/bin/lin/release/mcsim");
	const child = spawn("xvfb-run", ["-a", "stdbuf", "-o0", simulator, library], {
		detached: true, stdio: ["ignore", "pipe", "inherit"],
		// There it copies the program to before it runs it: two simulators must not share the place.
		env: { ...process.env, XDG_CONFIG_HOME: directory },
	});
	try {
		return await new Promise((resolve, reject) => {
			const timer = setTimeout(() => end(new Error("the program does not end")), TIMEOUT);
			const end = (result: Error | number | undefined): void => {
				clearTimeout(timer);
				if (result instanceof Error) reject(result);
				else resolve(result);
			};
			child.on("close", code => end(code ?? new Error("the simulator was ended")));
			let waiting = "";
			child.stdout.on("data", bytes => {
				const lines = (waiting + bytes).split("\n");
				waiting = lines.pop()!;
				for (const line of lines) {
					// The engine says so before it tells the program.
					if (line.includes("XS abort")) setTimeout(() => end(new Error(line)), LAST_WORDS);
					else if (onLine(line)) end(undefined);
				}
			});
		});
	} finally {
		// The simulator never ends by itself, and xvfb-run does not pass a signal on: the whole group goes.
		endGroup(child.pid!);
	}
}

function endGroup(leader: number): void {
	try {
		process.kill(-leader, "SIGTERM");
	} catch {
		// It has ended.
	}
}
