// SPDX-License-Identifier: Apache-2.0
/** Reports over a network: to each cloud through trouble, and beside a shadow that is not to wait for them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { BYTES_PER_MINUTE } from "../../src/operations/reports.js";
import { floodBeside } from "./reports-flood.js";
import { reportsArrive, traceIsUploaded, type Place } from "./reports-trouble.js";

/** Fewer where a run costs more: the test of the engine brings its own number. */
const SEEDS = Math.ceil(Number((globalThis as { SEEDS?: number }).SEEDS ?? 40) / 20);
const FLOODS = Math.ceil(SEEDS / 3);
const TRACED: readonly Place[] = ["mqtts", "coap", "aws"];
const PLACES: readonly Place[] = ["mqtts", "coap", "coap+tcp", "aws", "golioth"];

/**
 * ms by which the middle one, and the mean, of all changes may come later beside a flood. Over datagrams a lost report
 * holds up what follows until it is sent again, once in a while.
 */
const MIDDLE_BOUND = 60;
const MEAN_BOUND = 400;

for (const place of PLACES) {
	test(`${SEEDS} seeds of trouble, and each report is told once and in order: ${place}`, () => {
		let connections = 0;
		for (let seed = 1; seed <= SEEDS; seed++) {
			connections += reportsArrive(seed, place).connections;
		}
		// The trouble is real.
		assert.ok(connections > SEEDS, `${connections} connections`);
	});
}

for (const scheme of ["mqtts", "coap"]) {
	test(`a flood of reports over ${scheme} keeps to its bytes per minute, and no change of a shadow waits for it`, () => {
		const calm: number[] = [];
		const flooded: number[] = [];
		for (let seed = 1; seed <= FLOODS; seed++) {
			calm.push(...floodBeside(seed, scheme, false).latencies);
			const { latencies, most, received } = floodBeside(seed, scheme, true);
			flooded.push(...latencies);
			assert.ok(most <= BYTES_PER_MINUTE, `seed ${seed}: ${most} bytes in a minute`);
			assert.ok(received >= 12, `seed ${seed}: ${received} reports`);
		}
		const [middle, mean] = figuresOf(flooded);
		const [calmMiddle, calmMean] = figuresOf(calm);
		assert.ok(middle <= calmMiddle + MIDDLE_BOUND, `${middle} ms, without a flood ${calmMiddle}`);
		assert.ok(mean <= calmMean + MEAN_BOUND, `${mean} ms on average, without a flood ${calmMean}`);
	});
}

for (const place of TRACED) {
	test(`a trace of messages is uploaded when it is asked for, and has nothing of reports: ${place}`, () => {
		const { messages, isOver } = traceIsUploaded(5, place);
		assert.ok(isOver);
		const topics = messages.map(([, , sent, topic]) => `${sent === 1 ? ">" : "<"} ${topic}`);
		assert.ok(topics.length >= 8, topics.join());
		assert.deepEqual(topics.filter((topic) => topic.includes("report") && !topic.includes("shadow/report")), []);
		assert.ok(topics.some((topic) => topic.startsWith("< ") && topic.includes("delta")), topics.join());
		assert.ok(messages.every(([number], index) => index === 0 || number > messages[index - 1]![0]));
		// Contents are there, and no longer than they were to be.
		assert.ok(messages.some(([, , , , size, content]) => content instanceof Uint8Array && content.byteLength === Math.min(size, 16)));
	});
}

test("the same seed gives the same trouble, and another seed another", () => {
	const first = reportsArrive(3, "mqtts");
	assert.deepEqual(reportsArrive(3, "mqtts"), first);
	assert.notEqual(reportsArrive(4, "mqtts").fingerprint, first.fingerprint);
});

/** The middle one, and the mean. */
function figuresOf(latencies: number[]): [middle: number, mean: number] {
	const sorted = [...latencies].sort((left, right) => left - right);
	return [sorted[sorted.length >> 1]!, sorted.reduce((sum, each) => sum + each, 0) / sorted.length];
}
