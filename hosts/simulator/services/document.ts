// SPDX-License-Identifier: Apache-2.0
/**
 * One shadow document of the private cloud: how an update changes it, and what it may hold.
 *
 * Pure; a document is never changed, an update makes the next one. Beside what is desired stands when it was: a tree of
 * the same shape with `{"timestamp":s}` in place of each value, arrays whole. Objects made here have no prototype.
 */
import type { JsonObject, JsonValue } from "./json.js";
import { depthOf, emptyObject, encodeJson, isObject, isRepresentable, mergePatch } from "./json.js";
import { Rejection } from "./rejection.js";

export interface ShadowDocument {
	version: number;
	desired: JsonObject;
	reported: JsonObject;
}

/** As it is kept. */
export interface StoredDocument extends Readonly<ShadowDocument> {
	/** When each value of `desired` was set. */
	readonly times: JsonObject;
	/** There is none, but its version is remembered, so that the next one's is larger. */
	readonly deleted: boolean;
}

export interface ShadowLimits {
	/** Bytes of `{"desired":…,"reported":…}` as JSON; an update that would exceed it is refused with 413. */
	documentMaximum: number;
	/** Objects and arrays inside each other, the section itself included; a deeper update is refused with 400. */
	depthMaximum: number;
	/** Characters of a token; a longer one is refused with 400. */
	tokenMaximum: number;
	/** Documents, those deleted included; updates of further ones are refused with 500, `desire` throws `full`. */
	documentCountMaximum: number;
}

export const DEFAULT_SHADOW_LIMITS: Readonly<ShadowLimits> = Object.freeze({
	documentMaximum: 8 * 1024, depthMaximum: 8, tokenMaximum: 64, documentCountMaximum: 100_000,
});

/** RFC 7396, of each section that is to change. */
export interface Patches { readonly desired?: unknown; readonly reported?: unknown }

export type SectionName = keyof Patches;

export const NO_DOCUMENT: StoredDocument = Object.freeze({
	version: 0, desired: emptyObject(), reported: emptyObject(), times: emptyObject(), deleted: true,
});

/** @param at seconds since 1970 @throws Rejection */
export function updated(document: StoredDocument, { desired, reported }: Patches, at: number, limits: ShadowLimits): StoredDocument {
	if (desired === undefined && reported === undefined) throw new Rejection(400, "neither reported nor desired");
	const next: StoredDocument = {
		version: document.version + 1,
		desired: desired === undefined ? document.desired : patched("desired", document.desired, desired, limits),
		reported: reported === undefined ? document.reported : patched("reported", document.reported, reported, limits),
		times: isObject(desired) ? stamped(document.times, desired, at) : document.times,
		deleted: false,
	};
	if (encodeJson({ desired: next.desired, reported: next.reported }).byteLength > limits.documentMaximum) {
		throw new Rejection(413, `document larger than ${limits.documentMaximum} bytes`);
	}
	return next;
}

/** The part of the times that belongs to a part of what is desired. */
export function timesOf(times: JsonObject, part: JsonObject): JsonObject {
	const chosen = emptyObject();
	for (const member of Object.keys(part)) {
		const value = part[member]!, time = times[member];
		if (isObject(time)) chosen[member] = isObject(value) ? timesOf(time, value) : time;
	}
	return chosen;
}

function patched(name: SectionName, section: JsonObject, patch: unknown, { depthMaximum }: ShadowLimits): JsonObject {
	if (!isObject(patch)) throw new Rejection(400, `${name} is not an object`);
	if (depthOf(patch, depthMaximum) > depthMaximum) throw new Rejection(400, `${name} is deeper than ${depthMaximum}`);
	if (!isRepresentable(patch)) throw new Rejection(400, `${name} holds a number out of range`);
	return mergePatch(section, patch) as JsonObject;
}

function stamped(times: JsonValue | undefined, patch: JsonObject, at: number): JsonObject {
	// A group has no number: what has one is the time of a value that becomes a group now.
	const next = Object.assign(emptyObject(), isObject(times) && typeof times["timestamp"] !== "number" ? times : undefined);
	for (const member of Object.keys(patch)) {
		const value = patch[member]!;
		if (value === null) delete next[member];
		else next[member] = isObject(value) ? stamped(next[member], value, at) : Object.assign(emptyObject(), { timestamp: at });
	}
	return next;
}
