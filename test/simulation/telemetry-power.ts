// SPDX-License-Identifier: Apache-2.0
/**
 * A device that crashes now and then, and whose power fails: every crash that a boot took note of must reach the cloud
 * with its number, and every heartbeat. Uses nothing of Node: runs on XS as well.
 */
import { createWorld, type Tear } from "../../hosts/world/index.js";
import { Traffic } from "../../src/base/traffic.js";
import { Vocabulary } from "../../src/bytes/vocabulary.js";
import { decodeCBOR } from "../../src/cbor/decode.js";
import type { Host } from "../../src/host.js";
import { countBoot } from "../../src/operations/boot.js";
import { Crashes } from "../../src/operations/crashes.js";
import { Heartbeat, HEARTBEAT_PERIOD_MINIMUM } from "../../src/operations/heartbeat.js";
import { Meters } from "../../src/operations/meters.js";
import type { ReportSource } from "../../src/operations/report.js";
import { Activity, Vitals } from "../../src/operations/vitals.js";
import { countingHost, Wear } from "../../src/operations/wear.js";

/** What a run dies of; " " for one that lasts. */
const RUNS = "ab a acc da ";
/** ms until a run crashes, between two looks for what is to be done, and within which all must be well. */
const LIFE = 2.5 * HEARTBEAT_PERIOD_MINIMUM;
const PACE = 20_000;
const SETTLE = 24 * 3_600_000;

export interface PowerCut { at: number; tear: Tear }

interface Told { readonly kind: string; readonly body: Record<string, unknown> }

export interface Outcome {
	operations: number;
	boots: number;
	/** By letter: crashes of which a boot took note, and how many the cloud knows of, and how often it was told all. */
	noted: Record<string, number>;
	known: Record<string, number>;
	whole: Record<string, number>;
	/** Numbers of heartbeats, as they were made, and as they came. */
	beats: number[];
	came: number[];
}

function count(numbers: Record<string, number>, name: string): void {
	numbers[name] = (numbers[name] ?? 0) + 1;
}

/** @param online the run from which on the cloud can be reached @throws Error that says what was wrong */
export function crashesAndCuts(seed: number, online: number, cuts: readonly PowerCut[]): Outcome {
	const world = createWorld({ seed });
	const outcome: Outcome = { operations: 0, boots: 0, noted: {}, known: {}, whole: {}, beats: [], came: [] };
	const records: Record<number, string> = {};
	let run = 0;
	let finished = false;

	const take = ({ kind, body }: Told): void => {
		const number = body["number"] as number;
		if (kind === "metrics") {
			const said = JSON.stringify(body);
			if ((records[number] ??= said) !== said) throw new Error(`heartbeat ${number} is ${said} and was ${records[number]}`);
			outcome.came.push(number);
			return;
		}
		const letter = body["fingerprint"] as string;
		outcome.known[letter] = Math.max(outcome.known[letter] ?? 0, body["count"] as number);
		if ("message" in body) count(outcome.whole, letter);
	};

	const program = (bare: Host): void => {
		const wear = new Wear();
		const host = countingHost(bare, wear);
		const fail = (error: Error): never => {
			throw error;
		};
		const boot = countBoot(host.storage, fail);
		const vitals = new Vitals(host, boot);
		const options = { host, boot, firmware: undefined, vitals: vitals.last, logs: undefined, onFault: fail };
		const crashes = new Crashes(options);
		const { crash } = host.system;
		if (crash !== undefined) count(outcome.noted, crash.message);
		const heartbeat = new Heartbeat({
			host, boot, period: HEARTBEAT_PERIOD_MINIMUM, crashes: crashes.total, meters: new Meters(), traffic: new Traffic(), wear, onFault: fail,
		});
		const sources: readonly ReportSource[] = [crashes, heartbeat.beats];
		host.timer.repeat(() => {
			const now = host.time.now();
			crashes.steady(now);
			const { number } = heartbeat.beats;
			heartbeat.expire(now);
			if (heartbeat.beats.number !== number) outcome.beats.push(number + 1);
			vitals.sample(now);
			if (run < online) return;
			for (const source of sources) {
				const report = source.deadline <= now ? source.next(now) : undefined;
				if (report === undefined) continue;
				take({ kind: source.kind, body: decodeCBOR(host.text, report, 0, report.byteLength, new Vocabulary([], 100)) as Record<string, unknown> });
				source.accepted(now);
			}
			finished = run === RUNS.length && sources.every(({ deadline }) => deadline === Infinity);
		}, PACE);
		if (run === RUNS.length) return;
		host.timer.set(() => {
			const letter = RUNS.charAt(run++);
			if (letter === " ") return bare.system.restart();
			vitals.enter(Activity.COMMAND);
			throw new Error(letter);
		}, LIFE);
	};

	const device = world.device({ id: "meter", program });
	for (const { at, tear } of cuts) device.cutPowerAt(at, tear);
	const strange = (): Error | undefined => {
		const error = device.crashes.at(-1)?.error as Error | undefined;
		return error === undefined || RUNS.includes(error.message) ? undefined : error;
	};
	world.run(() => finished || strange() !== undefined, { within: SETTLE });
	const error = strange();
	if (error !== undefined) throw error;
	outcome.operations = device.operations;
	outcome.boots = device.boots;
	return outcome;
}
