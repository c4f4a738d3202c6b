// SPDX-License-Identifier: Apache-2.0
/** One record of a recording, and how what a call threw stands in it. What it holds is looked at before it is used. */
import { DeviceError, type ErrorCode } from "../../src/base/error.js";
import type { Kind } from "./kind.js";

/** Digest (SHA-256, hexadecimal), bytes in all, offset, bytes. */
export type Chunk = readonly [string, number, number, Uint8Array];

export type Value = string | number | boolean | null | undefined | Uint8Array | readonly Value[];

export type Record = readonly [Kind, ...Value[]];

/** What a program is: a module that imports its host, or the body of a function that is called with it at each boot. */
export type Form = "module" | "function";

/** A failure as a value: name, code, message, detail. */
export function encodeFailure(error: Error): Value {
	const { name, message, code, detail } = error as Error & { code?: unknown; detail?: unknown };
	return [name, typeof code === "string" ? code : null, message, typeof detail === "number" ? detail : null];
}

/** @throws DeviceError `malformed` */
export function decodeFailure(value: Value): Error {
	if (!Array.isArray(value)) throw malformed("a failure is none");
	const [name, code, message, detail] = value as readonly Value[];
	if (typeof name !== "string" || typeof message !== "string") throw malformed("a failure has no name");
	if (name === "DeviceError") return new DeviceError(code as ErrorCode, message, typeof detail === "number" ? { detail } : {});
	// Code of a device tells errors apart by their names, if at all.
	return Object.assign(name === "TypeError" ? new TypeError(message) : name === "RangeError" ? new RangeError(message) : new Error(message), { name });
}

export function bytesOf(value: Value): Uint8Array {
	if (!(value instanceof Uint8Array)) throw malformed("bytes are missing");
	return value;
}

export function textOf(value: Value): string {
	if (typeof value !== "string") throw malformed("text is missing");
	return value;
}

/** A whole number that is not negative. */
export function countOf(value: Value): number {
	if (!Number.isSafeInteger(value) || (value as number) < 0) throw malformed("a number is missing");
	return value as number;
}

export function malformed(why: string): DeviceError {
	return new DeviceError("malformed", `not a recording, or a damaged one: ${why}`);
}
