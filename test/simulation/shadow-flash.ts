// SPDX-License-Identifier: Apache-2.0
/** Storage of a device that survives its resets, and in which the power fails where a history says so. */
import type { Host, StorageDomain } from "../../src/host.js";
import { crypto } from "../unit/storage/digest.js";
import { text } from "../unit/text.js";

/** When the power fails: before or after the write of that number, the first being 1. */
export interface Cut { at: number; after: boolean }

export class ShadowFlash {
	/** What is kept, by key. */
	readonly values = new Map<string, Uint8Array>();
	writes = 0;
	cuts: readonly Cut[] = [];
	/** The power failed, and the device has not booted again. */
	dead = false;
	onWritten: (() => void) | undefined;

	/** As much of a host as a store needs. */
	readonly host = {
		text, crypto, storage: { open: () => this.#domain() },
	} as unknown as Host;

	#domain(): StorageDomain {
		return {
			read: (key) => this.values.get(key)?.slice(),
			write: (key, value) => {
				const cut = this.cuts.find(({ at }) => at === this.writes + 1);
				this.writes++;
				if (cut !== undefined && !cut.after) this.#fail();
				this.values.set(key, value.slice());
				this.onWritten?.();
				if (cut !== undefined) this.#fail();
			},
			delete: (key) => void this.values.delete(key),
			keys: () => [...this.values.keys()],
			close: () => {},
		};
	}

	#fail(): never {
		this.dead = true;
		throw new Error("the power failed");
	}
}
