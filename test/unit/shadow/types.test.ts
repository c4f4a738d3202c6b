// SPDX-License-Identifier: Apache-2.0
/** What the compiler says of models, documents and patches: each line marked so would be an error without its mark, too. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JSONObject } from "../../../src/bytes/value.js";
import { boolean, list, model, number, string, type Document, type Patch } from "../../../src/shadow/model.js";

const lamp = model({
	on: boolean({ merge: "last" }), name: string({ merge: "cloud" }), starts: number({ merge: "sum" }), scenes: list<string>({ merge: "device" }),
	colour: { hue: number({ merge: "maximum" }), saturation: number() },
});
type Lamp = typeof lamp;

test("documents and patches have the model's fields with their types", () => {
	const document: Document<Lamp> = { on: true, colour: { hue: 1 }, scenes: ["a"] };
	const patch: Patch<Lamp> = { on: null, colour: { hue: null, saturation: 2 }, scenes: null };
	const whole: Patch<Lamp> = { colour: null };
	document.on = false;
	const on: boolean | undefined = document.on;
	const hue: number | undefined = document.colour?.hue;
	assert.deepEqual([document, patch, whole, on, hue], [
		{ on: false, colour: { hue: 1 }, scenes: ["a"] }, { on: null, colour: { hue: null, saturation: 2 }, scenes: null }, { colour: null }, false, 1,
	]);
});

test("without a model any document goes", () => {
	const document: Document<undefined> = { a: { b: [1, null, "x"] } };
	const patch: Patch<undefined> = { a: null };
	const plain: JSONObject = document;
	assert.ok(plain === document && patch["a"] === null);
});

test("the compiler refuses what is no field, of another type, or under a rule that makes no sense", () => {
	// @ts-expect-error no such field
	const unknown: Document<Lamp> = { off: true };
	// @ts-expect-error another type
	const text: Document<Lamp> = { on: "true" };
	// @ts-expect-error another type in a group
	const inner: Document<Lamp> = { colour: { hue: "red" } };
	// @ts-expect-error no such field in a group
	const deep: Patch<Lamp> = { colour: { tint: 1 } };
	// @ts-expect-error a field in place of a group
	const group: Patch<Lamp> = { colour: 1 };
	// @ts-expect-error other items
	const items: Document<Lamp> = { scenes: [1] };
	// @ts-expect-error a document holds no null
	const gone: Document<Lamp> = { on: null };
	// @ts-expect-error texts are not added up
	const sum = string({ merge: "sum" });
	// @ts-expect-error there is no largest of two truths
	const largest = boolean({ merge: "maximum" });
	// @ts-expect-error lists are not added up
	const total = list<number>({ merge: "sum" });
	// @ts-expect-error no such rule
	const rule = number({ merge: "first" });
	// @ts-expect-error neither a field nor a group
	const made = (): unknown => model({ a: 1 });
	// @ts-expect-error a document is no place to read what it does not have
	const read: unknown = ({} as Document<Lamp>).off;
	assert.ok([unknown, text, inner, deep, group, items, gone, sum, largest, total, rule, made].every(Boolean) && read === undefined);
});
