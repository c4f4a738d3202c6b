// SPDX-License-Identifier: Apache-2.0
/**
 * Writes a component's content to its slot, in order and block by block: each is erased and programmed once.
 *
 * The digest of a group of blocks is compared before the last of them is written, so that what was altered on its way
 * is noticed after a fraction of the image and not at its end. Nothing here is good to boot before the whole was read
 * back.
 */
import { toDeviceError } from "../base/error.js";
import { isAt } from "../bytes/word.js";
import type { Digest, FlashPartition, Host } from "../host.js";
import { ContentDigest } from "./content.js";
import { UpdateError } from "./failure.js";
import type { Component } from "./manifest.js";
import { BLOCK_LENGTH } from "./source.js";

/** Encrypted flash is programmed sixteen bytes at a time. */
const PROGRAM_LENGTH = 16;
const DIGEST_LENGTH = 32;
const ERASED = 0xff;

export interface BlockListener {
	/** One block more stands in the flash. */
	onBlock(): void;
}

export class SlotWriter {
	/** Blocks that stand in the flash. */
	blocks = 0;
	readonly #host: Host;
	readonly #partition: FlashPartition;
	readonly #component: Component;
	readonly #listener: BlockListener;
	/** For blocks that come in pieces, and the last one; made for the first of them. */
	#buffer: Uint8Array | undefined;
	/** Bytes of the next block that wait in the buffer. */
	#gathered = 0;
	/** Of the group that is being written. */
	#digest: Digest;

	/** @throws UpdateError `too-large`, `storage` */
	constructor(host: Host, partition: FlashPartition, component: Component, listener: BlockListener) {
		if (component.size > partition.size) {
			throw new UpdateError("too-large", `${component.size} bytes for a slot of ${partition.size}`);
		}
		if (partition.blockLength !== BLOCK_LENGTH) {
			throw new UpdateError("storage", `flash of blocks of ${partition.blockLength} bytes`);
		}
		this.#host = host;
		this.#partition = partition;
		this.#component = component;
		this.#listener = listener;
		this.#digest = host.crypto.digest("SHA-256");
	}

	/** Bytes of the content that were taken. */
	get position(): number {
		return Math.min(this.blocks * BLOCK_LENGTH, this.#component.size) + this.#gathered;
	}

	get isComplete(): boolean {
		return this.position === this.#component.size;
	}

	/** Goes on behind blocks that stand in the flash since before a reset. @throws UpdateError `storage` */
	resume(blocks: number): void {
		const { group, size } = this.#component;
		const end = Math.min(blocks * BLOCK_LENGTH, size);
		const start = end === size ? end : end - end % group;
		try {
			this.#digest = new ContentDigest(this.#host, this.#partition, start, end).finish();
		} catch (error) {
			throw storageError(error);
		}
		this.blocks = blocks;
	}

	/**
	 * Takes `bytes[start, end)`.
	 * @throws UpdateError `patch-bomb` beyond the content's end, `block-digest`, `storage`; what the listener throws
	 */
	write(bytes: Uint8Array, start: number, end: number): void {
		const { size } = this.#component;
		if (this.position + end - start > size) throw new UpdateError("patch-bomb", `more than ${size} bytes`);
		for (let from = start; from < end;) {
			const room = BLOCK_LENGTH - this.#gathered;
			const count = Math.min(room, end - from);
			if (count === BLOCK_LENGTH) {
				this.flush(bytes.subarray(from, from + count));
			} else {
				this.gather(bytes.subarray(from, from + count));
				if (count === room || this.isComplete) this.flushGathered();
			}
			from += count;
		}
	}

	/** Reads content that was taken. The range must be. */
	read(target: Uint8Array, offset: number): void {
		const written = this.blocks * BLOCK_LENGTH;
		const end = offset + target.byteLength;
		if (end <= written) return this.#partition.read(target, offset);
		const fromFlash = Math.max(0, written - offset);
		if (fromFlash > 0) this.#partition.read(target.subarray(0, fromFlash), offset);
		const from = offset + fromFlash - written;
		target.set(this.#buffer!.subarray(from, end - written), fromFlash);
	}

	private gather(bytes: Uint8Array): void {
		this.#buffer ??= new Uint8Array(BLOCK_LENGTH);
		this.#buffer.set(bytes, this.#gathered);
		this.#gathered += bytes.byteLength;
	}

	private flushGathered(): void {
		const buffer = this.#buffer!;
		const length = this.#gathered;
		const padded = Math.ceil(length / PROGRAM_LENGTH) * PROGRAM_LENGTH;
		buffer.fill(ERASED, length, padded);
		this.#gathered = 0;
		this.flush(length === BLOCK_LENGTH ? buffer : buffer.subarray(0, length), buffer.subarray(0, padded));
	}

	/** @param programmed what is written for it */
	private flush(block: Uint8Array, programmed = block): void {
		this.check(block);
		const { blocks } = this;
		const partition = this.#partition;
		try {
			partition.eraseBlock(blocks);
			partition.write(programmed, blocks * BLOCK_LENGTH);
		} catch (error) {
			throw storageError(error);
		}
		this.blocks++;
		this.#listener.onBlock();
	}

	/** Counts a block into its group; with its last one, the group must be what was signed. */
	private check(block: Uint8Array): void {
		const { group, groups, size } = this.#component;
		this.#digest.update(block);
		const end = this.blocks * BLOCK_LENGTH + block.byteLength;
		if (end % group !== 0 && end !== size) return;
		const index = Math.ceil(end / group) - 1;
		const digest = this.#digest.digest();
		this.#digest = this.#host.crypto.digest("SHA-256");
		if (!isAt(digest, groups, index * DIGEST_LENGTH)) throw new UpdateError("block-digest", `group ${index}`);
	}
}

/** The power may fail in the middle of it, which is no error of flash, and passes through. */
function storageError(error: unknown): unknown {
	if (!(error instanceof Error)) return error;
	return new UpdateError("storage", toDeviceError(error, "storage", "flash").message, error);
}
