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

export { isObject, type JSONObject, type JSONValue };

/**
 * Applies `patch` to `target` in place, and returns it. Spec: RFC 7396 §2.
 * @throws DeviceError `argument` for a patch of more than `DEPTH_MAXIMUM` levels, as one that holds itself is
 */
export function merge(target: JSONObject, patch: JSONObject): JSONObject {
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
				// Of an array too, the caller keeps the original.
				put(into, member, Array.isArray(value) ? JSON.parse(JSON.stringify(value)) as JSONValue[] : value);
			}
		}
	}
	return target;
}

/**
 * The members of `desired` that `reported` lacks or has otherwise; an empty object when there are none.
 * @throws DeviceError `malformed`: what is desired comes from the cloud
 */
export function difference(desired: JSONObject, reported: JSONObject): JSONObject {
	const result: JSONObject = {};
	const work: [JSONObject, JSONObject, JSONObject][] = [[desired, reported, result]];
	// Objects are entered parents first; what turned out empty is dropped children first.
	const entered: [JSONObject, string][] = [];
	for (let next = work.pop(); next !== undefined; next = work.pop()) {
		const [wanted, existing, into] = next;
		for (const member of Object.keys(wanted)) {
			checkMember(member, "malformed");
			const value = wanted[member]!;
			const other = own(existing, member);
			if (isObject(value) && isObject(other)) {
				const inner: JSONObject = {};
				put(into, member, inner);
				entered.push([into, member]);
				work.push([value, other, inner]);
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

export function isEmpty(object: JSONObject): boolean {
	return Object.keys(object).length === 0;
}

/** Whether two values are the same JSON; the order of members does not matter. */
export function equal(left: JSONValue | undefined, right: JSONValue | undefined): boolean {
	const lefts = [left];
	const rights = [right];
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
function checkMember(member: string, code: "argument" | "malformed"): void {
	if (member === "__proto__") throw new DeviceError(code, "a document cannot have a member __proto__");
}
