// SPDX-License-Identifier: Apache-2.0
/**
 * A file from the cloud in blocks, as they come: asked for by the window, and again where one is missing.
 *
 * Blocks are handed on where they lie, inside of the call that takes a message in: a copy of each would cost more than
 * the stack that this saves. All else is told from `expire`.
 *
 * Pure: knows no topics and no clock; a cloud translates between `BlockPort` and its messages.
 */
import { DeviceError, toDeviceError } from "../base/error.js";
import { inRange } from "../base/range.js";
import { Refusal, Service } from "../base/service.js";
import { BLOCK_MAXIMUM, BLOCK_MINIMUM, Blocks, type BlockRange } from "./blocks.js";

/** What a download asks of a cloud. Tokens come back with the answer. False: there is no room now, ask again later. */
export interface BlockPort {
	/** Asks how long the file is. */
	describe(token: string): boolean;
	request(token: string, blockLength: number, range: BlockRange): boolean;
}

export interface DownloadCallbacks {
	/**
	 * A block, for the first time; `bytes[start, end)` is borrowed. Every block but the last has `blockLength` bytes.
	 * What it throws ends the download.
	 */
	onBlock(index: number, bytes: Uint8Array, start: number, end: number): void;
	/** All blocks were handed over. */
	onComplete(): void;
	/** The download is over: there is no such file, or a block could not be dealt with. */
	onFailed(error: DeviceError): void;
}

export interface DownloadOptions {
	/** Bytes of the file, where they are known: one round trip less. */
	length?: number | undefined;
	/** Bytes of a block, from 256 to 131,072. Default: 4,096. */
	blockLength?: number | undefined;
	/** Blocks that are asked for at a time, at most 128 KB in all. Default: 8. */
	window?: number | undefined;
}

const BLOCK_LENGTH = 4_096;
const WINDOW = 8;
const WINDOW_MAXIMUM = 128;
/** Bytes that one request may ask for: clouds send no more. */
const REQUEST_MAXIMUM = 131_072;
/** ms after the last block of a window that came, within which the next must. */
export const BLOCK_TIMEOUT = 5_000;

export class Download extends Service<BlockPort> {
	readonly blockLength: number;
	/** What is here; `undefined` until the length is known. Blocks noted before the start are not asked for. */
	blocks: Blocks | undefined;
	readonly #callbacks: DownloadCallbacks;
	readonly #prefix: string;
	readonly #window: number;
	/** Blocks of the request under way that did not come yet, by count: any block that is new counts. */
	#awaited = 0;
	#failure: DeviceError | undefined;
	/** The program was told of the end. */
	#over = false;

	/** @throws DeviceError `argument`, `too-large` */
	constructor(callbacks: DownloadCallbacks, prefix: string, options: DownloadOptions = {}) {
		super(prefix);
		const { length, blockLength = BLOCK_LENGTH, window = WINDOW } = options;
		this.#callbacks = callbacks;
		this.#prefix = prefix;
		this.blockLength = inRange("blockLength", blockLength, BLOCK_MINIMUM, BLOCK_MAXIMUM);
		inRange("window", window, 1, WINDOW_MAXIMUM);
		this.#window = Math.min(window, Math.floor(REQUEST_MAXIMUM / blockLength));
		if (length !== undefined) this.blocks = new Blocks(length, blockLength);
	}

	/** The cloud's answer to `describe`. @throws DeviceError `malformed` */
	described(token: string, length: unknown): void {
		if (!this.awaits(token) || this.blocks !== undefined) return;
		if (typeof length !== "number") throw new DeviceError("malformed", "a file without length");
		this.answered();
		try {
			this.blocks = new Blocks(length, this.blockLength);
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
		if (end - start !== blocks.lengthOf(index) || start === end) {
			throw new DeviceError("malformed", `block ${index} of ${end - start} bytes`);
		}
		if (blocks.has(index)) return;
		try {
			this.#callbacks.onBlock(index, bytes, start, end);
		} catch (error) {
			this.#failure = toDeviceError(error, "internal", "block failed");
			return this.wake();
		}
		blocks.add(index);
		if (!this.asking) return;
		this.#awaited--;
		if (this.#awaited === 0 || blocks.missing === 0) this.answered();
		else this.extend(now + BLOCK_TIMEOUT);
	}

	/** @param refusal one of `Refusal` */
	rejected(token: string, refusal: number, message: string, now: number): void {
		if (!this.awaits(token)) return;
		if (refusal === Refusal.BUSY) return this.postpone(now);
		this.#failure = new DeviceError("rejected", `file refused: ${message}`);
		this.answered();
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

	protected override ask(port: BlockPort, token: string): boolean | undefined {
		if (this.#over) return undefined;
		const range = this.blocks?.next(this.#window);
		try {
			if (range === undefined) return port.describe(token);
			this.#awaited = range.wanted;
			return port.request(token, this.blockLength, range);
		} catch (error) {
			this.#failure = toDeviceError(error, "internal", "request failed");
			this.wake();
			return undefined;
		}
	}

	/** What is missing is asked for again. */
	protected override lost(): void {}
}
