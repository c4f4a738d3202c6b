// SPDX-License-Identifier: Apache-2.0
/** The digest of what stands in a partition, a slice at a time: a megabyte takes a chip most of a second. */
import { DeviceError } from "../base/error.js";
import type { Digest, FlashPartition, Host } from "../host.js";

/** Bytes of a slice: some ten milliseconds on a chip. */
const SLICE_LENGTH = 16_384;
const BUFFER_LENGTH = 1_024;

export class ContentDigest {
	readonly #partition: FlashPartition;
	readonly #digest: Digest;
	/** Gone with the digest: nothing else is read meanwhile. */
	readonly #buffer = new Uint8Array(BUFFER_LENGTH);
	#position: number;
	readonly #end: number;

	/** @throws DeviceError `argument` beyond the partition's end */
	constructor({ crypto }: Host, partition: FlashPartition, start: number, end: number) {
		if (end > partition.size) throw new DeviceError("argument", `${end} bytes of a partition of ${partition.size}`);
		this.#partition = partition;
		this.#digest = crypto.digest("SHA-256");
		this.#position = start;
		this.#end = end;
	}

	/** Goes on by a slice. @returns false when all is read. @throws DeviceError `storage` */
	step(): boolean {
		const limit = Math.min(this.#end, this.#position + SLICE_LENGTH);
		const buffer = this.#buffer;
		while (this.#position < limit) {
			const count = Math.min(buffer.byteLength, limit - this.#position);
			const target = count === buffer.byteLength ? buffer : buffer.subarray(0, count);
			this.#partition.read(target, this.#position);
			this.#digest.update(target);
			this.#position += count;
		}
		return this.#position < this.#end;
	}

	/** All of it at once. */
	finish(): Digest {
		while (this.step()) { /* a slice was done */ }
		return this.#digest;
	}
}
