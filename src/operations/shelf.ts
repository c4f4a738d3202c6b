// SPDX-License-Identifier: Apache-2.0
/** Where operations keep small values: seldom enough to open the storage for each of them. */
import type { StorageDomain, StorageProvider } from "../host.js";
import { OPERATIONS } from "./boot.js";

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
