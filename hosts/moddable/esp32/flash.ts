// SPDX-License-Identifier: Apache-2.0
/** A partition of the flash chip, with its limits checked before ESP-IDF is asked, and a word to say before a change. */
import type nativeFlash from "embedded:storage/flash";
import { DeviceError } from "../../../src/base/error.js";
import type { FlashPartition } from "../../../src/host.js";
import { checkRange, isIntegerIn } from "../check.js";

type NativePartition = ReturnType<typeof nativeFlash.open>;

export class Partition implements FlashPartition {
	readonly size: number;
	readonly blockLength: number;
	readonly #beforeChange: (() => void) | undefined;
	#native: NativePartition | undefined;

	constructor(native: NativePartition, beforeChange?: () => void) {
		const { size, blockLength } = native.status();
		this.size = size;
		this.blockLength = blockLength;
		this.#beforeChange = beforeChange;
		this.#native = native;
	}

	read(target: Uint8Array, offset: number): void {
		checkRange(target, offset, this.size);
		if (target.byteLength > 0) this.#attempt(native => native.read(target, offset));
	}

	write(source: Uint8Array, offset: number): void {
		checkRange(source, offset, this.size);
		this.#beforeChange?.();
		if (source.byteLength > 0) this.#attempt(native => native.write(source, offset));
	}

	eraseBlock(from: number, to: number = from + 1): void {
		const blocks = this.size / this.blockLength;
		if (!isIntegerIn(to, 0, blocks) || !isIntegerIn(from, 0, to)) {
			throw new DeviceError("argument", `erasing blocks ${from} to ${to} of ${blocks}`);
		}
		this.#beforeChange?.();
		if (from < to) this.#attempt(native => native.eraseBlock(from, to));
	}

	close(): void {
		this.#native?.close();
		this.#native = undefined;
	}

	#attempt(action: (native: NativePartition) => void): void {
		if (this.#native === undefined) throw new DeviceError("state", "the flash partition is closed");
		try {
			action(this.#native);
		} catch (error) {
			throw new DeviceError("storage", "access to flash failed", { cause: error });
		}
	}
}
