// SPDX-License-Identifier: Apache-2.0
/** Shadow documents: laws that hold for all of them, and an independent, recursive merge. */
import assert from "node:assert/strict";
import { compose, difference, equal, isEmpty, isObject, applyPatch, type JSONObject, type JSONValue } from "../../src/shadow/document.js";
import { property } from "./random.js";
import { json, object, patch } from "./values.js";

const COUNT = 500;
const copy = <Value>(value: Value): Value => JSON.parse(JSON.stringify(value)) as Value;

/** RFC 7396 §2, word for word. */
function mergePatch(target: JSONValue | undefined, change: JSONValue): JSONValue {
	if (!isObject(change)) return change;
	const result = new Map<string, JSONValue>(isObject(target) ? Object.entries(target) : []);
	for (const [member, value] of Object.entries(change)) {
		if (value === null) result.delete(member);
		else result.set(member, mergePatch(result.get(member), value));
	}
	return Object.fromEntries(result);
}

/** Canonical text, for a comparison that does not use ours. */
function canonical(value: JSONValue): string {
	if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
	if (!isObject(value)) return JSON.stringify(value);
	return `{${Object.keys(value).sort().map((member) => `${JSON.stringify(member)}:${canonical(value[member]!)}`).join()}}`;
}

/** Whether `whole` has all of `part`: objects may hold more, and one without members is as good as none. */
function contains(whole: JSONValue | undefined, part: JSONValue): boolean {
	if (!isObject(part)) return whole !== undefined && canonical(whole) === canonical(part);
	if (whole !== undefined && !isObject(whole)) return false;
	return Object.keys(part).every((member) => contains(whole && Object.hasOwn(whole, member) ? whole[member] : undefined, part[member]!));
}

property("applyPatch is RFC 7396's", COUNT, (random) => {
	const [target, change] = [object(random), patch(random)];
	const expected = mergePatch(copy(target), copy(change));
	const before = canonical(change);
	assert.equal(canonical(applyPatch(target, change)), canonical(expected));
	assert.equal(canonical(change), before);
});

property("merging a difference brings reported to contain what is desired, and then nothing differs", COUNT, (random) => {
	const [desired, reported] = [object(random), object(random)];
	const before = canonical([desired, reported]);
	const delta = difference(desired, reported);
	const merged = applyPatch(copy(reported), delta);
	assert.ok(contains(merged, desired), canonical([desired, reported, delta]));
	assert.ok(isEmpty(difference(desired, merged)));
	assert.equal(canonical([desired, reported]), before);
});

property("a difference holds nothing that reported has, and nothing that nobody desires", COUNT, (random) => {
	const [desired, reported] = [object(random), object(random)];
	const delta = difference(desired, reported);
	assert.ok(contains(desired, delta), canonical([desired, delta]));
	assert.ok(isEmpty(difference(desired, desired)));
	assert.equal(isEmpty(delta), contains(reported, desired));
	for (const member of Object.keys(delta)) {
		assert.ok(!Object.hasOwn(reported, member) || canonical(reported[member]!) !== canonical(delta[member]!));
	}
});

/** Whether a member is an object in one patch and something else in the other: what compose cannot express. */
function clashes(first: JSONObject, second: JSONObject): boolean {
	return Object.keys(second).some((member) => {
		if (!Object.hasOwn(first, member)) return false;
		const [one, other] = [first[member]!, second[member]!];
		return isObject(other) && (!isObject(one) || clashes(one, other));
	});
}

property("compose is one patch after the other", COUNT, (random) => {
	const [target, first, second] = [object(random), patch(random), patch(random)];
	if (clashes(first, second)) return;
	const turn = applyPatch(applyPatch(copy(target), first), second);
	const both = applyPatch(copy(target), compose(copy(first), second));
	assert.equal(canonical(both), canonical(turn), canonical([target, first, second]));
});

property("a patch made twice does what it does once", COUNT, (random) => {
	const [target, change] = [object(random), patch(random)];
	const once = canonical(applyPatch(target, change));
	assert.equal(canonical(applyPatch(target, change)), once);
});

property("equal is what canonical text says", COUNT, (random) => {
	const left = json(random, 3);
	const right = random.once(2) ? copy(left) : json(random, 3);
	assert.equal(equal(left, right), canonical(left) === canonical(right));
	assert.equal(equal(right, left), equal(left, right));
});
