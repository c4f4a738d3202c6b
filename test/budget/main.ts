// SPDX-License-Identifier: Apache-2.0
/**
 * `npm run budget`: what the SDK takes of a device's memory, in one table; fails where a limit is exceeded.
 * With `--write` the figures become the limits.
 */
import { obstacle } from "../../hosts/xs/node/build.js";
import { ESP32_ARENA, DEVICE_STACK } from "../../hosts/xs/node/run.js";
import { measureModdable, withBench } from "./measure.js";
import { complaint, ESP32_C3_ARENA, measureAll, readLimits, writeLimits } from "./budget.js";

const missing = await obstacle(32);
if (missing !== undefined) {
	console.error(`### NOT the device's figures: ${missing}; slots are twice as long here`);
	if (process.env["CI"] === "true") process.exit(1);
}

const number = (value: number | undefined): string => value?.toLocaleString("en") ?? "";
const rows = await measureAll(missing === undefined ? 32 : 64);
if (missing === undefined && process.argv.includes("--write")) writeLimits(rows);
const limits = readLimits();

console.log(`Memory on XS, in an ESP32's arena of ${number(ESP32_ARENA)} bytes (ESP32-C3: ${number(ESP32_C3_ARENA)}) with ${DEVICE_STACK} slots of stack.`);
console.log("Garbage waits until a block is full: a peak tells what was used, the smallest arena what is needed.\n");
console.log("| | slots | chunks, bytes | together, bytes | limit |\n|---|---:|---:|---:|---:|");
for (const { key, what, slots, chunks, value } of rows) {
	console.log(`| ${what} | ${number(slots)} | ${number(chunks)} | ${number(value)} | ${number(limits[key])} |`);
}
const sdk = process.env["MODDABLE"];
if (missing !== undefined || sdk === undefined) {
	console.log("\nMODDABLE=folder of an SDK puts Moddable's idle ECMA-419 client beside ours.");
} else {
	console.log("\nIdle and connected, on a network in memory:\n\n| | slots | chunks, bytes | together, bytes |\n|---|---:|---:|---:|");
	for (const { name, slots, chunks } of await withBench(32, (bench) => measureModdable(bench, ESP32_ARENA, sdk))) {
		console.log(`| ${name} | ${number(slots)} | ${number(chunks)} | ${number(slots * 16 + chunks)} |`);
	}
}
if (missing === undefined) {
	const complaints = rows.map((row) => complaint(row, limits)).filter((each) => each !== undefined);
	for (const each of complaints) console.error(`\n${each}`);
	if (complaints.length > 0) process.exitCode = 1;
}
