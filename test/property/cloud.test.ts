// SPDX-License-Identifier: Apache-2.0
/** A device whose cloud sends JSON of any shape: at most an error for each, and the next good document is taken. */
import assert from "node:assert/strict";
import type { JSONValue } from "../../src/shadow/document.js";
import { DeviceRig } from "../unit/device-rig.js";
import { utf8 } from "../unit/wire.js";
import { property, type Random } from "./random.js";
import { json, patch } from "./values.js";

const TOPICS = ["document", "delta", "accepted", "rejected", "get", ""];

/** Like a message of the cloud, with some members missing or strange. */
function message(random: Random): JSONValue {
	if (random.once(8)) return json(random, 2);
	const members: Record<string, () => JSONValue> = {
		token: () => random.pick<JSONValue>(["", "1", "2", "3", "4", "5", 2, null]),
		version: () => random.once(6) ? json(random, 1) : random.below(12),
		desired: () => random.once(6) ? json(random, 1) : patch(random),
		reported: () => random.once(6) ? json(random, 1) : patch(random),
		delta: () => random.once(6) ? json(random, 1) : patch(random),
		code: () => random.pick<JSONValue>([400, 409, 413, 500, "x", null]),
		message: () => json(random, 1),
	};
	return Object.fromEntries(Object.keys(members).filter(() => !random.once(8)).map((name) => [name, members[name]!()]));
}

/** As text, some of it broken. */
function payload(random: Random): string {
	const text = JSON.stringify(message(random));
	if (!random.once(5)) return utf8(text);
	const at = random.below(text.length + 1);
	return utf8(text.slice(0, at) + random.pick(["", "{", "\"", ",", "]", "\\", "0"]) + text.slice(at + random.below(3)));
}

property("whatever the cloud sends, each message is one error at most and the device goes on", 150, (random) => {
	const rig = DeviceRig.synced();
	for (let count = 0; count < 25; count++) {
		if (random.once(3)) {
			rig.call(() => rig.device.report(patch(random)));
			rig.host.advance(random.pick([0, 0, 100, 20_000]));
			rig.take();
			// The broker of this test answers no pings.
			rig.stream.deliver("d000");
		}
		rig.raw(`shadow/${random.pick(TOPICS)}`, payload(random));
		const errors = rig.take().filter((line) => line.startsWith("error"));
		assert.ok(errors.length <= 1 && errors.every((line) => /^error (malformed|rejected|too-large)$/.test(line)), errors.join());
		assert.ok(rig.device.connected);
		assert.ok(rig.host.timers <= 2);
	}
	rig.stream.deliver("f000");
	rig.accept();
	const token = /"token":"(\d+)"/.exec(rig.said().at(-1)!)![1]!;
	rig.take();
	rig.message("shadow/document", { token, version: 50, desired: { sentinel: 1 }, reported: {} });
	assert.deepEqual(rig.take(), [`delta 50 {"sentinel":1}`]);
});
