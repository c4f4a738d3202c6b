// SPDX-License-Identifier: Apache-2.0
/**
 * The images of the Moddable host over several boots, in Moddable's simulator on Linux: trial, reset, revert.
 *
 * Run it with `node dist/test/moddable/images/run.js`; simulator.ts says what that needs.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { buildProgram, simulateImages } from "../simulator.js";

const SOURCE = resolve(dirname(fileURLToPath(import.meta.url)), "../../../../test/moddable/images");

const EXPECTED = [
	"ota_0",
	"boot 1: running is argument, ota_1 is argument, nextota is corrupt; confirmed, cannot revert",
	"boot 1: a whole image is done; confirmed, cannot revert",
	"ota_1 on trial",
	"boot 2: nextota is state, to activate is state; on trial, can revert",
	"ota_0",
	"boot 3: running is argument, ota_1 is argument, nextota is done; confirmed, cannot revert",
	"boot 3: a whole image is done; confirmed, cannot revert",
	"ota_1 on trial",
	"boot 4: as it booted; on trial, can revert",
	"boot 4: confirmed twice; confirmed, can revert",
	"ota_0",
	"boot 5: to revert is state; confirmed, cannot revert",
];

const directory = mkdtempSync(join(tmpdir(), "moorline-"));
const told: string[] = [];
await simulateImages(buildProgram(SOURCE, directory), directory, ({ slot, onTrial }) => {
	told.push(`ota_${slot}${onTrial ? " on trial" : ""}`);
}, line => {
	const [found] = /boot \d: .*/.exec(line) ?? [];
	if (found !== undefined) told.push(found);
	return line.includes("images done");
});
rmSync(directory, { recursive: true });
for (const line of told) console.log(line);
assert.deepEqual(told, EXPECTED);
console.log("as expected");
