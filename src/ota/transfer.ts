// SPDX-License-Identifier: Apache-2.0
/**
 * One component on its way from a source to its slot, whole or as a patch; from the beginning, or from where a reset
 * left it.
 *
 * Bytes are dealt with where they lie, in the update's own turn; the source waits for that.
 */
import type { DeviceError } from "../base/error.js";
import type { FlashPartition, Host } from "../host.js";
import { UpdateError } from "./failure.js";
import type { Component, Payload } from "./manifest.js";
import { BLOCK_LENGTH, type Source, type SourceReader, type SourceStream } from "./source.js";
import { PatchDecoder } from "./vcdiff.js";
import { SlotWriter, type BlockListener } from "./writer.js";

export interface TransferOwner {
	/** One block more stands in the flash: how far the transfer is can be kept. */
	onBlock(): void;
	/** Bytes came from the source. */
	onSpent(count: number): void;
}

export interface TransferOptions {
	readonly host: Host;
	readonly source: Source;
	readonly component: Component;
	readonly payload: Payload;
	readonly slot: FlashPartition;
	/** What a patch is to be put on. */
	readonly base: FlashPartition | undefined;
}

export class Transfer implements SourceReader, BlockListener {
	/** Where in a patch the last window that was begun lies, and the first byte of content that it makes. */
	patchOffset = 0;
	contentOffset = 0;
	readonly #owner: TransferOwner;
	#writer!: SlotWriter;
	#decoder: PatchDecoder | undefined;
	/** Bytes in front that are there already: of the source, and of the content that a patch makes. */
	#skipped = 0;
	#repeated = 0;
	/** Bytes of the payload that are to come. */
	#left = 0;
	#opened: SourceStream | undefined;
	/** What came and is not written yet. */
	#bytes: Uint8Array | undefined;
	#from = 0;
	#to = 0;
	/** Nothing more comes; and why, where that is not the end. */
	#isOver = false;
	#lost: DeviceError | undefined;

	/** `open` comes next. */
	constructor(owner: TransferOwner) {
		this.#owner = owner;
	}

	/** Blocks of the content that stand in the flash. */
	get blocks(): number {
		return this.#writer.blocks;
	}

	/** There is something for `step` to do. */
	get isDue(): boolean {
		return this.#bytes !== undefined || this.#isOver;
	}

	/**
	 * Begins, behind `blocks` that stand in the flash.
	 * @param patchOffset and `contentOffset`: of a patch, the window to go on with
	 * @throws DeviceError as `Source.open`; UpdateError `too-large`, `storage`
	 */
	open(options: TransferOptions, blocks: number, patchOffset: number, contentOffset: number): void {
		// Not kept: what is needed from here on is in the parts.
		const { host, slot, source, payload, component, base } = options;
		this.#writer = new SlotWriter(host, slot, component, this);
		if (blocks > 0) this.#writer.resume(blocks);
		let from = blocks * BLOCK_LENGTH;
		if (payload.kind === "patch") {
			from = this.patchOffset = patchOffset;
			this.contentOffset = contentOffset;
			this.#repeated = Math.min(blocks * BLOCK_LENGTH, component.size) - contentOffset;
			this.#decoder = new PatchDecoder({
				base: base!, baseSize: payload.baseSize, made: this, size: component.size,
				patchOffset, outputOffset: contentOffset,
			});
		}
		const first = from - from % BLOCK_LENGTH;
		this.#skipped = from - first;
		this.#left = payload.size - from;
		if (this.#writer.isComplete) return;
		const end = Math.ceil(payload.size / BLOCK_LENGTH) * BLOCK_LENGTH;
		this.#opened = source.open(payload.offset + first, payload.offset + end, this);
	}

	close(): void {
		this.#opened?.close();
		this.#opened = undefined;
	}

	/** Keeps what comes for a turn of its own. */
	onBytes(bytes: Uint8Array, start: number, end: number): boolean {
		this.#owner.onSpent(end - start);
		const from = Math.min(end, start + this.#skipped);
		this.#skipped -= from - start;
		const to = Math.min(end, from + this.#left);
		this.#left -= to - from;
		if (from === to) return true;
		this.#bytes = bytes;
		this.#from = from;
		this.#to = to;
		return false;
	}

	onEnd(): void {
		this.#isOver = true;
	}

	onFailed(error: DeviceError): void {
		this.#isOver = true;
		this.#lost = error;
	}

	/**
	 * Writes what came.
	 * @returns true once the component is complete
	 * @throws UpdateError; DeviceError where the source failed: another transfer may go on from where this one is
	 */
	step(): boolean {
		const bytes = this.#bytes;
		if (bytes !== undefined) {
			if (this.#decoder === undefined) this.#writer.write(bytes, this.#from, this.#to);
			else this.#from = this.follow(this.#decoder, bytes, this.#from, this.#to);
			if (this.#decoder === undefined || this.#from === this.#to) this.#bytes = undefined;
		}
		if (this.#writer.isComplete) return true;
		if (this.#bytes !== undefined) return false;
		if (this.#lost !== undefined) throw this.#lost;
		if (this.#isOver) {
			throw new UpdateError(this.#decoder === undefined ? "truncated" : "patch", "content ends too early");
		}
		this.#opened!.next();
		return false;
	}

	/** For the writer. */
	onBlock(): void {
		this.#owner.onBlock();
	}

	/** For the decoder: content that was made already. */
	read(target: Uint8Array, offset: number): void {
		this.#writer.read(target, offset);
	}

	/**
	 * Window after window, each of which is written before the next is begun; up to a block of the flash, because a few
	 * bytes of a patch can make a megabyte, and a turn must not take that long.
	 * @returns the index after what was followed
	 */
	private follow(decoder: PatchDecoder, bytes: Uint8Array, start: number, end: number): number {
		const { blocks } = this.#writer;
		let at = start;
		while (at < end && this.#writer.blocks === blocks) {
			at = decoder.push(bytes, at, end);
			const from = Math.min(decoder.end, decoder.start + this.#repeated);
			this.#repeated -= from - decoder.start;
			if (from < decoder.end) this.#writer.write(decoder.bytes, from, decoder.end);
			this.patchOffset = decoder.patchOffset;
			this.contentOffset = decoder.outputOffset;
		}
		return at;
	}
}
