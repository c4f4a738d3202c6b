// SPDX-License-Identifier: Apache-2.0
/** What a message to the private cloud says beside its own matter: in either format, and checked. Pure. */
import { decode, formatOf } from "./formats.js";
import type { JsonObject } from "./json.js";
import { isObject } from "./json.js";
import { Rejection } from "./rejection.js";

/** @throws Rejection for what is no object of JSON values */
export function readMessage(payload: Uint8Array, maximum: number): JsonObject {
	if (payload.byteLength > maximum) throw new Rejection(413, `message larger than ${maximum} bytes`);
	let message: unknown;
	try {
		message = decode(formatOf(payload), payload);
	} catch {
		throw new Rejection(400, `payload is not ${formatOf(payload) === "json" ? "JSON" : "CBOR"}`);
	}
	if (!isObject(message)) throw new Rejection(400, "payload is not an object");
	if (holdsBytes(message)) throw new Rejection(400, "payload holds bytes, which JSON has not");
	return message;
}

/** The member, if it is the message's own. */
export function member(message: JsonObject, name: string): unknown {
	return Object.hasOwn(message, name) ? message[name] : undefined;
}

/** @throws Rejection for what is no token */
export function tokenOf(message: JsonObject, maximum: number): string | undefined {
	const token = member(message, "token");
	if (token !== undefined && (typeof token !== "string" || token.length > maximum)) {
		throw new Rejection(400, `token is not a string of at most ${maximum} characters`);
	}
	return token;
}

/** @throws Rejection for what is no version */
export function versionOf(message: JsonObject): number | undefined {
	const version = member(message, "version");
	if (version !== undefined && (!Number.isSafeInteger(version) || (version as number) < 0)) {
		throw new Rejection(400, "version is not a whole number");
	}
	return version as number | undefined;
}

function holdsBytes(value: unknown): boolean {
	const work: unknown[] = [value];
	while (work.length > 0) {
		const next = work.pop();
		if (next instanceof Uint8Array) return true;
		if (typeof next === "object" && next !== null) for (const inner of Object.values(next)) work.push(inner);
	}
	return false;
}
