// SPDX-License-Identifier: Apache-2.0
/** Acks: acknowledgements in order, through room of any size. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Writer } from "../../../src/bytes/writer.js";
import { Acks } from "../../../src/mqtt/acks.js";
import { toHex } from "../hex.js";
import { text } from "../text.js";
import { puback } from "../wire.js";

const PUBACK = 4;

function drain(acks: Acks, room: number): string {
	const writer = new Writer(text);
	const target = new Uint8Array(room);
	let sent = "";
	for (let count = -1; count !== 0;) {
		writer.reset(target, 0, room);
		count = acks.transmit(writer);
		assert.equal(writer.position, count);
		sent += toHex(target, 0, count);
	}
	return sent;
}

test("Acks go out in the order they came [MQTT-4.6.0-2], whatever the room", () => {
	const ids = Array.from({ length: 40 }, (_, index) => 0xfff0 - 1000 * index);
	for (const room of [1, 2, 3, 4, 5, 7, 64, 1000]) {
		const acks = new Acks();
		for (const id of ids) acks.push(new Writer(text), PUBACK, id, 0);
		assert.equal(acks.length, 160);
		assert.equal(drain(acks, room), ids.map(puback).join(""), `room for ${room}`);
		assert.equal(acks.length, 0);
	}
});

test("Acks that come while others are half out go behind them", () => {
	const acks = new Acks();
	const writer = new Writer(text);
	acks.push(writer, PUBACK, 1, 0);
	acks.push(writer, PUBACK, 2, 0);
	const target = new Uint8Array(6);
	writer.reset(target, 0, 6);
	const count = acks.transmit(writer);
	acks.push(new Writer(text), PUBACK, 3, 0);
	assert.equal(toHex(target, 0, count) + drain(acks, 4), puback(1) + puback(2) + puback(3));
});

test("Acks take no more room than what waits at a time", () => {
	const acks = new Acks();
	const writer = new Writer(text);
	for (let round = 0; round < 200; round++) {
		for (let id = 1; id <= 20; id++) acks.push(writer, PUBACK, id, 0);
		assert.ok(writer.bytes.length <= 128, `${writer.bytes.length} bytes`);
		drain(acks, 7);
	}
});
