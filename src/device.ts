// SPDX-License-Identifier: Apache-2.0
/**
 * A device: its identity, its cloud and its services, put together.
 *
 * Owns one connection and one timer for all services.
 */
import { Alarm, type AlarmOwner } from "./base/alarm.js";
import { DeviceError } from "./base/error.js";
import { randomWord } from "./bytes/random.js";
import type { Cloud, Connection, ConnectionOptions, Firmware } from "./clouds/cloud.js";
import type { Host } from "./host.js";
import { readCredentials } from "./identity/credentials.js";
import type { JSONObject } from "./shadow/document.js";
import { Shadow, type ShadowCallbacks } from "./shadow/shadow.js";
import { StorageStore } from "./shadow/store.js";

/** Callbacks run from timer callbacks, never inside a call into the device; `this` is the device. */
export interface DeviceOptions {
	host: Host;
	cloud: Cloud;
	/** What runs on this device, for the cloud to know. */
	firmware?: Firmware | undefined;
	/** The cloud can be reached, and everything subscribed to. Again after each reconnect. */
	onConnected?(this: Device): void;
	/** The connection, or an attempt, ended; the next attempt follows in `delay` ms without a call. */
	onDisconnected?(this: Device, error: DeviceError, delay: number): void;
	/** What the cloud desires and the device does not report yet. To be reported once it is so. */
	onDelta?(this: Device, delta: JSONObject, version: number): void;
	/** The device reports all that is desired, and the cloud has every report. */
	onSync?(this: Device, version: number): void;
	/** Something was refused or malformed; the device goes on. */
	onError?(this: Device, error: DeviceError): void;
}

/** Errors beyond this many in one turn are not told: they are the same one, over and over. */
const NEWS_MAXIMUM = 8;

export class Device {
	readonly #core: Core;

	/**
	 * Reads the identity and starts to connect.
	 * @throws DeviceError `credential` when the device's storage holds no identity fit for this cloud; `argument`
	 */
	constructor(options: DeviceOptions) {
		this.#core = new Core(this, options);
	}

	/** The device's name, from its identity. */
	get id(): string {
		return this.#core.id;
	}

	get connected(): boolean {
		return this.#core.connected;
	}

	/** True when the device reports all that is desired, and the cloud has every report. */
	get inSync(): boolean {
		return this.#core.shadow.inSync;
	}

	/**
	 * Adds to what the device reports, now or as soon as it is connected; null deletes a member. The patch is copied.
	 * @throws DeviceError `argument`; `state` after `close`
	 */
	report(patch: JSONObject): void {
		this.#core.report(patch);
	}

	/** Says goodbye to the cloud and lets everything go. May be called twice; no callback follows. */
	close(): void {
		this.#core.close();
	}
}

/** What connection and shadow call: methods of one object, because a closure for each would take eleven slots. */
class Core implements AlarmOwner, ConnectionOptions, ShadowCallbacks {
	readonly id: string;
	readonly host: Host;
	readonly shadow: Shadow;
	connected = false;
	readonly #device: Device;
	readonly #options: DeviceOptions;
	readonly #connection: Connection;
	#closed = false;
	/** Callbacks that wait for a turn of their own. Connections come and go too slowly to fill it, errors may. */
	readonly #news: (() => void)[] = [];
	readonly #alarm: Alarm;

	constructor(device: Device, options: DeviceOptions) {
		const { host, cloud } = options;
		this.#device = device;
		this.#options = options;
		this.host = host;
		this.#alarm = new Alarm(host, this);
		this.id = readCredentials(host).id;
		const prefix = `${randomWord(host).toString(36)}-`;
		this.shadow = new Shadow(this, { prefix, store: new StorageStore(host, "") });
		this.#connection = cloud.connect(this);
		this.#connection.addShadow("", this.shadow);
	}

	get firmware(): Firmware | undefined {
		return this.#options.firmware;
	}

	report(patch: JSONObject): void {
		if (this.#closed) throw new DeviceError("state", "the device is closed");
		this.shadow.report(patch, this.host.time.wall());
		this.onTurn();
	}

	close(): void {
		if (this.#closed) return;
		this.#closed = true;
		this.connected = false;
		this.shadow.disconnected();
		this.#alarm.set(Infinity);
		this.#connection.close();
	}

	onReady(): void {
		this.connected = true;
		this.later(() => this.#options.onConnected?.call(this.#device));
	}

	onLost(error: DeviceError, delay: number): void {
		this.connected = false;
		this.later(() => this.#options.onDisconnected?.call(this.#device, error, delay));
	}

	onFault(error: DeviceError): void {
		if (this.#news.length < NEWS_MAXIMUM) this.later(() => this.onError(error));
	}

	onDelta(delta: JSONObject, version: number): void {
		this.#options.onDelta?.call(this.#device, delta, version);
	}

	onSync(version: number): void {
		this.#options.onSync?.call(this.#device, version);
	}

	onError(error: DeviceError): void {
		this.#options.onError?.call(this.#device, error);
	}

	/** The services' deadlines may have moved, or there is news. */
	onTurn(): void {
		if (!this.#closed) this.#alarm.set(this.#news.length > 0 ? 0 : this.shadow.deadline);
	}

	private later(callback: () => void): void {
		this.#news.push(callback);
		this.onTurn();
	}

	/** The turn in which everything is told: the stack is a timer's. */
	expire(): void {
		const callback = this.#news.shift();
		if (callback !== undefined) callback();
		else this.shadow.expire(this.host.time.now());
		this.onTurn();
	}
}
