// SPDX-License-Identifier: Apache-2.0
/**
 * Counts what wears the flash out, whoever does it: a device hands this host to all of its parts.
 *
 * A layer of its own and not a counter in each part: those that write to flash or storage are many and strangers to
 * each other, and a part that is new would be forgotten. Where nobody wants to know there is no such layer, and where
 * somebody does, a call more is nothing beside what flash takes.
 */
import type { FlashPartition, FlashProvider, Host, StorageDomain, StorageProvider } from "../host.js";

export class Wear {
	/** Programs of flash, blocks of it erased, and values of the storage written or deleted. */
	programs = 0;
	erases = 0;
	writes = 0;

	/** Counts from zero again. */
	clear(): void {
		this.programs = this.erases = this.writes = 0;
	}
}

/** `host`, but for flash and storage, whose changes are counted. */
export function countingHost(host: Host, wear: Wear): Host {
	const flash = new CountingFlash(host.flash, wear);
	const storage = new CountingStorage(host.storage, wear);
	return Object.create(host, { flash: { value: flash }, storage: { value: storage } }) as Host;
}

class CountingFlash implements FlashProvider {
	readonly #flash: FlashProvider;
	readonly #wear: Wear;

	constructor(flash: FlashProvider, wear: Wear) {
		this.#flash = flash;
		this.#wear = wear;
	}

	open(options: { path: string }): FlashPartition {
		return new CountingPartition(this.#flash.open(options), this.#wear);
	}
}

class CountingPartition implements FlashPartition {
	readonly #partition: FlashPartition;
	readonly #wear: Wear;

	constructor(partition: FlashPartition, wear: Wear) {
		this.#partition = partition;
		this.#wear = wear;
	}

	get size(): number {
		return this.#partition.size;
	}

	get blockLength(): number {
		return this.#partition.blockLength;
	}

	read(target: Uint8Array, offset: number): void {
		this.#partition.read(target, offset);
	}

	write(source: Uint8Array, offset: number): void {
		this.#wear.programs++;
		this.#partition.write(source, offset);
	}

	eraseBlock(from: number, to = from + 1): void {
		this.#wear.erases += to - from;
		this.#partition.eraseBlock(from, to);
	}

	close(): void {
		this.#partition.close();
	}
}

class CountingStorage implements StorageProvider {
	readonly #storage: StorageProvider;
	readonly #wear: Wear;

	constructor(storage: StorageProvider, wear: Wear) {
		this.#storage = storage;
		this.#wear = wear;
	}

	open(options: { path: string }): StorageDomain {
		return new CountingDomain(this.#storage.open(options), this.#wear);
	}
}

class CountingDomain implements StorageDomain {
	readonly #domain: StorageDomain;
	readonly #wear: Wear;

	constructor(domain: StorageDomain, wear: Wear) {
		this.#domain = domain;
		this.#wear = wear;
	}

	read(key: string): Uint8Array | undefined {
		return this.#domain.read(key);
	}

	write(key: string, value: Uint8Array): void {
		this.#wear.writes++;
		this.#domain.write(key, value);
	}

	delete(key: string): void {
		this.#wear.writes++;
		this.#domain.delete(key);
	}

	keys(): string[] {
		return this.#domain.keys();
	}

	close(): void {
		this.#domain.close();
	}
}
