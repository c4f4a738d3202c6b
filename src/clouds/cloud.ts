// SPDX-License-Identifier: Apache-2.0
/**
 * What a cloud is to a device: a translation between the services' neutral model and one vendor's messages.
 *
 * `device.ts` calls it, one file or folder per vendor implements it.
 */
import type { DeviceError } from "../base/error.js";
import type { Host } from "../host.js";
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
}

/**
 * A device's connection to its cloud; reconnects by itself until `close`.
 *
 * Services are added to it once and stay. Each is told when the cloud can be reached and its own subscriptions stand,
 * and is given the port that it asks through until it is told that the connection is lost.
 */
export interface Connection {
	/**
	 * @param name "" for the device's own shadow
	 * @throws DeviceError `unsupported` where the cloud has no such shadows, `argument` for what is no name of one
	 */
	addShadow(name: string, shadow: Shadow): void;
	close(): void;
}

export interface Cloud {
	/** @throws DeviceError `argument`, `credential` when the credentials are not those this cloud needs */
	connect(options: ConnectionOptions): Connection;
}
