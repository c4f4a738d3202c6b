// SPDX-License-Identifier: Apache-2.0
/**
 * A device that logs while the power fails, and what the cloud must have of it.
 *
 * The books are kept outside of the device: what the program said, and what the cloud was given and when. Of what was
 * said before a cut, no more may be missing than fits the page that was not committed, and nothing that was; nothing
 * arrives out of order; and after a reset no more than the last batch comes again.
 *
 * Uses nothing of Node: runs on XS as well.
 */
import { BLOCK_LENGTH, createWorld, text, type Device, type Tear, type World } from "../../hosts/world/index.js";
import { Vocabulary } from "../../src/bytes/vocabulary.js";
import { decodeCBOR } from "../../src/cbor/decode.js";
import type { Host } from "../../src/host.js";
import { countBoot } from "../../src/operations/boot.js";
import { PAGE_LENGTH } from "../../src/operations/flash-records.js";
import { FLUSH_DELAY, Log } from "../../src/operations/log.js";
import { extent } from "../../src/storage/header.js";
import { crypto } from "../unit/storage/digest.js";

/** ms between two steps of the program; in some of them it says so many things. */
const PACE = 1_000;
const EVERY = 40;
const BURST = 4;
/** ms from a batch to its answer. */
const ANSWER = 700;
const SETTLE = 50_000_000;
/** Bytes of the longest record here, at most. */
const LENGTH = 64;

export interface Cut { at: number; tear: Tear }

export interface Scenario {
	/** Records that are to survive. */
	count: number;
	upload: "always" | "demand";
	blocks: number;
	/** The program restarts the device now and then. */
	restarts?: boolean;
}

interface Said { n: number; boot: number; isDurable: boolean; arrivals: number }
type Received = [number, number, number, string, string, { n: number }?];

export interface Outcome { operations: number; boots: number; missing: number; repeated: number; lost: number }

class Stage {
	readonly world: World;
	readonly device: Device;
	readonly said: Said[] = [];
	readonly faults: string[] = [];
	repeated = 0;
	lost = 0;
	operations = 0;
	readonly #scenario: Scenario;
	#log!: Log;
	/** Numbers of what the last batch held, and in which boot of the device it was sent. */
	#last: number[] = [];
	#lastRun = 0;
	#newest = -1;
	#run = 0;
	#ticks = 0;
	/** When something was said last; and when something was said or sent. */
	#saidAt = 0;
	#activeAt = 0;
	/** All was said, and the log was asked for it, in this boot. */
	#isWanted = false;

	constructor(seed: number, scenario: Scenario, cuts: readonly Cut[]) {
		this.#scenario = scenario;
		this.world = createWorld({ seed, digest: (algorithm) => crypto.digest(algorithm) });
		this.device = this.world.device({
			id: "logger", partitions: { log: scenario.blocks * BLOCK_LENGTH }, program: (host) => this.#boot(host),
		});
		for (const { at, tear } of cuts) this.device.cutPowerAt(at, tear);
	}

	#boot(host: Host): void {
		const boot = this.#run = countBoot(host.storage, (error) => {
			throw error;
		});
		const { upload, count } = this.#scenario;
		const log = this.#log = new Log(host, boot, { upload, flash: { partition: "log" } }, {
			onError: (error) => this.faults.push(`the flash refused: ${error.message}`),
		});
		const lamp = log.logger("lamp");
		this.#isWanted = false;
		host.timer.repeat(() => {
			if (this.world.clock.now > this.#saidAt + FLUSH_DELAY) this.#settle(boot);
			if (this.said.length < count) {
				if (++this.#ticks % EVERY === 0) for (let index = 0; index < BURST && this.said.length < count; index++) this.#say(host, lamp, boot);
				if (this.#scenario.restarts && this.#ticks % (EVERY * 7) === 0) this.#restart(host, boot);
			} else if (!this.#isWanted) {
				this.operations ||= this.device.operations;
				this.#isWanted = true;
				log.upload();
			}
			if (log.deadline <= host.time.now()) this.#take(host, boot);
		}, PACE);
	}

	#say(host: Host, lamp: ReturnType<Log["logger"]>, boot: number): void {
		const n = this.said.length;
		const entry: Said = { n, boot, isDurable: false, arrivals: 0 };
		this.#saidAt = this.#activeAt = this.world.clock.now;
		lamp.info("not for the flash");
		this.said.push(entry);
		if (n % 9 === 8) {
			lamp.error("said", { n });
			host.timer.set(() => this.#settle(boot, n), 1);
		} else {
			lamp.warning("said", { n });
		}
		host.time.now();
	}

	/** What was said in this boot, up to the last, is durable. */
	#settle(boot: number, last = Infinity): void {
		for (const entry of this.said) if (entry.boot === boot && entry.n <= last) entry.isDurable = true;
	}

	#restart(host: Host, boot: number): void {
		this.#log.flush();
		this.#settle(boot);
		host.system.restart();
	}

	/** The cloud is given the next batch, and answers a while later. */
	#take(host: Host, run: number): void {
		const log = this.#log;
		const report = log.next(host.time.now());
		if (report === undefined) return;
		this.#activeAt = this.world.clock.now;
		const { boot, lost = 0, records } = decodeCBOR(text, report, 0, report.byteLength, new Vocabulary([], 8)) as unknown as { boot: number; lost?: number; records: Received[] };
		const numbers: number[] = [];
		let number = 0;
		for (const record of records) {
			if (record[0] <= number) this.faults.push(`number ${record[0]} after ${number}`);
			number = record[0];
			if (record[4] === "said") numbers.push(this.#arrived(boot, record));
		}
		const again = numbers.filter((n) => n <= this.#newest);
		if (again.length > 0) {
			this.repeated += again.length;
			if (run === this.#lastRun || again.some((n) => !this.#last.includes(n))) this.faults.push(`came again: ${again.join()}, and the last batch was ${this.#last.join()}`);
		}
		this.#newest = Math.max(this.#newest, ...numbers);
		this.#last = numbers.length > 0 ? numbers : this.#last;
		this.#lastRun = run;
		this.lost += lost;
		host.timer.set(() => log.accepted(host.time.now()), ANSWER);
	}

	#arrived(boot: number, [, , level, module, message, fields]: Received): number {
		const n = fields!.n;
		const entry = this.said[n];
		const isRight = entry !== undefined && entry.boot === boot && module === "lamp" && message === "said" && level === (n % 9 === 8 ? 0 : 1);
		if (!isRight) this.faults.push(`${n} of boot ${boot} was never said so`);
		else entry.arrivals++;
		return n;
	}

	get done(): boolean {
		return this.#isWanted && this.device.running && this.#log.deadline === Infinity && this.world.clock.now > this.#activeAt + 30_000;
	}

	/** @returns the records that are missing */
	missing(): Said[] {
		const missing = this.said.filter(({ arrivals }) => arrivals === 0);
		for (const { n, isDurable } of missing) if (isDurable) this.faults.push(`${n} was durable and is missing`);
		for (let boot = 1; boot <= this.#run; boot++) {
			const count = missing.filter((entry) => entry.boot === boot).length;
			// And the one that was being said.
			if ((count - 1) * extent(LENGTH / 2) > PAGE_LENGTH) this.faults.push(`${count} are missing of boot ${boot}`);
		}
		return missing;
	}
}

/** Plays a scenario. @throws Error that names what was promised and not held */
export function play(seed: number, scenario: Scenario, cuts: readonly Cut[] = []): Outcome {
	const stage = new Stage(seed, scenario, cuts);
	const { world, device } = stage;
	const where = `seed ${seed}, ${cuts.length} cuts, first ${cuts[0]?.at} ${cuts[0]?.tear}`;
	world.run(() => stage.done, { within: SETTLE });
	if (device.crashes.length > 0) throw new Error(`${where}: ${String((device.crashes[0]!.error as Error).stack)}`);
	if (!stage.done) throw new Error(`${where}: not settled`);
	const missing = stage.missing();
	if (stage.faults.length > 0) throw new Error(`${where}: ${stage.faults.slice(0, 5).join("; ")}`);
	// A reset in peace brings nothing back.
	const { repeated } = stage;
	device.restart();
	world.advance(60_000);
	if (stage.repeated > repeated || !stage.done) throw new Error(`${where}: a reset in peace brings something back`);
	return { operations: stage.operations, boots: device.boots, missing: missing.length, repeated: stage.repeated, lost: stage.lost };
}
