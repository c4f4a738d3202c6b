// SPDX-License-Identifier: Apache-2.0
/** Key-value storage in NVS, which writes each value beside the old one and commits it before it returns. */
import type keyValue from "embedded:storage/key-value";
import { DeviceError } from "../../../src/base/error.js";
import type { StorageDomain } from "../../../src/host.js";
import { checkBytes, checkName } from "../check.js";

type NativeDomain = ReturnType<typeof keyValue.open>;

export class Domain implements StorageDomain {
	#native: NativeDomain | undefined;

	constructor(native: NativeDomain) {
		this.#native = native;
	}

	read(key: string): Uint8Array | undefined {
		checkName(key);
		const value = this.#attempt(native => native.read(key));
		return value === undefined ? undefined : new Uint8Array(value);
	}

	write(key: string, value: Uint8Array): void {
		checkName(key);
		checkBytes(value);
		this.#attempt(native => native.write(key, value));
	}

	delete(key: string): void {
		checkName(key);
		this.#attempt(native => native.delete(key));
	}

	keys(): string[] {
		return this.#attempt(native => [...native]);
	}

	close(): void {
		this.#native?.close();
		this.#native = undefined;
	}

	#attempt<T>(action: (native: NativeDomain) => T): T {
		if (this.#native === undefined) throw new DeviceError("state", "the storage domain is closed");
		try {
			return action(this.#native);
		} catch (error) {
			// ESP-IDF's name of the failure is all that there is to tell them apart.
			const isFull = error instanceof Error && /NOT_ENOUGH_SPACE|VALUE_TOO_LONG/.test(error.message);
			throw new DeviceError(isFull ? "full" : "storage", "access to storage failed", { cause: error });
		}
	}
}
