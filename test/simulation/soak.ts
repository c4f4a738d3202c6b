#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/** A long run of exchanges over MQTT and over CoAP, and of as many histories of a shadow: `node dist/test/simulation/soak.js [schedules] [first seed]`. Exits with 1 when one does not end well. */
import { crypto } from "../unit/storage/digest.js";
import { coapBodies } from "./coap-exchanges-bodies.js";
import { coapLives } from "./coap.js";
import { coapExchanges } from "./coap-exchanges.js";
import { exchange } from "./exchange.js";
import { shadowLives } from "./shadow-histories.js";

/** Of so many schedules, one is of bodies over CoAP, which takes as long as all of them. */
const BODIES_EVERY = 20;
/** Failures after which nothing new is learned. */
const FAILURES_MAXIMUM = 20;

const [schedules = "100000", first = "1"] = process.argv.slice(2);
const sum = { schedules: 0, connections: 0, boots: 0, copies: 0, told: 0, datagrams: 0, states: 0, failures: 0 };
for (let index = 0; index < Number(schedules) && sum.failures < FAILURES_MAXIMUM; index++) {
	sum.schedules++;
	try {
		const { connections, boots, copies } = exchange(Number(first) + (index >> 1), index % 2 === 0 ? 4 : 5, () => crypto.digest("SHA-256"));
		sum.connections += connections;
		sum.boots += boots;
		sum.copies += copies;
		sum.datagrams += coapExchanges(Number(first) + index).datagrams;
		if (index % BODIES_EVERY === 0) sum.datagrams += coapBodies(Number(first) + index).datagrams;
		sum.states += coapLives(Number(first) + index).states;
		sum.told += shadowLives(Number(first) + index).told;
	} catch (error) {
		sum.failures++;
		console.error(error instanceof Error ? error.message : error);
	}
}
console.log(JSON.stringify(sum));
process.exitCode = sum.failures > 0 ? 1 : 0;
