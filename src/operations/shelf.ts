// SPDX-License-Identifier: Apache-2.0
/** Where operations keep small values: seldom enough to open the storage for each of them. */
import { setWord, wordAt } from "../bytes/word.js";
import type { StorageDomain, StorageProvider } from "../host.js";

/** Name of the storage domain that operations keep things in. */
export const OPERATIONS = "operations";
const WORD_LENGTH = 4;

export class Shelf {
	readonly #storage: StorageProvider;

	constructor(storage: StorageProvider) {
		this.#storage = storage;
	}

	/** @throws DeviceError `storage` */
	read(key: string): Uint8Array | undefined {
		const domain = this.open();
		try {
			return domain.read(key);
		} finally {
			domain.close();
		}
	}

	/** A number; `undefined` where there is none. @throws DeviceError `storage` */
	readWord(key: string): number | undefined {
		const value = this.read(key);
		return value?.byteLength === WORD_LENGTH ? wordAt(value, 0) : undefined;
	}

	/** @param word of 32 bits @throws DeviceError `storage`, `full` */
	writeWord(key: string, word: number): void {
		const value = new Uint8Array(WORD_LENGTH);
		setWord(value, 0, word);
		this.write(key, value);
	}

	/** @throws DeviceError `storage`, `full` */
	write(key: string, value: Uint8Array): void {
		const domain = this.open();
		try {
			domain.write(key, value);
		} finally {
			domain.close();
		}
	}

	/** @throws DeviceError `storage` */
	delete(key: string): void {
		const domain = this.open();
		try {
			domain.delete(key);
		} finally {
			domain.close();
		}
	}

	private open(): StorageDomain {
		return this.#storage.open({ path: OPERATIONS });
	}
}
