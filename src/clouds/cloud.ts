// SPDX-License-Identifier: Apache-2.0
/**
 * What a cloud is to a device: a translation between the services' neutral model and one vendor's messages.
 *
 * `device.ts` calls it, one file per vendor implements it.
 */
import type { DeviceError } from "../base/error.js";
import type { Host } from "../host.js";
import type { Credentials } from "../identity/credentials.js";
import type { JSONObject } from "../shadow/document.js";
import type { Shadow } from "../shadow/shadow.js";

/** What the firmware calls itself. */
export interface Firmware {
	product: string;
	version: string;
}

/** What a connection tells the device, always from IO or timer callbacks. */
export interface ConnectionCallbacks {
	/** The cloud listens and we listen: services may begin. */
	onReady(): void;
	onLost(error: DeviceError, delay: number): void;
	/** Something was refused or malformed; the connection goes on. */
	onError(error: DeviceError): void;
	/** A message was handed to a service: its deadline may have moved. */
	onTurn(): void;
}

export interface ConnectionOptions extends ConnectionCallbacks {
	host: Host;
	credentials: Credentials;
	firmware: Firmware | undefined;
	/** Where the cloud's shadow messages go. */
	shadow: Shadow;
}

/** A device's connection to its cloud; reconnects by itself until `close`. */
export interface Connection {
	get(token: string): boolean;
	report(token: string, patch: JSONObject): boolean;
	close(): void;
}

export interface Cloud {
	/** @throws DeviceError `argument`, `credential` when the credentials are not those this cloud needs */
	connect(options: ConnectionOptions): Connection;
}
