// SPDX-License-Identifier: Apache-2.0
/** Starts the commands as a user's shell does, and waits for what they say and how they end. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";

export const MOORLINE = fileURLToPath(new URL("../../hosts/simulator/cli/main.js", import.meta.url));
export const DAY = fileURLToPath(new URL("../../hosts/simulator/day/main.js", import.meta.url));
export const LAMP = fileURLToPath(new URL("../../../examples/lamp", import.meta.url));
export const THING = fileURLToPath(new URL("../../../examples/thing", import.meta.url));
export const METER = fileURLToPath(new URL("../../../examples/meter", import.meta.url));
export const UPDATE = fileURLToPath(new URL("../../../examples/update", import.meta.url));

export type Event = Record<string, unknown> & { event: string };

export interface Ending {
	code: number | null;
	signal: string | null;
}

/** A directory that is removed after the test; the commands' temporary files go to `tmp` in it. */
export class Place {
	readonly path: string;
	readonly tmp: string;

	private constructor(path: string, tmp: string) {
		this.path = path;
		this.tmp = tmp;
	}

	static async make(context: TestContext): Promise<Place> {
		const path = await mkdtemp(join(tmpdir(), "moorline-test-"));
		context.after(() => rm(path, { recursive: true, force: true }));
		return new Place(path, await mkdtemp(join(path, "tmp-")));
	}

	/** What the commands forgot to remove. */
	left(): Promise<string[]> {
		return readdir(this.tmp);
	}
}

export class Command {
	readonly stdout: string[] = [];
	readonly stderr: string[] = [];
	readonly ended: Promise<Ending>;
	readonly #child: ChildProcess;
	readonly #looks = new Set<() => void>();
	#ending: Ending | undefined;

	/** Runs `file` with Node in a process group of its own, as a shell does with what it starts. */
	constructor(context: TestContext, place: Place, words: readonly string[], program = process.execPath) {
		const child = this.#child = spawn(program, words, {
			cwd: place.path, env: { ...process.env, TMPDIR: place.tmp, NO_COLOR: "1" }, stdio: ["ignore", "pipe", "pipe"], detached: true,
		});
		for (const stream of ["stdout", "stderr"] as const) {
			createInterface({ input: child[stream]! }).on("line", line => {
				this[stream].push(line);
				this.#look();
			});
		}
		this.ended = new Promise((resolve, reject) => {
			child.on("error", reject);
			child.on("close", (code, signal) => {
				this.#ending = { code, signal };
				resolve(this.#ending);
				this.#look();
			});
		});
		context.after(async () => {
			this.kill("SIGKILL");
			await this.ended;
		});
	}

	/** Resolves with the first line of standard output that `wanted` is true of. Fails when the command ends before. */
	line(wanted: (line: string) => boolean): Promise<string> {
		return new Promise((resolve, reject) => {
			const look = (): void => {
				const line = this.stdout.find(wanted);
				if (line === undefined && this.#ending === undefined) return;
				this.#looks.delete(look);
				if (line !== undefined) resolve(line);
				else reject(new Error(`ended with ${JSON.stringify(this.#ending)}:\n${[...this.stdout, ...this.stderr].join("\n")}`));
			};
			this.#looks.add(look);
			look();
		});
	}

	/** The same for commands with --json. */
	async event(name: string, wanted: (event: Event) => boolean = () => true): Promise<Event> {
		const line = await this.line(line => {
			const event = JSON.parse(line) as Event;
			return event.event === name && wanted(event);
		});
		return JSON.parse(line) as Event;
	}

	/** To the command alone. */
	signal(signal: NodeJS.Signals): void {
		this.#child.kill(signal);
	}

	/** To the command and all that it started, as a terminal does on Ctrl-C. */
	kill(signal: NodeJS.Signals): void {
		try {
			process.kill(-this.#child.pid!, signal);
		} catch (error) {
			assert.equal((error as NodeJS.ErrnoException).code, "ESRCH");
		}
	}

	#look(): void {
		for (const look of this.#looks) look();
	}
}

export function moorline(context: TestContext, place: Place, ...words: readonly string[]): Command {
	return new Command(context, place, [MOORLINE, ...words]);
}

/** Pastes a line into a shell. */
export function paste(context: TestContext, place: Place, line: unknown): Command {
	return new Command(context, place, ["-c", `exec ${String(line)}`], "/bin/sh");
}
