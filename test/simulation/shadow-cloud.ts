// SPDX-License-Identifier: Apache-2.0
/**
 * A cloud that holds one shadow, for histories: no topics, no network, nothing of the simulator and nothing of the device's
 * own code. Recursive, so that it is right at a glance.
 */
import type { JSONObject, JSONValue } from "../../src/bytes/value.js";

export interface Delta { version: number; delta: JSONObject; metadata: JSONObject }

const isGroup = (value: JSONValue | undefined): value is JSONObject =>
	typeof value === "object" && value !== null && !Array.isArray(value);
const member = (group: JSONObject, name: string): JSONValue | undefined => Object.hasOwn(group, name) ? group[name] : undefined;
export const copy = <Value>(value: Value): Value => JSON.parse(JSON.stringify(value)) as Value;
const same = (left: JSONValue | undefined, right: JSONValue | undefined): boolean => canonical(left) === canonical(right);

/** Text in which the order of members does not matter. */
export function canonical(value: JSONValue | undefined): string {
	if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
	if (!isGroup(value)) return JSON.stringify(value) ?? "nothing";
	return `{${Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join()}}`;
}

/** RFC 7396; what becomes empty goes, where `dropsEmpty`. */
export function patched(target: JSONValue | undefined, patch: JSONValue, dropsEmpty: boolean): JSONValue {
	if (!isGroup(patch)) return patch;
	const result: JSONObject = isGroup(target) ? { ...target } : {};
	for (const [name, value] of Object.entries(patch)) {
		const inner = value === null ? null : patched(member(result, name), value, dropsEmpty);
		if (inner === null || (dropsEmpty && isGroup(inner) && Object.keys(inner).length === 0)) delete result[name];
		else result[name] = inner;
	}
	return result;
}

/** Members that `desired` has and `reported` lacks or has otherwise, or `undefined`. */
export function deltaOf(desired: JSONObject, reported: JSONObject): JSONObject | undefined {
	const result: JSONObject = {};
	for (const [name, value] of Object.entries(desired)) {
		const other = member(reported, name);
		if (isGroup(value) && (isGroup(other) || other === undefined)) {
			const inner = deltaOf(value, other ?? {});
			if (inner !== undefined) result[name] = inner;
		} else if (!same(value, other)) {
			result[name] = value;
		}
	}
	return Object.keys(result).length > 0 ? result : undefined;
}

/** `{"timestamp":s}` in place of each value. */
function stamped(value: JSONValue, timestamp: number): JSONValue {
	if (Array.isArray(value)) return value.map((item) => stamped(item, timestamp));
	if (!isGroup(value)) return value === null ? null : { timestamp };
	return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, stamped(inner, timestamp)]));
}

/** The parts of `tree` that `shape` has. */
function matching(tree: JSONObject, shape: JSONObject): JSONObject {
	const result: JSONObject = {};
	for (const [name, inner] of Object.entries(shape)) {
		const part = member(tree, name);
		if (part !== undefined) result[name] = isGroup(part) && isGroup(inner) ? matching(part, inner) : part;
	}
	return result;
}

export class ModelCloud {
	desired: JSONObject = {};
	reported: JSONObject = {};
	desiredAt: JSONObject = {};
	version = 0;
	/** Whether there is a document. */
	exists = false;
	/** Who is told of what differs, after each update that leaves something to differ. */
	onDelta: ((delta: Delta) => void) | undefined;
	readonly #dropsEmpty: boolean;

	constructor(dropsEmpty: boolean) {
		this.#dropsEmpty = dropsEmpty;
	}

	/** @returns false when `version` is not the newest */
	update(reported: JSONObject | undefined, desired: JSONObject | undefined, version: number | undefined, seconds: number): boolean {
		if (version !== undefined && version !== this.version) return false;
		if (reported !== undefined) this.reported = patched(this.reported, copy(reported), this.#dropsEmpty) as JSONObject;
		if (desired !== undefined) {
			this.desired = patched(this.desired, copy(desired), this.#dropsEmpty) as JSONObject;
			this.desiredAt = patched(this.desiredAt, stamped(copy(desired), seconds), false) as JSONObject;
		}
		this.exists = true;
		this.version++;
		const delta = deltaOf(this.desired, this.reported);
		if (delta !== undefined) this.onDelta?.(copy({ version: this.version, delta, metadata: matching(this.desiredAt, delta) }));
		return true;
	}
}
