// SPDX-License-Identifier: Apache-2.0
/**
 * The checks of options that several classes of this host share.
 *
 * A constructor runs all of its checks before it takes a resource, so that a refused one leaves nothing behind.
 */
import { isIP } from "node:net";
import { DeviceError } from "../../src/base/error.js";

/** What ESP32's NVS allows for a key or a namespace; kept here so that a laptop refuses what the device would. */
const NAME_MAXIMUM = 15;

export function checkAddress(address: unknown): void {
	if (typeof address !== "string" || isIP(address) === 0) {
		throw new DeviceError("argument", `the address ${String(address)} is no IP address literal; names go through dns`);
	}
}

export function checkPort(port: unknown, minimum: 0 | 1 = 1): void {
	if (!isIntegerIn(port, minimum, 65_535)) {
		throw new DeviceError("argument", `the port ${String(port)} is no integer from ${minimum} to 65535`);
	}
}

export function checkCallback(name: string, callback: unknown): void {
	if (callback !== undefined && typeof callback !== "function") {
		throw new DeviceError("argument", `${name} is no function`);
	}
}

export function checkBytes(what: string, bytes: unknown): void {
	if (!(bytes instanceof Uint8Array)) throw new DeviceError("argument", `${what} is no Uint8Array`);
}

/** A key of a storage domain, or the name of a domain or partition. */
export function checkName(what: string, name: unknown): void {
	if (typeof name !== "string" || name.length === 0 || name.length > NAME_MAXIMUM || !/^[\x20-\x7e]+$/.test(name)) {
		throw new DeviceError("argument", `${what} must be 1-${NAME_MAXIMUM} characters of printable ASCII`);
	}
}

export function isIntegerIn(value: unknown, minimum: number, maximum: number): value is number {
	return Number.isInteger(value) && value as number >= minimum && value as number <= maximum;
}
