// SPDX-License-Identifier: Apache-2.0
/**
 * Runs a recorded program again, from what came into it: without sockets, without waiting, in this process.
 *
 * Of the world (hosts/world) it has the flash, the hash and the habit that everything is an event; it is no world, for
 * there is nothing else in it: no network and no clock, because their answers are in the recording.
 *
 * Each boot evaluates the program anew. A turn is over when no promise of the program is left to be settled; then the
 * next event comes, in the order of the recording. A program that waits for anything but its host is waited for a while.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as breathe } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { compileFunction } from "node:vm";
import { DeviceError } from "../../src/base/error.js";
import type { Crash, Host, ResetReason } from "../../src/host.js";
import { crypto } from "../node/digest.js";
import { HOOK, type Hooked } from "../node/hook.js";
import { text } from "../node/text.js";
import { Hash } from "../world/hash.js";
import { text as worldText } from "../world/text.js";
import type { Birth } from "./host.js";
import { isCall, isEvent, Kind, nameOf } from "./kind.js";
import { fromRecording, FUNCTION_PARAMETER } from "./program.js";
import { malformed, textOf, type Form, type Record, type Value } from "./record.js";
import type { Recording } from "./recording.js";
import { RECORDING_VERSION } from "./recorder.js";
import { Replayer, type Means } from "./replayer.js";
import type { State } from "./state.js";
import { ReplayFlash, ReplayStorage } from "./store.js";

/** Turns of the event loop that a program may take to do what was recorded of it. */
const PATIENCE = 10_000;

export interface ReplayOptions {
	readonly recording: Recording;
	/** Runs instead of the recorded one: in the same form. */
	readonly program?: string | undefined;
	readonly onTrace?: ((line: string) => void) | undefined;
}

export interface ReplayResult {
	boots: number;
	records: number;
	/** As `Recording.summarize` has it. */
	fingerprint: string;
	/** What the device kept at the end; `undefined` when the recording ends before a boot does. */
	state: State | undefined;
}

/** @throws DeviceError `rejected` at the first record that the program does not agree with; `malformed`; `argument` */
export async function replay({ recording, program, onTrace = () => undefined }: ReplayOptions): Promise<ReplayResult> {
	const directory = await mkdtemp(join(tmpdir(), "moorline-replay-"));
	const hash = new Hash(), means = { storage: new ReplayStorage(), flash: new ReplayFlash() };
	let boots = 0, state: State | undefined;
	try {
		for (let record = recording.take(); record !== undefined; record = recording.take()) {
			if (record[0] !== Kind.BOOT) throw malformed(`${nameOf(record[0])} without a boot`);
			const { birth, digest, form } = readBoot(record), script = program ?? recording.program(digest);
			if (script === undefined) throw new DeviceError("argument", "the recording has not got its program: name one");
			const replayer = new Replayer({
				recording, birth, means: { ...means, text: birth.name === "world" ? worldText : text, crypto } satisfies Means, onTrace,
				onCheck: check => { hash.number(check); },
			});
			state = await runBoot(replayer, recording, await prepare(script, form, join(directory, `boot-${boots++}.mjs`)));
		}
	} finally {
		await rm(directory, { recursive: true, force: true });
	}
	return { boots, records: recording.taken, fingerprint: hash.hex(), state };
}

/** Evaluates a program. @returns when what it does before anything comes in has begun; `undefined`: it has been done */
type Evaluate = (host: Host, onFailure: (error: unknown) => void) => Promise<void> | undefined;

async function runBoot(replayer: Replayer, recording: Recording, evaluate: Evaluate): Promise<State | undefined> {
	const onRejection = (error: unknown): void => { replayer.die(error); };
	process.on("unhandledRejection", onRejection);
	try {
		const begun = evaluate(replayer.host, onRejection);
		if (begun !== undefined) await begun;
		await settle(replayer, recording);
		for (let record = recording.peek(); record !== undefined && record[0] !== Kind.BOOT; record = recording.peek()) {
			check(replayer);
			recording.take();
			if (isEvent(record[0])) {
				replayer.dispatch(record);
				await settle(replayer, recording);
			} else if (record[0] === Kind.CRASH) replayer.checkCrash(record);
			else if (record[0] === Kind.END) {
				const state = replayer.checkEnd(record);
				check(replayer);
				return state;
			} else throw malformed(`${nameOf(record[0])} where none belongs`);
		}
		check(replayer);
		return undefined;
	} finally {
		process.off("unhandledRejection", onRejection);
		replayer.close();
	}
}

/** The program has done what it does until something comes in. Events that came in one turn are gone through in one, too. */
async function settle(replayer: Replayer, recording: Recording): Promise<void> {
	for (let next = recording.peek(); next !== undefined && isSameTurn(next) && replayer.failure === undefined; next = recording.peek()) {
		recording.take();
		replayer.dispatch(next);
	}
	await breathe();
	for (let turns = 0; turns < PATIENCE && replayer.failure === undefined && !replayer.isOver; turns++) {
		const next = recording.peek();
		if (next === undefined || !isCall(next[0])) break;
		await breathe();
	}
	if (!replayer.isOver) replayer.checkQuiet(recording.peek());
}

function isSameTurn([kind, id]: Record): boolean {
	return isEvent(kind) && typeof id === "number" && id < 0;
}

function check({ failure }: Replayer): void {
	if (failure !== undefined) throw failure;
}

async function prepare(script: string, form: Form, file: string): Promise<Evaluate> {
	if (form === "function") {
		const evaluate = compileFunction(script, [FUNCTION_PARAMETER]) as (host: Host) => void;
		return (host, onFailure) => {
			try {
				evaluate(host);
			} catch (error) {
				onFailure(error);
			}
			return undefined;
		};
	}
	await writeFile(file, fromRecording(script));
	return (host, onFailure) => new Promise<void>(resolve => {
		const hooks = globalThis as Hooked;
		hooks[HOOK] = () => {
			hooks[HOOK] = undefined;
			resolve();
			return host;
		};
		// It may wait for what comes in.
		import(pathToFileURL(file).href).catch(onFailure).finally(resolve);
	});
}

function readBoot([, version, name, digest, form, resetReason, hasDTLS, hasImages, crash]: Record): { birth: Birth; digest: string; form: Form } {
	if (version !== RECORDING_VERSION) throw new DeviceError("version", `the recording has version ${String(version)}; this replays ${RECORDING_VERSION}`);
	if (form !== "module" && form !== "function") throw malformed("the program is of no known form");
	const boot = { name: textOf(name) as Host["name"], resetReason: textOf(resetReason) as ResetReason };
	return { digest: textOf(digest), form, birth: { ...boot, hasDTLS: hasDTLS === true, hasImages: hasImages === true, crash: readCrash(crash) } };
}

function readCrash(value: Value): Crash | undefined {
	if (!Array.isArray(value)) return undefined;
	const [reason, message, stack] = value as readonly Value[];
	return Object.freeze({ reason: textOf(reason) as Crash["reason"], message: textOf(message), stack: textOf(stack) });
}
