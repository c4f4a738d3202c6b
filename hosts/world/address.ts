// SPDX-License-Identifier: Apache-2.0
/** IP address literals and the checks that every socket's options go through first. */
import { DeviceError } from "../../src/base/error.js";

/** A dotted IPv4 or an IPv6 literal; for IPv6 the shape is checked, not every rule of compression. */
export function isAddress(text: unknown): boolean {
	if (typeof text !== "string") return false;
	if (text.includes(":")) return /^[0-9a-fA-F:]{2,39}$/.test(text) && text.split(":").every(group => group.length <= 4);
	const parts = text.split(".");
	return parts.length === 4 && parts.every(part => /^(0|[1-9][0-9]{0,2})$/.test(part) && Number(part) <= 255);
}

export function checkAddress(address: unknown): void {
	if (!isAddress(address)) throw new DeviceError("argument", `address must be an IP address literal, not "${String(address)}"`);
}

export function checkPort(port: unknown, least: 0 | 1): void {
	if (typeof port === "number" && Number.isInteger(port) && port >= least && port <= 65535) return;
	throw new DeviceError("argument", `port must be an integer from ${least} to 65535, not ${String(port)}`);
}

export function checkCallback(name: string, callback: unknown, needed = false): void {
	if (typeof callback === "function" || (callback === undefined && !needed)) return;
	throw new DeviceError("argument", `${name} must be a function`);
}

export function checkBytes(name: string, bytes: unknown): void {
	if (!(bytes instanceof Uint8Array)) throw new DeviceError("argument", `${name} must be a Uint8Array`);
}
