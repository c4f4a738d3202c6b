// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { coapOwners } from "./coap-owners.js";

/** Fewer where a run costs more: the test of the engine brings its own number. */
const SEEDS = Number((globalThis as { SEEDS?: number }).SEEDS ?? 150);

for (const transport of ["udp", "tcp"] as const) {
	test(`${SEEDS} lives over ${transport} with owners who cancel, ask and close inside their callbacks`, () => {
		let asked = 0, ended = 0, canceled = 0, closed = 0, connections = 0;
		for (let seed = 1; seed <= SEEDS; seed++) {
			const life = coapOwners(seed, transport);
			asked += life.asked;
			ended += life.ended;
			canceled += life.canceled;
			closed += life.closed;
			connections += life.connections;
		}
		const all = JSON.stringify({ asked, ended, canceled, closed, connections });
		assert.ok(asked > 10 * SEEDS && ended > 5 * SEEDS && canceled > 5 * SEEDS && closed > SEEDS && connections > 2 * SEEDS, all);
	});
}
