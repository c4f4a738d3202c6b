// SPDX-License-Identifier: Apache-2.0
/**
 * Who this device is: what the factory or provisioning put into its storage.
 *
 * | key           | value                                                              |
 * |---------------|--------------------------------------------------------------------|
 * | `id`          | name of the device, UTF-8                                          |
 * | `endpoint`    | URL of the cloud, UTF-8: such as `mqtts://name:port`         |
 * | `anchor`      | trust anchor, DER                                                  |
 * | `certificate` | the device's certificate, DER                                      |
 * | `key`         | its private key, PKCS#8 DER                                        |
 * | `psk-identity`, `psk` | a name and a key that it shares with the cloud: UTF-8 and bytes, for DTLS |
 * | `oscore`      | what it shares with the cloud for OSCORE: `src/oscore/context.ts`  |
 *
 * That is the factory's credential. A later one is staged beside the one in force, tried, and confirmed or dropped; one
 * write decides, so that whenever the power fails a whole credential is in force, the old one or the new one. The one
 * before it is kept, for the day on which the newer is damaged, until the next one needs its place; then its private
 * key is deleted first of all. Factory tools that give a device another identity empty the whole domain before.
 */
import { DeviceError, toDeviceError } from "../base/error.js";
import { wordAt } from "../bytes/word.js";
import { Writer } from "../bytes/writer.js";
import type { Host, StorageDomain } from "../host.js";
import { decodeSlot, encodeSlot, type Slot } from "./slots.js";

/** Name of the storage domain. */
export const IDENTITY = "identity";

export interface Credentials {
	id: string;
	/** Of a later credential, absent: the one that was in force before it. */
	endpoint: string | undefined;
	/** Of a later credential, absent: the one that was in force before it. */
	anchor: Uint8Array | undefined;
	/** DER. */
	certificate: Uint8Array | undefined;
	/** What follows the certificate in its chain, without the anchor. */
	intermediates?: readonly Uint8Array[] | undefined;
	/** PKCS#8 DER. */
	key: Uint8Array | undefined;
	/** The key's name, and the key. */
	pskIdentity?: string | undefined;
	psk?: Uint8Array | undefined;
	/** Encoded. */
	oscore?: Uint8Array | undefined;
	/** Something kept is damaged, so that these may be others than they should. To be told; the device goes on. */
	fault?: DeviceError | undefined;
}

/** A credential on trial. */
export interface Candidate {
	credentials: Credentials;
	/** What was staged with it. */
	note: Uint8Array | undefined;
}

/** What the storage holds. */
interface State {
	/** Number that should be in force. */
	confirmed: number;
	inForce: Slot | undefined;
	fault: DeviceError | undefined;
}

const ACTIVE = "active";
/** The private key goes first; and no rest is taken for a credential, because a certificate alone is none. */
const FACTORY = Object.freeze(["key", "id", "certificate"]);

/**
 * The credential in force.
 * @throws DeviceError `credential` when the device has no name, or a certificate without its key; `corrupt`, `storage`
 */
export function readCredentials(host: Host): Credentials {
	return new CredentialStore(host).active();
}

/** Holds nothing but its host: keys are in memory only while somebody uses them. */
export class CredentialStore {
	readonly #host: Host;

	constructor(host: Host) {
		this.#host = host;
	}

	/** @throws DeviceError `credential`, `corrupt` when there is none; `storage` */
	active(): Credentials {
		return this.use((domain) => {
			const { inForce, fault } = this.load(domain);
			if (inForce === undefined) {
				throw fault ?? new DeviceError("credential", "this device has no identity: no id in its storage");
			}
			return this.complete(domain, inForce.credentials, fault);
		});
	}

	/** True when the credential in force is a later one than the factory's. @throws DeviceError `storage` */
	get isOwn(): boolean {
		return this.use((domain) => (this.load(domain).inForce?.number ?? 0) > 0);
	}

	/** @throws DeviceError `storage` */
	candidate(): Candidate | undefined {
		return this.use((domain) => {
			const candidate = this.readCandidate(domain);
			if (candidate === undefined) return undefined;
			return { credentials: this.complete(domain, candidate.credentials), note: candidate.note };
		});
	}

	/**
	 * Keeps a credential beside the one in force, in the place of the candidate if there is one.
	 * @param note for whoever tries it: comes back with the candidate after a reset
	 * @throws DeviceError `argument`, `too-large`, `full`, `storage`; the one in force stays
	 */
	stage(credentials: Credentials, note?: Uint8Array): void {
		this.use((domain) => {
			const { confirmed, inForce } = this.load(domain);
			const base = inForce?.number ?? confirmed;
			const number = base + 1;
			const { endpoint = inForce?.credentials.endpoint, anchor = inForce?.credentials.anchor } = credentials;
			const whole = { ...credentials, endpoint, anchor };
			const bytes = encodeSlot(this.#host.text, { number, credentials: whole, note });
			// In force because the other one is damaged: from now on it should be.
			if (base !== confirmed) this.setActive(domain, base);
			this.clear(domain, number);
			domain.write(keyOf(number), bytes);
		});
	}

	/** Gives the candidate another name and note, in one write. @throws DeviceError `state` without one; as `stage` */
	rename(id: string, note?: Uint8Array): void {
		this.use((domain) => {
			const candidate = this.readCandidate(domain);
			if (candidate === undefined) throw new DeviceError("state", "there is no credential to name");
			candidate.credentials.id = id;
			candidate.note = note;
			domain.write(keyOf(candidate.number), encodeSlot(this.#host.text, candidate));
		});
	}

	/** Puts the candidate in force, at once and for good. @throws DeviceError `state` without one; `storage` */
	confirm(): void {
		this.use((domain) => {
			const { confirmed, inForce } = this.load(domain);
			const number = confirmed + 1;
			// One that stands in for a damaged one was the candidate, too.
			const slot = inForce?.number === number ? inForce : this.readCandidate(domain);
			if (slot === undefined) throw new DeviceError("state", "there is no credential to confirm");
			this.setActive(domain, slot.number);
		});
	}

	/** Deletes the candidate, if there is one; the credential in force stays. @throws DeviceError `storage` */
	drop(): void {
		this.use((domain) => {
			const candidate = this.readCandidate(domain);
			if (candidate !== undefined) domain.delete(keyOf(candidate.number));
		});
	}

	private use<Result>(action: (domain: StorageDomain) => Result): Result {
		const domain = this.#host.storage.open({ path: IDENTITY });
		try {
			return action(domain);
		} finally {
			domain.close();
		}
	}

	private load(domain: StorageDomain): State {
		const state: State = { confirmed: 0, inForce: undefined, fault: undefined };
		const active = domain.read(ACTIVE);
		if (active?.byteLength === 4) {
			state.confirmed = wordAt(active, 0);
		} else if (active !== undefined) {
			state.fault = new DeviceError("corrupt", "which credential is in force is damaged");
		}
		const slot = this.read(domain, state.confirmed, state);
		if (slot?.number === state.confirmed) {
			state.inForce = slot;
		} else {
			// Whichever is whole. With both of them so, nobody knows which one it was: the newer.
			const other = this.read(domain, state.confirmed + 1, state);
			state.inForce = slot !== undefined && slot.number > (other?.number ?? -1) ? slot : other;
			if (state.inForce !== undefined) {
				state.fault ??= new DeviceError("corrupt", "the credential that should be in force is missing");
			}
		}
		return state;
	}

	private readCandidate(domain: StorageDomain): Slot | undefined {
		const state = this.load(domain);
		const number = state.confirmed + 1;
		// In force already where the one before it is damaged.
		if (state.inForce?.number === number) return undefined;
		const slot = this.read(domain, number, state);
		return slot?.number === number ? slot : undefined;
	}

	/** What is in the slot of this number; damage is noted. */
	private read(domain: StorageDomain, number: number, state: State): Slot | undefined {
		const key = keyOf(number);
		try {
			const bytes = domain.read(key);
			if (bytes !== undefined) return decodeSlot(this.#host.text, bytes);
			return key === keyOf(0) ? this.readFactory(domain) : undefined;
		} catch (error) {
			const fault = toDeviceError(error, "corrupt", "a credential in the storage cannot be read");
			if (fault.code === "storage") throw fault;
			state.fault ??= fault;
			return undefined;
		}
	}

	private readFactory(domain: StorageDomain): Slot | undefined {
		const id = this.readText(domain, "id");
		const certificate = domain.read("certificate");
		const key = domain.read("key");
		if (id === undefined) return undefined;
		if ((certificate === undefined) !== (key === undefined)) {
			throw new DeviceError("credential", "a certificate and its key belong together: one of them is missing");
		}
		const credentials = { id, endpoint: undefined, anchor: undefined, certificate, key };
		return { number: 0, credentials, note: undefined };
	}

	/** @param fault what is to be told with it */
	private complete(domain: StorageDomain, credentials: Credentials, fault?: DeviceError): Credentials {
		credentials.endpoint ??= this.readText(domain, "endpoint");
		credentials.anchor ??= domain.read("anchor");
		const pskIdentity = this.readText(domain, "psk-identity");
		const psk = domain.read("psk");
		const oscore = domain.read("oscore");
		if (pskIdentity !== undefined) credentials.pskIdentity = pskIdentity;
		if (psk !== undefined) credentials.psk = psk;
		if (oscore !== undefined) credentials.oscore = oscore;
		if (fault !== undefined) credentials.fault = fault;
		return credentials;
	}

	private readText(domain: StorageDomain, key: string): string | undefined {
		const value = domain.read(key);
		return value && this.#host.text.decode(value, 0, value.byteLength);
	}

	/** Deletes what is in the slot of this number, unless it has this very number and is replaced in one write. */
	private clear(domain: StorageDomain, number: number): void {
		const existing = domain.read(keyOf(number));
		if (number % 2 === 0) for (const key of FACTORY) domain.delete(key);
		if (existing === undefined || this.hasNumber(existing, number)) return;
		domain.delete(keyOf(number));
	}

	private hasNumber(bytes: Uint8Array, number: number): boolean {
		try {
			return decodeSlot(this.#host.text, bytes).number === number;
		} catch {
			return false;
		}
	}

	private setActive(domain: StorageDomain, number: number): void {
		const value = new Uint8Array(4);
		const writer = new Writer(this.#host.text);
		writer.reset(value, 0, value.byteLength);
		writer.uint32(number);
		domain.write(ACTIVE, value);
	}
}

function keyOf(number: number): string {
	return number % 2 === 0 ? "slot0" : "slot1";
}
