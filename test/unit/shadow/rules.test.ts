// SPDX-License-Identifier: Apache-2.0
/** One conflict under each rule, whoever came first and whatever was lost on the way: who has his way. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JSONObject, JSONValue } from "../../../src/bytes/value.js";
import { model, number, type Rule } from "../../../src/shadow/model.js";
import { Pair } from "./pair.js";

type Loss = "nothing" | "request" | "answer" | "connection" | "power before" | "power after";
const LOSSES: readonly Loss[] = ["nothing", "request", "answer", "connection", "power before", "power after"];
const RULES: readonly Rule[] = ["device", "cloud", "maximum", "sum", "last"];

/** What both held, and what each made of it; `undefined` where it was not, and null where it is deleted. */
interface Conflict { base: number | undefined; device: number | null; cloud: number; deviceLater: boolean }

function oracle(rule: Rule, { base, device, cloud, deviceLater }: Conflict): number | null {
	switch (rule) {
		case "device": return device;
		case "cloud": return cloud;
		case "maximum": return device === null ? cloud : Math.max(device, cloud);
		case "sum": return (device ?? 0) + cloud - (base ?? 0);
		// What was never agreed on is no change of the device's.
		case "last": return deviceLater && base !== undefined ? device : cloud;
	}
}

/** Plays a conflict that arose while the device was offline. */
function play(rule: Rule, conflict: Conflict, loss: Loss, wrap: (value: JSONValue) => JSONObject): Pair {
	const field = number({ merge: rule });
	const pair = new Pair({ model: model({ n: field, group: { n: field } }) });
	pair.connect();
	// Something, for there to be a document.
	if (conflict.base === undefined) pair.desire({ other: 1 });
	else pair.desire(wrap(conflict.base));
	pair.disconnect();
	const second = 1_000;
	const device = (): void => {
		pair.report(wrap(conflict.device));
	};
	const cloud = (): void => void pair.desire(wrap(conflict.cloud));
	for (const step of conflict.deviceLater ? [cloud, device] : [device, cloud]) {
		pair.wall! += 2 * second;
		pair.seconds += 2;
		step();
	}
	if (loss === "power before") pair.boot();
	pair.losesRequests = loss === "request";
	if (loss === "answer" || loss === "connection" || loss === "power after") {
		pair.connect();
		pair.disconnect();
		// Made again, with an answer to the document alone.
		pair.losesAnswers = true;
		pair.connect();
	} else {
		pair.connect();
	}
	if (loss === "request") pair.wait();
	pair.losesRequests = pair.losesAnswers = false;
	if (loss === "answer" || loss === "request") pair.wait(100_000);
	if (loss === "connection") {
		pair.disconnect();
		pair.connect();
	}
	if (loss === "power after") {
		pair.boot();
		pair.connect();
	}
	return pair.wait(100_000);
}

const CONFLICTS: readonly Conflict[] = [5, undefined].flatMap((base) => [7, 3, null].flatMap((device) =>
	[6, 4, 9].flatMap((cloud) => [true, false].map((deviceLater) => ({ base, device, cloud, deviceLater })))));

for (const rule of RULES) {
	test(`${rule}: whoever comes first and whatever is lost, both end with what the rule says`, () => {
		for (const conflict of CONFLICTS) {
			// What was never there cannot be deleted.
			if (conflict.base === undefined && conflict.device === null) continue;
			for (const loss of LOSSES) {
				for (const wrap of [(value: JSONValue) => ({ n: value }), (value: JSONValue) => ({ group: { n: value } })]) {
					const pair = play(rule, conflict, loss, wrap);
					const { desired, reported } = pair.cloud;
					const outcome = oracle(rule, conflict);
					const name = JSON.stringify([conflict, loss, wrap(0)]);
					const of = (document: JSONObject) => (Object.hasOwn(document, "group") ? document["group"] as JSONObject : document)["n"] ?? null;
					assert.deepEqual([of(pair.shadow.reported), of(reported), of(desired)], [outcome, outcome, outcome], name);
					assert.ok(pair.shadow.inSync, name);
				}
			}
		}
	});
}
