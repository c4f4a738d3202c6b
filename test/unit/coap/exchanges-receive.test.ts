// SPDX-License-Identifier: Apache-2.0
/** What the message layer does with what comes. Sections are those of RFC 7252. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ANSWERS_MAXIMUM, ARRIVAL_MAXIMUM, FORGOTTEN_MAXIMUM } from "../../../src/coap/arrivals.js";
import { Code, MESSAGE_MAXIMUM, Type } from "../../../src/coap/constants.js";
import { fromHex } from "../hex.js";
import { outgoing, Rig } from "./exchanges-rig.js";

const GET = { code: Code.GET };
const POST = { code: Code.POST };
const content = (payload = "22.5") => outgoing(true, { code: Code.CONTENT, payload });
const answer = (payload = "22.5") => ({ code: Code.CONTENT, payload });

test("a request is answered in its acknowledgement, and a copy of it with the same bytes (§5.2.1, §4.5)", () => {
	const rig = new Rig();
	assert.deepEqual(rig.give(Type.CON, 5, GET), ["request 1: GET"]);
	assert.deepEqual(rig.sent(), []);
	assert.equal(rig.exchanges.respond(1, content(), rig.now), 0);
	assert.deepEqual(rig.sent(), ["ACK 2.05 22.5"]);
	assert.equal(rig.id, 5);
	const { last } = rig;
	assert.deepEqual(rig.give(Type.CON, 5, GET), []);
	assert.deepEqual(rig.sent(), ["ACK 2.05 22.5"]);
	assert.deepEqual(rig.last, last);
	assert.equal(rig.exchanges.respond(1, content("again"), rig.now), 0);
	assert.deepEqual(rig.sent(), [], "it is answered once");
	rig.pass(247_000);
	assert.equal(rig.exchanges.records, 0);
	assert.equal(rig.exchanges.deadline, Infinity);
	assert.deepEqual(rig.give(Type.CON, 5, GET), ["request 2: GET"], "the ID stands for another request (§4.4)");
});

test("a request that takes a second is acknowledged first, and answered by itself (§5.2.2)", () => {
	const rig = new Rig();
	rig.give(Type.CON, 5, GET);
	assert.deepEqual(rig.give(Type.CON, 5, GET), [], "a copy meanwhile asks for nothing");
	assert.deepEqual(rig.sent(), []);
	assert.equal(rig.wait(), 1_000);
	assert.deepEqual(rig.sent(), ["ACK"]);
	assert.deepEqual(rig.give(Type.CON, 5, GET), []);
	assert.deepEqual(rig.sent(), ["ACK"]);
	const handle = rig.exchanges.respond(1, content(), rig.now);
	assert.deepEqual(rig.sent(), ["CON 2.05 22.5"]);
	assert.deepEqual(rig.give(Type.CON, 5, GET), []);
	const { id } = rig;
	assert.deepEqual(rig.sent(), ["ACK"]);
	assert.deepEqual(rig.give(Type.ACK, id), [`acknowledged ${String(handle)}`]);
});

test("an answer by itself need not be confirmable (§5.2.3)", () => {
	const rig = new Rig();
	rig.give(Type.CON, 5, GET);
	rig.pass(1_000);
	rig.sent();
	rig.exchanges.respond(1, outgoing(false, answer()), rig.now);
	assert.deepEqual(rig.sent(), ["NON 2.05 22.5"]);
});

test("a request that is not confirmable is answered without confirmation, and its copies are ignored (§5.2.3, §4.3)", () => {
	const rig = new Rig();
	assert.deepEqual(rig.give(Type.NON, 5, GET), ["request 1: GET"]);
	rig.pass(10_000);
	assert.deepEqual(rig.sent(), []);
	const handle = rig.exchanges.respond(1, content(), rig.now);
	assert.deepEqual(rig.sent(), ["NON 2.05 22.5"]);
	const { id } = rig;
	assert.deepEqual(rig.give(Type.NON, 5, GET), []);
	assert.deepEqual(rig.sent(), []);
	assert.deepEqual(rig.give(Type.RST, id), [`failed ${String(handle)}: rejected`], "the answer may be reset");
});

test("no answer: a request is acknowledged, and no more (RFC 7967)", () => {
	const rig = new Rig();
	rig.give(Type.CON, 5, POST);
	assert.equal(rig.exchanges.respond(1, undefined, rig.now), 0);
	assert.deepEqual(rig.sent(), ["ACK"]);
	rig.give(Type.NON, 6, POST);
	assert.equal(rig.exchanges.respond(2, undefined, rig.now), 0);
	assert.deepEqual(rig.sent(), []);
	rig.give(Type.CON, 7, POST);
	rig.pass(1_000);
	rig.sent();
	assert.equal(rig.exchanges.respond(3, undefined, rig.now), 0);
	assert.deepEqual(rig.sent(), []);
});

test("what means nothing to us is reset, and so are its copies (§4.2, §4.3)", () => {
	const rig = new Rig();
	for (const code of [Code.CONTENT, Code.GET]) {
		rig.giveUnwanted(Type.CON, code, { code });
		assert.deepEqual(rig.sent(), ["RST"]);
		assert.equal(rig.id, code);
		assert.deepEqual(rig.give(Type.CON, code, { code }), []);
		assert.deepEqual(rig.sent(), ["RST"]);
	}
	rig.giveUnwanted(Type.NON, 9, answer());
	assert.deepEqual(rig.sent(), ["RST"]);
	assert.deepEqual(rig.give(Type.NON, 9, answer()), []);
	assert.deepEqual(rig.sent(), []);
});

test("only what was told last can be rejected, and no acknowledgement", () => {
	const rig = new Rig();
	rig.give(Type.CON, 9, answer());
	rig.send();
	rig.exchanges.reject();
	assert.deepEqual(rig.sent(), ["ACK", "CON GET"]);
	rig.giveUnwanted(Type.ACK, rig.id, answer());
	assert.deepEqual(rig.sent(), []);
});

test("a ping is answered with a Reset each time (§4.3)", () => {
	const rig = new Rig();
	for (let count = 0; count < 3; count++) {
		assert.deepEqual(rig.give(Type.CON, 0xbeef), []);
		assert.deepEqual(rig.sent(), ["RST"]);
		assert.equal(rig.id, 0xbeef);
	}
	assert.equal(rig.exchanges.records, 0);
});

test("Resets that wait are bounded", () => {
	const rig = new Rig();
	for (let id = 0; id < 50; id++) rig.give(Type.CON, id);
	assert.equal(rig.sent().length, 4);
});

for (const [name, hex, reply] of [
	["a confirmable message of a reserved class (§4.2)", "40 20 1234", ["RST"]],
	["a confirmable message with a token of nine bytes (§3)", "49 01 1234 010203040506070809", ["RST"]],
	["a confirmable message with a marker and no payload (§3)", "40 01 1234 ff", ["RST"]],
	["a confirmable message that ends in an option (§4.2)", "40 01 1234 b5 61", ["RST"]],
	["an empty confirmable message with a token (§4.1)", "41 00 1234 01", ["RST"]],
	["a message of another version (§3)", "80 01 1234", []],
	["a header that is cut off", "40 01 12", []],
	["nothing", "", []],
	["an empty message that is not confirmable (§4.3)", "50 00 1234", []],
	["a malformed message that is not confirmable (§4.3)", "50 01 1234 ff", []],
	["an acknowledgement with a request (§4.2)", "60 01 1234", []],
	["a Reset with a response (§4.2)", "70 45 1234", []],
] as const) {
	test(`${name}: ${reply.length > 0 ? "is reset" : "is ignored"}`, () => {
		const rig = new Rig();
		assert.deepEqual(rig.giveBytes(fromHex(hex)), []);
		assert.deepEqual(rig.sent(), reply);
		if (reply.length > 0) assert.equal(rig.id, 0x1234);
		assert.equal(rig.exchanges.records, 0);
	});
}

test("no datagram of four bytes throws, nor is more than a Reset sent for it", () => {
	const rig = new Rig();
	const bytes = new Uint8Array(4);
	for (let first = 0; first < 0x100; first++) {
		for (let code = 0; code < 0x100; code++) {
			bytes.set([first, code, first, code]);
			rig.exchanges.receive(bytes, 0, 4, rig.now);
			while (rig.exchanges.next() !== undefined) rig.exchanges.reject();
			for (const sent of rig.sent()) assert.equal(sent, "RST");
		}
	}
	assert.equal(rig.exchanges.records, ARRIVAL_MAXIMUM);
});

test("what comes before the last was taken counts as lost", () => {
	const rig = new Rig();
	const first = fromHex("40 01 0001");
	const second = fromHex("40 02 0002");
	rig.exchanges.receive(first, 0, 4, rig.now);
	rig.exchanges.receive(second, 0, 4, rig.now);
	assert.deepEqual(rig.told(), ["request 1: GET"]);
	assert.deepEqual(rig.giveBytes(second), ["request 2: POST"]);
});

test("answers are kept for copies up to a number of bytes; beyond, a copy is reset (§4.2)", () => {
	const rig = new Rig();
	const payload = "x".repeat(ANSWERS_MAXIMUM / 4);
	for (let exchange = 1; exchange <= 5; exchange++) {
		rig.give(Type.CON, exchange, POST);
		rig.exchanges.respond(exchange, content(payload), rig.now);
		rig.sent();
	}
	const replies = [];
	for (let id = 1; id <= 5; id++) {
		assert.deepEqual(rig.give(Type.CON, id, POST), []);
		replies.push(rig.sent()[0]!.slice(0, 3));
	}
	assert.deepEqual(replies, ["RST", "RST", "ACK", "ACK", "ACK"]);
});

test("the largest answer is kept, whatever came before", () => {
	const rig = new Rig();
	for (let exchange = 1; exchange <= 3; exchange++) {
		rig.give(Type.CON, exchange, POST);
		rig.exchanges.respond(exchange, content("x".repeat(MESSAGE_MAXIMUM - 6)), rig.now);
		assert.equal(rig.sent().length, 1);
		assert.equal(rig.last.byteLength, MESSAGE_MAXIMUM);
		rig.give(Type.CON, exchange, POST);
		rig.sent();
		assert.equal(rig.last.byteLength, MESSAGE_MAXIMUM);
	}
});

test("where there is no room, answers are forgotten before requests, and neither before it was dealt with", () => {
	const rig = new Rig();
	rig.give(Type.CON, 1, POST);
	rig.exchanges.respond(1, content(), rig.now);
	for (let id = 2; id < 2 + ARRIVAL_MAXIMUM; id++) {
		rig.give(Type.CON, id, answer());
		rig.sent();
	}
	assert.equal(rig.exchanges.records, ARRIVAL_MAXIMUM);
	assert.deepEqual(rig.give(Type.CON, 1, POST), []);
	assert.deepEqual(rig.sent(), ["ACK 2.05 22.5"]);

	const busy = new Rig();
	for (let id = 1; id <= ARRIVAL_MAXIMUM; id++) busy.give(Type.CON, id, POST);
	assert.deepEqual(busy.give(Type.CON, 99, POST), [], "as if it had been lost");
	assert.deepEqual(busy.sent(), []);
	busy.exchanges.respond(3, content(), busy.now);
	assert.deepEqual(busy.sent(), ["ACK 2.05 22.5"]);
	assert.deepEqual(busy.give(Type.CON, 99, POST), [`request ${ARRIVAL_MAXIMUM + 1}: POST`]);
	assert.equal(busy.exchanges.records, ARRIVAL_MAXIMUM);
});

test("copies of requests that there was no room to remember are not delivered: reset, or ignored (§4.2, §4.5)", () => {
	const rig = new Rig();
	const request = (type: Type, id: number) => {
		const told = rig.give(type, id, POST);
		rig.exchanges.respond(told.length === 0 ? -1 : Number(told[0]!.split(/[ :]/)[1]), undefined, rig.now);
		return [...told, ...rig.sent()];
	};
	for (let id = 0; id < ARRIVAL_MAXIMUM + FORGOTTEN_MAXIMUM; id++) assert.equal(request(id % 2 === 0 ? Type.CON : Type.NON, id).length, id % 2 === 0 ? 2 : 1);
	assert.deepEqual(request(Type.CON, 0), ["RST"]);
	assert.deepEqual(request(Type.NON, 1), []);
	assert.deepEqual(request(Type.CON, FORGOTTEN_MAXIMUM), ["ACK"], "this one is remembered");
	assert.deepEqual(rig.give(Type.CON, 2, answer()), ["message 2.05 22.5"], "an answer is known by its token");
	rig.pass(247_000);
	assert.equal(rig.exchanges.deadline, Infinity);
	assert.deepEqual(request(Type.CON, 0).length, 2);
});

test("a request that nobody answers is forgotten after EXCHANGE_LIFETIME", () => {
	const rig = new Rig();
	rig.give(Type.CON, 1, POST);
	rig.pass(247_000);
	rig.sent();
	assert.equal(rig.exchanges.records, 0);
	assert.equal(rig.exchanges.respond(1, content(), rig.now), 0);
	assert.deepEqual(rig.sent(), []);
});

test("a separate answer waits for other interactions, or finds the queue full (§4.7)", () => {
	const rig = new Rig();
	rig.give(Type.CON, 1, POST);
	rig.pass(1_000);
	rig.sent();
	const handles = [];
	for (let handle = rig.exchanges.ping(rig.now); handle !== "full"; handle = rig.exchanges.ping(rig.now)) handles.push(handle);
	assert.equal(rig.exchanges.respond(1, content(), rig.now), "full");
	for (const handle of handles) rig.exchanges.cancel(handle);
	assert.notEqual(rig.exchanges.respond(1, content(), rig.now), "full");
	assert.deepEqual(rig.sent(), ["CON 2.05 22.5"]);
});
