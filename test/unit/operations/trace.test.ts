// SPDX-License-Identifier: Apache-2.0
/** The trace of messages: the last ones that fit, uploaded whole and in order, and never what is secret. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { CBORObject, CBORValue } from "../../../src/cbor/value.js";
import { decodeCBOR } from "../../../src/cbor/decode.js";
import { Vocabulary } from "../../../src/bytes/vocabulary.js";
import { DeviceError } from "../../../src/base/error.js";
import { REPORT_LENGTH } from "../../../src/operations/report.js";
import { CONTENT_MAXIMUM, MessageTrace, type MessageTraceOptions } from "../../../src/operations/trace.js";
import { FakeHost } from "../fake-host.js";
import { fromHex, toHex } from "../hex.js";
import { text } from "../text.js";
import { utf8 } from "../wire.js";

const BOOT = 7;

interface Uploaded {
	boot: number;
	lost?: number;
	messages: CBORValue[][];
}

class Rig {
	readonly host = new FakeHost();
	turns = 0;
	readonly trace;

	constructor(options: MessageTraceOptions = {}) {
		this.trace = new MessageTrace(this.host, BOOT, { onTurn: () => this.turns++, ...options });
	}

	/** A message of the device's. */
	pass(topic: string, payload: Uint8Array | string = ""): void {
		this.trace.onMessage(true, topic, payload, 0, payload.length);
	}

	/** What the next report says, which is accepted. */
	take(isRefused = false): Uploaded {
		const bytes = this.trace.next();
		assert.ok(bytes !== undefined && bytes.byteLength <= REPORT_LENGTH);
		assert.equal(this.trace.next(), bytes);
		const report = decodeCBOR(text, bytes, 0, bytes.byteLength, new Vocabulary(["boot", "lost", "messages"])) as CBORObject;
		if (isRefused) this.trace.refused(new DeviceError("rejected", "no"));
		else this.trace.accepted();
		return report as unknown as Uploaded;
	}

	/** Numbers of all that is uploaded. */
	numbers(): number[] {
		const numbers: number[] = [];
		while (this.trace.deadline === 0) for (const [number] of this.take().messages) numbers.push(number as number);
		return numbers;
	}
}

test("MessageTrace records while it is on, and gives what it has once that is asked for", () => {
	const rig = new Rig({ content: 4 });
	rig.pass("before");
	assert.equal(rig.trace.upload(), 0);
	rig.host.advance(1_000);
	rig.trace.start(10_000);
	rig.pass("lamp/state", "on");
	rig.host.advance(500);
	rig.trace.onMessage(false, "lamp/delta", fromHex("00010203040506"), 1, 6);
	assert.equal(rig.trace.deadline, Infinity);
	assert.equal(rig.trace.next(), undefined);
	assert.equal(rig.trace.upload(), 2);
	assert.deepEqual([rig.turns, rig.trace.deadline], [2, 0]);
	// Not of those that were asked for.
	rig.pass("later");
	const { boot, lost, messages } = rig.take();
	assert.deepEqual([boot, lost], [BOOT, undefined]);
	assert.deepEqual(messages.map(([number, at, sent, topic, size, content]) => [number, at, sent, topic, size, toHex(content as Uint8Array)]), [
		[1, 1_000, 1, "lamp/state", 2, utf8("on")], [2, 1_500, 0, "lamp/delta", 5, "01020304"],
	]);
	assert.equal(rig.trace.deadline, Infinity);
	rig.host.advance(9_500);
	assert.ok(!rig.trace.active);
	rig.pass("after");
	rig.trace.upload();
	assert.deepEqual(rig.numbers(), [3]);
});

test("MessageTrace: the oldest make room, and how many they were is said", () => {
	const rig = new Rig({ length: 1_024 });
	rig.trace.start(10_000);
	for (let count = 0; count < 100; count++) rig.pass(`moorline/lamp/topic/${count % 10}`);
	const kept = rig.trace.upload();
	assert.ok(kept > 20 && kept < 40, `${kept}`);
	const first = rig.take();
	assert.equal(first.lost, 100 - kept);
	assert.equal(first.messages[0]?.[0], 101 - kept);
	// While it is on its way, others come and push out some that were wanted.
	for (let count = 0; count < 2; count++) rig.pass("x".repeat(500));
	const numbers = rig.numbers();
	assert.ok(numbers.every((number, index) => index === 0 || number > numbers[index - 1]!));
	assert.ok(numbers.every((number) => number <= 100));
});

test("MessageTrace: many reports hold all of it, in order, each once, also of a refused one", () => {
	const rig = new Rig({ length: 8_192, content: CONTENT_MAXIMUM });
	rig.trace.start(1_000);
	for (let count = 1; count <= 20; count++) rig.pass("t".repeat(count * 10), "é".repeat(count * 20));
	assert.equal(rig.trace.upload(), 20);
	const first = rig.take().messages;
	assert.deepEqual([first[0]![4], (first[0]![5] as Uint8Array).byteLength], [40, 40]);
	const refused = rig.take(true).messages;
	const numbers = [...first, ...refused].map(([number]) => number as number);
	assert.deepEqual([...numbers, ...rig.numbers()], Array.from({ length: 20 }, (_, index) => index + 1));
});

test("MessageTrace: contents within their limit, whole characters of text, and those that are secret never", () => {
	const redacted: string[] = [];
	const rig = new Rig({ content: 7, redact: (topic) => redacted.push(topic) > 0 && topic.startsWith("door/") });
	rig.trace.start(10_000);
	const cases: [topic: string, payload: Uint8Array | string, content: string | undefined][] = [
		["a", "0123456789", utf8("0123456")], ["a", "ééééééé", utf8("ééé")], ["a", "12345\u{1f4a1}9", utf8("123")], ["a", "", undefined],
		["a", fromHex("00"), "00"], ["door/code", "1234", undefined], ["$aws/certificates/create/json", "{}", undefined],
		["$aws/provisioning-templates/t/provision/cbor/accepted", fromHex("a0"), undefined], [".g/device-cert", "x", undefined], ["lamp/keys", "x", undefined],
	];
	for (const [topic, payload] of cases) rig.pass(topic, payload);
	rig.trace.upload();
	const { messages } = rig.take();
	assert.deepEqual(messages.map(([, , , topic, , content]) => [topic, content === undefined ? undefined : toHex(content as Uint8Array)]),
		cases.map(([topic, , content]) => [topic, content]));
	assert.deepEqual(messages.map(([, , , , size]) => size), [10, 14, 10, 0, 1, 4, 2, 1, 1, 1]);
	assert.ok(!redacted.includes(".g/device-cert"));
});

test("MessageTrace: topics of any length, and options out of range", () => {
	const rig = new Rig({ content: CONTENT_MAXIMUM, length: 1_024 });
	rig.trace.start(10_000);
	rig.pass("\u{1f4a1}".repeat(300), "€".repeat(2_000));
	rig.pass(`a${"\u{1f4a1}".repeat(300)}`, new Uint8Array(5_000));
	assert.equal(rig.trace.upload(), 1);
	const { lost, messages: [only] } = rig.take();
	assert.deepEqual([lost, only![3], only![4]], [1, `a${"\u{1f4a1}".repeat(31)}`, 5_000]);
	for (const options of [{ length: 1_023 }, { length: 65_537 }, { content: CONTENT_MAXIMUM + 1 }, { content: -1 }]) {
		assert.throws(() => new MessageTrace(rig.host, BOOT, options), DeviceError);
	}
	assert.throws(() => rig.trace.start(0), DeviceError);
});
