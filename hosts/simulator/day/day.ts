// SPDX-License-Identifier: Apache-2.0
/**
 * A day in the life of a device: made in a factory, connected, told to change, cut off by its broker's restart, and back;
 * then its firmware is updated through a power cut, and once more to something that crashes; in the end it is commanded,
 * watched, and found to have a flaw.
 *
 * The device is `examples/update` in a process of its own on the Node host, with other constants for each version.
 * Everything else is in this process. What each step saw comes from the cloud's own books, except the device's word that
 * it is in sync, and that it restarts.
 */
import { performance } from "node:perf_hooks";
import { Evening } from "./evening.js";
import { Maker, type Version } from "./maker.js";
import { ID, since, Stage, type StageOptions, type Step } from "./stage.js";
import { Updates } from "./updates.js";

export interface DayOptions extends StageOptions {
	/** A folder with a program that behaves as that lamp does. */
	program: string;
}

const FIRST = "1.0.0";

export class Day {
	readonly steps: readonly Step[];
	readonly #program: string;
	readonly #stage: Stage;
	#maker!: Maker;
	#first!: Version;

	constructor({ program, ...options }: DayOptions) {
		this.#program = program;
		const stage = this.#stage = new Stage(options), updates = new Updates(stage, () => this.#maker);
		this.steps = [
			{ title: "The cloud opens", run: () => this.#open() },
			{ title: "The factory makes a lamp", run: () => this.#manufacture() },
			{ title: "The lamp connects with mutual TLS", run: () => this.#connect() },
			{ title: "The lamp is switched on from the cloud", run: () => this.#change() },
			{ title: "The broker restarts, the lamp comes back", run: () => this.#restart() },
			{ title: "The lamp is in sync again", run: () => this.#catchUp() },
			...updates.steps,
			...new Evening(stage, () => updates.version).steps,
		];
	}

	/** Ends the day before its time: the step under way fails with `error`. */
	interrupt(error: Error): void {
		this.#stage.fail(error);
	}

	/** Leaves nothing behind: no process, no socket, no file. */
	close(): Promise<void> {
		return this.#stage.close();
	}

	async #open(): Promise<string> {
		await this.#stage.open();
		return this.#stage.cloud.endpoint!;
	}

	async #manufacture(): Promise<string> {
		this.#maker = new Maker(this.#program, this.#stage.scratch);
		this.#first = await this.#maker.build(FIRST);
		await this.#stage.manufacture();
		const [fingerprint] = this.#stage.cloud.registry.get(ID)!.fingerprints;
		return `${ID}, P-256, certificate ${fingerprint!.slice(0, 16)}…, firmware ${FIRST}`;
	}

	async #connect(): Promise<string> {
		const stage = this.#stage, began = performance.now();
		stage.start(this.#first.script);
		await stage.until("the lamp connects", () => stage.isOnline);
		const took = since(began);
		await stage.untilInSync("the lamp reports its state");
		return `online ${took} after power-on, in sync at version ${stage.syncedAt}`;
	}

	async #change(): Promise<string> {
		const stage = this.#stage, began = performance.now();
		const desired = stage.cloud.shadows.desire(ID, { on: true, brightness: 40 });
		await stage.untilInSync("the lamp reports what is desired");
		return `desired at version ${desired}, reported at version ${stage.syncedAt} after ${since(began)}: ${stage.reported}`;
	}

	async #restart(): Promise<string> {
		const stage = this.#stage, began = performance.now();
		let desired = 0;
		await stage.restartBroker(async () => {
			await stage.until("the cloud sees that the lamp is gone", () => !stage.isOnline);
			desired = stage.cloud.shadows.desire(ID, { brightness: 80 });
		});
		await stage.until("the lamp connects again", () => stage.isOnline);
		return `away for ${since(began)}, connection ${stage.cloud.registry.get(ID)!.connections}; meanwhile desired at version ${desired}`;
	}

	async #catchUp(): Promise<string> {
		const stage = this.#stage, began = performance.now();
		await stage.untilInSync("the lamp reports what changed meanwhile");
		return `version ${stage.syncedAt} after ${since(began)}: ${stage.reported}`;
	}
}
