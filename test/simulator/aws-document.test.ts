// SPDX-License-Identifier: Apache-2.0
/** Shadow documents of the simulated AWS, by chance: what must hold whatever is written in whatever order. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Document, Patch } from "../../hosts/simulator/clouds/aws/document.js";
import { described, difference, updated } from "../../hosts/simulator/clouds/aws/document.js";
import type { JsonObject, JsonValue } from "../../hosts/simulator/services/json.js";
import { isObject } from "../../hosts/simulator/services/json.js";
import { Random } from "../../hosts/world/index.js";

const HISTORIES = 300;
const UPDATES = 20;
const NAMES = ["a", "b", "c", "__proto__", "timestamp"];
const NONE: Document = { version: 0, desired: undefined, reported: undefined };

/** A value with few names, so that updates meet. @param nulls whether it may delete */
function valueOf(random: Random, depth: number, nulls: boolean): JsonValue {
	const kind = random.between(0, nulls ? 6 : 5);
	if (kind === 6) return null;
	if (depth > 0 && kind < 3) return objectOf(random, depth - 1, nulls);
	if (depth > 0 && kind === 3) return Array.from({ length: random.between(0, 2) }, () => valueOf(random, depth - 1, false));
	return random.between(0, 2);
}

function objectOf(random: Random, depth: number, nulls: boolean): JsonObject {
	const object = Object.create(null) as JsonObject;
	for (const name of NAMES) if (random.between(0, 2) === 0) object[name] = valueOf(random, depth, nulls);
	return object;
}

function patchOf(random: Random): Patch {
	const section = (): JsonObject | null => random.between(0, 19) === 0 ? null : objectOf(random, 3, true);
	return { ...(random.between(0, 1) === 0 ? { desired: section() } : {}), ...(random.between(0, 1) === 0 ? { reported: section() } : {}) };
}

/** What metadata should look like, with a number for each time. */
function shapeOf(value: JsonValue): unknown {
	if (Array.isArray(value)) return value.map(shapeOf);
	return isObject(value) ? Object.fromEntries(Object.keys(value).map(name => [name, shapeOf(value[name]!)])) : { timestamp: "number" };
}

function shapeOfMetadata(metadata: JsonValue, state: JsonValue): unknown {
	if (Array.isArray(state)) return (metadata as JsonValue[]).map((each, index) => shapeOfMetadata(each, state[index]!));
	if (!isObject(state)) return { timestamp: typeof (metadata as JsonObject)["timestamp"] };
	return Object.fromEntries(Object.keys(metadata as JsonObject).map(name => [name, shapeOfMetadata((metadata as JsonObject)[name]!, state[name]!)]));
}

function hasNothingEmpty(value: JsonValue): boolean {
	if (!isObject(value)) return true;
	return Object.keys(value).length > 0 && Object.values(value).every(hasNothingEmpty);
}

suite("AWS shadow documents, by chance", () => {
	test("metadata have the shape of the state, nothing is null or empty, and what was there is not changed", () => {
		for (let seed = 0; seed < HISTORIES; seed++) {
			const random = new Random(`document-${seed}`);
			let document = NONE;
			for (let index = 1; index <= UPDATES; index++) {
				const before = JSON.stringify(described(document));
				const next = updated(document, patchOf(random), index, false);
				assert.equal(JSON.stringify(described(document)), before);
				assert.equal(next.version, index);
				for (const section of [next.desired, next.reported]) {
					if (!section) continue;
					assert.deepEqual(shapeOfMetadata(section.metadata, section.state), shapeOf(section.state), `seed ${seed}`);
					assert.ok(hasNothingEmpty(section.state) && !/:null/.test(JSON.stringify(section.state)), `seed ${seed}`);
				}
				document = next;
			}
		}
	});

	test("a device that reports the difference has none left, and its metadata are those of desired", () => {
		let differences = 0;
		for (let seed = 0; seed < HISTORIES; seed++) {
			const random = new Random(`difference-${seed}`);
			let document = NONE;
			for (let index = 1; index <= UPDATES; index++) {
				document = updated(document, patchOf(random), index, false);
				const delta = difference(document);
				if (!delta) continue;
				differences++;
				assert.deepEqual(shapeOfMetadata(delta.metadata, delta.state), shapeOf(delta.state), `seed ${seed}`);
				assert.equal(difference(updated(document, { reported: delta.state }, index, false)), undefined, `seed ${seed}`);
			}
		}
		assert.ok(differences > HISTORIES);
	});
});
