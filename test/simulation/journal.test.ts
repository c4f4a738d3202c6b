// SPDX-License-Identifier: Apache-2.0
/** The queue on flash, with the power failing at each operation in turn. */
import { test } from "node:test";
import type { Tear } from "../../hosts/world/index.js";
import { ride, type Step } from "./journal-rider.js";

const TEARS: readonly Tear[] = ["none", "prefix", "bits", "words", "whole"];

const SCENARIOS: Readonly<Record<string, { blocks: number; steps: readonly Step[] }>> = {
	"appends and releases in order": {
		blocks: 3,
		steps: [
			(rider) => rider.append(0),
			(rider) => rider.append(1000),
			(rider) => rider.append(17),
			(rider) => rider.release(0),
			(rider) => rider.append(900),
			(rider) => rider.release(0),
			(rider) => rider.release(0),
		],
	},
	"groups, and records that nobody flushed": {
		blocks: 3,
		steps: [
			(rider) => rider.append(100, 1, 300, 16),
			(rider) => void rider.commit(50),
			(rider) => void rider.commit(60),
			(rider) => rider.append(70, 2000),
			(rider) => rider.append(1800, 1900, 40),
			(rider) => rider.release(0, 1, 2),
		],
	},
};

for (const [name, { blocks, steps }] of Object.entries(SCENARIOS)) {
	test(`the power fails at each operation: ${name}`, () => {
		const { operations } = ride(1, blocks, steps);
		for (let at = 1; at <= operations; at++) {
			for (const tear of TEARS) ride(at, blocks, steps, [{ at, tear }]);
		}
	});
}
