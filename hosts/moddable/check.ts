// SPDX-License-Identifier: Apache-2.0
/**
 * The checks of arguments that several classes of this host share. Each runs before a resource is taken.
 *
 * Without regular expressions: the engine of SDK 8.2 keeps what a preloaded one needs outside of its heap, and a garbage
 * collection while it is in use crashes the device.
 */
import { DeviceError } from "../../src/base/error.js";

/** What NVS allows for a key or a namespace. */
const NAME_MAXIMUM = 15;
const IPV6_CHARACTERS = "0123456789abcdefABCDEF:.";

export function checkAddress(address: unknown): void {
	if (!isAddress(address)) throw new DeviceError("argument", "the address is no IP address literal; names go through dns");
}

export function isAddress(address: unknown): boolean {
	return typeof address === "string" && (isIPv4(address) || isIPv6(address));
}

export function isIPv4(address: string): boolean {
	const parts = address.split(".");
	return parts.length === 4 && parts.every(part => String(Number(part)) === part && isIntegerIn(Number(part), 0, 255));
}

/** Coarse: lwIP parses it. What matters is that no name passes. */
function isIPv6(address: string): boolean {
	return address.split(":").length > 2 && [...address].every(character => IPV6_CHARACTERS.includes(character));
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
	const isName = typeof name === "string" && name.length >= 1 && name.length <= NAME_MAXIMUM
		&& [...name].every(character => character >= " " && character <= "~");
	if (!isName) {
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
