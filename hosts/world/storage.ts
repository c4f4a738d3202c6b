// SPDX-License-Identifier: Apache-2.0
/**
 * Key-value storage of a device, as NVS keeps it: each write is old or new after a power cut, never
 * torn. Each change counts as an operation of the flash, so the power may fail at it.
 */
import { DeviceError } from "../../src/base/error.js";
import type { StorageDomain, StorageProvider } from "../../src/host.js";
import { checkBytes } from "./address.js";
import type { Log } from "./log.js";
import type { Party } from "./party.js";
import type { PowerSupply } from "./power.js";
import { toBytes } from "./text.js";

/** Bytes of all keys, values and their book-keeping: an NVS partition of 24 KB less its spare page. */
const CAPACITY = 20_480, ENTRY_OVERHEAD = 32;
const NAME = /^[ -~]{1,15}$/;

export type StorageValues = Readonly<Record<string, Uint8Array | string>>;

export class Storage {
	readonly #domains = new Map<string, Map<string, Uint8Array>>();
	#used = 0;

	/** Writes values past the device, as the factory does: no operation, no power cut. Text becomes UTF-8. */
	provision(path: string, values: StorageValues): void {
		for (const [key, value] of Object.entries(values)) this.write(path, key, typeof value === "string" ? toBytes(value) : value.slice());
	}

	read(path: string, key: string): Uint8Array | undefined {
		checkName("path", path);
		checkName("key", key);
		return this.#domains.get(path)?.get(key);
	}

	/** What writing would make of the space used. @throws DeviceError `argument`, `full` */
	fit(path: string, key: string, value: Uint8Array): number {
		const before = this.read(path, key), used = this.#used - costOf(key, before) + costOf(key, value);
		if (used > CAPACITY) throw new DeviceError("full", `${used} bytes do not fit the storage's ${CAPACITY}`);
		return used;
	}

	write(path: string, key: string, value: Uint8Array): void {
		this.#used = this.fit(path, key, value);
		let domain = this.#domains.get(path);
		if (domain === undefined) this.#domains.set(path, domain = new Map());
		domain.set(key, value);
	}

	delete(path: string, key: string): void {
		this.#used -= costOf(key, this.read(path, key));
		this.#domains.get(path)?.delete(key);
	}

	keys(path: string): string[] {
		return [...this.#domains.get(path)?.keys() ?? []];
	}

	/** The `host.storage` of one boot. */
	provider(party: Party, power: PowerSupply, log: Log): StorageProvider {
		return Object.freeze({
			open: ({ path }: { path: string }): StorageDomain => {
				party.check();
				checkName("path", path);
				return new OpenDomain(this, path, party, power, log);
			},
		});
	}
}

class OpenDomain implements StorageDomain {
	readonly #storage: Storage;
	readonly #path: string;
	readonly #party: Party;
	readonly #power: PowerSupply;
	readonly #log: Log;
	#closed = false;

	constructor(storage: Storage, path: string, party: Party, power: PowerSupply, log: Log) {
		this.#storage = storage;
		this.#path = path;
		this.#party = party;
		this.#power = power;
		this.#log = log;
	}

	read(key: string): Uint8Array | undefined {
		this.#check();
		return this.#storage.read(this.#path, key)?.slice();
	}

	write(key: string, value: Uint8Array): void {
		this.#check();
		checkBytes("value", value);
		this.#storage.fit(this.#path, key, value);
		this.#operate(key, value.byteLength, () => this.#storage.write(this.#path, key, value.slice()));
	}

	delete(key: string): void {
		this.#check();
		const value = this.#storage.read(this.#path, key);
		if (value !== undefined) this.#operate(key, 0, () => this.#storage.delete(this.#path, key));
	}

	keys(): string[] {
		this.#check();
		return this.#storage.keys(this.#path);
	}

	close(): void {
		this.#closed = true;
	}

	#operate(key: string, count: number, change: () => void): void {
		this.#log.add("storage.write", this.#party.id, count, key);
		// The change is one bit for the power supply: torn anyhow, it happened or it did not.
		this.#power.operate(1, mask => {
			if (mask === undefined || (mask(0) & 1) !== 0) change();
		});
	}

	#check(): void {
		this.#party.check();
		if (this.#closed) throw new DeviceError("state", "the storage domain is closed");
	}
}

function checkName(what: string, name: unknown): void {
	if (typeof name === "string" && NAME.test(name)) return;
	throw new DeviceError("argument", `${what} must be 1 to 15 characters of printable ASCII, not "${String(name)}"`);
}

function costOf(key: string, value: Uint8Array | undefined): number {
	return value === undefined ? 0 : ENTRY_OVERHEAD + key.length + value.byteLength;
}
