// SPDX-License-Identifier: Apache-2.0
/**
 * Records one boot of a device: wraps the host of that boot, passes everything on, and writes down what came in.
 *
 * What went out is not kept but digested, secrets replaced; each call has a check of it, so that a replay tells at which
 * one it leaves the recording. Records are written at the end of a turn, and at once before the program cannot go on.
 */
import type { Host } from "../../src/host.js";
import { IDENTITY } from "../../src/identity/credentials.js";
import type { RecordingFile } from "./file.js";
import { CONTENT_MAXIMUM } from "./frame.js";
import { recordHost } from "./host.js";
import { Intake } from "./intake.js";
import { Kind } from "./kind.js";
import { encodeFailure, type Form, type Record, type Value } from "./record.js";
import { Secrets } from "./secrets.js";
import { readPartition, stateOf } from "./state.js";
import type { Output, Tape } from "./tape.js";
import { describeCrash, Words } from "./words.js";

export const RECORDING_VERSION = 1;
/** Records, and bytes in them, that wait to be written. */
const WAITING_MAXIMUM = 1024;
const WAITING_BYTES = 2 ** 16;
/** Bytes of CBOR before a value, or of a number. */
const HEAD_MAXIMUM = 9;
const ERASED = 0xff, CLEARED = 0;
/** Bytes of retained memory that are looked at together. */
const RETAINED_BLOCK = 64;

export interface RecorderOptions {
	readonly file: RecordingFile;
	/** The platform's. */
	readonly host: Host;
	readonly program: string;
	readonly form: Form;
	/** Calls `flush` when the turn is over. Absent: records are written when enough of them wait. */
	readonly afterTurn?: ((flush: () => void) => void) | undefined;
	/** The recording cannot be written any more, and ends here. */
	readonly onFailure?: ((error: Error) => void) | undefined;
}

export class Recorder implements Tape {
	/** For the program. */
	readonly host: Host;
	readonly #file: RecordingFile;
	readonly #inner: Host;
	readonly #secrets = new Secrets();
	readonly #intake = new Intake(this.#secrets);
	readonly #words = new Words();
	readonly #afterTurn: RecorderOptions["afterTurn"];
	readonly #onFailure: RecorderOptions["onFailure"];
	readonly #domains = new Set<string>();
	readonly #partitions = new Set<string>();
	/** Once it was asked for. */
	#retained: { readonly memory: Uint8Array | undefined } | undefined;
	#waiting: Record[] = [];
	#waitingBytes = 0;
	#isScheduled = false;
	#names = 0;
	#isOver = false;
	#inProgram = true;
	#isInTurn = false;

	constructor({ file, host, program, form, afterTurn, onFailure }: RecorderOptions) {
		this.#file = file;
		this.#inner = host;
		this.#afterTurn = afterTurn;
		this.#onFailure = onFailure;
		const { name, system: { resetReason, crash } } = host, hasDTLS = host.dtls !== undefined, hasImages = host.images !== undefined;
		this.#enterTurn();
		// What is secret is known before anything is written.
		this.visitDomain(IDENTITY);
		const digest = file.addProgram(Buffer.from(this.#secrets.maskText(program)));
		const known = this.#waiting;
		this.#waiting = [[
			Kind.BOOT, RECORDING_VERSION, name, digest, form, resetReason, hasDTLS, hasImages,
			crash === undefined ? null : [crash.reason, this.#secrets.maskText(crash.message), this.#secrets.maskText(crash.stack)],
		], ...known];
		this.#schedule();
		this.host = recordHost(this, host, { name, resetReason, hasDTLS, hasImages, crash });
	}

	/** True while the program runs, and no call of its host. */
	get inProgram(): boolean {
		return this.#inProgram && !this.#isOver;
	}

	name(): number {
		return this.#names++;
	}

	ask<Answer extends Value | void>(kind: Kind, output: readonly Output[], perform: () => Answer): Answer {
		const check = this.#words.add(kind, output, this.#secrets), answer = this.#perform(kind, check, perform);
		const shown = this.#maskAnswer(answer as Value);
		if (kind === Kind.STREAM_READ && shown instanceof Uint8Array) this.#intake.add(output[0] as number, shown);
		else if (kind === Kind.STREAM_CLOSE) this.#intake.end(output[0] as number);
		this.#add([kind, check, ...shown === undefined ? [] : [shown]]);
		return answer;
	}

	compute<Answer>(kind: Kind, output: readonly Output[], perform: () => Answer): Answer {
		const check = this.#words.add(kind, output, this.#secrets), answer = this.#perform(kind, check, perform);
		this.#add([kind, check]);
		return answer;
	}

	leave(kind: Kind, perform: () => void): void {
		const check = this.#words.add(kind, ["leave"], this.#secrets);
		this.#add([kind, check]);
		this.end("restart");
		perform();
	}

	listen<Callback extends (...args: never[]) => void>(id: number, kind: Kind, callback: Callback | undefined): Callback | undefined {
		if (typeof callback !== "function") return callback;
		return ((...args: never[]): void => {
			// A key that was made for the program is a secret from its first moment.
			if (kind === Kind.ON_KEY) this.learn(args[0]);
			this.#add([kind, this.#enterTurn() ? -1 - id : id, ...args.map((arg: unknown) => this.#maskAnswer(arg instanceof Error ? encodeFailure(arg) : arg as Value))]);
			this.#inProgram = true;
			try {
				callback(...args);
			} catch (error) {
				// What else a platform throws through a program is no crash of it.
				if (error instanceof Error) this.crash(error);
				throw error;
			} finally {
				this.#inProgram = false;
			}
		}) as Callback;
	}

	forget(): void {}

	visitDomain(path: string): void {
		if (this.#domains.has(path)) return;
		const entries: Record[] = [];
		try {
			const domain = this.#inner.storage.open({ path });
			for (const key of domain.keys()) entries.push([Kind.VALUE, key, this.#secrets.maskValue(path, key, domain.read(key)!)]);
			domain.close();
		} catch (error) {
			// The program will be told when it opens it.
			if (error instanceof Error) return;
			throw error;
		}
		this.#domains.add(path);
		this.#add([Kind.DOMAIN, path, entries.length]);
		for (const entry of entries) this.#add(entry);
	}

	visitPartition(path: string): void {
		if (this.#partitions.has(path)) return;
		let found: ReturnType<typeof readPartition>;
		try {
			found = readPartition(this.#inner.flash, path);
		} catch (error) {
			if (error instanceof Error) return;
			throw error;
		}
		this.#partitions.add(path);
		const { bytes, blockLength } = found;
		this.#add([Kind.PARTITION, path, bytes.byteLength, blockLength]);
		this.#addContent([Kind.CELLS], bytes, blockLength, ERASED);
	}

	visitRetained(): Uint8Array | undefined {
		if (this.#retained === undefined) {
			const memory = this.#inner.system.retained;
			this.#retained = { memory };
			this.#add([Kind.RETAINED, memory?.byteLength ?? null]);
			if (memory !== undefined) this.#addContent([Kind.CELLS], memory, RETAINED_BLOCK, CLEARED);
		}
		return this.#retained.memory;
	}

	maskValue(path: string, key: string, value: Uint8Array): Uint8Array {
		return this.#secrets.maskValue(path, key, value);
	}

	learn(secret: Uint8Array | undefined, isDerived = false): void {
		if (secret instanceof Uint8Array) this.#secrets.learn(secret, isDerived);
	}

	isSecret(bytes: Uint8Array): boolean {
		return this.#secrets.isIn(bytes);
	}

	/** The program asked for what no host gave it. */
	noteImpure(what: string): void {
		this.#add([Kind.IMPURE, what]);
	}

	/** The program has been evaluated, as far as it goes before anything comes in. */
	evaluated(): void {
		this.#inProgram = false;
	}

	/** The program dies of this. */
	crash(error: unknown): void {
		if (this.#isOver) return;
		this.#add([Kind.CRASH, this.#words.add(Kind.CRASH, describeCrash(error), this.#secrets)]);
		this.end("crash");
	}

	/** Nothing follows in this boot. */
	end(why: string): void {
		if (this.#isOver) return;
		const kept = { domains: this.#domains, partitions: this.#partitions, retained: this.#retained?.memory };
		this.#add([Kind.END, why, this.#words.hex(), stateOf(this.#inner, kept, this.#secrets)]);
		this.#intake.release();
		this.flush();
		this.#isOver = true;
	}

	flush(): void {
		this.#isScheduled = false;
		const records = this.#waiting;
		if (records.length === 0 || this.#intake.isHolding) return;
		this.#waiting = [];
		this.#waitingBytes = 0;
		try {
			this.#file.add(records);
		} catch (error) {
			// What was written before can be replayed; the program lives on.
			this.#isOver = true;
			this.#onFailure?.(error as Error);
		}
	}

	/** @returns true when the turn is that of the event before: platforms tell of several things at once */
	#enterTurn(): boolean {
		if (this.#isInTurn) return true;
		this.#isInTurn = true;
		queueMicrotask(() => { this.#isInTurn = false; });
		return false;
	}

	#perform<Answer>(kind: Kind, check: number | null, perform: () => Answer): Answer {
		const before = this.#inProgram;
		this.#inProgram = false;
		try {
			return perform();
		} catch (error) {
			if (error instanceof Error) this.#add([kind, check, null, this.#maskAnswer(encodeFailure(error))]);
			throw error;
		} finally {
			this.#inProgram = before;
		}
	}

	#maskAnswer(value: Value): Value {
		if (value instanceof Uint8Array) return this.#secrets.mask(value).slice();
		if (typeof value === "string") return this.#secrets.maskText(value);
		return Array.isArray(value) ? (value as readonly Value[]).map(part => this.#maskAnswer(part)) : value;
	}

	/** What of `bytes` is not `blank`, a block at a time, runs of them together. */
	#addContent(head: Record, bytes: Uint8Array, blockLength: number, blank: number): void {
		const masked = this.#secrets.mask(bytes), block = Buffer.alloc(blockLength, blank);
		const isBlank = (at: number): boolean => block.equals(masked.subarray(at, at + blockLength));
		for (let at = 0; at < masked.byteLength; at += blockLength) {
			if (isBlank(at)) continue;
			let end = at + blockLength;
			while (end < masked.byteLength && end - at + blockLength <= CONTENT_MAXIMUM && !isBlank(end)) end += blockLength;
			this.#add([...head, at, masked.slice(at, end)]);
			at = end - blockLength;
		}
	}

	#add(record: Record): void {
		if (this.#isOver) return;
		this.#waiting.push(record);
		this.#waitingBytes += sizeOf(record);
		if (this.#waiting.length < WAITING_MAXIMUM && this.#waitingBytes < WAITING_BYTES) return this.#schedule();
		// A frame holds no more.
		this.#intake.release();
		this.flush();
	}

	#schedule(): void {
		if (this.#isScheduled || this.#afterTurn === undefined) return;
		this.#isScheduled = true;
		this.#afterTurn(() => this.flush());
	}
}

/** Bytes of a value in the file, at most. */
function sizeOf(value: Value): number {
	if (value instanceof Uint8Array) return value.byteLength + HEAD_MAXIMUM;
	if (typeof value === "string") return 3 * value.length + HEAD_MAXIMUM;
	return Array.isArray(value) ? (value as readonly Value[]).reduce<number>((sum, part) => sum + sizeOf(part), HEAD_MAXIMUM) : HEAD_MAXIMUM;
}
