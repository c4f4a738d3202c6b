// SPDX-License-Identifier: Apache-2.0
/**
 * `npm run bench`: our MQTT codec beside `mqtt-packet` and our client beside MQTT.js through mosquitto on Node, a
 * release over HTTPS and whole updates beside a bare copy of the stream, a shadow on the wire beside the vendor's own SDK,
 * and whole messages beside codec and Moddable's client on XS, in one table each. What is missing is skipped, and in CI a
 * failure.
 */
import { spawnSync } from "node:child_process";
import { sdkObstacle } from "../referee/sdk.js";
import { findMosquitto } from "../simulator/mosquitto.js";
import { measureBroker, ROUND_COUNT, SIZE } from "./broker.js";
import { measureCoAP, ROUNDS } from "./coap.js";
import { LENGTH, measureDownload, ROUND_COUNT as DOWNLOADS } from "./download.js";
import { measureNode } from "./node.js";
import { measureShadow } from "./shadow.js";
import { measureUpdate, LENGTH as IMAGE, ROUND_COUNT as UPDATES } from "./update.js";
import { CODECS, DIRECTIONS } from "./telemetry.js";
import { measureTelemetry, measureXS } from "./xs.js";

const thousands = (value: number): string => Math.round(value).toLocaleString("en");
const times = (value: number): string => `${value.toFixed(1)}x`;

console.log("MQTT PUBLISH at QoS 1 on Node: thousands of messages a second (medians of rounds in turn)\n");
console.log("| | payload | Moorline | mqtt-packet | Moorline is faster by |\n|---|---:|---:|---:|---:|");
for (const { direction, size, ours, theirs } of measureNode()) {
	console.log(`| ${direction} | ${size} B | ${thousands(ours / 1000)} | ${thousands(theirs / 1000)} | ${times(ours / theirs)} |`);
}

console.log(`\nHTTPS download of ${LENGTH >> 20} MB on loopback: MB a second (medians of ${DOWNLOADS} rounds in turn)\n`);
console.log("| Moorline, with a device's windows | node:tls, a bare copy | part of the copy's speed |\n|---:|---:|---:|");
const { ours: downloaded, copy: copied } = await measureDownload();
console.log(`| ${thousands(downloaded / 2 ** 20)} | ${thousands(copied / 2 ** 20)} | ${(downloaded / copied).toFixed(2)} |`);

console.log(`\nA whole update of ${IMAGE >> 20} MB on loopback, from its offer to the restart: KB a second (medians of ${UPDATES} rounds in turn)\n`);
console.log("| | Moorline | node:tls, a bare copy | part of the copy's speed | of the time: hashing | flash | storage | waiting for turns | turns |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|");
const { copy: bare, rows: updates, wear, writes } = await measureUpdate();
for (const { way, rate, hashing, flash, storage, waiting, turns } of updates) {
	const parts = [hashing, flash, storage, waiting].map(part => `${(part * 100).toFixed(1)} %`).join(" | ");
	console.log(`| ${way} | ${thousands(rate / 1024)} | ${thousands(bare / 1024)} | ${(rate / bare).toFixed(3)} | ${parts} | ${turns} |`);
}
console.log("\nIts wear, until it is confirmed: erasures and programs of a block (most of all blocks), bytes\n");
console.log("| partition | blocks erased | erasures | at most | programs | at most | programmed | read |\n|---|---:|---:|---:|---:|---:|---:|---:|");
for (const [name, { erases, programs, programmed, read }] of wear) {
	const sum = (counts: readonly number[]): string => thousands(counts.reduce((all, count) => all + count, 0));
	console.log(`| ${name} | ${erases.filter(count => count > 0).length} | ${sum(erases)} | ${Math.max(...erases)} | ${sum(programs)} | ${Math.max(...programs)} | ${thousands(programmed)} B | ${thousands(read)} B |`);
}
console.log(`\nWrites of storage: ${[...writes].map(([name, count]) => `${name} ${count}`).join(", ")}`);

const mosquitto = findMosquitto();
if (mosquitto === undefined) {
	console.log("\nSKIPPED end to end: mosquitto is not installed (apt-get install mosquitto)");
} else {
	console.log(`\nThrough one mosquitto on loopback: messages of ${SIZE} B a second (medians of ${ROUND_COUNT} rounds in turn);`);
	console.log("QoS 0: that came back to the client which published them, QoS 1: that were acknowledged\n");
	console.log("| QoS | in flight | Moorline | MQTT.js | Moorline is faster by |\n|---:|---:|---:|---:|---:|");
	for (const { qos, inFlight, ours, theirs } of await measureBroker(mosquitto)) {
		console.log(`| ${qos} | ${inFlight} | ${thousands(ours)} | ${thousands(theirs)} | ${(ours / theirs).toFixed(2)}x |`);
	}
}

console.log(`\nCoAP on Node against the simulator's server on loopback, one request at a time: requests a second (medians of ${ROUNDS} rounds in turn)\n`);
console.log("| | Moorline | coap (npm) | Moorline is faster by |\n|---|---:|---:|---:|");
for (const { what, ours, theirs } of await measureCoAP()) console.log(`| ${what} | ${thousands(ours)} | ${thousands(theirs)} | ${(ours / theirs).toFixed(2)}x |`);

const obstacle = await sdkObstacle();
if (obstacle !== undefined) {
	console.log(`\nSKIPPED a shadow on the wire: ${obstacle}`);
} else {
	console.log("\nA shadow at AWS (simulated, MQTT 5): bytes of MQTT packets to the cloud + to the device, and round trips until the last answer");
	console.log("\n| | Moorline | round trips | aws-iot-device-sdk-v2 | round trips |\n|---|---:|---:|---:|---:|");
	for (const { work, ours, theirs } of await measureShadow()) {
		const cost = ({ toCloud, toDevice, roundTrips }: typeof ours): string => `${thousands(toCloud)} + ${thousands(toDevice)} B | ${roundTrips}`;
		console.log(`| ${work} | ${cost(ours)} | ${cost(theirs)} |`);
	}
}

if (spawnSync("valgrind", ["--version"]).error !== undefined) {
	console.log("\nSKIPPED on XS: valgrind is not installed (apt-get install valgrind)");
	process.exit(process.env["CI"] === "true" ? 1 : 0);
}
const sdk = process.env["MODDABLE"];
console.log("\nWhole messages on XS: instructions (x86-64) and bytes allocated (32-bit slots). Ours and Moddable's are clients on a network");
console.log("in memory, received in segments of 1,460 B; sent at QoS 1 means until its PUBACK was read. mqtt-packet is a codec alone.");
if (sdk === undefined) console.log("Moddable's ECMA-419 client is measured where the environment variable MODDABLE names the folder of an SDK.");
console.log("\n| | QoS | payload | Moorline | mqtt-packet | Moddable's client | fewer instructions by |\n|---|---:|---:|---:|---:|---:|---:|");
for (const { direction, qos, size, ours, codec, moddable } of await measureXS(sdk)) {
	const cost = ({ instructions, bytes }: typeof ours): string => `${thousands(instructions)} / ${thousands(bytes)} B`;
	const fewer = [codec, moddable].filter((peer) => peer !== undefined).map((peer) => times(peer.instructions / ours.instructions)).join(", ");
	const theirs = moddable === undefined ? "not measured here" : cost(moddable);
	console.log(`| ${direction} | ${qos} | ${size} B | ${cost(ours)} | ${cost(codec)} | ${theirs} | ${fewer} |`);
}

console.log("\nA message of telemetry on XS, 220 bytes of CBOR, 294 of JSON: instructions (x86-64) and bytes allocated (32-bit slots).");
console.log("Bounded: names become properties as a vocabulary says, and levels are limited; the SDK reads in no other way.\n");
console.log("| | Moorline's CBOR, bounded | cbor-x | the engine's JSON | Moorline's JSON, bounded | our CBOR / cbor-x |\n|---|---:|---:|---:|---:|---:|");
const telemetry = await measureTelemetry();
for (const direction of DIRECTIONS) {
	const costs = CODECS.map((codec) => telemetry.find((row) => row.codec === codec && row.direction === direction)!.cost);
	const [ours, theirs] = costs;
	const ratio = (unit: "instructions" | "bytes"): string => (ours![unit] / theirs![unit]).toFixed(2);
	const cells = costs.map(({ instructions, bytes }) => `${thousands(instructions)} / ${thousands(bytes)} B`);
	console.log(`| ${direction} | ${cells.join(" | ")} | ${ratio("instructions")} / ${ratio("bytes")} |`);
}
