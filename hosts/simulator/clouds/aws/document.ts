// SPDX-License-Identifier: Apache-2.0
/**
 * One shadow document of AWS IoT: how an update merges into it, what its metadata are, and what the delta is.
 *
 * Pure; a document is never changed, an update makes the next one. Metadata are a tree beside the state: each leaf is the
 * time at which it was last written, an array has one for each element. Objects made here have no prototype.
 */
import type { JsonObject, JsonValue } from "../../services/json.js";
import { deltaOf, emptyObject, isObject } from "../../services/json.js";

/** `desired` or `reported`: what it says and when that was written. */
export interface Section {
	readonly state: JsonObject;
	readonly metadata: JsonObject;
}

export type SectionName = "desired" | "reported";

export interface Document {
	readonly version: number;
	/** Absent: the document has no such section. */
	readonly desired: Section | undefined;
	readonly reported: Section | undefined;
}

/** What an update says about the sections; null removes one, absent leaves it alone. */
export type Patch = { readonly [Name in SectionName]?: JsonObject | null };

/** State and metadata as they go into messages. */
export interface Described { state: JsonObject; metadata: JsonObject }

/** @param timestamp seconds since 1970 @param keepsEmpty whether objects without a member stay in the document */
export function updated(document: Document, patch: Patch, timestamp: number, keepsEmpty: boolean): Document {
	const next = (name: SectionName): Section | undefined => {
		const changes = patch[name];
		if (changes === undefined) return document[name];
		if (changes === null) return undefined;
		const section = mergeSection(document[name], changes, timestamp, keepsEmpty);
		return isEmpty(section.state) && !keepsEmpty ? undefined : section;
	};
	return { version: document.version + 1, desired: next("desired"), reported: next("reported") };
}

function mergeSection(section: Section | undefined, patch: JsonObject, timestamp: number, keepsEmpty: boolean): Section {
	const state = Object.assign(emptyObject(), section?.state);
	const metadata = Object.assign(emptyObject(), section?.metadata);
	for (const member of Object.keys(patch)) {
		const value = patch[member]!;
		const merged = isObject(value) ? mergeMember(state, metadata, member, value, timestamp, keepsEmpty) : { state: value, metadata: stamped(value, timestamp) };
		if (merged?.state == null) {
			delete state[member];
			delete metadata[member];
		} else {
			state[member] = merged.state;
			metadata[member] = merged.metadata;
		}
	}
	return { state, metadata };
}

/** @returns `undefined` for what is not kept because it holds nothing: a patch of nulls makes no object */
function mergeMember(
	state: JsonObject, metadata: JsonObject, member: string, patch: JsonObject, timestamp: number, keepsEmpty: boolean,
): Section | undefined {
	const earlier = state[member];
	const section = isObject(earlier) ? { state: earlier, metadata: metadata[member] as JsonObject } : undefined;
	const merged = mergeSection(section, patch, timestamp, keepsEmpty);
	const isKept = !isEmpty(merged.state) || (keepsEmpty && (section !== undefined || isEmpty(patch)));
	return isKept ? merged : undefined;
}

/** The metadata of a value that was written just now; nulls, which delete, have none. */
export function stamped(value: JsonValue, timestamp: number): JsonValue {
	if (Array.isArray(value)) return value.map(item => stamped(item, timestamp));
	const metadata = emptyObject();
	if (!isObject(value)) {
		metadata["timestamp"] = timestamp;
		return metadata;
	}
	for (const member of Object.keys(value)) {
		if (value[member] !== null) metadata[member] = stamped(value[member]!, timestamp);
	}
	return metadata;
}

/** What is desired and not reported, or reported otherwise; `undefined` where that is nothing. */
export function difference({ desired, reported }: Document): Described | undefined {
	if (!desired) return undefined;
	const state = deltaOf(desired.state, reported?.state ?? emptyObject());
	return isEmpty(state) ? undefined : { state, metadata: selected(desired.metadata, state) };
}

/** The part of the metadata that belongs to a part of the state. */
function selected(metadata: JsonObject, part: JsonObject): JsonObject {
	const chosen = emptyObject();
	for (const member of Object.keys(part)) {
		const value = part[member]!;
		chosen[member] = isObject(value) ? selected(metadata[member] as JsonObject, value) : metadata[member]!;
	}
	return chosen;
}

/** The whole document, without the delta. */
export function described(document: Document): Described {
	const state = emptyObject();
	const metadata = emptyObject();
	for (const name of ["desired", "reported"] as const) {
		const section = document[name];
		if (!section) continue;
		state[name] = section.state;
		metadata[name] = section.metadata;
	}
	return { state, metadata };
}

function isEmpty(object: JsonObject): boolean {
	return Object.keys(object).length === 0;
}
