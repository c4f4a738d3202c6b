// SPDX-License-Identifier: Apache-2.0
/** The suites of the pure cores, run by the engine of the device with the SDK preloaded. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../hosts/xs/node/build.js";
import { availableBits, testOnXS } from "./runner.js";

/** Folders of compiled tests that need nothing but the SDK. */
const SUITES = ["unit"];

function testFiles(suite: string): string[] {
	const directory = join(packageRoot, "dist/test", suite);
	if (!existsSync(directory)) return [];
	return readdirSync(directory, { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile() && entry.name.endsWith(".test.js"))
		.map((entry) => join(entry.parentPath, entry.name))
		.sort();
}

for (const bits of await availableBits()) {
	for (const file of SUITES.flatMap(testFiles)) testOnXS(file, { bits });
}
