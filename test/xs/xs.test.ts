// SPDX-License-Identifier: Apache-2.0
/** The suites of the pure cores, run by the engine of the device with the SDK preloaded. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { aliases } from "../../hosts/simulator/portable/aliases.js";
import { packageRoot } from "../../hosts/xs/node/build.js";
import { availableBits, testOnXS } from "./runner.js";

/** Folders of compiled tests that need nothing of Node. */
const SUITES = ["unit", "property", "world", "simulation"];
/** The simulated cloud brings packages that were not written for frozen built-ins. */
const THAWED = "simulation";

function testFiles(suite: string): string[] {
	const directory = join(packageRoot, "dist/test", suite);
	if (!existsSync(directory)) return [];
	return readdirSync(directory, { recursive: true, withFileTypes: true })
		.filter((entry) => entry.isFile() && entry.name.endsWith(".test.js"))
		.map((entry) => join(entry.parentPath, entry.name))
		.sort();
}

for (const bits of await availableBits()) {
	for (const suite of SUITES) {
		for (const file of testFiles(suite)) testOnXS(file, { bits, aliases, thaw: suite === THAWED });
	}
}
