// SPDX-License-Identifier: Apache-2.0
/** The checks of arguments that several classes of this host share. Each runs before a resource is taken. */
import { DeviceError } from "../../src/base/error.js";

/** What NVS allows for a key or a namespace. */
const NAME_MAXIMUM = 15;
const NAME = /^[\x20-\x7e]+$/;
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/;
/** Coarse: lwIP parses it. What matters is that no name passes. */
const IPV6 = /^[\da-f:]*:[\da-f:.]*$/i;

export function checkAddress(address: unknown): void {
	if (!isAddress(address)) throw new DeviceError("argument", "the address is no IP address literal; names go through dns");
}

export function isAddress(address: unknown): boolean {
	return typeof address === "string" && (IPV4.test(address) || IPV6.test(address));
}

export function isIPv4(address: string): boolean {
	return IPV4.test(address);
}

export function checkPort(port: unknown, minimum: 0 | 1): void {
	if (!isIntegerIn(port, minimum, 65_535)) throw new DeviceError("argument", `the port must be an integer from ${minimum} to 65535`);
}

export function checkCallback(callback: unknown): void {
	if (callback !== undefined && typeof callback !== "function") throw new DeviceError("argument", "a callback is no function");
}

export function checkBytes(bytes: unknown): void {
	if (!(bytes instanceof Uint8Array)) throw new DeviceError("argument", "bytes must be given as a Uint8Array");
}

/** A key of a storage domain, or the name of a domain or partition. */
export function checkName(name: unknown): void {
	if (typeof name !== "string" || name.length > NAME_MAXIMUM || !NAME.test(name)) {
		throw new DeviceError("argument", `a name must have 1-${NAME_MAXIMUM} characters of printable ASCII`);
	}
}

export function checkRange(bytes: Uint8Array, offset: number, size: number): void {
	checkBytes(bytes);
	if (!isIntegerIn(offset, 0, size - bytes.byteLength)) {
		throw new DeviceError("argument", `${bytes.byteLength} bytes at ${offset} leave the ${size} bytes that there are`);
	}
}

export function isIntegerIn(value: unknown, minimum: number, maximum: number): boolean {
	return Number.isInteger(value) && value as number >= minimum && value as number <= maximum;
}
