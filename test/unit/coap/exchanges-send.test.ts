// SPDX-License-Identifier: Apache-2.0
/** What the message layer does with what we send. Sections are those of RFC 7252. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Code, Type } from "../../../src/coap/constants.js";
import { SENDING_MAXIMUM } from "../../../src/coap/sendings.js";
import { DEFAULT_TIMING, exchangeLifetime, maxTransmitWait } from "../../../src/coap/timing.js";
import { codeOf } from "../failure.js";
import { outgoing, Rig } from "./exchanges-rig.js";

const CONTENT = { code: Code.CONTENT, payload: "22.5" };

test("a confirmable message is sent again after twice as long each time, and given up after the fourth (§4.2)", () => {
	for (let seed = 0; seed < 50; seed++) {
		const rig = new Rig({ seed });
		const handle = rig.send();
		assert.deepEqual(rig.sent(), ["CON GET"]);
		const first = rig.last;
		const initial = rig.wait();
		assert.ok(initial >= 2_000 && initial < 3_000, String(initial));
		for (let count = 1; count <= 4; count++) {
			assert.deepEqual(rig.sent(), ["CON GET"]);
			assert.deepEqual(rig.last, first);
			assert.deepEqual(rig.told(), []);
			assert.ok(Math.abs(rig.wait() - initial * 2 ** count) < 1e-6);
		}
		assert.deepEqual(rig.told(), [`failed ${handle}: timeout`]);
		assert.deepEqual(rig.sent(), []);
		assert.ok(rig.now - 1_000 <= maxTransmitWait(DEFAULT_TIMING));
		assert.equal(rig.exchanges.records, 0);
		assert.equal(rig.exchanges.deadline, Infinity);
	}
});

test("initial timeouts differ from seed to seed, and so do the first IDs (§4.2, §4.4)", () => {
	const timeouts = new Set<number>();
	const ids = new Set<number>();
	for (let seed = 0; seed < 20; seed++) {
		const rig = new Rig({ seed });
		rig.send();
		rig.sent();
		ids.add(rig.id);
		timeouts.add(rig.wait());
	}
	assert.ok(timeouts.size > 15 && ids.size > 15);
});

test("an answer in the acknowledgement is the one outcome of its request (§5.2.1)", () => {
	const rig = new Rig();
	const handle = rig.send();
	rig.sent();
	assert.deepEqual(rig.give(Type.ACK, rig.id, CONTENT), [`message 2.05 22.5 for ${handle}`]);
	assert.deepEqual(rig.give(Type.ACK, rig.id, CONTENT), [], "a copy answers nothing");
	rig.exchanges.reject();
	assert.deepEqual(rig.sent(), [], "an acknowledgement is rejected by ignoring it");
	assert.equal(rig.exchanges.records, 0);
});

test("an answer in the acknowledgement must have both ID and token (§5.3.2)", () => {
	const rig = new Rig();
	const handle = rig.send(true, { token: [1, 2] });
	rig.sent();
	for (const token of [[], [1], [1, 3], [1, 2, 3]]) assert.deepEqual(rig.give(Type.ACK, rig.id, { ...CONTENT, token }), []);
	assert.deepEqual(rig.give(Type.ACK, rig.id + 1 & 0xffff, { ...CONTENT, token: [1, 2] }), []);
	assert.deepEqual(rig.give(Type.ACK, rig.id, { ...CONTENT, token: [1, 2] }), [`message 2.05 22.5 for ${handle}`]);
});

test("an empty acknowledgement ends the retransmissions, and the answer comes by itself (§5.2.2)", () => {
	const rig = new Rig();
	const handle = rig.send();
	rig.sent();
	assert.deepEqual(rig.give(Type.ACK, rig.id), [`acknowledged ${handle}`]);
	assert.deepEqual(rig.give(Type.ACK, rig.id), []);
	rig.pass(60_000);
	assert.deepEqual(rig.sent(), []);
	assert.deepEqual(rig.give(Type.CON, 7, CONTENT), ["message 2.05 22.5"]);
	assert.deepEqual(rig.sent(), ["ACK"]);
	assert.equal(rig.id, 7);
	assert.deepEqual(rig.give(Type.CON, 7, CONTENT), [], "a copy is not delivered");
	assert.deepEqual(rig.sent(), ["ACK"], "but acknowledged (§4.2)");
});

test("an answer in an acknowledgement that follows an empty one is no second outcome, but told", () => {
	const rig = new Rig();
	const handle = rig.send();
	rig.sent();
	assert.deepEqual(rig.give(Type.ACK, rig.id), [`acknowledged ${handle}`]);
	assert.deepEqual(rig.give(Type.RST, rig.id), [], "what was acknowledged cannot be reset");
	assert.deepEqual(rig.give(Type.ACK, rig.id, CONTENT), ["message 2.05 22.5"]);
	assert.deepEqual(rig.give(Type.ACK, rig.id, CONTENT), []);
});

test("an answer that overtakes the acknowledgement: cancel ends the retransmissions (§5.2.2)", () => {
	const rig = new Rig();
	const handle = rig.send();
	rig.sent();
	const { id } = rig;
	assert.deepEqual(rig.give(Type.NON, 9, CONTENT), ["message 2.05 22.5"]);
	rig.exchanges.cancel(handle);
	assert.deepEqual(rig.give(Type.ACK, id), []);
	rig.pass(300_000);
	assert.deepEqual(rig.told(), []);
	assert.deepEqual(rig.sent(), []);
	assert.equal(rig.exchanges.records, 0);
});

test("a Reset is the outcome of what it is about, confirmable or not (§4.2, §4.3)", () => {
	for (const confirmable of [true, false]) {
		const rig = new Rig();
		const handle = rig.send(confirmable, CONTENT);
		rig.sent();
		assert.deepEqual(rig.give(Type.RST, rig.id), [`failed ${handle}: rejected`]);
		assert.deepEqual(rig.give(Type.RST, rig.id), []);
		assert.equal(rig.exchanges.records, 0);
	}
});

test("what is not confirmable is sent once, and forgotten after NON_LIFETIME (§4.3, §4.8.2)", () => {
	const rig = new Rig();
	rig.send(false);
	assert.deepEqual(rig.sent(), ["NON GET"]);
	assert.deepEqual(rig.give(Type.ACK, rig.id), [], "an acknowledgement of it means nothing");
	rig.pass(145_000);
	assert.deepEqual(rig.sent(), []);
	assert.equal(rig.exchanges.records, 0);
	assert.deepEqual(rig.give(Type.RST, rig.id), []);
});

test("a ping is an empty confirmable message, and its Reset the answer (§4.3)", () => {
	const rig = new Rig();
	const first = rig.exchanges.ping(rig.now);
	assert.deepEqual(rig.sent(), ["CON"]);
	assert.equal(rig.last.byteLength, 4);
	assert.deepEqual(rig.give(Type.RST, rig.id), [`acknowledged ${first}`]);
	const second = rig.exchanges.ping(rig.now);
	rig.pass(93_000);
	assert.deepEqual(rig.told(), [`failed ${second}: timeout`]);
	assert.equal(rig.exchanges.records, 0);
});

test("a server that answers a ping with a response is there, too; the response is nobody's", () => {
	const rig = new Rig();
	const handle = rig.exchanges.ping(rig.now);
	rig.sent();
	rig.exchanges.receive(Uint8Array.of(0x60, 0x45, rig.id >> 8, rig.id), 0, 4, rig.now);
	assert.deepEqual(rig.told(), [`acknowledged ${handle}`]);
	rig.pass(300_000);
	assert.equal(rig.exchanges.records, 0);
});

test("acknowledgements and Resets that match nothing are ignored (§4.2)", () => {
	const rig = new Rig();
	rig.send();
	// Not transmitted yet: whoever acknowledges it guesses.
	for (let id = 0; id < 0x1_0000; id += 1) {
		rig.exchanges.receive(Uint8Array.of(0x60, 0, id >> 8, id), 0, 4, rig.now);
		rig.exchanges.receive(Uint8Array.of(0x70, 0, id >> 8, id), 0, 4, rig.now);
	}
	assert.deepEqual(rig.told(), []);
	assert.deepEqual(rig.sent(), ["CON GET"]);
});

test("one interaction at a time: others wait for the acknowledgement, not for the answer (§4.7)", () => {
	const rig = new Rig();
	const [first, second, third] = [rig.send(true, { payload: "a" }), rig.send(true, { payload: "b" }), rig.send(true, { payload: "c" })];
	assert.deepEqual(rig.sent(), ["CON GET a"]);
	assert.deepEqual(rig.give(Type.ACK, rig.id), [`acknowledged ${first}`]);
	assert.deepEqual(rig.sent(), ["CON GET b"]);
	assert.deepEqual(rig.give(Type.RST, rig.id), [`failed ${second}: rejected`]);
	assert.deepEqual(rig.sent(), ["CON GET c"]);
	rig.pass(93_000);
	assert.deepEqual(rig.told(), [`failed ${third}: timeout`]);
});

test("what waits goes on when what it waits for is cancelled", () => {
	const rig = new Rig();
	const first = rig.send();
	rig.send(true, { payload: "b" });
	rig.sent();
	rig.exchanges.cancel(first);
	assert.equal(rig.exchanges.deadline, 0);
	rig.exchanges.expire(rig.now);
	assert.deepEqual(rig.sent(), ["CON GET b"]);
});

test("NSTART is a number that may be chosen (§4.7)", () => {
	const rig = new Rig({ timing: { ...DEFAULT_TIMING, nstart: 2 } });
	for (const payload of ["a", "b", "c"]) rig.send(true, { payload });
	assert.deepEqual(rig.sent(), ["CON GET a", "CON GET b"]);
});

test("requests that are not confirmable trickle to a peer that does not answer (§4.7: PROBING_RATE)", () => {
	const rig = new Rig();
	const payload = "x".repeat(100);
	for (let count = 0; count < 3; count++) rig.send(false, { payload });
	assert.equal(rig.sent().length, 1);
	const length = rig.last.byteLength;
	const start = rig.now;
	while (!rig.exchanges.unsent) rig.wait();
	assert.equal(rig.now - start, length * 1_000, "a byte in a second");
	assert.equal(rig.sent().length, 1);
	assert.deepEqual(rig.give(Type.NON, 3, CONTENT), ["message 2.05 22.5"]);
	assert.equal(rig.sent().length, 1, "it answers: the next may follow");
});

test("a request that is not confirmable counts as an interaction, for as long as an acknowledgement might take", () => {
	const rig = new Rig();
	rig.send(false, { payload: "x".repeat(100) });
	rig.sent();
	rig.send(true);
	assert.deepEqual(rig.sent(), []);
	assert.equal(rig.wait(), 2_000);
	assert.deepEqual(rig.sent(), ["CON GET"]);
	rig.send(false, { payload: "y" });
	rig.give(Type.ACK, rig.id);
	assert.deepEqual(rig.sent(), ["NON GET y"]);
});

test("notifications that are not confirmable wait for nobody here", () => {
	const rig = new Rig();
	rig.send();
	for (const payload of ["a", "b"]) rig.send(false, { code: Code.CONTENT, payload });
	assert.deepEqual(rig.sent(), ["CON GET", "NON 2.05 a", "NON 2.05 b"]);
});

test("the queue is bounded; what is over makes room", () => {
	const rig = new Rig();
	const handles = [];
	for (let count = 0; count < SENDING_MAXIMUM; count++) handles.push(rig.send());
	assert.equal(rig.exchanges.send(outgoing(true), rig.now), "full");
	assert.equal(rig.exchanges.ping(rig.now), "full");
	rig.sent();
	rig.give(Type.ACK, rig.id);
	handles.push(rig.send());
	assert.equal(rig.exchanges.send(outgoing(true), rig.now), "full");
	assert.equal(rig.exchanges.records, SENDING_MAXIMUM);
	assert.equal(new Set(handles).size, handles.length);
});

test("what fits no datagram is refused (§4.6)", () => {
	const rig = new Rig();
	assert.equal(codeOf(() => rig.send(true, { payload: "x".repeat(1_152 - 5) })), "too-large");
	rig.send(true, { payload: "x".repeat(1_152 - 6) });
	assert.equal(rig.sent().length, 1);
	assert.equal(rig.last.byteLength, 1_152);
});

test("no ID is used again within EXCHANGE_LIFETIME, however fast the peer answers (§4.4)", () => {
	const rig = new Rig();
	const scratch = new Uint8Array(64);
	const usedAt = new Float64Array(0x1_0000);
	let repeated = 0;
	for (let count = 0; count < 70_000; count++) {
		rig.send();
		while (!rig.exchanges.unsent) rig.wait();
		rig.exchanges.transmit(scratch, scratch.byteLength, rig.now);
		const id = scratch[2]! << 8 | scratch[3]!;
		if (usedAt[id] !== 0) {
			repeated++;
			assert.ok(rig.now - usedAt[id]! >= exchangeLifetime(DEFAULT_TIMING));
		}
		usedAt[id] = rig.now;
		rig.exchanges.receive(Uint8Array.of(0x61, 0x45, id >> 8, id, 1), 0, 5, rig.now);
		assert.notEqual(rig.exchanges.next(), undefined);
		rig.exchanges.next();
		rig.now += 0.125;
	}
	assert.equal(repeated, 70_000 - 0x1_0000);
});
