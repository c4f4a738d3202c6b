// SPDX-License-Identifier: Apache-2.0
/**
 * Shadow documents: JSON objects that are merged by patch, and the difference of two of them.
 *
 * Pure. Patches are those of RFC 7396: null deletes a member, objects merge, all else (arrays too) is replaced whole.
 * Nothing here recurses: on the device's stack a trivial recursion ends at depth 38.
 */
import { DeviceError } from "../base/error.js";
import { DEPTH_MAXIMUM } from "../bytes/json.js";
import { isObject, own, put, type JSONObject, type JSONValue } from "../bytes/value.js";

export { isObject, own, type JSONObject, type JSONValue };

/**
 * Applies `patch` to `target` in place, and returns it. Spec: RFC 7396 §2.
 * @throws DeviceError `argument` for a patch of more than `DEPTH_MAXIMUM` levels, as one that holds itself is
 */
export function applyPatch(target: JSONObject, patch: JSONObject): JSONObject {
	return apply(target, patch, false);
}

/**
 * Adds `second` to the patch `first` in place, so that one patch does what both would do in turn.
 * A patch cannot say "replace this object by that one": where `first` makes a member something else and `second` makes
 * it an object again, the members that `second` does not name survive.
 */
export function compose(first: JSONObject, second: JSONObject): JSONObject {
	return apply(first, second, true);
}

function apply(target: JSONObject, patch: JSONObject, keepNull: boolean): JSONObject {
	const targets = [target];
	const patches = [patch];
	const levels = [1];
	while (patches.length > 0) {
		const into = targets.pop()!;
		const from = patches.pop()!;
		const level = levels.pop()!;
		if (level > DEPTH_MAXIMUM) throw new DeviceError("argument", `a patch of more than ${DEPTH_MAXIMUM} levels`);
		for (const member of Object.keys(from)) {
			const value = from[member]!;
			checkMember(member, "argument");
			if (value === null && !keepNull) {
				delete into[member];
			} else if (isObject(value)) {
				const existing = own(into, member);
				// Built anew where there was no object: no null gets in, and the caller's patch is not aliased.
				const inner = isObject(existing) ? existing : {};
				put(into, member, inner);
				targets.push(inner);
				patches.push(value);
				levels.push(level + 1);
			} else {
				checkValue(value);
				// Of an array too, the caller keeps the original.
				put(into, member, Array.isArray(value) ? copyOf(value, level) : value);
			}
		}
	}
	return target;
}

/**
 * A copy of an array at this level, all that is in it copied, too. Not by way of JSON: XS takes no constant of a
 * preloaded module into that.
 */
function copyOf(array: JSONValue[], outer: number): JSONValue[] {
	const copy: JSONValue[] = [];
	const sources: (JSONValue[] | JSONObject)[] = [array];
	const targets: (JSONValue[] | JSONObject)[] = [copy];
	const levels = [outer + 1];
	for (let source = sources.pop(); source !== undefined; source = sources.pop()) {
		const target = targets.pop() as JSONObject;
		const level = levels.pop()!;
		if (level > DEPTH_MAXIMUM) throw new DeviceError("argument", `a patch of more than ${DEPTH_MAXIMUM} levels`);
		const members = Object.keys(source);
		if (Array.isArray(source) && members.length !== source.length) {
			throw new DeviceError("argument", "an array with holes");
		}
		for (const member of members) {
			const value = (source as JSONObject)[member]!;
			checkMember(member, "argument");
			checkValue(value);
			if (typeof value !== "object" || value === null) {
				put(target, member, value);
				continue;
			}
			const inner = Array.isArray(value) ? [] : {};
			put(target, member, inner);
			sources.push(value);
			targets.push(inner);
			levels.push(level + 1);
		}
	}
	return copy;
}

/**
 * The patch that brings `existing` to what `wanted` says: its members that `existing` lacks or has otherwise, and null
 * for what is to be deleted and is there. An empty object when there is nothing to do. An object without members is as
 * good as none: not every cloud keeps one.
 * @throws DeviceError `malformed`: what is wanted may come from the cloud
 */
export function difference(wanted: JSONObject, existing: JSONObject): JSONObject {
	const result: JSONObject = {};
	const work: [JSONObject, JSONObject, JSONObject][] = [[wanted, existing, result]];
	// Objects are entered parents first; what turned out empty is dropped children first.
	const entered: [JSONObject, string][] = [];
	for (let next = work.pop(); next !== undefined; next = work.pop()) {
		const [from, against, into] = next;
		const members = Object.keys(from);
		for (let at = 0; at < members.length; at++) {
			const member = members[at]!;
			checkMember(member, "malformed");
			const value = from[member]!;
			const other = own(against, member);
			if (value === null && other === undefined) continue;
			if (isObject(value)) {
				// Built anew even where all of it is: both documents are changed in place later.
				const inner: JSONObject = {};
				put(into, member, inner);
				// What is a value gives way to an object without members, too.
				if (other === undefined || other === null || isObject(other)) entered.push([into, member]);
				work.push([value, isObject(other) ? other : {}, inner]);
			} else if (!equal(value, other)) {
				put(into, member, value);
			}
		}
	}
	for (let at = entered.length - 1; at >= 0; at--) {
		const [parent, member] = entered[at]!;
		if (isEmpty(parent[member] as JSONObject)) delete parent[member];
	}
	return result;
}

/**
 * Gives `target` the members of `source` that it has not, in place; one that is null it has. Values are shared.
 * @returns true when there were such
 */
export function complete(target: JSONObject, source: JSONObject): boolean {
	let changed = false;
	const targets = [target];
	const sources = [source];
	for (let from = sources.pop(); from !== undefined; from = sources.pop()) {
		const into = targets.pop()!;
		for (const member of Object.keys(from)) {
			const value = from[member]!;
			const existing = own(into, member);
			if (existing === undefined && !isObject(value)) {
				put(into, member, value);
				changed = true;
			} else if (isObject(value) && (existing === undefined || isObject(existing))) {
				const inner = existing ?? {};
				put(into, member, inner);
				targets.push(inner);
				sources.push(value);
			}
		}
	}
	return changed;
}

/** Whether `patch` says something of each member that `part` has, whatever it says. */
export function covers(patch: JSONObject, part: JSONObject): boolean {
	const patches = [patch];
	const parts = [part];
	for (let from = parts.pop(); from !== undefined; from = parts.pop()) {
		const group = patches.pop()!;
		for (const member of Object.keys(from)) {
			const said = own(group, member);
			const value = from[member]!;
			if (said === undefined) return false;
			if (!isObject(said) || !isObject(value)) continue;
			patches.push(said);
			parts.push(value);
		}
	}
	return true;
}

/** The value at `path`, or `undefined`; null where it, or what leads there, is deleted. */
export function valueAt(document: JSONObject, path: readonly string[]): JSONValue | undefined {
	let value: JSONValue | undefined = document;
	// By index, here and where it runs as often: on XS an iterator takes ten slots.
	for (let at = 0; at < path.length; at++) {
		if (!isObject(value)) return value === null ? null : undefined;
		value = own(value, path[at]!);
	}
	return value;
}

/** Sets the value at `path`, in place, with the objects that lead there; `undefined` takes it out. */
export function putAt(document: JSONObject, path: readonly string[], value: JSONValue | undefined): void {
	let into = document;
	const last = path.length - 1;
	for (let at = 0; at < last; at++) {
		const member = path[at]!;
		let inner = own(into, member);
		if (!isObject(inner)) {
			if (value === undefined) return;
			put(into, member, inner = {});
		}
		into = inner;
	}
	if (value === undefined) delete into[path[last]!];
	else put(into, path[last]!, value);
}

/** Takes out of `document`, in place, what has become empty. */
export function tidy(document: JSONObject): void {
	const entered: [JSONObject, string][] = [];
	const work = [document];
	for (let from = work.pop(); from !== undefined; from = work.pop()) {
		const members = Object.keys(from);
		for (let at = 0; at < members.length; at++) {
			const member = members[at]!;
			const value = from[member]!;
			if (!isObject(value)) continue;
			entered.push([from, member]);
			work.push(value);
		}
	}
	for (let at = entered.length - 1; at >= 0; at--) {
		const [parent, member] = entered[at]!;
		if (isEmpty(parent[member] as JSONObject)) delete parent[member];
	}
}

export function isEmpty(object: JSONObject): boolean {
	return Object.keys(object).length === 0;
}

/** Whether two values are the same JSON; the order of members does not matter. */
export function equal(left: JSONValue | undefined, right: JSONValue | undefined): boolean {
	// As a rule they are no objects, and nothing has to be kept in mind.
	if (left === right) return true;
	if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false;
	const lefts: (JSONValue | undefined)[] = [left];
	const rights: (JSONValue | undefined)[] = [right];
	while (lefts.length > 0) {
		const one = lefts.pop();
		const other = rights.pop();
		if (one === other) continue;
		if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
		if (one === undefined || other === undefined || Array.isArray(one) !== Array.isArray(other)) return false;
		const members = Object.keys(one);
		if (members.length !== Object.keys(other).length) return false;
		for (const member of members) {
			if (!Object.hasOwn(other, member)) return false;
			lefts.push((one as JSONObject)[member]);
			rights.push((other as JSONObject)[member]);
		}
	}
	return true;
}

/** Assigning this one would change what the object inherits. */
export function checkMember(member: string, code: "argument" | "malformed"): void {
	if (member === "__proto__") throw new DeviceError(code, "a document cannot have a member __proto__");
}

/** What JSON cannot say would differ from what the cloud has for ever. */
function checkValue(value: unknown): void {
	const kind = typeof value;
	if (kind === "boolean" || kind === "string" || kind === "object" || Number.isFinite(value)) return;
	throw new DeviceError("argument", "a document holds numbers, text, true, false, null, arrays and objects");
}
