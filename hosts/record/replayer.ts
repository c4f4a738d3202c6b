// SPDX-License-Identifier: Apache-2.0
/**
 * Replays one boot: answers the program from the recording, and compares what it says with what was said then.
 *
 * A program that leaves the recording, or whose boot is over, is unwound by `Halt` at every call of its host, however
 * often it catches: an idea of the world (hosts/world/boot.ts).
 */
import { DeviceError } from "../../src/base/error.js";
import { IDENTITY } from "../../src/identity/credentials.js";
import type { Host } from "../../src/host.js";
import { recordHost, type Birth } from "./host.js";
import { isCall, Kind, nameOf } from "./kind.js";
import { bytesOf, countOf, decodeFailure, malformed, textOf, type Record, type Value } from "./record.js";
import type { Recording } from "./recording.js";
import { stateOf, type State } from "./state.js";
import type { ReplayFlash, ReplayStorage } from "./store.js";
import type { Output, Tape } from "./tape.js";
import { describeCrash, Words } from "./words.js";

const RETAINED_MAXIMUM = 2 ** 16;

/** Thrown through a program that has no more to say. Not an Error: programs catch those and go on. */
export class Halt {
	readonly message = "the replay of this boot is over";
}

/** In a replay nothing is secret: the program has stand-ins from the beginning. */
const MASKS = Object.freeze({
	mask: (bytes: Uint8Array) => bytes,
	maskText: (line: string) => line,
	maskValue: (_path: string, _key: string, value: Uint8Array) => value,
});

/** What computes and what keeps: the rest of a host answers from the recording. */
export type Means = Pick<Host, "text" | "crypto"> & { readonly storage: ReplayStorage; readonly flash: ReplayFlash };

export interface Boot {
	readonly recording: Recording;
	readonly birth: Birth;
	readonly means: Means;
	readonly onTrace: (line: string) => void;
	/** Told of the check of each call. */
	readonly onCheck: (check: number) => void;
}

type Callback = (...args: unknown[]) => void;

export class Replayer implements Tape {
	/** For the program. */
	readonly host: Host;
	readonly #recording: Recording;
	readonly #means: Means;
	#retained: Uint8Array | undefined;
	#isRetainedKnown = false;
	readonly #onTrace: (line: string) => void;
	readonly #onCheck: (check: number) => void;
	readonly #words = new Words();
	readonly #callbacks = new Map<number, Map<Kind, Callback>>();
	readonly #domains = new Set<string>();
	readonly #partitions = new Set<string>();
	#names = 0;
	#isOver = false;
	#failure: DeviceError | undefined;
	#crash: { error: unknown } | undefined;

	constructor({ recording, birth, means, onTrace, onCheck }: Boot) {
		this.#recording = recording;
		this.#means = means;
		this.#onTrace = onTrace;
		this.#onCheck = onCheck;
		this.visitDomain(IDENTITY);
		this.host = recordHost(this, means as unknown as Host, birth);
	}

	/** Why this boot cannot go on. */
	get failure(): DeviceError | undefined {
		return this.#failure;
	}

	/** The program has left, or died, or the recording is at its end. */
	get isOver(): boolean {
		return this.#isOver;
	}

	name(): number {
		return this.#names++;
	}

	ask<Answer extends Value | void>(kind: Kind, output: readonly Output[]): Answer {
		if (kind === Kind.TRACE && !this.#isOver) this.#onTrace(String(output[0]));
		return this.#call(kind, output)[2] as Answer;
	}

	compute<Answer>(kind: Kind, output: readonly Output[], perform: () => Answer): Answer {
		this.#call(kind, output);
		return perform();
	}

	leave(kind: Kind): void {
		this.#call(kind, ["leave"]);
		this.#isOver = true;
		throw new Halt();
	}

	listen<Handler extends (...args: never[]) => void>(id: number, kind: Kind, callback: Handler | undefined): Handler | undefined {
		if (typeof callback !== "function") return callback;
		let callbacks = this.#callbacks.get(id);
		if (callbacks === undefined) this.#callbacks.set(id, callbacks = new Map<Kind, Callback>());
		callbacks.set(kind, callback as unknown as Callback);
		return callback;
	}

	forget(id: number): void {
		this.#callbacks.delete(id);
	}

	visitDomain(path: string): void {
		const [kind, found, count] = this.#recording.peek() ?? [];
		if (this.#domains.has(path) || kind !== Kind.DOMAIN || found !== path) return;
		this.#recording.take();
		this.#domains.add(path);
		const entries: [string, Uint8Array][] = [];
		for (let left = countOf(count); left > 0; left--) {
			const [, key, value] = this.#expect(Kind.VALUE);
			entries.push([textOf(key), bytesOf(value).slice()]);
		}
		this.#means.storage.load(path, entries);
	}

	visitPartition(path: string): void {
		const [kind, found, size] = this.#recording.peek() ?? [];
		if (this.#partitions.has(path) || kind !== Kind.PARTITION || found !== path) return;
		this.#recording.take();
		this.#partitions.add(path);
		const cells = this.#means.flash.load(path, countOf(size));
		load(this.#recording, Kind.CELLS, cells);
	}

	visitRetained(): Uint8Array | undefined {
		const [kind, length] = this.#recording.peek() ?? [];
		if (this.#isRetainedKnown || kind !== Kind.RETAINED) return this.#retained;
		this.#isRetainedKnown = true;
		this.#recording.take();
		if (typeof length !== "number") return undefined;
		if (countOf(length) > RETAINED_MAXIMUM) throw malformed("too much retained memory");
		this.#retained = new Uint8Array(length);
		load(this.#recording, Kind.CELLS, this.#retained);
		return this.#retained;
	}

	maskValue(_path: string, _key: string, value: Uint8Array): Uint8Array {
		return value;
	}

	learn(): void {}

	isSecret(): boolean {
		return false;
	}

	/** Runs the callback of an event. */
	dispatch([kind, id, ...args]: Record): void {
		const number = countOf(typeof id === "number" && id < 0 ? -1 - id : id), callbacks = this.#callbacks.get(number), callback = callbacks?.get(kind);
		if (callback === undefined) return this.#fail(`${nameOf(kind)} of object ${number}`, "no such object");
		// Questions have one answer, and timers but those that repeat are told of by nobody again; both may be forgotten.
		if (kind === Kind.ON_RESOLVED || kind === Kind.ON_KEY || kind === Kind.ON_SIGNATURE || kind === Kind.ON_VERIFIED) this.forget(number);
		this.run(() => callback(...kind === Kind.ON_ERROR ? [decodeFailure(args[0])] : args.map(arg => arg instanceof Uint8Array ? arg.slice() : arg)));
	}

	/** Runs part of the program. */
	run(action: () => void): void {
		try {
			action();
		} catch (error) {
			this.die(error);
		}
	}

	/** Something left the program. */
	die(error: unknown): void {
		if (error instanceof Halt || this.#isOver) return;
		this.#crash ??= { error };
	}

	/** Compares what the program died of. */
	checkCrash([, check]: Record): void {
		if (this.#crash === undefined) return this.#fail(nameOf(Kind.CRASH), "nothing");
		const own = this.#words.add(Kind.CRASH, describeCrash(this.#crash.error), MASKS)!;
		this.#onCheck(own);
		if (own !== check) this.#fail(nameOf(Kind.CRASH), `another crash: ${describeCrash(this.#crash.error).join(": ")}`);
		this.#isOver = true;
	}

	/** Compares the end of the boot. @returns the final state */
	checkEnd([, , digest, recorded]: Record): State {
		const kept = { domains: this.#domains, partitions: this.#partitions, retained: this.#retained };
		const state = stateOf(this.#means, kept, MASKS), others = new Map(readState(recorded));
		this.#isOver = true;
		for (const [name, own] of state) {
			if (others.get(name) !== own) this.#fail(`${name} ${others.get(name)}`, `${name} ${own}`);
		}
		if (digest !== this.#words.hex()) this.#fail(`digest ${String(digest)}`, `digest ${this.#words.hex()}`);
		return state;
	}

	/** Compares what the program does not do: it waits, or died. */
	checkQuiet(next: Record | undefined): void {
		if (next === undefined || next[0] === Kind.BOOT) return;
		if (this.#crash !== undefined && next[0] !== Kind.CRASH) {
			this.#fail(nameOf(next[0]), `a crash: ${describeCrash(this.#crash.error).join(": ")}`);
		} else if (isCall(next[0])) this.#fail(nameOf(next[0]), "nothing");
	}

	/** Nothing of this boot runs any more. */
	close(): void {
		this.#isOver = true;
		this.#callbacks.clear();
	}

	#call(kind: Kind, output: readonly Output[]): Record {
		if (this.#isOver || this.#failure !== undefined) throw new Halt();
		const check = this.#words.add(kind, output, MASKS), record = this.#recording.peek();
		if (record === undefined || record[0] === Kind.BOOT) {
			// Whoever wrote it was killed here.
			this.#isOver = true;
			throw new Halt();
		}
		if (record[0] !== kind) {
			this.#fail(nameOf(record[0]), describe(kind, output));
			throw new Halt();
		}
		this.#recording.take();
		if (check !== null) this.#onCheck(check);
		if (record[1] !== check) {
			this.#fail(`another ${nameOf(kind)}`, describe(kind, output));
			throw new Halt();
		}
		if (record[3] !== undefined) throw decodeFailure(record[3]);
		return record;
	}

	#expect(kind: Kind): Record {
		const record = this.#recording.take();
		if (record?.[0] !== kind) throw malformed(`a ${nameOf(kind)} is missing`);
		return record;
	}

	#fail(expected: string, actual: string): void {
		this.#failure ??= new DeviceError("rejected", `the replay left the recording at record ${this.#recording.taken}: expected ${expected}, but the program did ${actual}`);
	}
}

/** Puts the contents that follow into `target`. @throws DeviceError `malformed` */
function load(recording: Recording, kind: Kind, target: Uint8Array): void {
	for (let record = recording.peek(); record?.[0] === kind; record = recording.peek()) {
		recording.take();
		const offset = countOf(record[1]), bytes = bytesOf(record[2]);
		if (offset + bytes.byteLength > target.byteLength) throw malformed(`${nameOf(kind)} are beyond the end`);
		target.set(bytes, offset);
	}
}


function readState(value: Value): State {
	if (!Array.isArray(value)) throw malformed("a state is none");
	return (value as readonly Value[]).map(pair => {
		if (!Array.isArray(pair)) throw malformed("a state is none");
		return [textOf(pair[0]), textOf(pair[1])];
	});
}

function describe(kind: Kind, output: readonly Output[]): string {
	const parts = output.map(part => part instanceof Uint8Array ? `${part.byteLength} bytes` : String(part));
	return parts.length === 0 ? nameOf(kind) : `${nameOf(kind)} (${parts.join(", ")})`;
}
