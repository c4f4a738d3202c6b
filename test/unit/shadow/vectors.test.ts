// SPDX-License-Identifier: Apache-2.0
/** The shadow against cases of others: what a service's documents say, and three-way merges of another one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JSONObject, JSONValue } from "../../../src/bytes/value.js";
import { applyPatch, difference, isEmpty } from "../../../src/shadow/document.js";
import { merge } from "../../../src/shadow/merge.js";
import { boolean, model, number, string, type Rule } from "../../../src/shadow/model.js";
import { Shadow, type ShadowPort } from "../../../src/shadow/shadow.js";
import aws from "../../vectors/shadow-aws.json" with { type: "json" };
import others from "../../vectors/shadow-merge.json" with { type: "json" };
import { Refusal } from "../../../src/base/service.js";

const copy = <Value>(value: Value): Value => JSON.parse(JSON.stringify(value)) as Value;
/** Whatever follows at once. */
const RETRY = 1_000;

test("what differs is what AWS says, of documents and of shadows", () => {
	for (const { name, desired, reported, delta } of aws.delta) {
		const found = difference((desired ?? {}) as JSONObject, (reported ?? {}) as JSONObject);
		assert.deepEqual(isEmpty(found) ? null : found, delta, name);
		const told: JSONObject[] = [];
		const shadow = new Shadow({ onDelta: (news) => told.push(copy(news)) });
		shadow.connected({ get: () => true, update: () => true });
		shadow.expire(1);
		shadow.document("1", 7, copy(desired) ?? undefined, copy(reported) ?? undefined);
		while (shadow.deadline === 0) shadow.expire(1);
		assert.deepEqual(told, delta === null ? [] : [delta], name);
	}
	assert.equal(aws.delta.length, 9);
});

type Step = readonly [input: readonly JSONValue[], output: readonly JSONValue[][]];

/** Plays one exchange against a shadow alone. */
function exchange(rule: Rule | undefined, steps: readonly Step[], name: string): void {
	let now = 1;
	let token = 0;
	let said: JSONValue[][] = [];
	const port: ShadowPort = {
		get: () => {
			token++;
			said.push(["get"]);
			return true;
		},
		update: (_, { reported, desired, version }) => {
			token++;
			said.push(copy(["update", reported ?? null, desired ?? null, version ?? null]));
			return true;
		},
	};
	const shadow = new Shadow({
		onDelta: (delta, version) => void said.push(["delta", version, copy(delta)]),
		onSync: (version) => void said.push(["sync", version]),
	}, rule === undefined ? {} : { model: model({ n: number({ merge: rule }) }) });
	steps.forEach(([[input, first, second, third], expected], index) => {
		const answer = String(token);
		switch (input) {
			case "connected": shadow.connected(port); break;
			case "document": shadow.document(answer, first, copy(second) ?? undefined, copy(third) ?? undefined); break;
			case "missing": shadow.rejected(answer, Refusal.GONE, 404, "none", now); break;
			case "delta": shadow.delta(first, copy(second)); break;
			case "report": shadow.report(first as JSONObject); break;
			case "accepted": shadow.accepted(answer, first); break;
			case "conflict": shadow.rejected(answer, Refusal.STALE, 409, "version", now); break;
			case "deleted": shadow.deleted(); break;
			case "disconnected": shadow.disconnected(); break;
			default: assert.fail(String(input));
		}
		if (input === "conflict") now += RETRY;
		for (let count = 0; shadow.deadline <= now; count++) {
			assert.ok(count < 20, "due for ever");
			shadow.expire(now);
		}
		assert.deepEqual(said, expected, `${name}, step ${index + 1}`);
		said = [];
	});
}

for (const { name, rule, steps } of aws.exchanges as unknown as { name: string; rule?: Rule; steps: Step[] }[]) {
	test(`AWS: ${name}`, () => exchange(rule, steps, name));
}

/** What another service merges as documents, with fields of one owner. */
const BAND = (rule: Rule) => model({
	name: string({ merge: rule as "device" }), temperature: number({ merge: rule }), OldField: boolean({ merge: rule as "device" }),
	NewField: number({ merge: rule }), SomeOtherThingNew: number({ merge: rule }),
});
const RULES: Record<string, readonly Rule[]> = { local: ["device"], cloud: ["cloud"], either: ["device", "cloud", "last"] };

test("three-way merges are another service's, but for what is not desired, which is the device's alone", () => {
	let count = 0;
	for (const { base, local, cloud, owner, merged } of others.threeWay as { base: JSONObject; local: JSONObject | null; cloud: JSONObject | null; owner: string; merged: JSONObject | null }[]) {
		// That service merges documents that were deleted; ours are empty then, and a deletion is told (`deleted`).
		if (local === null || cloud === null || merged === null) continue;
		for (const rule of RULES[owner]!) {
			// What the device no longer has, it deleted.
			const device: JSONObject = { ...local, ...Object.fromEntries(Object.keys(base).filter((name) => !Object.hasOwn(local, name)).map((name) => [name, null])) };
			const changedAt = Object.fromEntries(Object.keys(device).map((name) => [name, 1]));
			const result = merge(BAND(rule), { local: device, reported: base, desired: cloud, changedAt, desiredAt: {}, counted: {} });
			const expected = applyPatch({}, merged);
			assert.deepEqual(applyPatch(applyPatch({}, device), result.outstanding), expected, `${owner} ${rule}: the device`);
			delete expected["NewField"];
			assert.deepEqual(applyPatch(copy(cloud), result.desired), expected, `${owner} ${rule}: desired`);
			count++;
		}
	}
	assert.equal(count, 5);
});

test("where RFC 7396 and another service differ, applyPatch is RFC 7396's: objects that became empty stay", () => {
	const [first] = others.shadowMerge as { original: JSONObject; patch: JSONObject; result: JSONObject }[];
	const { original, patch, result } = first!;
	assert.deepEqual(applyPatch(copy(original), patch), { ...result, NewNullParent: { NewNullChild2: {} } });
	// And nothing depends on it: what is empty is as good as none.
	assert.ok(isEmpty(difference(applyPatch(copy(original), patch), result)));
});

test("the deltas of a service's updates are found through the shadow, too", () => {
	for (const { name, reportedBefore, update, version: [before], delta } of others.deltaSequences) {
		const { desired, reported } = update as { desired?: JSONObject; reported?: JSONObject };
		if (reported !== undefined) continue;
		const steps: Step[] = [
			[["connected"], [["get"]]],
			[["document", before!, null, reportedBefore as JSONObject], [["sync", before!]]],
			delta === null ? [["disconnected"], []] : [["delta", before! + 1, delta as JSONObject], [["delta", before! + 1, delta as JSONObject]]],
		];
		exchange(undefined, steps, name);
		assert.ok(desired !== undefined);
	}
});
