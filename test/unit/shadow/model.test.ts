// SPDX-License-Identifier: Apache-2.0
/** Models at run time: what is one, what fits one, and how its fields are found. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JSONObject, JSONValue } from "../../../src/bytes/value.js";
import {
	boolean, checkPatch, hasRule, isField, list, memberNames, model, number, prune, string, visitRules, type Model,
} from "../../../src/shadow/model.js";
import { codeOf } from "../failure.js";

const LAMP = model({
	on: boolean({ merge: "last" }), name: string(), level: number({ merge: "device" }), scenes: list<string>(),
	colour: { hue: number({ merge: "cloud" }), fine: { tint: number({ merge: "sum" }), plain: number() } },
});
const copy = <Value>(value: Value): Value => JSON.parse(JSON.stringify(value)) as Value;

test("a model is what it was given, frozen all through", () => {
	assert.deepEqual(LAMP.on, { kind: "boolean", merge: "last" });
	assert.deepEqual(LAMP.name, { kind: "string", merge: undefined });
	for (const part of [LAMP, LAMP.on, LAMP.colour, LAMP.colour.fine, LAMP.colour.fine.tint]) assert.ok(Object.isFrozen(part));
});

test("what is no model is refused when it is made", () => {
	for (const member of [undefined, null, 1, "number", true, [], [number()]]) {
		assert.equal(codeOf(() => model({ a: member } as unknown as Model)), "argument", String(member));
		assert.equal(codeOf(() => model({ a: { b: { c: member } } } as unknown as Model)), "argument", String(member));
	}
	assert.equal(codeOf(() => model({})), "nothing");
});

test("a group may have members with the names that fields have", () => {
	const odd = model({ kind: { kind: number({ merge: "device" }), merge: string(), value: boolean() } });
	assert.ok(!isField(odd.kind) && isField(odd.kind.kind));
	assert.deepEqual(memberNames(odd), ["kind", "merge", "value"]);
	checkPatch(odd, { kind: { kind: 1, merge: "x", value: true } });
});

test("memberNames names each member once, groups included", () => {
	assert.deepEqual(memberNames(LAMP).sort(), ["colour", "fine", "hue", "level", "name", "on", "plain", "scenes", "tint"]);
	assert.deepEqual(memberNames(model({ a: { a: number() }, b: { a: number() } })).sort(), ["a", "b"]);
	assert.deepEqual(memberNames({}), []);
});

test("hasRule looks into groups", () => {
	assert.ok(hasRule(LAMP, "last") && hasRule(LAMP, "sum") && hasRule(LAMP, "cloud"));
	assert.ok(!hasRule(LAMP, "maximum") && !hasRule({}, "last"));
});

/** Paths of the fields with rules, as they are visited. */
function paths(of: Model): string[] {
	const found: string[] = [];
	visitRules(of, { visit: (path, field) => void found.push(`${path.join(".")} ${field.merge}`) });
	return found;
}

/** All orders of some things. */
function orders<Item>(items: readonly Item[]): Item[][] {
	return items.length < 2 ? [[...items]]
		: items.flatMap((first, index) => orders(items.filter((_, at) => at !== index)).map((rest) => [first, ...rest]));
}

test("visitRules shows each field with a rule and its path, in whatever order the members are declared", () => {
	assert.deepEqual(paths(LAMP).sort(), ["colour.fine.tint sum", "colour.hue cloud", "level device", "on last"]);
	const field = number({ merge: "sum" });
	const deep = (names: readonly string[]): Model => Object.fromEntries(names.map((name): [string, Model[string]] => {
		switch (name) {
			case "group": return [name, { inner: { deepest: { n: field }, n: field }, other: { n: field }, n: field }];
			case "twin": return [name, { inner: { n: field }, plain: number() }];
			case "plain": return [name, number()];
			default: return [name, field];
		}
	}));
	const expected = ["field sum", "group.inner.deepest.n sum", "group.inner.n sum", "group.n sum", "group.other.n sum", "twin.inner.n sum"];
	for (const names of orders(["group", "field", "plain", "twin"])) {
		assert.deepEqual(paths(model(deep(names))).sort(), expected, names.join());
	}
	for (const order of orders(["inner", "n", "other"])) {
		const members: Record<string, Model[string]> = { inner: { n: field, deepest: { n: field } }, n: field, other: { n: field } };
		const group = Object.fromEntries(order.map((name) => [name, members[name]!]));
		assert.deepEqual(paths(model({ group, twin: { inner: { n: field } }, field })).sort(), expected, order.join());
	}
});

const PRUNED: readonly [name: string, document: JSONObject, keepNull: boolean, left: JSONObject, misfit: string | undefined][] = [
	["what fits", { on: true, colour: { hue: 1, fine: { tint: 2 } }, scenes: [1, null] }, false, { on: true, colour: { hue: 1, fine: { tint: 2 } }, scenes: [1, null] }, undefined],
	["what the model does not have", { x: 1, colour: { y: { z: 1 }, hue: 1 }, toString: 1 }, false, { colour: { hue: 1 } }, undefined],
	["another type", { on: 1, name: "a" }, false, { name: "a" }, "on"],
	["another type deep inside", { colour: { fine: { tint: "1", plain: 1 } } }, false, { colour: { fine: { plain: 1 } } }, "tint"],
	["a group for a field", { level: { a: 1 } }, false, {}, "level"],
	["a field for a group", { colour: 1 }, false, {}, "colour"],
	["a list for a group, and a group for a list", { colour: [], scenes: {} }, false, {}, "scenes"],
	["null of the cloud's", { on: null, colour: { hue: null } }, false, { colour: {} }, undefined],
	["null of the device's", { on: null, colour: { hue: null } }, true, { on: null, colour: { hue: null } }, undefined],
	["null of what the model does not have", { x: null }, true, {}, undefined],
];

test("prune takes out what the model does not have, or has with another type", () => {
	for (const [name, document, keepNull, left, misfit] of PRUNED) {
		const pruned = copy(document);
		assert.equal(prune(LAMP, pruned, keepNull), misfit, name);
		assert.deepEqual(pruned, left, name);
	}
	const any = { a: { b: [{ c: null }], d: null }, e: 1 };
	assert.equal(prune(undefined, any, false), undefined);
	assert.deepEqual(any, { a: { b: [{ c: null }] }, e: 1 });
});

test("prune refuses __proto__ at any depth, with a model and without", () => {
	for (const of of [LAMP, undefined]) {
		for (const text of [`{"__proto__":1}`, `{"colour":{"fine":{"__proto__":{}}}}`]) {
			assert.equal(codeOf(() => prune(of, JSON.parse(text) as JSONObject, true)), "malformed", text);
		}
	}
});

test("checkPatch takes what fits, and null for any member", () => {
	const good: JSONObject[] = [
		{}, { on: true, name: "", level: 0.5, scenes: [] }, { on: null, colour: null }, { colour: { hue: null, fine: { tint: -1 } } }, { colour: {} },
	];
	const bad: JSONValue[] = [
		{ x: 1 }, { x: null }, { on: 1 }, { on: "true" }, { level: "1" }, { scenes: {} }, { colour: 1 }, { colour: [] }, { colour: { x: 1 } },
		{ colour: { fine: { tint: true } } }, { toString: 1 }, { constructor: null },
	];
	for (const patch of good) checkPatch(LAMP, patch);
	for (const patch of bad) assert.equal(codeOf(() => checkPatch(LAMP, patch as JSONObject)), "argument", JSON.stringify(patch));
});
