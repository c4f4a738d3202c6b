// SPDX-License-Identifier: Apache-2.0
/** Shadow documents: applyPatch patches, differences, and the two together. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { compose, difference, equal, isEmpty, isObject, applyPatch, type JSONObject, type JSONValue } from "../../../src/shadow/document.js";
import vectors from "../../vectors/shadow-merge.json" with { type: "json" };
import { codeOf } from "../failure.js";

const copy = <Value>(value: Value): Value => JSON.parse(JSON.stringify(value)) as Value;

test("applyPatch does what RFC 7396 says, for every case of its appendix between objects", () => {
	const cases = (vectors.mergePatch as { original: JSONValue; patch: JSONValue; result: JSONValue }[])
		.filter(({ original, patch }) => isObject(original) && isObject(patch));
	for (const { original, patch, result } of cases) {
		const before = copy(patch);
		const target = copy(original) as JSONObject;
		const merged = applyPatch(target, patch as JSONObject);
		assert.deepEqual(merged, result, JSON.stringify(patch));
		assert.equal(merged, target, "in place");
		assert.deepEqual(patch, before, "the patch is left alone");
	}
	assert.equal(cases.length, 10);
});

test("applyPatch follows a shadow service's cases, but for empty objects, which RFC 7396 keeps", () => {
	const cases = vectors.shadowMerge as { name: string; original: JSONValue; patch: JSONValue; result: JSONValue }[];
	let count = 0;
	for (const { name, original, patch, result } of cases) {
		if (!isObject(original) || !isObject(patch) || /nulls inside|clears/.test(name)) continue;
		assert.deepEqual(applyPatch(copy(original), patch), result, name);
		count++;
	}
	assert.equal(count, 7);
	assert.deepEqual(applyPatch({}, { a: { b: null, c: { d: null } } }), { a: { c: {} } });
});

test("applyPatch and compose do not keep parts of the patch: what the caller changes later stays outside", () => {
	for (const apply of [applyPatch, compose]) {
		const patch = { object: { inner: { a: 1 } }, list: [1, { b: [2] }] };
		const target = apply({}, patch);
		patch.object.inner.a = 9;
		patch.list.push(9);
		((patch.list[1] as JSONObject)["b"] as number[])[0] = 9;
		assert.deepEqual(target, { object: { inner: { a: 1 } }, list: [1, { b: [2] }] });
	}
});

test("applyPatch replaces arrays whole, and objects by what is none", () => {
	assert.deepEqual(applyPatch({ a: [1, 2, 3] }, { a: [] }), { a: [] });
	assert.deepEqual(applyPatch({ a: { b: 1 } }, { a: [null, { c: null }] }), { a: [null, { c: null }] });
	assert.deepEqual(applyPatch({ a: { b: 1 } }, { a: 0 }), { a: 0 });
	assert.deepEqual(applyPatch({ a: [1] }, { a: { b: null, c: false } }), { a: { c: false } });
});

const COMPOSED: readonly [name: string, first: JSONObject, second: JSONObject, both: JSONObject][] = [
	["members of both", { a: 1 }, { b: 2 }, { a: 1, b: 2 }],
	["the later value", { a: 1 }, { a: 2 }, { a: 2 }],
	["a deletion", { a: 1 }, { a: null }, { a: null }],
	["a deletion undone", { a: null }, { a: 1 }, { a: 1 }],
	["a deletion of what was not mentioned", {}, { a: null }, { a: null }],
	["deep inside", { a: { b: 1, c: 2 } }, { a: { b: null, d: { e: null } } }, { a: { b: null, c: 2, d: { e: null } } }],
	["an object deleted", { a: { b: 1 } }, { a: null }, { a: null }],
	["an array", { a: [1] }, { a: [2] }, { a: [2] }],
];

test("compose makes one patch of two, and keeps deletions", () => {
	for (const [name, first, second, both] of COMPOSED) {
		const target = { a: { x: 0 }, b: 0, c: [0] };
		const turn = applyPatch(applyPatch(copy(target), first), second);
		assert.deepEqual(compose(copy(first), second), both, name);
		assert.deepEqual(applyPatch(copy(target), both), turn, `${name}: the same as one after the other`);
	}
});

const DIFFERENT: readonly [name: string, desired: JSONObject, reported: JSONObject, delta: JSONObject][] = [
	["nothing", {}, {}, {}],
	["the same", { a: 1, b: { c: [1, { d: 2 }] } }, { b: { c: [1, { d: 2 }] }, a: 1 }, {}],
	["a value", { a: 1 }, { a: 2 }, { a: 1 }],
	["a member that is missing", { a: 1, b: 2 }, { b: 2 }, { a: 1 }],
	["a member that nobody desires", { a: 1 }, { a: 1, b: 2 }, {}],
	["only what differs of an object", { a: { b: 1, c: 2 } }, { a: { b: 1, c: 3 } }, { a: { c: 2 } }],
	["deep inside", { a: { b: { c: { d: 1 } } } }, { a: { b: { c: { e: 1 } } } }, { a: { b: { c: { d: 1 } } } }],
	["equal deep inside", { a: { b: { c: { d: 1 } } } }, { a: { b: { c: { d: 1 } } } }, {}],
	["an array whole", { a: [1, 2] }, { a: [1, 3] }, { a: [1, 2] }],
	["an array in another order", { a: [1, 2] }, { a: [2, 1] }, { a: [1, 2] }],
	["an array against an object", { a: [] }, { a: {} }, { a: [] }],
	["an object against an array", { a: {} }, { a: [] }, { a: {} }],
	["an object against null", { a: { b: 1 } }, { a: null }, { a: { b: 1 } }],
	["an empty object that is missing: it is as good as none", { a: {}, b: { c: {} } }, {}, {}],
	["what is to be deleted and is there", { a: null, b: { c: null } }, { a: 1, b: { c: { d: 1 } } }, { a: null, b: { c: null } }],
	["what is to be deleted and is not there", { a: null, b: { c: null } }, { d: 1 }, {}],
	["an empty object, and a full one", { a: {} }, { a: { b: 1 } }, {}],
	["types that only look alike", { a: 0, b: "", c: false, d: 1 }, { a: false, b: 0, c: "", d: "1" }, { a: 0, b: "", c: false, d: 1 }],
	["an inherited name", { toString: 1, constructor: { name: 2 } }, {}, { toString: 1, constructor: { name: 2 } }],
];

test("difference is what desired has and reported lacks or has otherwise", () => {
	for (const [name, desired, reported, delta] of DIFFERENT) {
		const before = copy([desired, reported]);
		assert.deepEqual(difference(desired, reported), delta, name);
		assert.deepEqual([desired, reported], before, `${name}: both are left alone`);
	}
});

test("difference gives the deltas of a shadow service", () => {
	for (const { name, reportedBefore, update, delta } of vectors.deltaSequences) {
		const { desired = {}, reported = {} } = update as { desired?: JSONObject; reported?: JSONObject };
		const result = difference(desired, applyPatch(copy(reportedBefore), reported));
		assert.deepEqual(isEmpty(result) ? null : result, delta, name);
	}
});

test("equal compares values, not order and not identity", () => {
	const same: [JSONValue | undefined, JSONValue | undefined][] = [
		[1, 1], ["a", "a"], [null, null], [undefined, undefined], [[], []], [{}, {}], [{ a: 1, b: [1, { c: null }] }, { b: [1, { c: null }], a: 1 }],
	];
	const others: [JSONValue | undefined, JSONValue | undefined][] = [
		[1, 2], [1, "1"], [0, false], [null, undefined], [null, {}], [null, 0], [[], {}], [{}, []], [[1, 2], [2, 1]], [[1], [1, 1]],
		[{ a: 1 }, { a: 1, b: 1 }], [{ a: 1 }, { b: 1 }], [{ a: 1, b: 2 }, { a: 1, c: 2 }], [{ toString: 1 }, { a: 1 }], [[undefined as never], [null]],
	];
	for (const [left, right] of same) assert.ok(equal(left, right) && equal(right, left), JSON.stringify([left, right]));
	for (const [left, right] of others) assert.ok(!equal(left, right) && !equal(right, left), JSON.stringify([left, right]));
});

test("a member may have the name of something inherited, which is read-only where built-ins are frozen", () => {
	const names = ["toString", "constructor", "hasOwnProperty", "valueOf"];
	const document = (value: JSONValue): JSONObject => Object.fromEntries(names.map((name) => [name, value]));
	const merged = applyPatch({}, document({ a: 1 }));
	assert.deepEqual(Object.keys(merged), names);
	assert.ok(equal(merged, document({ a: 1 })));
	assert.ok(equal(difference(document({ a: 1 }), {}), document({ a: 1 })));
	assert.ok(equal(difference(document({ a: 1, b: 2 }), document({ b: 2 })), document({ a: 1 })));
	assert.ok(isEmpty(applyPatch(merged, document(null))));
});

test("a member __proto__ is refused wherever it is, and nothing is inherited from it", () => {
	const hidden = (): JSONObject => JSON.parse(`{"a":{"b":{"__proto__":{"polluted":1}}}}`) as JSONObject;
	assert.equal(codeOf(() => applyPatch({}, hidden())), "argument");
	assert.equal(codeOf(() => compose({}, hidden())), "argument");
	// Desired is what the cloud says.
	assert.equal(codeOf(() => difference(hidden(), { a: 1 })), "malformed");
	assert.equal(codeOf(() => difference(hidden(), { a: { b: {} } })), "malformed");
	assert.equal(({} as JSONObject)["polluted"], undefined);
	assert.deepEqual(applyPatch({}, { constructor: { prototype: { polluted: 1 } } }), { constructor: { prototype: { polluted: 1 } } });
	assert.equal(({} as JSONObject)["polluted"], undefined);
});

test("documents may be deeper than a device's stack", () => {
	const deep = (depth: number, leaf: JSONValue): JSONObject => {
		let document: JSONObject = { leaf };
		for (let level = 0; level < depth; level++) document = { inner: document };
		return document;
	};
	const depth = 200;
	assert.ok(equal(difference(deep(depth, 3), deep(depth, 2)), deep(depth, 3)));
	assert.ok(isEmpty(difference(deep(depth, 2), deep(depth, 2))));
	// What is merged is ours: sixteen levels are taken, and what holds itself would have no end.
	assert.ok(equal(applyPatch(deep(15, 1), deep(15, 2)), deep(15, 2)));
	assert.equal(codeOf(() => applyPatch({}, deep(16, 1))), "argument");
});
