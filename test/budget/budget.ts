// SPDX-License-Identifier: Apache-2.0
/**
 * What the SDK may take of a device's memory: the figures, and the limits that they are held to.
 *
 * A limit follows its figure in both directions: one that leaves room would hide the next growth.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot, type Bits } from "../../hosts/xs/node/build.js";
import { ESP32_ARENA } from "../../hosts/xs/node/run.js";
import type { AwsSubject, Figures, OperatedSubject } from "./figures.js";
import {
	COAP_TRANSFER, coapFits, lampFits, measureAws, measureClient, measureCoAP, measureCycles, measureEmpty, measureLamp, measureLog, measureOperated, measureParts, measureReply, smallestArena, smallestFlowArena, withBench, type ExchangeFigures,
} from "./measure.js";
import { measureUpdate } from "./update.js";

/** What a board with an ESP32-C3 leaves to the engine. */
export const ESP32_C3_ARENA = 94_208;
/** Shares of the limit that a figure may be above it, and below it. */
const ABOVE = 0.03;
const BELOW = 0.15;
/** The smallest arena is looked for in steps of so many bytes. */
const ARENA_STEP = 256;
/** That of the longer way from a claim to an answered command. */
const FLOW_STEP = 1_024;
const SUBJECTS: Readonly<Record<AwsSubject, string>> = {
	client: "MQTT client with a shadow's subscriptions",
	model: "device with a shadow of 10 fields",
	document: "device with a shadow of 50 fields, no model",
	jobs: "the one with 10 fields, and jobs",
	commands: "the one with 10 fields, and commands",
};
const OPERATED: Readonly<Record<Exclude<OperatedSubject, "bare">, string>> = {
	configuration: "configuration",
	commands: "declared commands",
	log: "a log on flash, and crash reports",
	heartbeat: "heartbeats, and crash reports",
	trace: "a message trace",
	all: "all of these",
};
const SLOT_LENGTH: Readonly<Record<Bits, number>> = { 32: 16, 64: 32 };
const FILE = join(packageRoot, "test/budget/budget.json");

export interface Row {
	/** In the file of limits. */
	key: string;
	what: string;
	/** The parts of a figure in bytes. */
	slots?: number;
	chunks?: number;
	/** What is held to the limit: bytes, or slots of the stack. */
	value: number;
}

export async function measureAll(bits: Bits): Promise<Row[]> {
	const row = (key: string, what: string, slots: number, chunks: number): Row =>
		({ key, what, slots, chunks, value: slots * SLOT_LENGTH[bits] + chunks });
	return withBench(bits, async (bench) => {
		const empty = await measureEmpty(bench, ESP32_ARENA);
		const client = await measureClient(bench, ESP32_ARENA);
		const coap = await measureCoAP(bench, ESP32_ARENA);
		const { connecting, exchange } = await measureLamp(bench, ESP32_ARENA);
		const onC3 = await measureLamp(bench, ESP32_C3_ARENA);
		const cycles = await measureCycles(bench, ESP32_ARENA);
		const parts = [...await measureParts(bench, ESP32_ARENA), ...await measureReply(bench, ESP32_ARENA)];
		const log = await measureLog(bench, ESP32_ARENA);
		const subjects: ({ subject: AwsSubject } & ExchangeFigures)[] = [];
		for (const subject of Object.keys(SUBJECTS) as AwsSubject[]) subjects.push({ subject, ...await measureAws(bench, ESP32_ARENA, subject) });
		const update = await measureUpdate(bench, ESP32_ARENA, ARENA_STEP);
		const bare = (await measureOperated(bench, ESP32_ARENA, "bare"))[0]!;
		const operated: Row[] = [];
		let operatedStack = 0, kept = 0;
		for (const subject of Object.keys(OPERATED) as (keyof typeof OPERATED)[]) {
			const [idle, worn = idle!] = await measureOperated(bench, ESP32_ARENA, subject);
			operated.push(row(`operated-${subject}`, `lamp with ${OPERATED[subject]}: live, over one without`, idle!.slots - bare.slots, idle!.chunks - bare.chunks));
			operatedStack = Math.max(operatedStack, idle!.stackPeak, worn.stackPeak);
			kept = Math.max(kept, (worn.slots - idle!.slots) * SLOT_LENGTH[bits] + worn.chunks - idle!.chunks);
		}
		const live = (key: string, what: string, { slots, chunks }: Figures): Row => row(key, what, slots - empty.slots, chunks - empty.chunks);
		const peak = (key: string, what: string, { slotsPeak, chunksPeak }: Figures): Row => row(key, what, slotsPeak, chunksPeak);
		const all = [empty, client, connecting, exchange, onC3.connecting, onC3.exchange];
		return [
			row("empty", "empty program, live", empty.slots, empty.chunks),
			live("mqtt", "MQTT client, idle: live, over the empty program", client),
			live("coap", "CoAP client over UDP with one observation, idle: live, over the empty program", coap.connecting),
			live("coap-steady", "CoAP client, after as many notifications as it remembers: live, over the empty program", coap.exchange),
			peak("coap-transfer", `CoAP client, a notification and a transfer of ${COAP_TRANSFER / 1_024} KB in blocks: peak with garbage`, coap.exchange),
			row("coap-allocated", `CoAP client, a notification and a transfer of ${COAP_TRANSFER / 1_024} KB in blocks: allocated`, coap.exchange.slotsAllocated, coap.exchange.chunksAllocated),
			live("lamp", "lamp, in sync and idle: live, over the empty program", exchange),
			peak("connecting", "lamp, until it is in sync: peak with garbage", connecting),
			peak("exchange", "lamp, one exchange: peak with garbage", exchange),
			peak("connecting-c3", "lamp, until it is in sync: peak with garbage, ESP32-C3", onC3.connecting),
			peak("exchange-c3", "lamp, one exchange: peak with garbage, ESP32-C3", onC3.exchange),
			row("allocated", "lamp, one exchange: allocated", exchange.slotsAllocated, exchange.chunksAllocated),
			{ key: "arena", what: "smallest arena in which the lamp connects and syncs", value: await smallestArena(ESP32_ARENA, ARENA_STEP, (arena) => lampFits(bench, arena)) * (bits / 32) },
			{ key: "coap-arena", what: "smallest arena in which the CoAP client connects, observes and transfers", value: await smallestArena(ESP32_ARENA, ARENA_STEP, (arena) => coapFits(bench, arena)) * (bits / 32) },
			{ key: "stack-mqtt", what: "slots of the stack at most, MQTT client", value: client.stackPeak },
			{ key: "stack-coap", what: "slots of the stack at most, CoAP client", value: Math.max(coap.connecting.stackPeak, coap.exchange.stackPeak) },
			{ key: "stack", what: "slots of the stack at most, lamp", value: Math.max(...all.map(({ stackPeak }) => stackPeak)) },
			...subjects.flatMap(({ subject, connecting, exchange }) => {
				const what = `AWS, ${SUBJECTS[subject]}`;
				const rows = [live(`aws-${subject}`, `${what}, idle: live, over the empty program`, exchange)];
				if (subject !== "client") rows.push(row(`aws-${subject}-allocated`, `${what}, one exchange: allocated`, exchange.slotsAllocated, exchange.chunksAllocated));
				rows.push({ key: `aws-${subject}-stack`, what: `${what}: slots of the stack at most`, value: Math.max(connecting.stackPeak, exchange.stackPeak) });
				return rows;
			}),
			{ key: "aws-arena", what: "smallest arena from a claim at AWS to an answered command", value: await smallestFlowArena(bench, ESP32_ARENA, FLOW_STEP) * (bits / 32) },
			live("update-idle", "lamp with updates, in sync and idle: live, over the empty program", update.idle),
			{ key: "update-idle-arena", what: "smallest arena in which that lamp connects and syncs", value: update.idleArena * (bits / 32) },
			{ key: "update-arena", what: "smallest arena in which it installs an image of 1 MB over MQTT; 4 MB take as much", value: update.arena * (bits / 32) },
			{ key: "update-stack", what: "slots of the stack at most, update, the emulated boot loader's among them", value: update.stack },
			...operated,
			{ key: "operated-kept", what: "lamp with any of these, kept of 100,000 log records and counts", value: kept },
			{ key: "operated-stack", what: "slots of the stack at most, lamp with all of these", value: operatedStack },
			...cycles.map(({ name, slots, chunks }) => {
				const cycle = row(`mqtt, ${name}`, `MQTT client, ${name}`, slots, chunks);
				// What was let go on the way may be more than what came.
				return { ...cycle, value: Math.max(0, Math.ceil(cycle.value)) };
			}),
			...parts.map(({ name, slots, chunks }) => row(name, `host, ${name}`, slots, chunks)),
			...log.map(({ name, slots, chunks }) => {
				const part = row(`log, ${name}`, `log, ${name}`, slots, chunks);
				return { ...part, value: Math.max(0, Math.ceil(part.value)) };
			}),
		];
	});
}

export type Limits = Record<string, number>;

export function readLimits(): Limits {
	return JSON.parse(readFileSync(FILE, "utf8")) as Limits;
}

export function writeLimits(rows: readonly Row[]): void {
	const limits: Limits = Object.fromEntries(rows.map(({ key, value }) => [key, value]));
	writeFileSync(FILE, `${JSON.stringify(limits, undefined, "\t")}\n`);
}

/** What is wrong with a figure, in words; `undefined` when it is as committed. */
export function complaint({ key, what, value }: Row, limits: Limits): string | undefined {
	const limit = limits[key];
	const update = "npm run budget -- --write";
	if (limit === undefined) return `${what}: no limit is committed (${update})`;
	if (value > limit * (1 + ABOVE)) return `${what}: ${value}, over the limit of ${limit}; where it is worth that: ${update}`;
	if (value < limit * (1 - BELOW)) return `${what}: ${value}, far below ${limit}: lower the limit (${update})`;
	return undefined;
}
