// SPDX-License-Identifier: Apache-2.0
/** Collector: whole messages out of fragments, each refused or passed on once. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Collector } from "../../../src/mqtt/collector.js";
import { MQTTEvent } from "../../../src/mqtt/event.js";
import { fromHex, toHex } from "../hex.js";

const MAXIMUM = 8;

class Rig {
	readonly lines: string[] = [];
	/** Where the last message lay. */
	bytes: Uint8Array | undefined;
	readonly collector = new Collector(MAXIMUM, {
		onWhole: (topic, bytes, start, end) => {
			this.bytes = bytes;
			this.lines.push(`${topic} ${toHex(bytes, start, end)}`);
		},
		onRefused: ({ code }) => this.lines.push(code),
	});

	/** A fragment that stands between other bytes. */
	take(offset: number, total: number, hex: string): Uint8Array {
		const event = new MQTTEvent();
		event.topic = "t";
		event.bytes = fromHex(`ffff${hex}ff`);
		event.start = 2;
		event.end = event.bytes.length - 1;
		event.offset = offset;
		event.total = total;
		this.collector.take(event);
		return event.bytes;
	}
}

test("Collector passes on a whole message where it lies", () => {
	const rig = new Rig();
	const bytes = rig.take(0, 3, "010203");
	assert.deepEqual(rig.lines, ["t 010203"]);
	assert.equal(rig.bytes, bytes);
	rig.take(0, 0, "");
	assert.deepEqual(rig.lines, ["t 010203", "t "]);
});

test("Collector puts fragments together, up to the largest message", () => {
	const rig = new Rig();
	rig.take(0, MAXIMUM, "0102");
	rig.take(2, MAXIMUM, "030405");
	assert.deepEqual(rig.lines, []);
	rig.take(5, MAXIMUM, "060708");
	assert.deepEqual(rig.lines, ["t 0102030405060708"]);
});

test("Collector refuses a message that is too large once, and passes over the rest of it", () => {
	const rig = new Rig();
	rig.take(0, MAXIMUM + 1, "0102");
	rig.take(2, MAXIMUM + 1, "03040506070809");
	assert.deepEqual(rig.lines, ["too-large"]);
	rig.take(0, 1, "01");
	assert.deepEqual(rig.lines, ["too-large", "t 01"]);
});

test("Collector forgets half a message when it is told to, or when another begins", () => {
	const rig = new Rig();
	rig.take(0, 4, "0102");
	rig.collector.reset();
	rig.take(2, 4, "0304");
	assert.deepEqual(rig.lines, []);
	rig.take(0, 4, "0102");
	rig.take(0, 4, "0506");
	rig.take(2, 4, "0708");
	assert.deepEqual(rig.lines, ["t 05060708"]);
});
