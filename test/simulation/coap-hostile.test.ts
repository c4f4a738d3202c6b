// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { coapHostile } from "./coap-hostile.js";

/** Fewer where a run costs more: the test of the engine brings its own number. */
const SEEDS = Number((globalThis as { SEEDS?: number }).SEEDS ?? 100);

for (const transport of ["udp", "tcp"] as const) {
	test(`${SEEDS} lives over ${transport} of a client whose server is its enemy`, () => {
		let asked = 0, connections = 0, heard = 0;
		const sum: Record<string, number> = {};
		for (let seed = 1; seed <= SEEDS; seed++) {
			const life = coapHostile(seed, transport);
			asked += life.asked;
			connections += life.connections;
			heard += life.heard;
			for (const [how, count] of Object.entries(life.outcomes)) sum[how] = (sum[how] ?? 0) + count;
		}
		const all = JSON.stringify({ asked, connections, heard, sum });
		assert.ok(asked > 10 * SEEDS && connections >= SEEDS && heard > 10 * SEEDS && (sum["violation"] ?? 0) > SEEDS / 10, all);
	});
}
