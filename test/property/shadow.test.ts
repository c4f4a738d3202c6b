// SPDX-License-Identifier: Apache-2.0
/** Laws of merges, and a shadow that is given whatever JSON there is. */
import assert from "node:assert/strict";
import type { JSONObject, JSONValue } from "../../src/bytes/value.js";
import { applyPatch, complete, covers, difference, isEmpty } from "../../src/shadow/document.js";
import { merge, settleSums, type Sides } from "../../src/shadow/merge.js";
import { model, number, type Model, type Rule } from "../../src/shadow/model.js";
import { Shadow, type ShadowPort } from "../../src/shadow/shadow.js";
import { property, type Random } from "./random.js";
import { json, object, patch } from "./values.js";
import { Refusal } from "../../src/base/service.js";

const COUNT = 500;
const RULES: readonly Rule[] = ["device", "cloud", "maximum", "sum", "last"];
const NAMES = ["a", "b", "c", "d"];
const copy = <Value>(value: Value): Value => JSON.parse(JSON.stringify(value)) as Value;

function fields(random: Random): Model {
	const some = (): Model => Object.fromEntries(NAMES.map((name) => [name, number({ merge: random.once(4) ? undefined : random.pick(RULES) })]));
	return model({ ...some(), group: some() });
}

/** A document of such a model, with null here and there if it is the device's. */
function numbers(random: Random, deletes: boolean): JSONObject {
	const some = (): [string, JSONValue][] => NAMES.filter(() => !random.once(3))
		.map((name) => [name, deletes && random.once(5) ? null : random.below(9)]);
	const group = Object.fromEntries(some());
	return Object.fromEntries<JSONValue>([...some(), ...(Object.keys(group).length > 0 ? [["group", group] as [string, JSONValue]] : [])]);
}

property("once both sides did what the merge says, it says nothing", COUNT, (random) => {
	const of = fields(random);
	const [reported, desired, local] = [numbers(random, false), numbers(random, false), numbers(random, true)];
	// As each document that comes sees to.
	complete(local, copy(reported));
	const changedAt = numbers(random, false);
	const sides: Sides = { local, reported, desired, changedAt, desiredAt: {}, counted: {} };
	const before = JSON.stringify(sides);
	// One step for each side, and one more for sums that cancel each other.
	for (let step = 0; step < 3; step++) {
		const merged = merge(of, sides);
		if (step === 0) {
			assert.equal(JSON.stringify(sides), before, "nothing of it is changed");
			assert.deepEqual(copy(merge(of, sides).outstanding), copy(merged.outstanding), "the same again");
		}
		applyPatch(local, merged.outstanding);
		applyPatch(sides.counted, merged.counted);
		const again = merge(of, sides);
		assert.deepEqual([again.outstanding, again.sums], [{}, {}], "taken over once");
		applyPatch(desired, again.desired);
		applyPatch(reported, difference(local, reported));
		applyPatch(reported, again.reported);
		settleSums(of, sides.counted, reported);
	}
	const { outstanding, desired: wish, sums, blind } = merge(of, sides);
	assert.deepEqual([outstanding, wish, sums], [{}, {}, {}], before);
	assert.ok(!blind && isEmpty(difference(desired, reported)), before);
});

property("a document completed has all members of both, its own unchanged, and no more the second time", COUNT, (random) => {
	const [target, source] = [patch(random), object(random)];
	const before = copy(target);
	complete(target, source);
	assert.ok(covers(target, before));
	assert.ok(!complete(target, copy(source)));
	for (const name of Object.keys(source)) assert.ok(Object.hasOwn(target, name));
});

property("a patch covers each document that it was made of, and none that has a member more", COUNT, (random) => {
	const document = object(random);
	assert.ok(covers(document, document) && covers(document, {}));
	assert.ok(!covers(document, { ...document, "a member more": 1 }));
});

/** Anything that JSON can say; mostly what a shadow expects there. */
function anything(random: Random, expected: () => unknown): unknown {
	if (!random.once(6)) return expected();
	if (random.once(4)) return JSON.parse(random.pick([`{"__proto__":{"x":1}}`, `{"a":{"__proto__":null}}`, `{"a":[{"__proto__":1}]}`]));
	return random.pick<unknown>([undefined, Number.NaN, -1, 1.5, 2 ** 53, json(random, 3)]);
}

property("whatever a shadow is given: refused with its own error or taken, expire never throws, nothing is due for ever", 2_000, (random) => {
	let token = 0;
	const port: ShadowPort = { get: () => ++token > 0, update: () => ++token > 0 };
	const of = random.once(2) ? undefined : fields(random);
	const shadow = new Shadow({ onDelta: (delta) => assert.ok(!isEmpty(delta)) }, { model: of });
	const section = (): unknown => random.once(2) ? numbers(random, true) : patch(random);
	let now = 1;
	for (let step = 0; step < 30; step++) {
		const answer = String(token);
		const version = anything(random, () => Math.max(0, shadow.version + random.below(4) - 1));
		try {
			switch (random.below(8)) {
				case 0: shadow.connected(port); break;
				case 1: shadow.disconnected(); break;
				case 2: shadow.delta(version, anything(random, section), anything(random, section)); break;
				case 3: shadow.accepted(answer, version); break;
				case 4: shadow.rejected(answer, random.pick([Refusal.STALE, Refusal.GONE, Refusal.BUSY, Refusal.REFUSED]), 400, "no", now); break;
				case 5: shadow.report(anything(random, section) as JSONObject, random.once(2) ? undefined : now); break;
				default: shadow.document(answer, version, anything(random, section), anything(random, section), anything(random, section));
			}
		} catch (error) {
			assert.equal((error as Error).name, "DeviceError", (error as Error).stack);
		}
		now += random.pick([0, 1_000, 400_000]);
		for (let count = 0; shadow.deadline <= now; count++) {
			assert.ok(count < 30, "due for ever");
			shadow.expire(now);
		}
	}
	assert.equal(({} as JSONObject)["x"], undefined);
});
