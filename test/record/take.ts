// SPDX-License-Identifier: Apache-2.0
/** Records a small program in this process, on the Node host, boot after boot, and gives the recording. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as breathe } from "node:timers/promises";
import type { Host } from "../../src/host.js";
import { createHost } from "../../hosts/node/index.js";
import { Recorder, Recording, RecordingFile, replay, type ReplayResult } from "../../hosts/record/index.js";
import { compileFunction } from "node:vm";

export interface Taken {
	readonly bytes: Uint8Array;
	readonly traces: readonly string[];
}

export interface TakeOptions {
	/** Changes what the platform gives. */
	readonly wrap?: ((host: Host) => Host) | undefined;
	/** Frames of records that the disk has room for. */
	readonly failsAfter?: number | undefined;
	readonly onFailure?: (() => void) | undefined;
	/** Runs before the first boot. */
	readonly prepare?: ((host: Host) => void) | undefined;
}

/** How a program in these tests ends: its trace of this line is heard of outside. */
export const DONE = "done";

/** @param program the body of a function of `moorlineHost`; ends when it traces "done", or throws out of a callback */
export async function take(program: string, { wrap = host => host, failsAfter = Infinity, onFailure, prepare }: TakeOptions = {}): Promise<Taken> {
	const directory = mkdtempSync(join(tmpdir(), "moorline-record-")), path = join(directory, "recording"), traces: string[] = [];
	const evaluate = compileFunction(program, ["moorlineHost"]) as (host: Host) => void;
	try {
		prepare?.(createHost({ directory }));
		for (let resetReason: "power-on" | "software" = "power-on", isOver = false; !isOver; resetReason = "software") {
			const file = new RecordingFile(path), add = file.add.bind(file);
			let added = 0;
			file.add = records => {
				if (added++ >= failsAfter) throw new Error("ENOSPC");
				add(records);
			};
			isOver = await new Promise<boolean>(resolve => {
				const host = wrap(createHost({
					directory, resetReason,
					trace: line => {
						traces.push(line);
						if (line === DONE) setImmediate(() => resolve(true));
					},
					onRestart: () => {
						resolve(false);
						throw new Gone();
					},
				}));
				recorder = new Recorder({ file, host, program, form: "function", afterTurn: flush => { setImmediate(flush); }, onFailure });
				onCrash = error => {
					if (error instanceof Gone) return;
					recorder!.crash(error);
					resolve(true);
				};
				try {
					evaluate(recorder.host);
				} catch (error) {
					onCrash(error);
				}
			});
			await breathe();
			recorder!.end("stopped");
			file.close();
		}
		return { bytes: readFileSync(path), traces };
	} finally {
		rmSync(directory, { recursive: true, force: true });
	}
}

/** What a restart is in this process, where nothing ends: it unwinds the program. */
class Gone {}

let recorder: Recorder | undefined;
let onCrash: (error: unknown) => void = () => undefined;

/** A host whose callbacks may throw: the crash is told of, and the process lives on. */
export function catching(host: Host): Host {
	const guard = (callback: () => void) => () => {
		try {
			callback();
		} catch (error) {
			onCrash(error);
		}
	};
	return { ...host, timer: { ...host.timer, set: (callback, delay) => host.timer.set(guard(callback), delay) } };
}

/** @returns what a replay says; the traces are those of the recorded run */
export async function again({ bytes, traces }: Taken, program?: string): Promise<ReplayResult> {
	const said: string[] = [], recording = new Recording(bytes);
	const result = await replay({ recording, program, onTrace: line => said.push(line) });
	if (said.join("\n") !== traces.join("\n")) throw new Error(`another trace:\n${said.join("\n")}\nfor\n${traces.join("\n")}`);
	return result;
}
