// SPDX-License-Identifier: Apache-2.0
/**
 * Which devices there are, by which certificates they are known, and who is online.
 *
 * Pure. Online state comes from our own broker's hooks, or, beside a foreign broker, from the retained topic
 * `moorline/<id>/status` that each device keeps and its will clears.
 */
import { DeviceError } from "../../../src/base/error.js";
import type { CloudChannel } from "../channel.js";
import { isObject, parseJson } from "./json.js";

export interface DeviceRecord {
	readonly id: string;
	/** SHA-256 of each certificate issued to it or seen with it, in lower case hexadecimal. */
	readonly fingerprints: readonly string[];
	readonly online: boolean;
	/** Wall clock, ms since 1970, of the last change of `online`; absent while it was never seen. */
	readonly changedAt: number | undefined;
	/** Times that it came online. */
	readonly connections: number;
	/** Messages that it published; only our own broker counts them. */
	readonly messages: number;
}

/** Devices; further ones are refused. */
export const DEVICE_COUNT_MAXIMUM = 100_000;
/** Certificates of one device; the oldest makes room. */
const FINGERPRINTS_MAXIMUM = 16;
const DEVICE_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;

/** True when `id` can stand in a topic, a certificate and a file name without a second meaning in any of them. */
export function isDeviceId(id: string): boolean {
	return DEVICE_ID.test(id);
}

type Mutable<Type> = { -readonly [Member in keyof Type]: Type[Member] };

export class Registry {
	/** Runs after a device came online or went. */
	onChanged: ((device: DeviceRecord) => void) | undefined;
	readonly #wall: () => number;
	readonly #devices = new Map<string, Mutable<DeviceRecord>>();
	readonly #owners = new Map<string, string>();

	/** @param wall the wall clock in ms since 1970; the world passes its own */
	constructor(options: { wall: () => number }) {
		this.#wall = options.wall;
	}

	get(id: string): DeviceRecord | undefined {
		const device = this.#devices.get(id);
		return device && { ...device };
	}

	list(): DeviceRecord[] { return [...this.#devices.values()].map(device => ({ ...device })); }

	/** False when the device is not known and another would be too many. */
	hasRoomFor(id: string): boolean {
		return this.#devices.has(id) || this.#devices.size < DEVICE_COUNT_MAXIMUM;
	}

	/** The device that a certificate was issued to. */
	ownerOf(fingerprint: string): string | undefined { return this.#owners.get(fingerprint); }

	/**
	 * Records a device and, where there is one, its certificate. Doing so again is harmless.
	 * @throws DeviceError `argument` for what cannot be an id, `full`, `credential` when the certificate is another device's
	 */
	register(id: string, fingerprint?: string): DeviceRecord {
		const device = this.#record(id);
		if (fingerprint !== undefined && !device.fingerprints.includes(fingerprint)) {
			const owner = this.#owners.get(fingerprint);
			if (owner !== undefined) throw new DeviceError("credential", `cannot register a certificate of ${id}: it is known as ${owner}'s`);
			this.#owners.set(fingerprint, id);
			const fingerprints = [...device.fingerprints, fingerprint];
			while (fingerprints.length > FINGERPRINTS_MAXIMUM) this.#owners.delete(fingerprints.shift()!);
			device.fingerprints = fingerprints;
		}
		return { ...device };
	}

	/** Forgets a device and its certificates. */
	remove(id: string): void {
		for (const fingerprint of this.#devices.get(id)?.fingerprints ?? []) this.#owners.delete(fingerprint);
		this.#devices.delete(id);
	}

	setOnline(id: string, online: boolean): void {
		const device = this.#record(id);
		if (device.online === online) return;
		device.online = online;
		device.changedAt = this.#wall();
		if (online) device.connections++;
		this.onChanged?.({ ...device });
	}

	countMessage(id: string): void {
		const device = this.#devices.get(id);
		if (device) device.messages++;
	}

	/** Follows the status topics of a broker that has no hooks for us. */
	watch(channel: CloudChannel): void {
		channel.subscribe("moorline/+/status", (topic, payload) => {
			const id = topic.split("/")[1]!;
			const online = onlineIn(payload);
			if (online !== undefined && isDeviceId(id) && this.hasRoomFor(id)) this.setOnline(id, online);
		});
	}

	#record(id: string): Mutable<DeviceRecord> {
		const known = this.#devices.get(id);
		if (known) return known;
		if (!isDeviceId(id)) throw new DeviceError("argument", `cannot register "${id}": expected up to 128 letters, digits and . _ : -`);
		if (!this.hasRoomFor(id)) throw new DeviceError("full", `cannot register ${id}: ${DEVICE_COUNT_MAXIMUM} devices already`);
		const device = { id, fingerprints: [], online: false, changedAt: undefined, connections: 0, messages: 0 };
		this.#devices.set(id, device);
		return device;
	}
}

/** What a status message says, or `undefined` when it says nothing: anybody may write anything to a foreign broker. */
function onlineIn(payload: Uint8Array): boolean | undefined {
	try {
		const status = parseJson(payload);
		return isObject(status) && typeof status["online"] === "boolean" ? status["online"] : undefined;
	} catch {
		return undefined;
	}
}
