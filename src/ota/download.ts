// SPDX-License-Identifier: Apache-2.0
/**
 * A file from the cloud in blocks, as they come: asked for by the window, and again where one is missing.
 *
 * The next request goes out when half of the window is here, so that the cloud has something to send while the answer
 * to it is on its way. Blocks are handed on where they lie, inside of the call that takes a message in: a copy of each
 * would cost more than the stack that this saves. All else is told from `expire`.
 *
 * Who wants blocks in order says false to those that come too early. Then all that was asked for is over as soon as it
 * came or stays away, and asked for again from the gap on: nothing has to be kept.
 *
 * Pure: knows no topics and no clock; a cloud translates between `BlockPort` and its messages.
 */
import { DeviceError, toDeviceError } from "../base/error.js";
import { inRange } from "../base/range.js";
import { Refusal, Service } from "../base/service.js";
import { BLOCK_MAXIMUM, BLOCK_MINIMUM, Blocks, FILE_MAXIMUM, type BlockRange } from "./blocks.js";
import { UpdateError } from "./failure.js";

/** What a download asks of a cloud. Tokens come back with the answer. False: there is no room now, ask again later. */
export interface BlockPort {
	/** ms from one message to the next, either way, that the cloud wants at least. */
	readonly interval: number;
	/** Asks how long the file is. */
	describe(token: string): boolean;
	request(token: string, blockLength: number, range: BlockRange): boolean;
	/** Reads nothing more from the network until `resume`. */
	pause(): void;
	resume(): void;
}

export interface DownloadCallbacks {
	/**
	 * A block that was not taken before; `bytes[start, end)` is borrowed. Every block but the last has `blockLength`
	 * bytes. What it throws ends the download.
	 * @returns false when it is not taken: it will come again
	 */
	onBlock(index: number, bytes: Uint8Array, start: number, end: number): boolean | void;
	/** All blocks were handed over. */
	onComplete(): void;
	/**
	 * The download is over: a block could not be dealt with, or the cloud gave none. An `UpdateError` says that there
	 * is no such file, or no such block in it.
	 */
	onFailed(error: DeviceError): void;
}

export interface DownloadOptions {
	/** Bytes of the file, or of what is wanted of it, where they are known: one round trip less. */
	length?: number | undefined;
	/** Bytes of a block, from 256 to 131,072. Default: 4,096. */
	blockLength?: number | undefined;
	/** Index of the first block that is wanted. Default: 0. */
	first?: number | undefined;
	/** Blocks that are asked for ahead, at most 128 KB in all. Default: 8. */
	window?: number | undefined;
	/** Requests in a row of which nothing came before the download fails with `timeout`. Default: any number. */
	attempts?: number | undefined;
}

const BLOCK_LENGTH = 4_096;
const WINDOW = 8;
const WINDOW_MAXIMUM = 128;
/** Bytes that one request may ask for: clouds send no more. */
const REQUEST_MAXIMUM = 131_072;
/** ms after the last block of a window that came, within which the next must. */
export const BLOCK_TIMEOUT = 5_000;
/** The same where a block came too early: as a rule, the one before it is lost then. */
export const GAP_TIMEOUT = 1_000;

export class Download extends Service<BlockPort> {
	readonly blockLength: number;
	/** What is here; `undefined` until the length is known. Blocks noted before the start are not asked for. */
	blocks: Blocks | undefined;
	readonly #callbacks: DownloadCallbacks;
	readonly #prefix: string;
	readonly #first: number;
	readonly #window: number;
	readonly #attempts: number;
	/** Blocks that came and were not taken since the window was last begun anew. */
	#early = 0;
	/** Monotonic ms before which the cloud takes no further request. */
	#notBefore = 0;
	/** Requests without any use in a row. */
	#vain = 0;
	#failure: DeviceError | undefined;
	/** The program was told of the end. */
	#over = false;

	/** @throws DeviceError `argument`, `too-large` */
	constructor(callbacks: DownloadCallbacks, prefix: string, options: DownloadOptions = {}) {
		super(prefix);
		const { length, blockLength = BLOCK_LENGTH, first = 0, window = WINDOW, attempts = Infinity } = options;
		this.#callbacks = callbacks;
		this.#prefix = prefix;
		this.blockLength = inRange("blockLength", blockLength, BLOCK_MINIMUM, BLOCK_MAXIMUM);
		inRange("window", window, 1, WINDOW_MAXIMUM);
		this.#first = inRange("first", first, 0, FILE_MAXIMUM);
		this.#window = Math.min(window, Math.floor(REQUEST_MAXIMUM / blockLength));
		this.#attempts = attempts;
		if (length !== undefined) this.blocks = new Blocks(length, blockLength, first);
	}

	/** What was asked for on the connection before does not come on this one. */
	override connected(port: BlockPort): void {
		this.again();
		super.connected(port);
	}

	/** Leaves what comes in the network, all of the connection's, until `resume`: for some milliseconds. */
	pause(): void {
		this.port?.pause();
	}

	resume(): void {
		this.port?.resume();
	}

	/** The cloud's answer to `describe`. @throws DeviceError `malformed` */
	described(token: string, length: unknown): void {
		if (!this.awaits(token) || this.blocks !== undefined) return;
		if (typeof length !== "number") throw new DeviceError("malformed", "a file without length");
		this.#vain = 0;
		this.answered();
		try {
			if (length > 0 && length <= this.#first * this.blockLength) this.truncated(length);
			else this.blocks = new Blocks(length, this.blockLength, this.#first);
		} catch (error) {
			this.#failure = toDeviceError(error, "malformed", "length of the file");
		}
	}

	/**
	 * A block. Those that were asked for before, and came late, are as welcome.
	 * @throws DeviceError `malformed`
	 */
	block(token: string, index: number, bytes: Uint8Array, start: number, end: number, now: number): void {
		const blocks = this.blocks;
		// Whoever we were before a reset may have asked for blocks of another length.
		if (!token.startsWith(this.#prefix) || blocks === undefined || this.#failure !== undefined) return;
		const missing = blocks.lengthOf(index) - (end - start);
		if (missing < 0 || start === end) throw new DeviceError("malformed", `block ${index} of ${end - start} bytes`);
		if (missing > 0) return this.truncated(index * this.blockLength + end - start);
		if (blocks.has(index)) return;
		try {
			if (this.#callbacks.onBlock(index, bytes, start, end) === false) this.#early++;
			else this.took(blocks, index);
		} catch (error) {
			this.#failure = toDeviceError(error, "internal", "block failed");
			return this.wake();
		}
		if (this.asking) this.proceed(blocks, now);
		else if (blocks.missing === 0) this.wake();
	}

	/** @param refusal one of `Refusal` */
	rejected(token: string, refusal: number, message: string, now: number): void {
		if (!this.awaits(token)) return;
		const what = `file refused: ${message}`;
		switch (refusal) {
			case Refusal.BUSY:
				this.again();
				this.postpone(now);
				return this.tire();
			case Refusal.GONE:
				this.#failure = new UpdateError("not-found", what);
				break;
			case Refusal.STALE:
				this.#failure = new UpdateError("changed", what);
				break;
			default:
				this.#failure = new DeviceError("rejected", what);
		}
		this.answered();
	}

	/** The cloud says that the file ends before what it was asked for. */
	beyond(token: string): void {
		if (!this.awaits(token)) return;
		this.answered();
		this.truncated();
	}

	protected override tell(): void {
		if (this.#over) return;
		if (this.#failure !== undefined) {
			this.#over = true;
			this.#callbacks.onFailed(this.#failure);
		} else if (this.blocks?.missing === 0) {
			this.#over = true;
			this.#callbacks.onComplete();
		}
	}

	protected override ask(port: BlockPort, token: string, now: number): boolean | undefined {
		if (this.#over) return undefined;
		const blocks = this.blocks;
		try {
			if (blocks === undefined) return port.describe(token);
			if (this.isThrough(blocks)) this.again();
			const { outstanding } = blocks;
			// By halves, as more at once would arrive at once, and nothing be on its way then.
			const most = outstanding === 0 ? this.#window : Math.min(this.#window - outstanding, this.#window + 1 >> 1);
			let range = blocks.next(most);
			if (range === undefined) {
				// What was there to ask for came late meanwhile; the rest must not be waited for without an end.
				this.again();
				range = blocks.next(this.#window)!;
			}
			this.#notBefore = now + (range.wanted + 1) * port.interval;
			const sent = port.request(token, this.blockLength, range);
			if (!sent) this.again();
			return sent;
		} catch (error) {
			this.#failure = toDeviceError(error, "internal", "request failed");
			this.wake();
			return undefined;
		}
	}

	/** What is missing is asked for again. */
	protected override lost(): void {
		this.again();
		if (this.online) this.tire();
	}

	private took(blocks: Blocks, index: number): void {
		blocks.add(index);
		this.#vain = 0;
	}

	/** Decides whether there is something to ask for already. */
	private proceed(blocks: Blocks, now: number): void {
		if (blocks.missing === 0) return this.answered();
		const inOrder = this.#early === 0;
		const isHalf = inOrder && blocks.more && blocks.outstanding <= this.#window >> 1;
		const delay = this.#notBefore - now;
		if (!isHalf && !this.isThrough(blocks)) this.extend(now + (inOrder ? BLOCK_TIMEOUT : GAP_TIMEOUT));
		else if (delay > 0) this.postpone(now, delay);
		else this.answered();
	}

	/** All that was asked for and not taken came too early: nothing is on its way. */
	private isThrough(blocks: Blocks): boolean {
		return this.#early > 0 && this.#early >= blocks.outstanding;
	}

	private again(): void {
		this.#early = 0;
		this.blocks?.rewind();
	}

	private tire(): void {
		if (++this.#vain < this.#attempts) return;
		this.#failure = new DeviceError("timeout", `nothing of the file after ${this.#vain} requests`);
		this.wake();
	}

	private truncated(length?: number): void {
		const where = length === undefined ? "before its last block" : `after ${length} bytes`;
		this.#failure = new UpdateError("truncated", `the file ends ${where}`);
		this.wake();
	}
}
