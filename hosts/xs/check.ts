// SPDX-License-Identifier: Apache-2.0
/** Checks of options: a constructor takes no resource before all of them are good. */
import { DeviceError } from "../../src/base/error.js";

export function checkPort(port: number): void {
	if (!Number.isInteger(port) || port < 1 || port > 65535) throw new DeviceError("argument", `port ${port} is not in 1 to 65535`);
}

export function checkAddress(address: string): void {
	if (typeof address !== "string") throw new DeviceError("argument", "address must be a string");
}

export function checkBytes(bytes: unknown, name: string): void {
	if (!(bytes instanceof Uint8Array)) throw new DeviceError("argument", `${name} must be bytes`);
}

export function checkCallback<T>(callback: T | undefined, name: string): T | undefined {
	if (callback !== undefined && typeof callback !== "function") throw new DeviceError("argument", `${name} must be a function`);
	return callback;
}
