// SPDX-License-Identifier: Apache-2.0
/**
 * `npm run bench`: our MQTT codec beside `mqtt-packet` on Node and on XS, and our client beside MQTT.js through
 * mosquitto, in one table each. What is missing is skipped, and in CI a failure.
 */
import { spawnSync } from "node:child_process";
import { findMosquitto } from "../simulator/mosquitto.js";
import { measureBroker, ROUND_COUNT, SIZE } from "./broker.js";
import { measureNode } from "./node.js";
import { measureXS } from "./xs.js";

const thousands = (value: number): string => Math.round(value).toLocaleString("en");
const times = (value: number): string => `${value.toFixed(1)}x`;

console.log("MQTT PUBLISH at QoS 1 on Node: thousands of messages a second (medians of rounds in turn)\n");
console.log("| | payload | Moorline | mqtt-packet | Moorline is faster by |\n|---|---:|---:|---:|---:|");
for (const { direction, size, ours, theirs } of measureNode()) {
	console.log(`| ${direction} | ${size} B | ${thousands(ours / 1000)} | ${thousands(theirs / 1000)} | ${times(ours / theirs)} |`);
}

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

if (spawnSync("valgrind", ["--version"]).error !== undefined) {
	console.log("\nSKIPPED on XS: valgrind is not installed (apt-get install valgrind)");
	process.exit(process.env["CI"] === "true" ? 1 : 0);
}
console.log("\nThe same on XS: instructions (x86-64), and bytes allocated (32-bit slots), per message\n");
console.log("| | payload | Moorline | mqtt-packet | fewer instructions by | fewer bytes by |\n|---|---:|---:|---:|---:|---:|");
for (const { direction, size, ours, theirs } of await measureXS()) {
	const cost = ({ instructions, bytes }: typeof ours): string => `${thousands(instructions)} / ${thousands(bytes)} B`;
	const fewer = `${times(theirs.instructions / ours.instructions)} | ${times(theirs.bytes / Math.max(1, ours.bytes))}`;
	console.log(`| ${direction} | ${size} B | ${cost(ours)} | ${cost(theirs)} | ${fewer} |`);
}
