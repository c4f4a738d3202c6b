// SPDX-License-Identifier: Apache-2.0
/** Key-value storage: one file for each key, `<directory>/storage/<domain>/<key>`. Read first: file.ts. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DeviceError } from "../../src/base/error.js";
import type { StorageDomain, StorageProvider } from "../../src/host.js";
import { checkBytes, checkName } from "./check.js";
import { fromFileName, ifPresent, readFile, removeFile, replaceFile, toFileName } from "./file.js";

/** Longest value. ESP32's NVS partition has 24 KB for all of them, so a program that needs more has no device. */
export const VALUE_LIMIT = 16_384;

export function createStorage(directory: string): StorageProvider {
	return Object.freeze({
		open({ path }: { path: string }): StorageDomain {
			checkName("the path of a storage domain", path);
			return new Domain(join(directory, "storage", toFileName(path)));
		},
	});
}

class Domain implements StorageDomain {
	readonly #directory: string;
	#closed = false;

	constructor(directory: string) {
		this.#directory = directory;
	}

	read(key: string): Uint8Array | undefined {
		return readFile(this.#fileOf(key));
	}

	write(key: string, value: Uint8Array): void {
		const file = this.#fileOf(key);
		checkBytes("a value", value);
		if (value.byteLength > VALUE_LIMIT) throw new DeviceError("full", `a value of ${value.byteLength} bytes; allowed are ${VALUE_LIMIT}`);
		replaceFile(file, value);
	}

	delete(key: string): void {
		removeFile(this.#fileOf(key));
	}

	keys(): string[] {
		this.#checkOpen();
		const files = ifPresent(`reading ${this.#directory}`, () => readdirSync(this.#directory)) ?? [];
		return files.map(fromFileName).filter(key => key !== undefined).sort();
	}

	close(): void {
		this.#closed = true;
	}

	#checkOpen(): void {
		if (this.#closed) throw new DeviceError("state", "the storage domain is closed");
	}

	#fileOf(key: string): string {
		this.#checkOpen();
		checkName("a key", key);
		return join(this.#directory, toFileName(key));
	}
}
