// SPDX-License-Identifier: Apache-2.0
/** The second half of the day: new firmware for the lamp, through a power cut, and back from one that is no good. */
import { performance } from "node:perf_hooks";
import { BLINK, type Maker, type Version } from "./maker.js";
import { ID, since, type Stage, type Step } from "./stage.js";

/** Percent of the download at which the power fails. */
const CUT = 50;
const GOOD = "2.0.0", BAD = "3.0.0";
/** Nobody tried it with more than two. */
const FLAW = `const TIMES = [{ on: 100 }, { on: 80 }];

export function blinkTime(done: number): number {
	return TIMES[done]!.on;
}`;
const MISTAKE = `${BLINK}\nthrow new Error("a mistake that no test found");`;

export class Updates {
	readonly steps: readonly Step[];
	readonly #stage: Stage;
	readonly #maker: () => Maker;
	#good!: Version;
	#release!: Uint8Array;
	#job!: string;
	/** Blocks that were sent before the power failed. */
	#before: readonly number[] = [];
	#began = 0;

	/** What the lamp runs in the end. */
	get version(): Version {
		return this.#good;
	}

	/** @param maker asked for once the first step runs */
	constructor(stage: Stage, maker: () => Maker) {
		this.#stage = stage;
		this.#maker = maker;
		this.steps = [
			{ title: "Version 2 is released", run: () => this.#make() },
			{ title: "It is offered; the power fails in the middle", run: () => this.#offer() },
			{ title: "The lamp goes on where it was", run: () => this.#resume() },
			{ title: "Version 2 boots, is healthy, stays", run: () => this.#confirm() },
			{ title: "Version 3 crashes, and is rolled back", run: () => this.#rollBack() },
		];
	}

	async #make(): Promise<string> {
		const maker = this.#maker();
		this.#good = await maker.build(GOOD, FLAW);
		const { file } = await maker.release(this.#good);
		this.#release = file;
		return `${GOOD}, ${count(file.byteLength, "byte")}, signed with key ${maker.keyId}`;
	}

	async #offer(): Promise<string> {
		const { cloud } = this.#stage;
		this.#stage.forget();
		this.#job = cloud.updates.offer({ release: this.#release, devices: [ID] });
		await this.#stage.until("half of the release is downloaded", () => this.#stage.percent >= CUT);
		this.#stage.cutPower();
		await this.#stage.until("the cloud sees that the lamp is gone", () => !this.#stage.isOnline);
		this.#before = this.#stage.blocks;
		return `at ${this.#stage.percent} %, ${count(this.#before.length, "block")} sent; ${this.#outcome(this.#job)}`;
	}

	async #resume(): Promise<string> {
		const began = performance.now(), stage = this.#stage;
		stage.forget();
		await stage.until("the lamp is back", () => stage.isOnline);
		const took = since(began);
		await stage.until("the lamp restarts into what it downloaded", () => stage.hasSaid(`restarts into ${GOOD}`));
		this.#began = performance.now();
		const again = stage.blocks.filter(block => this.#before.includes(block)).length;
		return `online after ${took}; from block ${Math.min(...stage.blocks)} on, ${count(stage.blocks.length, "block")} sent, ${again} of them again`;
	}

	async #confirm(): Promise<string> {
		const stage = this.#stage;
		await stage.until(`the lamp runs ${GOOD}`, () => stage.hasSaid(`firmware ${GOOD}, on trial`));
		await this.#untilEnded(this.#job);
		await stage.untilInSync("the lamp is in sync with its new firmware");
		return `${this.#outcome(this.#job)} after ${since(this.#began)}, in sync at version ${stage.syncedAt}`;
	}

	async #rollBack(): Promise<string> {
		const stage = this.#stage, maker = this.#maker();
		const { file, manifest } = await maker.release(await maker.build(BAD, MISTAKE), this.#good);
		const [patch] = manifest.components[0]!.payloads;
		stage.forget();
		const job = stage.cloud.updates.offer({ release: file, devices: [ID] });
		await stage.until("the lamp restarts into what crashes", () => stage.hasSaid(`restarts into ${BAD}`));
		await this.#untilEnded(job);
		stage.cloud.shadows.desire(ID, { brightness: 60 });
		await stage.untilInSync(`the lamp does with ${GOOD} what is desired`);
		return `${patch!.kind} of ${count(patch!.size, "byte")}; ${this.#outcome(job)}, in sync at version ${stage.syncedAt}: ${stage.reported}`;
	}

	#untilEnded(job: string): Promise<void> {
		return this.#stage.until("the cloud knows how the update ended", () => {
			const status = this.#stage.cloud.jobs.get(ID, job)?.status;
			return status !== "QUEUED" && status !== "IN_PROGRESS";
		});
	}

	/** What the cloud has of a job. */
	#outcome(job: string): string {
		const { status, details } = this.#stage.cloud.jobs.get(ID, job)!;
		return `${status} ${JSON.stringify(details)}`;
	}
}

function count(number: number, what: string): string {
	return `${number.toLocaleString("en")} ${what}${number === 1 ? "" : "s"}`;
}
