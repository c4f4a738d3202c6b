// SPDX-License-Identifier: Apache-2.0
/**
 * JSON documents as the cloud handles them: parse, merge, difference, limits.
 *
 * Pure, and written without a look at the SDK's own: the two are tested against each other.
 * Objects made here have no prototype, so that a member called `__proto__` or `constructor` is a member like any other.
 */

export type JsonValue = null | boolean | number | string | JsonValue[] | JsonObject;
export interface JsonObject { [member: string]: JsonValue }

const ENCODER = new TextEncoder();

export function isObject(value: unknown): value is JsonObject {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @throws SyntaxError when the bytes are not JSON in UTF-8 */
export function parseJson(bytes: Uint8Array): unknown {
	const text = decodeText(bytes);
	if (text === undefined) throw new SyntaxError("payload is not UTF-8");
	return JSON.parse(text) as unknown;
}

/** @returns `undefined` for what is not UTF-8, as JSON between systems must be (RFC 8259 §8.1) */
export function decodeText(bytes: Uint8Array): string | undefined {
	try {
		// Made here: a decoder keeps state.
		return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
	} catch {
		return undefined;
	}
}

export function encodeJson(value: unknown): Uint8Array {
	return ENCODER.encode(JSON.stringify(value));
}

/** Objects and arrays inside each other; a plain value has depth 0, `{}` has 1. Looks no deeper than `limit` + 1. */
export function depthOf(value: unknown, limit: number): number {
	if (typeof value !== "object" || value === null) return 0;
	if (limit === 0) return 1;
	let deepest = 0;
	for (const member of Object.values(value)) deepest = Math.max(deepest, depthOf(member, limit - 1));
	return deepest + 1;
}

/** False when a number is too large to be one: JSON can spell 1e999, but not the Infinity that it is parsed to. */
export function isRepresentable(value: unknown): boolean {
	if (typeof value === "number") return Number.isFinite(value);
	return typeof value !== "object" || value === null || Object.values(value).every(isRepresentable);
}

/** A deep copy that shares nothing with `value`. */
function copyOf(value: JsonValue): JsonValue {
	if (Array.isArray(value)) return value.map(copyOf);
	if (!isObject(value)) return value;
	const copy = emptyObject();
	for (const member of Object.keys(value)) copy[member] = copyOf(value[member]!);
	return copy;
}

export function emptyObject(): JsonObject {
	return Object.create(null) as JsonObject;
}

/** RFC 7396 §2: null deletes, objects merge, all else replaces. `target` is not changed. */
export function mergePatch(target: JsonValue | undefined, patch: JsonValue): JsonValue {
	if (!isObject(patch)) return copyOf(patch);
	const merged = emptyObject();
	if (isObject(target)) for (const member of Object.keys(target)) merged[member] = target[member]!;
	for (const member of Object.keys(patch)) {
		const value = patch[member]!;
		if (value === null) delete merged[member];
		else merged[member] = mergePatch(merged[member], value);
	}
	return merged;
}

/** The patch that brings `reported` to have all that `desired` has; members only reported stay out. Empty: in sync. */
export function deltaOf(desired: JsonObject, reported: JsonObject): JsonObject {
	const delta = emptyObject();
	for (const member of Object.keys(desired)) {
		const wanted = desired[member]!;
		const actual = Object.hasOwn(reported, member) ? reported[member] : undefined;
		if (isObject(wanted) && isObject(actual)) {
			const inner = deltaOf(wanted, actual);
			if (Object.keys(inner).length > 0) delta[member] = inner;
		} else if (actual === undefined || !isEqual(wanted, actual)) {
			delta[member] = wanted;
		}
	}
	return delta;
}

function isEqual(left: JsonValue, right: JsonValue): boolean {
	if (Array.isArray(left)) {
		return Array.isArray(right) && left.length === right.length && left.every((item, index) => isEqual(item, right[index]!));
	}
	if (!isObject(left)) return left === right;
	if (!isObject(right)) return false;
	const members = Object.keys(left);
	return members.length === Object.keys(right).length
		&& members.every(member => Object.hasOwn(right, member) && isEqual(left[member]!, right[member]!));
}
