// SPDX-License-Identifier: Apache-2.0
/** Small values and flash partitions, kept by the C host as files that survive a kill at any moment. */
import { DeviceError } from "../../src/base/error.js";
import type { FlashPartition, FlashProvider, StorageDomain, StorageProvider } from "../../src/host.js";
import { checkBytes, checkName } from "./check.js";
import { native } from "./native.js";

const BLOCK_LENGTH = 4096;

function fail(error: number, action: string, name: string): never {
	if (error === -1) throw new DeviceError("argument", `${action} "${name}": want 1 to 15 characters of printable ASCII`);
	if (error === -2) throw new DeviceError("full", `${action} "${name}": the value is too long, or the disk is full`);
	throw new DeviceError("storage", `${action} "${name}" failed`);
}

class Domain implements StorageDomain {
	readonly #name: string;
	#open = true;

	constructor(name: string) {
		checkName(name);
		const error = native.storageOpen(name);
		if (error < 0) fail(error, "open", name);
		this.#name = name;
	}

	#check(): void {
		if (!this.#open) throw new DeviceError("state", `storage "${this.#name}" is closed`);
	}

	read(key: string): Uint8Array | undefined {
		checkName(key);
		this.#check();
		const value = native.storageRead(this.#name, key);
		if (typeof value === "number") fail(value, "read", key);
		return value === undefined ? undefined : new Uint8Array(value);
	}

	write(key: string, value: Uint8Array): void {
		checkName(key);
		this.#check();
		checkBytes(value, "a value");
		const error = native.storageWrite(this.#name, key, value);
		if (error < 0) fail(error, "write", key);
	}

	delete(key: string): void {
		checkName(key);
		this.#check();
		const error = native.storageDelete(this.#name, key);
		if (error < 0) fail(error, "delete", key);
	}

	keys(): string[] {
		this.#check();
		const keys = native.storageKeys(this.#name);
		if (typeof keys === "number") fail(keys, "list", this.#name);
		return keys;
	}

	close(): void {
		this.#open = false;
	}
}

export const storage: StorageProvider = Object.freeze({
	open: ({ path }: { path: string }): StorageDomain => new Domain(path),
});

class Partition implements FlashPartition {
	readonly size: number;
	readonly blockLength = BLOCK_LENGTH;
	#index: number;

	constructor(name: string) {
		this.#index = native.flashOpen(name);
		if (this.#index < 0) throw new DeviceError("argument", `no flash partition has the name "${name}"`);
		this.size = native.flashSize(this.#index);
	}

	#check(): void {
		if (this.#index < 0) throw new DeviceError("state", "the flash partition is closed");
	}

	read(target: Uint8Array, offset: number): void {
		this.#check();
		if (native.flashRead(this.#index, target, offset) < 0) this.#failBeyond("read", offset);
	}

	write(source: Uint8Array, offset: number): void {
		this.#check();
		if (native.flashWrite(this.#index, source, offset) < 0) this.#failBeyond("write", offset);
	}

	eraseBlock(from: number, to = from + 1): void {
		this.#check();
		if (native.flashErase(this.#index, from, to) < 0) this.#failBeyond("erase block", from);
	}

	#failBeyond(action: string, offset: number): never {
		throw new DeviceError("argument", `${action} at ${offset}: beyond the end of ${this.size} bytes`);
	}

	close(): void {
		this.#index = -1;
	}
}

/** Every partition under its own name, the boot loader's among them. */
export const partitions: FlashProvider = Object.freeze({
	open: ({ path }: { path: string }): FlashPartition => new Partition(path),
});
