// SPDX-License-Identifier: Apache-2.0
/** Fetches a file from a source as an update does: again after each failure, from the last whole block on. */
import assert from "node:assert/strict";
import type { DeviceError } from "../../../src/base/error.js";
import type { Timers } from "../../../src/host.js";
import { BLOCK_LENGTH, type Source, type SourceReader, type SourceStream } from "../../../src/ota/source.js";

export interface FetchOptions {
	timer: Timers;
	source: Source;
	offset?: number;
	/** Where to end: a multiple of the block's length. */
	end: number;
	/** ms until it is tried again. */
	delay?: number;
	/** Gives up after so many failures. */
	failures?: number;
	/** ms to keep the next piece before it is looked at; absent, and where it gives none: it is looked at, at once. */
	hold?(): number | undefined;
	/** Told of what came; what was told before a failure and is no whole block is told again. */
	onBytes?(offset: number, bytes: Uint8Array): void;
	onEnd?(fetch: Fetch): void;
}

export class Fetch implements SourceReader {
	/** Failures, in order; the last one is why it was given up, if it was. */
	readonly failures: DeviceError[] = [];
	/** All that was asked for is there. */
	complete = false;
	over = false;
	/** Bytes that came, those that came again counted again. */
	received = 0;
	readonly bytes: Uint8Array;
	readonly #options: FetchOptions;
	readonly #offset: number;
	#position: number;
	#stream: SourceStream | undefined;
	#opening = false;
	#held = false;
	/** All was handed over. */
	#ended = false;

	constructor(options: FetchOptions) {
		this.#options = options;
		this.#position = this.#offset = options.offset ?? 0;
		this.bytes = new Uint8Array(options.end - this.#offset);
		this.#open();
	}

	close(): void {
		this.over = true;
		this.#stream?.close();
	}

	onBytes(bytes: Uint8Array, start: number, end: number): boolean {
		this.#check();
		assert.ok(start < end && this.#position + end - start <= this.#options.end, "nothing empty, and nothing beyond the end");
		const delay = this.#options.hold?.();
		if (delay === undefined) {
			this.#use(bytes, start, end);
			return true;
		}
		const stream = this.#stream!;
		this.#held = true;
		this.#options.timer.set(() => {
			if (this.over) return;
			this.#held = false;
			this.#use(bytes, start, end);
			if (this.#ended) this.#complete();
			else stream.next();
		}, delay);
		return false;
	}

	onEnd(): void {
		assert.ok(!this.over && !this.#opening && !this.#ended, "one end");
		this.#ended = true;
		if (!this.#held) this.#complete();
	}

	onFailed(error: DeviceError): void {
		this.#check();
		this.failures.push(error);
		this.#stream?.close();
		this.#stream = undefined;
		const isFinal = "reason" in error || this.failures.length >= (this.#options.failures ?? Infinity);
		if (isFinal) this.#finish();
		else this.#options.timer.set(() => this.#open(), this.#options.delay ?? 0);
	}

	#open(): void {
		if (this.over) return;
		this.#position -= this.#position % BLOCK_LENGTH;
		this.#opening = true;
		this.#stream = this.#options.source.open(this.#position, this.#options.end, this);
		this.#opening = false;
	}

	#use(bytes: Uint8Array, start: number, end: number): void {
		const piece = bytes.slice(start, end);
		this.bytes.set(piece, this.#position - this.#offset);
		this.#options.onBytes?.(this.#position, piece);
		this.#position += piece.byteLength;
		this.received += piece.byteLength;
	}

	#check(): void {
		assert.ok(!this.#held && !this.#ended, "nothing comes while a piece is kept, and nothing after the end");
		assert.ok(!this.over && !this.#opening, "no callback from inside of open, and none after the end");
	}

	#complete(): void {
		assert.equal(this.#position, this.#options.end, "it ends where it was asked to");
		this.complete = true;
		this.#finish();
	}

	#finish(): void {
		this.over = true;
		this.#options.onEnd?.(this);
	}
}

/** Waits for the end. */
export function fetched(options: Omit<FetchOptions, "onEnd">): Promise<Fetch> {
	return new Promise((resolve) => { void new Fetch({ ...options, onEnd: resolve }); });
}
