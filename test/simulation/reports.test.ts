// SPDX-License-Identifier: Apache-2.0
/** Reports over a network: to each cloud through trouble, and beside a shadow that is not to wait for them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { AwsWorldCloud } from "../../hosts/simulator/clouds/aws/world.js";
import { identityValues } from "../../hosts/simulator/identity.js";
import type { TracedMessage, TraceReport } from "../../hosts/simulator/services/report-body.js";
import { WorldCloud } from "../../hosts/simulator/world.js";
import { createWorld } from "../../hosts/world/index.js";
import type { DeviceError } from "../../src/base/error.js";
import { encodeCBOR } from "../../src/cbor/encode.js";
import { aws } from "../../src/clouds/aws/index.js";
import { privateCloud } from "../../src/clouds/private/index.js";
import { Device } from "../../src/device.js";
import type { ReportKind, ReportSource } from "../../src/operations/report.js";
import { BYTES_PER_MINUTE } from "../../src/operations/reports.js";
import { text } from "../unit/text.js";
import { ID, Reporter } from "./reporter.js";
import { floodBeside } from "./reports-flood.js";
import { reportsArrive, traceIsUploaded, type Place } from "./reports-trouble.js";

/** Fewer where a run costs more: the test of the engine brings its own number. */
const SEEDS = Math.ceil(Number((globalThis as { SEEDS?: number }).SEEDS ?? 40) / 20);
const FLOODS = Math.ceil(SEEDS / 3);
const TRACED: readonly Place[] = ["mqtts", "coap", "aws"];
const PLACES: readonly Place[] = ["mqtts", "coap", "oscore", "coap+tcp", "aws", "golioth"];

/**
 * ms by which the middle one, and the mean, of all changes may come later beside a flood. Over datagrams a lost report
 * holds up what follows until it is sent again, once in a while.
 */
const MIDDLE_BOUND = 60;
const MEAN_BOUND = 400;
/** ms from one heartbeat to the next. */
const PERIOD = 120_000;

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

test("a device is told to record its messages, and to send what it has", () => {
	const world = createWorld({ seed: 1 });
	const cloud = new WorldCloud(world);
	let device: Device | undefined;
	world.device({
		id: ID, storage: { identity: identityValues(cloud.manufacture(ID)) },
		program: (host) => {
			device = new Device({ host, cloud: privateCloud(), trace: { content: 8, redact: (topic) => topic.endsWith("secret") } });
		},
	});
	const messages: TracedMessage[] = [];
	cloud.reports.onReport = (_device, _kind, report) => { messages.push(...(report as TraceReport).messages); };
	world.advance(5_000);
	device!.publish(`moorline/${ID}/before`, "x");
	cloud.commands.send(ID, { command: "trace", parameters: { seconds: 60 } });
	world.advance(5_000);
	for (const topic of ["heat", "secret"]) device!.publish(`moorline/${ID}/${topic}`, "21.5");
	world.advance(5_000);
	cloud.commands.send(ID, { command: "report", parameters: { kinds: ["trace"] } });
	world.advance(60_000);
	const contents = messages.map(([, , , topic, , content]) => `${topic.slice(`moorline/${ID}/`.length)} ${content instanceof Uint8Array ? text.decode(content, 0, content.byteLength) : ""}`);
	assert.ok(contents.includes("heat 21.5") && contents.includes("secret ") && !contents.some((line) => line.startsWith("before")), contents.join());
	assert.ok(contents.some((line) => line.startsWith("commands/response ")), contents.join());
});

test("heartbeats at AWS: one in five minutes at Device Defender, and those between with the other reports", () => {
	const world = createWorld({ seed: 1 });
	const cloud = new AwsWorldCloud(world);
	const heartbeats = new Heartbeats();
	world.device({
		id: ID, storage: { identity: identityValues(cloud.manufacture(ID)) },
		program: (host) => { new Reporter({ host, cloud: aws(), sources: [heartbeats] }); },
	});
	world.advance(PERIOD * 12 + 1_000);
	const numbersOf = (values: readonly unknown[]): number[] => values.map((value) => (value as { number: number }).number);
	const defended = numbersOf(cloud.services.defender.reports(ID).map(({ customMetrics }) => ({ number: customMetrics["number"] as number })));
	const told = numbersOf(cloud.reports.reports(ID, "metrics").map(({ report }) => report));
	assert.deepEqual([defended, told], [[1, 4, 7, 10], [2, 3, 5, 6, 8, 9, 11, 12]]);
});

test("the same seed gives the same trouble, and another seed another", () => {
	const first = reportsArrive(3, "mqtts");
	assert.deepEqual(reportsArrive(3, "mqtts"), first);
	assert.notEqual(reportsArrive(4, "mqtts").fingerprint, first.fingerprint);
});

/** One for each period since the device was made. */
class Heartbeats implements ReportSource {
	readonly kind: ReportKind = "metrics";
	#number = 1;

	get deadline(): number {
		return this.#number * PERIOD;
	}

	next(now: number): Uint8Array {
		return encodeCBOR(text, {
			boot: 1, number: this.#number, at: now, period: PERIOD, counters: { bytesIn: 3 }, gauges: { number: this.#number }, timers: {},
		});
	}

	accepted(): void {
		this.#number++;
	}

	refused(error: DeviceError): void {
		throw error;
	}
}

/** The middle one, and the mean. */
function figuresOf(latencies: number[]): [middle: number, mean: number] {
	const sorted = [...latencies].sort((left, right) => left - right);
	return [sorted[sorted.length >> 1]!, sorted.reduce((sum, each) => sum + each, 0) / sorted.length];
}
