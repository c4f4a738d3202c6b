// SPDX-License-Identifier: Apache-2.0
/** Acks: acknowledgements in the order they came. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Writer } from "../../../src/bytes/writer.js";
import { Acks } from "../../../src/mqtt/acks.js";
import { PacketType } from "../../../src/mqtt/constants.js";
import { toHex } from "../hex.js";
import { text } from "../text.js";
import { puback } from "../wire.js";

const { PUBACK, PUBCOMP, PUBREC, PUBREL } = PacketType;

function shift(acks: Acks): string {
	const writer = new Writer(text);
	const length = acks.firstLength;
	writer.reset(new Uint8Array(length), 0, length);
	acks.transmit(writer);
	assert.equal(writer.remaining, 0, "the length that was told before");
	return toHex(writer.bytes);
}

test("Acks fill the room that there is, with whole ones", () => {
	for (let room = 0; room < 20; room++) {
		const acks = new Acks();
		acks.push(PUBREL, 1, 0x92);
		acks.push(PUBACK, 2, 0);
		acks.push(PUBCOMP, 3, 0x92);
		acks.push(PUBACK, 4, 0);
		const writer = new Writer(text);
		let sent = "";
		for (let count = room < 5 ? 0 : 4; count > 0; count--) {
			writer.reset(new Uint8Array(room), 0, room);
			acks.transmit(writer);
			assert.ok(acks.length === 0 || writer.remaining < acks.firstLength);
			sent += toHex(writer.bytes, 0, writer.position);
		}
		assert.equal(sent, room < 5 ? "" : "6203000192400200027003000392" + puback(4), `room for ${room}`);
	}
});

test("Acks go out in the order they came [MQTT-4.6.0-2], those that come meanwhile at last", () => {
	const acks = new Acks();
	let next = 1;
	let last = 1;
	for (let round = 0; round < 200; round++) {
		for (let count = 0; count < round % 7; count++) acks.push(PUBACK, last++, 0);
		assert.equal(acks.length, last - next, `round ${round}`);
		for (let count = 0; count < round % 5 && acks.length > 0; count++) assert.equal(shift(acks), puback(next++));
	}
	while (acks.length > 0) assert.equal(shift(acks), puback(next++));
	assert.equal(next, last);
});

test("Acks keep type, identifier and reason of every size", () => {
	const acks = new Acks();
	acks.push(PUBACK, 0xffff, 0);
	acks.push(PUBREC, 1, 0);
	acks.push(PUBREL, 0x1234, 0x92);
	acks.push(PUBCOMP, 0xffff, 0xff);
	assert.deepEqual([1, 2, 3, 4].map(() => shift(acks)), ["4002ffff", "50020001", "6203123492", "7003ffffff"]);
});

test("Acks count the PUBACKs among them", () => {
	const acks = new Acks();
	acks.push(PUBREC, 1, 0);
	acks.push(PUBACK, 2, 0);
	acks.push(PUBCOMP, 3, 0x92);
	acks.push(PUBACK, 4, 0);
	assert.equal(acks.pubacks, 2);
	shift(acks);
	shift(acks);
	assert.equal(acks.pubacks, 1);
});
