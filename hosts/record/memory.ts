// SPDX-License-Identifier: Apache-2.0
/**
 * Storage and flash of a recorded host. What they hold is recorded when they are first opened in a boot; from then on a
 * replay does to copies of it what the program does, so that reading needs no record of what was read.
 */
import type { FlashPartition, FlashProvider, StorageDomain, StorageProvider } from "../../src/host.js";
import { Kind } from "./kind.js";
import type { Tape } from "./tape.js";

export function recordStorage(tape: Tape, storage: StorageProvider): StorageProvider {
	return Object.freeze({
		open({ path }: { path: string }): StorageDomain {
			tape.visitDomain(path);
			return new RecordedDomain(tape, path, tape.compute(Kind.STORAGE_OPEN, [path], () => storage.open({ path })));
		},
	});
}

class RecordedDomain implements StorageDomain {
	readonly #tape: Tape;
	readonly #path: string;
	readonly #inner: StorageDomain;

	constructor(tape: Tape, path: string, inner: StorageDomain) {
		this.#tape = tape;
		this.#path = path;
		this.#inner = inner;
	}

	read(key: string): Uint8Array | undefined {
		return this.#tape.compute(Kind.STORAGE_READ, [this.#path, key], () => this.#inner.read(key));
	}

	write(key: string, value: Uint8Array): void {
		const shown = value instanceof Uint8Array ? this.#tape.maskValue(this.#path, key, value) : undefined;
		this.#tape.compute(Kind.STORAGE_WRITE, [this.#path, key, shown], () => { this.#inner.write(key, value); });
	}

	delete(key: string): void {
		this.#tape.compute(Kind.STORAGE_DELETE, [this.#path, key], () => { this.#inner.delete(key); });
	}

	keys(): string[] {
		return this.#tape.compute(Kind.STORAGE_KEYS, [this.#path], () => this.#inner.keys());
	}

	close(): void {
		this.#tape.compute(Kind.STORAGE_CLOSE, [this.#path], () => { this.#inner.close(); });
	}
}

export function recordFlash(tape: Tape, flash: FlashProvider): FlashProvider {
	return Object.freeze({
		open({ path }: { path: string }): FlashPartition {
			tape.visitPartition(path);
			return new RecordedPartition(tape, path, tape.compute(Kind.FLASH_OPEN, [path], () => flash.open({ path })));
		},
	});
}

class RecordedPartition implements FlashPartition {
	readonly size: number;
	readonly blockLength: number;
	readonly #tape: Tape;
	readonly #path: string;
	readonly #inner: FlashPartition;

	constructor(tape: Tape, path: string, inner: FlashPartition) {
		this.size = inner.size;
		this.blockLength = inner.blockLength;
		this.#tape = tape;
		this.#path = path;
		this.#inner = inner;
	}

	read(target: Uint8Array, offset: number): void {
		this.#tape.compute(Kind.FLASH_READ, [this.#path, target?.byteLength, offset], () => { this.#inner.read(target, offset); });
	}

	write(source: Uint8Array, offset: number): void {
		this.#tape.compute(Kind.FLASH_WRITE, [this.#path, source, offset], () => { this.#inner.write(source, offset); });
	}

	eraseBlock(from: number, to?: number): void {
		this.#tape.compute(Kind.FLASH_ERASE, [this.#path, from, to], () => { this.#inner.eraseBlock(from, to); });
	}

	close(): void {
		this.#tape.compute(Kind.FLASH_CLOSE, [this.#path], () => { this.#inner.close(); });
	}
}
