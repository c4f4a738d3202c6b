// SPDX-License-Identifier: Apache-2.0
/** Where a program is, and what its device is called when nobody says. */
import { stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { DeviceError } from "../../../src/base/error.js";
import { isDeviceId } from "../services/registry.js";

const MAIN = Object.freeze(["main.ts", "main.js", "main.mts", "main.mjs"]);

/** The file of a program: itself, or `main` in its folder. @throws DeviceError `argument` */
export async function findProgram(program: string): Promise<string> {
	const path = resolve(program);
	const candidates = [path, ...MAIN.map(name => join(path, name))];
	for (const candidate of candidates) {
		const found = await stat(candidate).catch(() => undefined);
		if (found?.isFile()) return candidate;
	}
	throw new DeviceError("argument", `no program at ${program}: expected a file, or a folder with ${MAIN.join(" or ")}`);
}

/** The program's own name: of its file, or of its folder where the file is `main`. */
export function nameOf(file: string): string {
	const name = basename(file).replace(/\.[^.]*$/, "");
	const chosen = name === "main" ? basename(dirname(file)) : name;
	return isDeviceId(chosen) ? chosen : "device";
}
