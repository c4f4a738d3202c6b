// SPDX-License-Identifier: Apache-2.0
/**
 * What a cloud is to a device: a translation between the services' neutral model and one vendor's messages.
 *
 * `device.ts` calls it, one file per vendor implements it.
 */
import type { DeviceError } from "../base/error.js";
import type { Host } from "../host.js";
import type { Shadow, ShadowPort } from "../shadow/shadow.js";

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
	onFault(error: DeviceError): void;
	/** A message was handed to a service: its deadline may have moved. */
	onTurn(): void;
}

/** What a connection is made from, and calls from then on. */
export interface ConnectionOptions extends ConnectionCallbacks {
	readonly host: Host;
	/** The device's name. Credentials are in the host's storage. */
	readonly id: string;
	readonly firmware: Firmware | undefined;
	/** Where the cloud's shadow messages go; there when the first callback is. */
	readonly shadow: Shadow;
}

/** A device's connection to its cloud; reconnects by itself until `close`. */
export interface Connection extends ShadowPort {
	close(): void;
}

export interface Cloud {
	/** @throws DeviceError `argument`, `credential` when the credentials are not those this cloud needs */
	connect(options: ConnectionOptions): Connection;
}
