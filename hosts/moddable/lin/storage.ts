// SPDX-License-Identifier: Apache-2.0
/** Key-value storage of the simulated device: one file for each key. */
import { DeviceError } from "../../../src/base/error.js";
import type { StorageDomain, StorageProvider } from "../../../src/host.js";
import { checkBytes, checkName } from "../check.js";
import { fromFileName, listFiles, pathOf, readFile, removeFile, replaceFile, toFileName } from "./files.js";

/** Longest value; the same as on the Node host. */
const VALUE_MAXIMUM = 16_384;

export const storage: StorageProvider = Object.freeze({
	open({ path }: { path: string }): StorageDomain {
		checkName(path);
		return new Domain(pathOf("storage", toFileName(path)));
	},
});

class Domain implements StorageDomain {
	readonly #directory: string;
	#closed = false;

	constructor(directory: string) {
		this.#directory = directory;
	}

	read(key: string): Uint8Array | undefined {
		return readFile(`${this.#directory}/${this.#fileOf(key)}`);
	}

	write(key: string, value: Uint8Array): void {
		const name = this.#fileOf(key);
		checkBytes(value);
		const { byteLength } = value;
		if (byteLength > VALUE_MAXIMUM) throw new DeviceError("full", `a value of ${byteLength} bytes; allowed are ${VALUE_MAXIMUM}`);
		replaceFile(this.#directory, name, value);
	}

	delete(key: string): void {
		removeFile(`${this.#directory}/${this.#fileOf(key)}`);
	}

	keys(): string[] {
		this.#checkOpen();
		return listFiles(this.#directory).map(fromFileName).filter(key => key !== undefined).sort();
	}

	close(): void {
		this.#closed = true;
	}

	#fileOf(key: string): string {
		this.#checkOpen();
		checkName(key);
		return toFileName(key);
	}

	#checkOpen(): void {
		if (this.#closed) throw new DeviceError("state", "the storage domain is closed");
	}
}
