// SPDX-License-Identifier: Apache-2.0
/** Where the day takes place: a cloud, a lamp in a process of its own, and somebody who listens to both. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { DeviceError } from "../../../src/base/error.js";
import { followJobs } from "../cli/follow.js";
import { storeIdentity } from "../cli/identity.js";
import { runProcess } from "../cli/process.js";
import { type Cloud, createCloud } from "../cloud.js";
import type { Server } from "../serve.js";
import { Observer } from "./observer.js";

export interface StageOptions {
	/** ms that what is waited for may take. */
	deadline: number;
	/** Takes what happens meanwhile. */
	onLine: (line: string) => void;
	/** Takes how far a download is: percent of bytes. */
	onProgress: (percent: number, total: number) => void;
}

export interface Step {
	title: string;
	/** @returns what was seen */
	run(): Promise<string>;
}

export const ID = "lamp-1";
const SYNC = /in sync at version (\d+)$/;
const PROGRESS = /: (\d+) % of (\d+) bytes$/;

export class Stage {
	/** The lamp's last word of how far its download is. */
	percent = 0;
	/** The last version that the lamp said to be in sync at since it started. */
	syncedAt = -1;
	/** Indices of the blocks of files that the cloud sent. */
	blocks: number[] = [];
	readonly #options: StageOptions;
	readonly #observer = new Observer();
	readonly #ended = new AbortController();
	#scratch: string | undefined;
	#cloud: Cloud | undefined;
	#server: Server | undefined;
	#process: Promise<void> = Promise.resolve();
	#cutPower: () => void = () => {};
	#heard: string[] = [];
	/** The lamp was online once. */
	#hasLived = false;

	constructor(options: StageOptions) {
		this.#options = options;
	}

	get cloud(): Cloud {
		return this.#cloud!;
	}

	/** For the files of this day. */
	get scratch(): string {
		return this.#scratch!;
	}

	get isOnline(): boolean {
		return this.cloud.registry.get(ID)?.online === true;
	}

	get reported(): string {
		return JSON.stringify(this.cloud.shadows.get(ID).reported);
	}

	async open(): Promise<void> {
		this.#scratch = await mkdtemp(join(tmpdir(), "moorline-day-"));
		const cloud = this.#cloud = await createCloud({ files: { disturb: blocks => {
			this.blocks.push(...blocks);
			return blocks;
		} } });
		cloud.registry.onChanged = ({ id, online }) => {
			this.#hasLived ||= online;
			this.#happened(`cloud: ${id} is ${online ? "online" : "offline"}`);
		};
		cloud.shadows.onChanged = (id, { version }, changed) => this.#happened(`cloud: ${id} ${changed} changed, version ${version}`);
		cloud.commands.onChanged = (id, { id: command, status, reason }) => this.#happened(`cloud: ${id} ${command} ${status}${reason === undefined ? "" : ` ${reason}`}`);
		cloud.reports.onReport = (id, kind) => this.#happened(`cloud: ${id} tells of ${kind}`);
		followJobs(cloud.jobs, (_event, _fields, text) => this.#happened(`cloud: ${text}`));
		this.#server = await cloud.serve({ tlsPort: 0 });
	}

	/** Gives the lamp its identity. */
	async manufacture(): Promise<void> {
		storeIdentity(this.#directory, { ...await this.cloud.manufacture(ID) });
	}

	/** Switches the lamp on. @param factory the program that it was made with */
	start(factory: Uint8Array): void {
		this.#process = runProcess({
			file: join(this.scratch, "program.mjs"), directory: this.#directory, images: { factory },
			// Of a stack, the first line.
			onLine: text => this.#hear(text.split("\n", 1)[0]!),
			onStart: cutPower => { this.#cutPower = cutPower; },
			onRestart: (reason, error) => {
				// What never came to life will not by starting again.
				if (error !== undefined && !this.#hasLived) this.fail(error);
				this.syncedAt = -1;
				this.#happened(`${ID} starts again: ${reason}`);
			},
		}, this.#ended.signal).then(
			() => this.fail(new DeviceError("internal", "the lamp's program ended")),
			(error: Error) => this.fail(error),
		);
	}

	/** Of the lamp, which has it again at once. */
	cutPower(): void {
		this.#cutPower();
	}

	/** The broker goes, `meanwhile` happens, and it comes back to the same port. */
	async restartBroker(meanwhile: () => Promise<void>): Promise<void> {
		const { tlsPort } = this.#server!;
		await this.#server!.close();
		// As one that keeps nothing on disk: the lamp has to subscribe again.
		this.cloud.broker.restart(performance.now(), { forget: true });
		await meanwhile();
		this.#server = await this.cloud.serve({ tlsPort });
	}

	/** What `condition` is looked at from now on does not know what was said before. */
	forget(): void {
		this.#heard = [];
		this.blocks = [];
	}

	/** Whether the lamp said so since the last `forget`. */
	hasSaid(words: string): boolean {
		return this.#heard.some(line => line.includes(words));
	}

	/** Both sides agree: nothing is left to do, and the device knows the version at which that is so. */
	untilInSync(what: string): Promise<void> {
		const { shadows } = this.cloud;
		return this.until(what, () => shadows.get(ID).version === this.syncedAt && Object.keys(shadows.delta(ID)).length === 0);
	}

	until(what: string, condition: () => boolean): Promise<void> {
		return this.#observer.until(what, this.#options.deadline, condition);
	}

	/** What is waited for fails with `error`. */
	fail(error: Error): void {
		this.#observer.fail(error);
	}

	/** Leaves nothing behind: no process, no socket, no file. */
	async close(): Promise<void> {
		this.#ended.abort();
		await this.#process;
		await this.#cloud?.close();
		if (this.#scratch !== undefined) await rm(this.#scratch, { recursive: true, force: true });
	}

	get #directory(): string {
		return join(this.scratch, "device");
	}

	#hear(line: string): void {
		const [, version] = SYNC.exec(line) ?? [], [, percent, total] = PROGRESS.exec(line) ?? [];
		if (version !== undefined) this.syncedAt = Number(version);
		this.#heard.push(line);
		if (percent === undefined) return this.#happened(line);
		this.percent = Number(percent);
		this.#options.onProgress(this.percent, Number(total));
		this.#observer.notice();
	}

	#happened(line: string): void {
		this.#options.onLine(line);
		this.#observer.notice();
	}
}

export function since(began: number): string {
	return `${Math.round(performance.now() - began)} ms`;
}
