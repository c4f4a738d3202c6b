// SPDX-License-Identifier: Apache-2.0
/** The three-way merge: each rule, whoever changed what, deleted it or never had it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JSONObject, JSONValue } from "../../../src/bytes/value.js";
import { merge, noteChanges, settleSums, type Merged, type Sides } from "../../../src/shadow/merge.js";
import { list, model, number, string, type Rule } from "../../../src/shadow/model.js";

const NONE: Sides = { local: {}, reported: {}, desired: {}, changedAt: {}, desiredAt: {}, counted: {} };

interface Three { base?: number; device?: number | null; cloud?: number }

/** One field: what is told, what is desired, and whether the report names its version. */
function one(rule: Rule | undefined, { base, device, cloud }: Three, more: Partial<Sides> = {}): Merged {
	const document = (value: number | null | undefined): JSONObject => value === undefined ? {} : { n: value };
	return merge(model({ n: number({ merge: rule }) }), {
		...NONE, reported: document(base), local: document(device), desired: document(cloud), changedAt: { n: 9_999 }, ...more,
	});
}

const NOTHING: JSONObject = {};
/** What the device is told, and what is desired of the cloud. */
const CASES: readonly [name: string, three: Three, rules: readonly Rule[], outstanding: JSONObject, desired: JSONObject][] = [
	["nobody changed it", { base: 5, device: 5, cloud: 5 }, ["device", "cloud", "maximum", "last", "sum"], NOTHING, NOTHING],
	["the cloud changed it", { base: 5, device: 5, cloud: 4 }, ["device", "cloud", "maximum", "last", "sum"], { n: 4 }, NOTHING],
	["the device changed it", { base: 5, device: 4, cloud: 5 }, ["device", "cloud", "maximum", "last", "sum"], NOTHING, { n: 4 }],
	["both made the same of it", { base: 5, device: 6, cloud: 6 }, ["device", "cloud", "maximum", "last"], NOTHING, NOTHING],
	["both raised it", { base: 5, device: 6, cloud: 7 }, ["device"], NOTHING, { n: 6 }],
	["both raised it", { base: 5, device: 6, cloud: 7 }, ["cloud", "maximum"], { n: 7 }, NOTHING],
	["both raised it", { base: 5, device: 6, cloud: 7 }, ["sum"], { n: 8 }, { n: 8 }],
	["the device raised it more", { base: 5, device: 8, cloud: 7 }, ["device", "maximum"], NOTHING, { n: 8 }],
	["both lowered it", { base: 5, device: 4, cloud: 3 }, ["maximum"], NOTHING, { n: 4 }],
	["the device deleted it", { base: 5, device: null, cloud: 5 }, ["device", "cloud", "maximum", "last"], NOTHING, { n: null }],
	["the device deleted it, the cloud changed it", { base: 5, device: null, cloud: 6 }, ["device"], NOTHING, { n: null }],
	["the device deleted it, the cloud changed it", { base: 5, device: null, cloud: 6 }, ["cloud", "maximum", "last"], { n: 6 }, NOTHING],
	["the device deleted it: of a counter, all that it had", { base: 5, device: null, cloud: 6 }, ["sum"], { n: 1 }, { n: 1 }],
	["the cloud deleted it", { base: 5, device: 5 }, ["device", "cloud", "maximum", "last", "sum"], NOTHING, NOTHING],
	["the cloud deleted it, the device changed it", { base: 5, device: 6 }, ["device", "cloud", "maximum", "last", "sum"], NOTHING, NOTHING],
	["only the cloud ever had it", { cloud: 5 }, ["device", "cloud", "maximum", "last", "sum"], { n: 5 }, NOTHING],
	["both began it", { device: 4, cloud: 5 }, ["device"], NOTHING, { n: 4 }],
	["both began it", { device: 4, cloud: 5 }, ["cloud", "maximum"], { n: 5 }, NOTHING],
	["both began it", { device: 4, cloud: 5 }, ["sum"], { n: 9 }, { n: 9 }],
	["the device never had it, and it was reported before", { base: 5, cloud: 5 }, ["device", "cloud", "maximum", "last"], { n: 5 }, NOTHING],
	["the two cancel each other: one after the other", { base: 5, device: 6, cloud: 4 }, ["sum"], { n: 5 }, NOTHING],
];

test("each rule makes of each change of either side what it says", () => {
	for (const [name, three, rules, outstanding, desired] of CASES) {
		for (const rule of rules) {
			const merged = one(rule, three);
			assert.deepEqual([merged.outstanding, merged.desired], [outstanding, desired], `${rule}: ${name}`);
		}
	}
});

test("a field without a rule is the cloud's, and nothing is desired for it", () => {
	for (const device of [undefined, null, 4, 5, 6]) {
		const merged = one(undefined, { base: 4, ...(device !== undefined && { device }), cloud: 5 });
		assert.deepEqual([merged.outstanding, merged.desired, merged.fenced], [device === 5 ? {} : { n: 5 }, {}, false]);
	}
	assert.deepEqual(merge(undefined, { ...NONE, desired: { a: 1, b: { c: 2 } }, local: { a: 1, b: { c: 3 } } }).outstanding, { b: { c: 2 } });
});

test("last: the later change by the wall clocks, and the cloud's within a second or where a time is missing", () => {
	const both = { base: 5, device: 6, cloud: 7 };
	const cases: readonly [here: number | undefined, there: JSONValue | undefined, device: boolean][] = [
		[8_000, { timestamp: 7 }, true], [7_999, { timestamp: 7 }, false], [7_000, { timestamp: 7 }, false], [6_999, { timestamp: 7 }, false],
		[0, { timestamp: 7 }, false], [8_000, undefined, false], [8_000, { timestamp: "7" }, false], [8_000, [], false],
		[8_000, [{ timestamp: 3 }, [{ timestamp: 7 }]], true], [8_000, [{ timestamp: 3 }, [{ timestamp: 9 }]], false],
	];
	for (const [here, there, device] of cases) {
		const { outstanding } = one("last", both, {
			changedAt: here === undefined ? {} : { n: here }, desiredAt: there === undefined ? {} : { n: there },
		});
		assert.deepEqual(outstanding, device ? {} : { n: 7 }, JSON.stringify([here, there]));
	}
});

test("who follows an earlier wish has changed nothing: a later wish is no conflict", () => {
	for (const rule of ["device", "cloud", "maximum", "last"] as const) {
		const { outstanding, desired } = one(rule, { base: 4, device: 9, cloud: 7 }, { changedAt: {} });
		assert.deepEqual([outstanding, desired], [{ n: 7 }, {}], rule);
	}
});

test("what is reported of a field with a rule names its version, whether it is desired or not", () => {
	for (const rule of ["device", "cloud", "maximum", "last", "sum"] as const) {
		assert.ok(one(rule, { base: 5, device: 6 }).fenced && one(rule, { device: 6 }).fenced && one(rule, { base: 5, device: null, cloud: 5 }).fenced);
		assert.ok(!one(rule, { base: 5, device: 5, cloud: 5 }).fenced && !one(rule, { device: null }).fenced);
	}
});

test("sum: the cloud's part is taken once, until what is reported shows that it has the outcome", () => {
	const first = one("sum", { base: 5, device: 7, cloud: 6 });
	assert.deepEqual([first.sums, first.counted, first.desired], [{ n: 8 }, { n: [6, 5] }, { n: 8 }]);
	const again = one("sum", { base: 5, device: 8, cloud: 6 }, { counted: first.counted });
	assert.deepEqual([again.sums, again.counted, again.desired], [{}, {}, { n: 8 }]);
	const more = one("sum", { base: 5, device: 10, cloud: 9 }, { counted: first.counted });
	assert.deepEqual([more.sums, more.counted, more.desired], [{ n: 13 }, { n: [9, 5] }, { n: 13 }]);
	const begun = one("sum", { device: 2, cloud: 3 });
	assert.deepEqual([begun.sums, begun.counted], [{ n: 5 }, { n: [3, null] }]);
});

test("sum: changes that cancel each other are told one after the other, or the outcome would not show", () => {
	const cancelled = one("sum", { base: 5, device: 6, cloud: 4 });
	assert.deepEqual([cancelled.sums, cancelled.reported, cancelled.desired, cancelled.fenced], [{ n: 5 }, { n: 4 }, {}, true]);
	const settled = one("sum", { base: 4, device: 5, cloud: 4 });
	assert.deepEqual([settled.sums, settled.reported, settled.desired], [{}, {}, { n: 5 }]);
});

test("settleSums forgets each sum of which the reported value has changed", () => {
	const sums = model({ n: number({ merge: "sum" }), group: { n: number({ merge: "sum" }) }, other: number() });
	const cases: readonly [counted: JSONObject, reported: JSONObject, left: JSONObject][] = [
		[{ n: [6, 5] }, { n: 5 }, { n: [6, 5] }],
		[{ n: [6, 5] }, { n: 8 }, {}],
		[{ n: [6, 5] }, {}, {}],
		[{ n: [6, null] }, {}, { n: [6, null] }],
		[{ n: [6, null] }, { n: 6 }, {}],
		[{ n: [1, 2], group: { n: [3, 4] } }, { n: 2, group: { n: 5 } }, { n: [1, 2] }],
		[{ group: { n: [3, 4] } }, { group: { n: 5 } }, {}],
	];
	for (const [counted, reported, left] of cases) {
		const before = JSON.stringify(counted);
		assert.equal(settleSums(sums, counted, reported), before !== JSON.stringify(left), before);
		assert.deepEqual(counted, left, before);
	}
	assert.ok(!settleSums(undefined, {}, {}));
});

test("noteChanges notes when the device changed a field that has a rule, and forgets it where it follows", () => {
	const fields = model({ a: string({ merge: "last" }), b: string(), g: { c: list({ merge: "device" }), n: number({ merge: "sum" }) } });
	const cases: readonly [name: string, local: JSONObject, desired: JSONObject, patch: JSONObject, wall: number | undefined, changedAt: JSONObject][] = [
		["a change", { a: "x" }, {}, { a: "y" }, 7, { a: 7 }],
		["the same again", { a: "x" }, {}, { a: "x" }, 7, {}],
		["no clock", {}, {}, { a: "y" }, undefined, { a: 0 }],
		["no rule", {}, {}, { b: "y" }, 7, {}],
		["a counter", {}, {}, { g: { n: 1 } }, 7, {}],
		["in a group", { g: { c: [1] } }, {}, { g: { c: [2] } }, 7, { g: { c: 7 } }],
		["the same list", { g: { c: [1] } }, {}, { g: { c: [1] } }, 7, {}],
		["deleted", { a: "x" }, {}, { a: null }, 7, { a: 7 }],
		["its group deleted", { g: { c: [1] } }, {}, { g: null }, 7, { g: { c: 7 } }],
		["what is desired", { a: "x" }, { a: "y" }, { a: "y" }, 7, {}],
	];
	for (const [name, local, desired, patch, wall, expected] of cases) {
		const changedAt: JSONObject = {};
		noteChanges(fields, changedAt, local, desired, patch, wall);
		assert.deepEqual(changedAt, expected, name);
	}
	const changedAt = { a: 3 };
	noteChanges(fields, changedAt, { a: "x" }, { a: "z" }, { a: "z" }, 7);
	assert.deepEqual(changedAt, {});
	noteChanges(undefined, changedAt, {}, {}, { a: "z" }, 7);
	assert.deepEqual(changedAt, {});
});

test("a group that the device deleted counts as deleted, with all that is in it", () => {
	const fields = model({ g: { a: number({ merge: "device" }), b: number({ merge: "cloud" }) } });
	const { outstanding, desired } = merge(fields, {
		...NONE, local: { g: null }, reported: { g: { a: 1, b: 1 } }, desired: { g: { a: 2, b: 2 } }, changedAt: { g: { a: 5, b: 5 } },
	});
	assert.deepEqual([outstanding, desired], [{ g: { b: 2 } }, { g: { a: null } }]);
});
