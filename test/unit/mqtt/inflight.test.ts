// SPDX-License-Identifier: Apache-2.0
/** Inflight: messages in order, each until it is acknowledged, and identifiers that nobody holds. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Writer } from "../../../src/bytes/writer.js";
import { Inflight } from "../../../src/mqtt/inflight.js";
import { codeOf } from "../failure.js";
import { toHex } from "../hex.js";
import { text } from "../text.js";
import { publish, utf8 } from "../wire.js";

const make = (capacity = 256): Inflight => new Inflight(capacity, new Writer(text), text);

/** Sends what may be sent, as hexadecimal packets. */
function sendAll(inflight: Inflight): string[] {
	const sent: string[] = [];
	for (let next = inflight.next; next >= 0; next = inflight.next) {
		sent.push(toHex(inflight.bytes, inflight.start(next), inflight.end(next)));
		inflight.sent(next);
	}
	return sent;
}

const message = (payload: string, id: number, duplicate = false): string =>
	publish({ topic: "t", payload: utf8(payload), qos: id === 0 ? 0 : 1, id, duplicate });

test("Inflight sends in order, and counts what is to be acknowledged", () => {
	const inflight = make();
	assert.equal(inflight.append("t", "a", 1, false, 0), 1);
	assert.equal(inflight.append("t", "b", 0, false, 0), 0);
	assert.equal(inflight.append("t", "c", 1, false, 0), 2);
	assert.deepEqual(sendAll(inflight), [message("a", 1), message("b", 0), message("c", 2)]);
	assert.equal(inflight.unacknowledged, 2);
	assert.ok(!inflight.empty);
});

test("Inflight takes acknowledgements in any order, each once, and frees the room", () => {
	const inflight = make();
	for (const payload of ["a", "b", "c"]) inflight.append("t", payload, 1, false, 0);
	sendAll(inflight);
	assert.ok(inflight.acknowledge(2));
	assert.ok(!inflight.acknowledge(2));
	assert.ok(!inflight.acknowledge(9));
	assert.ok(inflight.acknowledge(3));
	assert.ok(inflight.acknowledge(1));
	assert.equal(inflight.unacknowledged, 0);
	assert.ok(inflight.empty);
});

test("Inflight does not take an acknowledgement for what was not sent", () => {
	const inflight = make();
	inflight.append("t", "a", 1, false, 0);
	assert.ok(!inflight.acknowledge(1));
	inflight.sent(inflight.next);
	inflight.append("t", "b", 1, false, 0);
	assert.ok(!inflight.acknowledge(2));
	assert.deepEqual(sendAll(inflight), [message("b", 2)]);
});

test("Inflight.rewind sends again in the original order: DUP for what went out, nothing at QoS 0 [MQTT-4.6.0-1]", () => {
	const inflight = make();
	inflight.append("t", "a", 1, false, 0);
	inflight.append("t", "b", 1, false, 0);
	sendAll(inflight);
	inflight.append("t", "c", 0, false, 0);
	inflight.append("t", "d", 1, false, 0);
	inflight.append("t", "e", 1, false, 0);
	inflight.acknowledge(1);
	inflight.rewind(-1);
	assert.equal(inflight.unacknowledged, 0);
	assert.deepEqual(sendAll(inflight), [message("b", 2, true), message("d", 3), message("e", 4)]);
	inflight.rewind(-1);
	assert.deepEqual(sendAll(inflight), [message("b", 2, true), message("d", 3, true), message("e", 4, true)]);
});

test("Inflight.rewind marks a message of which a part went out [MQTT-3.3.1-1]", () => {
	const inflight = make();
	inflight.append("t", "a", 1, false, 0);
	inflight.append("t", "b", 1, false, 0);
	inflight.rewind(inflight.next);
	assert.deepEqual(sendAll(inflight), [message("a", 1, true), message("b", 2)]);
});

test("Inflight.rewind drops a message at QoS 0 of which a part went out", () => {
	const inflight = make();
	inflight.append("t", "a", 0, false, 0);
	inflight.rewind(inflight.next);
	assert.ok(inflight.empty);
	assert.equal(inflight.next, -1);
});

test("Inflight refuses what does not fit now, and takes it when there is room again", () => {
	const inflight = make(40);
	const payload = "0123456789";
	assert.equal(inflight.append("t", payload, 1, false, 0), 1);
	assert.equal(inflight.append("t", payload, 1, false, 0), -1);
	assert.ok(inflight.fits("t", payload, 1));
	assert.ok(!inflight.fits("t", payload.repeat(4), 1));
	sendAll(inflight);
	inflight.acknowledge(1);
	assert.equal(inflight.append("t", payload, 1, false, 0), 2, "no identifier is spent on what was refused");
});

test("Inflight keeps nothing of a message that cannot be encoded", () => {
	const inflight = make();
	assert.equal(codeOf(() => inflight.append("a\u0000b", "x", 1, false, 0)), "argument");
	assert.equal(codeOf(() => inflight.append("t", "\ud800", 1, false, 0)), "argument");
	assert.ok(inflight.empty);
	assert.deepEqual(sendAll(inflight), []);
});

test("Inflight.nextId goes round past 0, and past what is taken [MQTT-2.3.1-1] [MQTT-2.3.1-2]", () => {
	const inflight = make();
	for (let id = 1; id <= 0xfffe; id++) assert.equal(inflight.nextId(0), id);
	assert.equal(inflight.append("t", "a", 1, false, 0xffff), 1);
	assert.equal(inflight.nextId(0), 2);
});

test("Inflight.nextId goes past every message that still waits when it has been all the way round", () => {
	const inflight = make();
	const ids = ["a", "b", "c"].map((payload) => inflight.append("t", payload, 1, false, 0));
	inflight.nextId(0);
	const late = inflight.append("t", "d", 1, false, 0);
	assert.deepEqual([...ids, late], [1, 2, 3, 5]);
	sendAll(inflight);
	for (let id = 6; id <= 0xffff; id++) assert.equal(inflight.nextId(0), id);
	assert.equal(inflight.nextId(0), 4);
	assert.equal(inflight.nextId(0), 6);
});
