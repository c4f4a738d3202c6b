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

export function checkName(name: unknown): void {
	// The C host checks the characters.
	if (typeof name !== "string") throw new DeviceError("argument", "a name must be 1 to 15 characters of printable ASCII");
}

/** That `bytes` look like one DER value, a SEQUENCE; its content is judged where TLS is carried. */
export function checkDER(bytes: unknown, name: string): void {
	checkBytes(bytes, name);
	const der = bytes as Uint8Array;
	const first = der[1] ?? 0;
	let length = first;
	let start = 2;
	if (first > 0x80) {
		length = 0;
		start += first & 0x7f;
		for (let i = 2; i < start; i++) length = length * 256 + (der[i] ?? 0);
	}
	if (der[0] !== 0x30 || start + length !== der.byteLength) throw new DeviceError("argument", `${name} must be DER`);
}

export function checkFunction(callback: unknown, name: string): void {
	if (typeof callback !== "function") throw new DeviceError("argument", `${name} must be a function`);
}

export function checkCallback<T>(callback: T | undefined, name: string): T | undefined {
	if (callback !== undefined) checkFunction(callback, name);
	return callback;
}
