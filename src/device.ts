// SPDX-License-Identifier: Apache-2.0
/**
 * A device: its identity, its cloud and its services, put together.
 *
 * Owns one connection and one timer for all services.
 */
import { DeviceError } from "./base/error.js";
import { Reader } from "./bytes/reader.js";
import type { Cloud, Connection, Firmware } from "./clouds/cloud.js";
import type { Host, TimerHandle } from "./host.js";
import { readCredentials } from "./identity/credentials.js";
import type { JSONObject } from "./shadow/document.js";
import { Shadow } from "./shadow/shadow.js";

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
	/** The device's name, from its identity. */
	readonly id: string;
	readonly #host: Host;
	readonly #connection: Connection;
	readonly #shadow: Shadow;
	#connected = false;
	#closed = false;
	/** Callbacks that wait for a turn of their own. Connections come and go too slowly to fill it, errors may. */
	readonly #news: (() => void)[] = [];
	#timer: TimerHandle | undefined;
	#timerAt = Infinity;

	/**
	 * Reads the identity and starts to connect.
	 * @throws DeviceError `credential` when the device's storage holds no identity fit for this cloud; `argument`
	 */
	constructor(options: DeviceOptions) {
		const { host } = options;
		const credentials = readCredentials(host);
		this.#host = host;
		this.id = credentials.id;
		this.#shadow = new Shadow(
			{
				get: (token) => this.#connection.get(token),
				report: (token, patch) => this.#connection.report(token, patch),
			},
			{
				onDelta: (delta, version) => options.onDelta?.call(this, delta, version),
				onSync: (version) => options.onSync?.call(this, version),
				onError: (error) => options.onError?.call(this, error),
			},
			tokenPrefix(host),
		);
		this.#connection = options.cloud.connect({
			host,
			credentials,
			firmware: options.firmware,
			shadow: this.#shadow,
			onReady: () => {
				this.#connected = true;
				this.#shadow.connected();
				this.#later(() => options.onConnected?.call(this));
			},
			onLost: (error, delay) => {
				this.#connected = false;
				this.#shadow.disconnected();
				this.#later(() => options.onDisconnected?.call(this, error, delay));
			},
			onError: (error) => {
				if (this.#news.length < NEWS_MAXIMUM) this.#later(() => options.onError?.call(this, error));
			},
			onTurn: () => this.#arm(),
		});
	}

	get connected(): boolean {
		return this.#connected;
	}

	/** True when the device reports all that is desired, and the cloud has every report. */
	get inSync(): boolean {
		return this.#shadow.inSync;
	}

	/**
	 * Adds to what the device reports, now or as soon as it is connected; null deletes a member. The patch is copied.
	 * @throws DeviceError `argument`; `state` after `close`
	 */
	report(patch: JSONObject): void {
		if (this.#closed) throw new DeviceError("state", "the device is closed");
		this.#shadow.report(patch);
		this.#arm();
	}

	/** Says goodbye to the cloud and lets everything go. May be called twice; no callback follows. */
	close(): void {
		if (this.#closed) return;
		this.#closed = true;
		this.#connected = false;
		this.#shadow.disconnected();
		this.#host.timer.clear(this.#timer);
		this.#connection.close();
	}

	#later(callback: () => void): void {
		this.#news.push(callback);
		this.#arm();
	}

	/** One timer for the services' deadlines; one that is set too early fires for nothing. */
	#arm(): void {
		const deadline = this.#news.length > 0 ? 0 : this.#shadow.deadline;
		if (this.#closed || deadline >= this.#timerAt) return;
		this.#host.timer.clear(this.#timer);
		this.#timerAt = deadline;
		this.#timer = this.#host.timer.set(() => this.#expire(), Math.max(0, deadline - this.#host.time.now()));
	}

	/** The turn in which everything is told: the stack is a timer's. */
	#expire(): void {
		this.#timerAt = Infinity;
		const callback = this.#news.shift();
		if (callback !== undefined) callback();
		else this.#shadow.expire(this.#host.time.now());
		this.#arm();
	}
}

/** A random word and a dash. */
function tokenPrefix(host: Host): string {
	const bytes = new Uint8Array(4);
	host.random(bytes);
	const reader = new Reader(host.text);
	reader.reset(bytes, 0, bytes.byteLength);
	return `${reader.uint32().toString(36)}-`;
}
