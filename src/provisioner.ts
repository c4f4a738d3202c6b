// SPDX-License-Identifier: Apache-2.0
/**
 * A device that comes with a claim: it connects with that, gets a credential of its own, and is done.
 *
 * What follows is another connection, of a `Device`; best after `host.system.restart()`, when the memory of this one
 * is free again.
 */
import { Alarm, type AlarmOwner } from "./base/alarm.js";
import type { DeviceError } from "./base/error.js";
import type { JSONObject } from "./bytes/value.js";
import type { Cloud, Connection, ConnectionOptions } from "./clouds/cloud.js";
import type { Host } from "./host.js";
import { readCredentials, type Credentials } from "./identity/credentials.js";
import { Provisioning, type ProvisioningCallbacks, type ProvisioningOptions } from "./identity/provisioning.js";

/** Callbacks run from timer callbacks, never inside a call into the provisioner. */
export interface ProvisionerOptions extends ProvisioningOptions {
	host: Host;
	/** Of the account, with the template that it has for such devices. */
	cloud: Cloud;
	/** The credential is in force: from the next connection on. The one of the provisioner is closed. */
	onProvisioned(id: string): void;
	/** What the cloud has prepared for this device. Before `onProvisioned`; after a reset it may come again. */
	onConfiguration?: ((configuration: JSONObject) => void) | undefined;
	/** The connection, or an attempt, ended; the next attempt follows in `delay` ms without a call. */
	onDisconnected?: ((error: DeviceError, delay: number) => void) | undefined;
	/** Refused or malformed; it goes on as far as it can. */
	onError?: ((error: DeviceError) => void) | undefined;
}

export class Provisioner {
	readonly #core: Core;

	/**
	 * Reads the claim and starts to connect.
	 * @throws DeviceError `credential`, `storage`, `argument`; `unsupported` where the cloud has no such thing
	 */
	constructor(options: ProvisionerOptions) {
		this.#core = new Core(options);
	}

	/** Gives up; what was kept serves the next one. May be called twice; no callback follows. */
	close(): void {
		this.#core.close();
	}
}

/** What connection and provisioning call: methods of one object, because a closure for each would take eleven slots. */
class Core implements AlarmOwner, ConnectionOptions, ProvisioningCallbacks {
	readonly id: string;
	readonly host: Host;
	readonly firmware = undefined;
	readonly #options: ProvisionerOptions;
	readonly #provisioning: Provisioning;
	readonly #connection: Connection;
	readonly #alarm: Alarm;
	#closed = false;
	/** What the connection told, until the turn in which it is told to the program. */
	#loss: DeviceError | undefined;
	#delay = 0;
	#fault: DeviceError | undefined;

	constructor(options: ProvisionerOptions) {
		const { host, cloud } = options;
		this.#options = options;
		this.host = host;
		this.#alarm = new Alarm(host, this);
		this.id = readCredentials(host).id;
		this.#provisioning = new Provisioning(host, options, this);
		this.#connection = cloud.connect(this);
		try {
			this.#connection.addProvisioning(this.#provisioning);
		} catch (error) {
			this.#connection.close();
			throw error;
		}
		this.onTurn();
	}

	close(): void {
		if (this.#closed) return;
		this.#closed = true;
		this.#alarm.set(Infinity);
		this.#connection.close();
	}

	onReady(): void {}

	onLost(error: DeviceError, delay: number): void {
		this.#loss = error;
		this.#delay = delay;
		this.onTurn();
	}

	onFault(error: DeviceError): void {
		this.#fault = error;
		this.onTurn();
	}

	onTurn(): void {
		if (this.#closed) return;
		const isNews = this.#loss !== undefined || this.#fault !== undefined;
		this.#alarm.set(isNews ? 0 : this.#provisioning.deadline);
	}

	onProvisioned({ id }: Credentials): void {
		this.close();
		this.#options.onProvisioned(id);
	}

	onConfiguration(configuration: JSONObject): void {
		this.#options.onConfiguration?.(configuration);
	}

	onError(error: DeviceError): void {
		this.#options.onError?.(error);
	}

	expire(): void {
		const loss = this.#loss;
		const fault = this.#fault;
		this.#loss = this.#fault = undefined;
		if (loss !== undefined) this.#options.onDisconnected?.(loss, this.#delay);
		if (fault !== undefined) this.onError(fault);
		if (!this.#closed) this.#provisioning.expire(this.host.time.now());
		this.onTurn();
	}
}
