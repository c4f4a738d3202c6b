// SPDX-License-Identifier: Apache-2.0
/**
 * A device of Node with two images whose flash, storage, hashing and turns are measured, below the boot loader: so that its own
 * work counts, too.
 */
import { createImageFlash, createImages, imagePartitions, select } from "../../hosts/boot/index.js";
import { createHost, PARTITIONS } from "../../hosts/node/index.js";
import type { Crypto, FlashPartition, FlashProvider, Host, ResetReason, StorageProvider, Timers } from "../../src/host.js";

/** How often something was done, and how long it took in all: ms. */
export class Meter {
	count = 0;
	ms = 0;

	time<Result>(action: () => Result): Result {
		const begin = performance.now();
		try {
			return action();
		} finally {
			this.count++;
			this.ms += performance.now() - begin;
		}
	}
}

/** What happened to one partition. */
export interface Wear {
	/** By block. */
	readonly erases: number[];
	readonly programs: number[];
	/** Bytes. */
	programmed: number;
	read: number;
}

export class Metered {
	readonly hashing = new Meter();
	readonly flash = new Meter();
	readonly storage = new Meter();
	/** From when a turn was asked for until it came: a timer of Node takes a millisecond at least. */
	readonly turns = new Meter();
	/** By partition. */
	readonly wear = new Map<string, Wear>();
	/** Writes by domain and key. */
	readonly writes = new Map<string, number>();
	readonly #directory: string;
	readonly #slot: number;

	constructor(directory: string, slot: number) {
		this.#directory = directory;
		this.#slot = slot;
	}

	/** The host of one boot. @param restart what the program's restart does */
	boot(resetReason: ResetReason, restart: () => void): Host {
		const partitions = { ...PARTITIONS, ...imagePartitions(this.#slot) };
		const host = createHost({ directory: this.#directory, partitions, resetReason, onRestart: restart, trace: () => {} });
		const flash = this.#flash(host.flash), crypto = this.#crypto(host.crypto);
		const { slot } = select({ flash, crypto })!;
		const running = { flash, crypto, slot, restart: () => { host.system.restart(); } };
		return {
			...host, crypto, timer: this.#timers(host.timer), storage: this.#storage(host.storage), flash: createImageFlash(running), images: createImages(running),
		};
	}

	#timers(timer: Timers): Timers {
		const { turns } = this;
		return {
			...timer,
			set: (callback, delay) => {
				if (delay > 0) return timer.set(callback, delay);
				const begin = performance.now();
				return timer.set(() => {
					turns.count++;
					turns.ms += performance.now() - begin;
					callback();
				}, delay);
			},
		};
	}

	#crypto(crypto: Crypto): Crypto {
		const { hashing } = this;
		return {
			...crypto,
			digest: (algorithm) => {
				const digest = crypto.digest(algorithm);
				return {
					update: (bytes) => { hashing.time(() => { digest.update(bytes); }); },
					digest: () => hashing.time(() => digest.digest()),
				};
			},
		};
	}

	#flash(provider: FlashProvider): FlashProvider {
		return {
			open: ({ path }) => {
				const partition = provider.open({ path });
				let wear = this.wear.get(path);
				if (wear === undefined) {
					const blocks = partition.size / partition.blockLength;
					this.wear.set(path, wear = { erases: Array(blocks).fill(0), programs: Array(blocks).fill(0), programmed: 0, read: 0 });
				}
				return metered(partition, wear, this.flash);
			},
		};
	}

	#storage(provider: StorageProvider): StorageProvider {
		const { storage, writes } = this;
		return {
			open: ({ path }) => {
				const domain = provider.open({ path });
				return {
					read: (key) => storage.time(() => domain.read(key)),
					write: (key, value) => {
						const name = `${path}/${key}`;
						writes.set(name, (writes.get(name) ?? 0) + 1);
						storage.time(() => { domain.write(key, value); });
					},
					delete: (key) => { storage.time(() => { domain.delete(key); }); },
					keys: () => domain.keys(),
					close: () => { domain.close(); },
				};
			},
		};
	}
}

function metered(partition: FlashPartition, wear: Wear, meter: Meter): FlashPartition {
	const { size, blockLength } = partition;
	return {
		size, blockLength,
		read: (target, offset) => {
			wear.read += target.byteLength;
			meter.time(() => { partition.read(target, offset); });
		},
		write: (source, offset) => {
			wear.programs[Math.floor(offset / blockLength)]!++;
			wear.programmed += source.byteLength;
			meter.time(() => { partition.write(source, offset); });
		},
		eraseBlock: (from, to = from + 1) => {
			for (let block = from; block < to; block++) wear.erases[block]!++;
			meter.time(() => { partition.eraseBlock(from, to); });
		},
		close: () => { meter.time(() => { partition.close(); }); },
	};
}
