// SPDX-License-Identifier: Apache-2.0
/**
 * A day in the life of a device: made in a factory, connected, told to change, cut off by its broker's restart, and back.
 *
 * The device is `examples/lamp`, unchanged, in a process of its own on the Node host. Everything else is in this process.
 * What each step saw comes from the cloud's own books, except the device's word that it is in sync.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { DeviceError } from "../../../src/base/error.js";
import { bundle } from "../cli/bundle.js";
import { storeIdentity } from "../cli/identity.js";
import { runProcess } from "../cli/process.js";
import { findProgram } from "../cli/program.js";
import { type Cloud, createCloud } from "../cloud.js";
import type { Server } from "../serve.js";
import { Observer } from "./observer.js";

export interface DayOptions {
	/** A program that behaves as the lamp does. */
	program: string;
	/** ms that a step may take. */
	deadline: number;
	/** Takes what happens meanwhile. */
	onLine: (line: string) => void;
}

export interface Step {
	title: string;
	/** @returns what was seen */
	run(): Promise<string>;
}

const ID = "lamp-1";
const SYNC = /in sync at version (\d+)$/;

export class Day {
	readonly steps: readonly Step[];
	readonly #options: DayOptions;
	readonly #observer = new Observer();
	readonly #ended = new AbortController();
	#scratch: string | undefined;
	#cloud!: Cloud;
	#server!: Server;
	#process: Promise<void> = Promise.resolve();
	/** The last version that the device said to be in sync at. */
	#syncedAt = -1;

	constructor(options: DayOptions) {
		this.#options = options;
		this.steps = [
			{ title: "The cloud opens", run: () => this.#open() },
			{ title: "The factory makes a lamp", run: () => this.#manufacture() },
			{ title: "The lamp connects with mutual TLS", run: () => this.#connect() },
			{ title: "The lamp is switched on from the cloud", run: () => this.#change() },
			{ title: "The broker restarts, the lamp comes back", run: () => this.#restart() },
			{ title: "The lamp is in sync again", run: () => this.#catchUp() },
		];
	}

	/** Ends the day before its time: the step under way fails with `error`. */
	interrupt(error: Error): void {
		this.#observer.fail(error);
	}

	/** Leaves nothing behind: no process, no socket, no file. */
	async close(): Promise<void> {
		this.#ended.abort();
		await this.#process;
		await this.#cloud?.close();
		if (this.#scratch !== undefined) await rm(this.#scratch, { recursive: true, force: true });
	}

	async #open(): Promise<string> {
		this.#scratch = await mkdtemp(join(tmpdir(), "moorline-day-"));
		this.#cloud = await createCloud();
		this.#cloud.registry.onChanged = ({ id, online }) => this.#happened(`cloud: ${id} is ${online ? "online" : "offline"}`);
		this.#cloud.shadows.onChanged = (id, { version }, changed) => this.#happened(`cloud: ${id} ${changed} changed, version ${version}`);
		this.#server = await this.#cloud.serve({ tlsPort: 0 });
		return this.#cloud.endpoint!;
	}

	async #manufacture(): Promise<string> {
		storeIdentity(this.#directory, { ...await this.#cloud.manufacture(ID) });
		const [fingerprint] = this.#cloud.registry.get(ID)!.fingerprints;
		return `${ID}, P-256, certificate ${fingerprint!.slice(0, 16)}…`;
	}

	async #connect(): Promise<string> {
		const file = join(this.#scratch!, "lamp.mjs");
		await writeFile(file, await bundle(await findProgram(this.#options.program), { format: "esm" }));
		const began = performance.now();
		this.#start(file);
		await this.#until("the lamp connects", () => this.#online);
		const took = since(began);
		await this.#untilInSync("the lamp reports its state");
		return `online ${took} after power-on, in sync at version ${this.#syncedAt}`;
	}

	async #change(): Promise<string> {
		const began = performance.now();
		const desired = this.#cloud.shadows.desire(ID, { on: true, brightness: 40 });
		await this.#untilInSync("the lamp reports what is desired");
		return `desired at version ${desired}, reported at version ${this.#syncedAt} after ${since(began)}: ${this.#reported}`;
	}

	async #restart(): Promise<string> {
		const { tlsPort } = this.#server;
		const began = performance.now();
		await this.#server.close();
		// As one that keeps nothing on disk: the lamp has to subscribe again.
		this.#cloud.broker.restart(began, { forget: true });
		await this.#until("the cloud sees that the lamp is gone", () => !this.#online);
		const desired = this.#cloud.shadows.desire(ID, { brightness: 80 });
		this.#server = await this.#cloud.serve({ tlsPort });
		await this.#until("the lamp connects again", () => this.#online);
		return `away for ${since(began)}, connection ${this.#cloud.registry.get(ID)!.connections}; meanwhile desired at version ${desired}`;
	}

	async #catchUp(): Promise<string> {
		const began = performance.now();
		await this.#untilInSync("the lamp reports what changed meanwhile");
		return `version ${this.#syncedAt} after ${since(began)}: ${this.#reported}`;
	}

	get #directory(): string {
		return join(this.#scratch!, "device");
	}

	get #online(): boolean {
		return this.#cloud.registry.get(ID)?.online === true;
	}

	get #reported(): string {
		return JSON.stringify(this.#cloud.shadows.get(ID).reported);
	}

	#start(file: string): void {
		this.#process = runProcess({ file, directory: this.#directory, onLine: line => this.#heard(line) }, this.#ended.signal).then(
			() => this.#observer.fail(new DeviceError("internal", "the lamp's program ended")),
			(error: Error) => this.#observer.fail(error),
		);
	}

	#heard(line: string): void {
		const synced = SYNC.exec(line);
		if (synced !== null) this.#syncedAt = Number(synced[1]);
		this.#happened(line);
	}

	#happened(line: string): void {
		this.#options.onLine(line);
		this.#observer.notice();
	}

	/** Both sides agree: nothing is left to do, and the device knows the version at which that is so. */
	#untilInSync(what: string): Promise<void> {
		const { shadows } = this.#cloud;
		return this.#until(what, () => shadows.get(ID).version === this.#syncedAt && Object.keys(shadows.delta(ID)).length === 0);
	}

	#until(what: string, condition: () => boolean): Promise<void> {
		return this.#observer.until(what, this.#options.deadline, condition);
	}
}

function since(began: number): string {
	return `${Math.round(performance.now() - began)} ms`;
}
