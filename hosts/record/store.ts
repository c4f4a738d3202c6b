// SPDX-License-Identifier: Apache-2.0
/** Storage and flash of a replay: what the recording says that they held, and what the program does to that. */
import type { FlashPartition, FlashProvider, StorageDomain, StorageProvider } from "../../src/host.js";
import { Flash } from "../world/flash.js";
import { Clock } from "../world/clock.js";
import { Log } from "../world/log.js";
import { Bystander } from "../world/party.js";
import { PowerSupply } from "../world/power.js";
import { Random } from "../world/random.js";

const NAME = "replay";

/** Without a limit: what did not fit the device threw there. */
export class ReplayStorage implements StorageProvider {
	readonly #domains = new Map<string, Map<string, Uint8Array>>();

	load(path: string, entries: Iterable<[string, Uint8Array]>): void {
		this.#domains.set(path, new Map(entries));
	}

	open({ path }: { path: string }): StorageDomain {
		let values = this.#domains.get(path);
		if (values === undefined) this.#domains.set(path, values = new Map<string, Uint8Array>());
		const domain = values;
		return {
			read: key => domain.get(key)?.slice(),
			write: (key, value) => { domain.set(key, value.slice()); },
			delete: key => { domain.delete(key); },
			keys: () => [...domain.keys()].sort(),
			close: () => {},
		};
	}
}

/** The world's, a chip for each partition, whose power never fails. */
export class ReplayFlash implements FlashProvider {
	readonly #partitions = new Map<string, Flash>();
	readonly #power = new PowerSupply(new Random(NAME), () => { throw new Error("no power fails in a replay"); });

	load(path: string, size: number): Uint8Array {
		const flash = new Flash({ [path]: size });
		this.#partitions.set(path, flash);
		return flash.partition(path).bytes;
	}

	open(options: { path: string }): FlashPartition {
		const flash = this.#partitions.get(options.path) ?? new Flash({});
		return flash.provider(new Bystander(NAME), this.#power, new Log(new Clock(undefined), 1)).open(options);
	}
}
