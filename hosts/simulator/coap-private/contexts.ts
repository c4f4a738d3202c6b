// SPDX-License-Identifier: Apache-2.0
/**
 * The OSCORE contexts that the factory gave to devices, as the cloud has them. Pure.
 *
 * They end with the cloud, and so do their keys: what is not kept anywhere cannot be used a second time.
 */
import { DeviceError } from "../../../src/base/error.js";
import type { Crypto, Host, StorageDomain, StorageProvider } from "../../../src/host.js";
import { Oscore } from "../../../src/oscore/oscore.js";
import { encodeParameters } from "../../../src/oscore/parameters.js";
import { text } from "../../world/text.js";
import type { CoAPContext } from "../coap/server.js";

export interface ContextMeans {
	/** With AES-CCM. */
	readonly crypto: Crypto;
	/** Fills the target with random bytes. */
	random(target: Uint8Array): void;
}

const SECRET_LENGTH = 16;
const SALT_LENGTH = 8;
const DEVICES_MAXIMUM = 100_000;
/** Ours; the devices' are longer. */
const OWN_ID = Uint8Array.of(0);
const ID_LENGTH = 4;

export class Contexts {
	readonly #means: ContextMeans;
	/** By the devices' IDs. */
	readonly #contexts = new Map<string, CoAPContext>();

	constructor(means: ContextMeans) {
		this.#means = means;
	}

	/**
	 * Makes a context for a device, beside those that it may have.
	 * @returns what the device keeps
	 * @throws DeviceError `full`
	 */
	issue(device: string): Uint8Array {
		if (this.#contexts.size >= DEVICES_MAXIMUM) throw new DeviceError("full", `${DEVICES_MAXIMUM} contexts already`);
		const id = Uint8Array.of(0, 0, 0, 0);
		new DataView(id.buffer).setUint32(0, this.#contexts.size + 1);
		const shared = { masterSecret: this.#random(SECRET_LENGTH), masterSalt: this.#random(SALT_LENGTH), idContext: undefined, renews: false };
		const host = { ...this.#means, random: (target: Uint8Array) => { this.#means.random(target); }, text, storage: new Memory() };
		const security = new Oscore({ host: host as Pick<Host, "crypto" | "random" | "text" | "storage">, parameters: { ...shared, senderId: OWN_ID, recipientId: id } });
		this.#contexts.set(keyOf(id), { security, identity: device });
		return encodeParameters(text, { ...shared, senderId: id, recipientId: OWN_ID });
	}

	find(kid: Uint8Array): CoAPContext | undefined {
		return kid.byteLength === ID_LENGTH ? this.#contexts.get(keyOf(kid)) : undefined;
	}

	#random(length: number): Uint8Array {
		const bytes = new Uint8Array(length);
		this.#means.random(bytes);
		return bytes;
	}
}

function keyOf(id: Uint8Array): string {
	return id.join(".");
}

/** Storage that ends with the cloud. */
class Memory implements StorageProvider {
	readonly #values = new Map<string, Uint8Array>();

	open(): StorageDomain {
		const values = this.#values;
		return {
			read: key => values.get(key)?.slice(),
			write: (key, value) => { values.set(key, value.slice()); },
			delete: key => { values.delete(key); },
			keys: () => [...values.keys()],
			close: () => {},
		} as StorageDomain;
	}
}
