// SPDX-License-Identifier: Apache-2.0
/** Requests over any messenger: tokens, bodies in blocks, observations, and that each has one outcome. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError } from "../../../src/base/error.js";
import { findBlock } from "../../../src/coap/block.js";
import { Code, ContentFormat, OptionNumber, Type } from "../../../src/coap/constants.js";
import { uintOf } from "../../../src/coap/message.js";
import { MessengerEvent } from "../../../src/coap/messenger.js";
import { findOption, uintOption } from "../../../src/coap/option.js";
import { PENDING_MAXIMUM } from "../../../src/coap/requests.js";
import { codeOf } from "../failure.js";
import { block, Keeper, observe, Rig } from "./requesting.js";

const { BLOCK1, BLOCK2, ECHO, ETAG, MAX_AGE, OBSERVE, REQUEST_TAG, SIZE1, SIZE2 } = OptionNumber;
const get = { code: Code.GET, path: "sensors/temp" };

function bytes(length: number, from = 0): Uint8Array {
	return new Uint8Array(length).map((_, index) => (from + index) * 7);
}

test("a request carries its options in order, and ends with its response (RFC 7252 §5.3)", () => {
	const rig = new Rig();
	rig.requests.request({
		code: Code.POST, path: "a//é", query: ["x=1", "y"], payload: bytes(3), contentFormat: ContentFormat.CBOR, accept: ContentFormat.JSON,
		options: [uintOption(OptionNumber.IF_NONE_MATCH, 0)],
	}, rig.keeper);
	const { options, token, payload } = rig.last;
	assert.deepEqual(options.map(({ number, value }) => [number, ...value]), [
		[5], [11, 97], [11], [11, 0xc3, 0xa9], [12, 60], [15, 120, 61, 49], [15, 121], [17, 50],
	]);
	assert.equal(token.byteLength, 8);
	assert.deepEqual(payload, bytes(3));
	assert(rig.answer({ code: Code.CHANGED, payload: bytes(2) }));
	assert.deepEqual(rig.keeper.codes, [Code.CHANGED]);
	assert.deepEqual(rig.keeper.last.payload, bytes(2));
	assert.equal(rig.requests.count, 0);
});

test("a response is matched by all of its token, and what matches nothing is rejected (RFC 7252 §5.3.2)", () => {
	const rig = new Rig();
	rig.requests.request(get, rig.keeper);
	const { token } = rig.last;
	for (let index = 0; index < 8; index++) {
		const other = token.slice();
		other[index]! ^= 1;
		assert(rig.answer({ token: other, piggybacked: false }));
	}
	rig.answer({ token: token.slice(0, 4), piggybacked: false });
	rig.answer({ token: new Uint8Array(0), piggybacked: false });
	assert.equal(rig.messenger.rejected, 10);
	assert.deepEqual(rig.keeper.told, []);
	rig.answer();
	rig.answer({ token, piggybacked: false });
	assert.deepEqual(rig.keeper.codes, [Code.CONTENT]);
	assert.equal(rig.messenger.rejected, 11);
});

test("a request that comes is somebody else's", () => {
	const rig = new Rig();
	rig.requests.request(get, rig.keeper);
	assert.equal(rig.answer({ code: Code.GET, piggybacked: false }), false);
	assert.equal(rig.messenger.rejected, 0);
});

test("tokens are never used again on a connection (RFC 9175 §4.2)", () => {
	const rig = new Rig();
	const tokens = new Set<string>();
	for (let count = 0; count < 40; count++) {
		rig.requests.request(get, rig.keeper);
		tokens.add(rig.last.token.join());
		rig.answer();
	}
	assert.equal(tokens.size, 40);
});

test("a separate response ends the request, even when it comes before the acknowledgement (RFC 7252 §5.2.2)", () => {
	const rig = new Rig();
	rig.requests.request(get, rig.keeper);
	const { handle } = rig.last;
	rig.take({ type: MessengerEvent.ACKNOWLEDGED, handle });
	rig.answer({ piggybacked: false });
	rig.requests.request(get, rig.keeper);
	rig.answer({ piggybacked: false });
	assert.deepEqual(rig.keeper.codes, [Code.CONTENT, Code.CONTENT]);
	assert(rig.messenger.canceled.includes(rig.last.handle));
});

test("what is not acknowledged, reset, never answered or cut off ends with an error, once", () => {
	const rig = new Rig();
	for (let count = 0; count < 5; count++) rig.requests.request({ ...get, timeout: 5_000 }, rig.keeper);
	rig.requests.flush(rig.now);
	const [first, second, third] = rig.messenger.sent;
	rig.take({ type: MessengerEvent.FAILED, handle: first!.handle, error: new DeviceError("timeout", "") });
	rig.take({ type: MessengerEvent.FAILED, handle: second!.handle, error: new DeviceError("rejected", "") });
	rig.take({ type: MessengerEvent.ACKNOWLEDGED, handle: third!.handle });
	assert.equal(rig.requests.deadline, rig.now + 5_000);
	rig.wait();
	rig.requests.close(new DeviceError("closed", ""), rig.now);
	assert.deepEqual(rig.keeper.codes, ["timeout", "rejected", "timeout", "closed", "closed"]);
	rig.take({ type: MessengerEvent.FAILED, handle: third!.handle, error: new DeviceError("timeout", "") });
	assert.equal(rig.keeper.told.length, 5);
	assert.equal(codeOf(() => rig.requests.request(get, rig.keeper)), "state");
});

test("without confirmation the time counts from the sending", () => {
	const rig = new Rig();
	rig.requests.request({ ...get, confirmable: false }, rig.keeper);
	assert.equal(rig.last.confirmable, false);
	assert.equal(rig.requests.deadline, rig.now + 93_000);
	rig.wait();
	assert.deepEqual(rig.keeper.codes, ["timeout"]);
});

test("one request too many is refused; what the messenger has no room for goes out later", () => {
	const rig = new Rig({}, { room: 1 });
	for (let count = 0; count < PENDING_MAXIMUM; count++) rig.requests.request(get, rig.keeper);
	assert.equal(codeOf(() => rig.requests.request(get, rig.keeper)), "full");
	assert.equal(rig.count, 1);
	rig.messenger.room = Infinity;
	assert.equal(rig.count, PENDING_MAXIMUM);
	assert.deepEqual(rig.keeper.told, []);
});

test("a silent request is over once the peer has it, or it is on its way (RFC 7967)", () => {
	const rig = new Rig();
	rig.requests.request({ ...get, code: Code.PUT, silent: true }, rig.keeper);
	assert.equal(uintOf(rig.last, OptionNumber.NO_RESPONSE), 26);
	rig.take({ type: MessengerEvent.ACKNOWLEDGED, handle: rig.last.handle });
	rig.wait();
	assert.deepEqual(rig.keeper.codes, [Code.EMPTY]);
	rig.requests.request({ ...get, code: Code.PUT, silent: true, confirmable: false }, rig.keeper);
	rig.requests.flush(rig.now);
	rig.wait();
	assert.deepEqual(rig.keeper.codes, [Code.EMPTY, Code.EMPTY]);
});

test("a critical option that is not known is rejected (RFC 7252 §5.4.1)", () => {
	const rig = new Rig();
	rig.requests.request(get, rig.keeper);
	rig.answer({ options: [uintOption(9_999, 1)], piggybacked: false });
	assert.deepEqual(rig.keeper.codes, ["violation"]);
	assert.equal(rig.messenger.rejected, 1);
	rig.requests.request(get, rig.keeper);
	rig.answer({ options: [uintOption(9_998, 1)] });
	assert.deepEqual(rig.keeper.codes, ["violation", Code.CONTENT]);
});

test("an Echo is given back, twice at most (RFC 9175 §2.3)", () => {
	const rig = new Rig();
	rig.requests.request(get, rig.keeper);
	for (const value of [1, 2, 3]) {
		const { token } = rig.last;
		rig.answer({ code: Code.UNAUTHORIZED, options: [uintOption(ECHO, value)] });
		if (value === 3) break;
		assert.equal(uintOf(rig.last, ECHO), value);
		assert.notDeepEqual(rig.last.token, token);
	}
	assert.deepEqual(rig.keeper.codes, [Code.UNAUTHORIZED]);
});

for (const size of [16, 32, 64, 128, 256, 512, 1_024]) {
	test(`a body comes in blocks of ${size} (RFC 7959 §2.4)`, () => {
		const rig = new Rig();
		const body = bytes(3 * size + 5);
		rig.requests.request(get, rig.keeper);
		assert.equal(findOption(rig.last.options, BLOCK2), undefined);
		for (let number = 0; number < 4; number++) {
			if (number > 0) assert.deepEqual(findBlock(rig.last.options, BLOCK2, false), { number, more: false, size, bert: false });
			rig.answer({
				options: [block(BLOCK2, number, number < 3, size), uintOption(ETAG, 5), uintOption(SIZE2, body.byteLength)],
				payload: body.slice(number * size, (number + 1) * size),
			});
		}
		assert.equal(rig.count, 4);
		assert.deepEqual(rig.keeper.last.payload, body);
	});

	test(`a body goes in blocks of ${size}, which the server wished for (RFC 7959 §2.5)`, () => {
		const rig = new Rig();
		const payload = bytes(2_500);
		rig.requests.request({ code: Code.PUT, path: "large", payload, contentFormat: ContentFormat.OCTET_STREAM }, rig.keeper);
		const got: number[] = [];
		const tags = new Set<number | undefined>();
		assert.equal(uintOf(rig.last, SIZE1), 2_500);
		for (;;) {
			const { payload: piece, options } = rig.last;
			const sent = findBlock(options, BLOCK1, false)!;
			assert.equal(sent.number * sent.size, got.length);
			for (const byte of piece) got.push(byte);
			tags.add(uintOf(rig.last, REQUEST_TAG));
			assert.equal(uintOf(rig.last, OptionNumber.CONTENT_FORMAT), ContentFormat.OCTET_STREAM);
			const answer = block(BLOCK1, sent.number, sent.more, Math.min(size, sent.size));
			rig.answer({ code: sent.more ? Code.CONTINUE : Code.CHANGED, options: [answer] });
			if (!sent.more) break;
		}
		assert.deepEqual(new Uint8Array(got), payload);
		assert.deepEqual(rig.keeper.codes, [Code.CHANGED]);
		assert.equal(tags.size, 1);
	});

	test(`blocks of ${size} are asked for from the first on, where we want no larger ones (RFC 7959 §2.4)`, () => {
		const rig = new Rig({ blockLength: size });
		rig.requests.request(get, rig.keeper);
		const asked = findBlock(rig.last.options, BLOCK2, false);
		assert.deepEqual(asked, size === 1_024 ? undefined : { number: 0, more: false, size, bert: false });
	});
}

test("4.13 with a smaller block, and 4.08, begin the body again; not without end (RFC 7959 §2.9)", () => {
	const rig = new Rig();
	rig.requests.request({ code: Code.PUT, path: "large", payload: bytes(2_000) }, rig.keeper);
	rig.answer({ code: Code.REQUEST_ENTITY_TOO_LARGE, options: [block(BLOCK1, 0, true, 256)] });
	assert.deepEqual(findBlock(rig.last.options, BLOCK1, false), { number: 0, more: true, size: 256, bert: false });
	rig.answer({ code: Code.CONTINUE, options: [block(BLOCK1, 0, true, 256)] });
	assert.equal(findBlock(rig.last.options, BLOCK1, false)!.number, 1);
	for (let restarts = 0; restarts < 2; restarts++) {
		rig.answer({ code: Code.REQUEST_ENTITY_INCOMPLETE });
		assert.equal(findBlock(rig.last.options, BLOCK1, false)!.number, 0);
	}
	rig.answer({ code: Code.REQUEST_ENTITY_INCOMPLETE });
	assert.deepEqual(rig.keeper.codes, [Code.REQUEST_ENTITY_INCOMPLETE]);
});

test("an answer to another block than was sent is a violation", () => {
	const rig = new Rig();
	rig.requests.request({ code: Code.PUT, path: "large", payload: bytes(4_000) }, rig.keeper);
	rig.answer({ code: Code.CONTINUE, options: [block(BLOCK1, 2, true, 1_024)] });
	rig.requests.request({ code: Code.PUT, path: "large", payload: bytes(4_000) }, rig.keeper);
	rig.answer({ code: Code.CONTINUE });
	assert.deepEqual(rig.keeper.codes, ["violation", "violation"]);
});

test("a body goes and one comes in one request (RFC 7959 figure 12)", () => {
	const rig = new Rig();
	rig.requests.request({ code: Code.POST, path: "soap", payload: bytes(1_500) }, rig.keeper);
	rig.answer({ code: Code.CONTINUE, options: [block(BLOCK1, 0, true, 1_024)] });
	rig.answer({ code: Code.CHANGED, options: [block(BLOCK1, 1, false, 1_024), block(BLOCK2, 0, true, 64)], payload: bytes(64) });
	const { code, payload, options } = rig.last;
	assert.deepEqual([code, payload.byteLength, findOption(options, BLOCK1)], [Code.POST, 0, undefined]);
	assert.deepEqual(findBlock(options, BLOCK2, false), { number: 1, more: false, size: 64, bert: false });
	rig.answer({ code: Code.CHANGED, options: [block(BLOCK2, 1, false, 64)], payload: bytes(10, 64) });
	assert.deepEqual(rig.keeper.last.payload, bytes(74));
});

test("a representation that changes on the way is fetched again, three times at most (RFC 7959 §2.4)", () => {
	const rig = new Rig();
	rig.requests.request(get, rig.keeper);
	for (let version = 1; version <= 4; version++) {
		const etag = uintOption(ETAG, version);
		assert.equal(findBlock(rig.last.options, BLOCK2, false)?.number ?? 0, 0);
		rig.answer({ options: [block(BLOCK2, 0, true, 16), etag], payload: bytes(16, version) });
		rig.answer({ options: [block(BLOCK2, 1, false, 16), uintOption(ETAG, version + 1)], payload: bytes(3) });
	}
	assert.deepEqual(rig.keeper.codes, ["violation"]);
});

test("a representation that has become shorter is fetched again", () => {
	const rig = new Rig();
	rig.requests.request(get, rig.keeper);
	rig.answer({ options: [block(BLOCK2, 0, true, 16)], payload: bytes(16) });
	rig.answer({ code: Code.BAD_REQUEST });
	assert.equal(findOption(rig.last.options, BLOCK2), undefined);
	rig.answer({ payload: bytes(3) });
	assert.deepEqual(rig.keeper.last.payload, bytes(3));
});

test("blocks that are short, long, empty or elsewhere are violations, and a body that is too long is too-large", () => {
	const cases: [string, Uint8Array, ReturnType<typeof block>][] = [
		["violation", bytes(15), block(BLOCK2, 0, true, 16)],
		["violation", bytes(17), block(BLOCK2, 0, true, 16)],
		["violation", bytes(16), block(BLOCK2, 1, true, 16)],
		["too-large", bytes(16), uintOption(SIZE2, 4_097)],
		["malformed", bytes(16), uintOption(BLOCK2, 7)],
		["malformed", bytes(16), uintOption(BLOCK2, 0x0100_0000)],
	];
	for (const [code, payload, option] of cases) {
		const rig = new Rig();
		rig.requests.request(get, rig.keeper);
		const options = option.number === BLOCK2 ? [option] : [option, block(BLOCK2, 0, true, 16)];
		rig.answer({ options, payload });
		assert.deepEqual(rig.keeper.codes, [code]);
	}
	const rig = new Rig();
	rig.requests.request(get, rig.keeper);
	for (let number = 0; rig.requests.count > 0; number++) {
		rig.answer({ options: [block(BLOCK2, number, true, 1_024)], payload: bytes(1_024) });
	}
	assert.deepEqual(rig.keeper.codes, ["too-large"]);
});

test("one block is asked for alone, anywhere in a body", () => {
	const rig = new Rig();
	rig.requests.request({ ...get, block: { number: 77, size: 512 } }, rig.keeper);
	assert.deepEqual(findBlock(rig.last.options, BLOCK2, false), { number: 77, more: false, size: 512, bert: false });
	rig.answer({ options: [block(BLOCK2, 154, true, 256)], payload: bytes(256) });
	assert.deepEqual(rig.keeper.last.block, { number: 154, more: true, size: 256, bert: false });
	rig.requests.request({ ...get, block: { number: 77, size: 512 } }, rig.keeper);
	rig.answer({ options: [block(BLOCK2, 76, true, 512)], payload: bytes(512) });
	assert.deepEqual(rig.keeper.codes, [Code.CONTENT, "violation"]);
});

test("over a stream, bodies go whole while they fit, and then in several blocks of 1,024 at a time (RFC 8323 §6)", () => {
	const rig = new Rig({}, { reliable: true, messageMaximum: 8_192 });
	rig.requests.request({ code: Code.PUT, path: "large", payload: bytes(7_000) }, rig.keeper);
	assert.equal(rig.last.payload.byteLength, 7_000);
	rig.answer({ code: Code.CHANGED, piggybacked: false });
	rig.requests.request({ code: Code.PUT, path: "large", payload: bytes(20_000) }, rig.keeper);
	const got: number[] = [];
	for (;;) {
		const sent = findBlock(rig.last.options, BLOCK1, true)!;
		assert.deepEqual([sent.bert, sent.number * 1_024], [true, got.length]);
		for (const byte of rig.last.payload) got.push(byte);
		rig.answer({ code: sent.more ? Code.CONTINUE : Code.CHANGED, options: [block(BLOCK1, sent.number, sent.more, 1_024, true)], piggybacked: false });
		if (!sent.more) break;
	}
	assert.deepEqual(new Uint8Array(got), bytes(20_000));
	assert.equal(rig.count, 4);
	rig.requests.request(get, rig.keeper);
	rig.answer({ options: [block(BLOCK2, 0, true, 1_024, true)], payload: bytes(3_072), piggybacked: false });
	assert.deepEqual(findBlock(rig.last.options, BLOCK2, true), { number: 3, more: false, size: 1_024, bert: true });
	rig.answer({ options: [block(BLOCK2, 3, false, 1_024, true)], payload: bytes(100, 3_072), piggybacked: false });
	assert.deepEqual(rig.keeper.last.payload, bytes(3_172));
});

test("an observation is told of each newer state, and of no older one (RFC 7641 §3.4)", () => {
	const rig = new Rig();
	rig.requests.observe(get, rig.keeper);
	const { token, options } = rig.last;
	assert.equal(uintOf({ options }, OBSERVE), 0);
	const notify = (number: number): void => {
		rig.answer({ options: [observe(number)], payload: bytes(1, number), token, piggybacked: false });
	};
	rig.answer({ options: [observe(60)], payload: bytes(1, 60) });
	for (const number of [61, 60, 62, 62, 59, 0xff_ffff, 70]) notify(number);
	assert.deepEqual(rig.keeper.told.map((told) => (told as { payload: Uint8Array }).payload[0]), [60, 61, 62, 70].map((from) => bytes(1, from)[0]));
	// Around the end of 24 bits, and after so long that any number is newer.
	notify(70 + 0x7f_ffff);
	notify(5);
	rig.now += 128_001;
	notify(1);
	assert.equal(rig.keeper.told.length, 7);
	assert.equal(rig.requests.count, 1);
});

test("an observation whose state counts no longer is registered again, with its token; the answer counts whatever its number", () => {
	const rig = new Rig();
	rig.requests.observe(get, rig.keeper);
	const { token } = rig.last;
	rig.answer({ options: [observe(500), uintOption(MAX_AGE, 30)] });
	assert.equal(rig.count, 1);
	rig.wait();
	assert(rig.now >= 1_000 + 35_000 && rig.now <= 1_000 + 45_000);
	assert.equal(rig.count, 2);
	assert.deepEqual([rig.last.token, uintOf(rig.last, OBSERVE)], [token, 0]);
	rig.answer({ options: [observe(2)] });
	assert.equal(rig.keeper.told.length, 2);
});

test("an observation that cannot be registered in time is tried again; one that is refused has ended", () => {
	const rig = new Rig();
	rig.requests.observe(get, rig.keeper);
	rig.take({ type: MessengerEvent.FAILED, handle: rig.last.handle, error: new DeviceError("timeout", "") });
	rig.wait();
	assert.equal(rig.count, 2);
	rig.answer({ options: [observe(1)] });
	rig.answer({ code: Code.NOT_FOUND, token: rig.last.token, piggybacked: false });
	assert.deepEqual(rig.keeper.codes, [Code.CONTENT, "rejected"]);
	assert.equal((rig.keeper.told[1] as DeviceError).detail, Code.NOT_FOUND);
	assert.equal(rig.requests.count, 0);
});

test("an observation that is cancelled says so, and hears nothing more (RFC 7641 §3.6)", () => {
	const rig = new Rig();
	const observation = rig.requests.observe(get, rig.keeper);
	const { token } = rig.last;
	rig.answer({ options: [observe(1)] });
	observation.cancel();
	observation.cancel();
	assert.deepEqual([rig.last.token, uintOf(rig.last, OBSERVE)], [token, 1]);
	rig.answer({ options: [observe(2)], token, piggybacked: false, type: Type.NON });
	assert.equal(rig.requests.count, 1);
	rig.answer();
	assert.deepEqual(rig.keeper.codes, [Code.CONTENT]);
	assert.equal(rig.requests.count, 0);
});

test("one that is cancelled before it was sent is never sent", () => {
	const rig = new Rig();
	rig.requests.observe(get, rig.keeper).cancel();
	rig.requests.request(get, rig.keeper).cancel();
	assert.equal(rig.count, 0);
	assert.equal(rig.requests.count, 0);
});

test("the rest of a notification is fetched; a newer one on the way begins anew (RFC 7959 §2.6)", () => {
	const rig = new Rig();
	rig.requests.observe(get, rig.keeper);
	const { token } = rig.last;
	const first = (number: number): void => {
		rig.answer({ options: [observe(number), block(BLOCK2, 0, true, 16), uintOption(ETAG, number)], payload: bytes(16, number), token, piggybacked: false });
	};
	first(1);
	assert.notDeepEqual(rig.last.token, token);
	assert.equal(findOption(rig.last.options, OBSERVE), undefined);
	const stale = rig.last.token;
	first(2);
	const rest = [block(BLOCK2, 1, false, 16), uintOption(ETAG, 2)];
	rig.requests.flush(rig.now);
	rig.answer({ options: [block(BLOCK2, 1, false, 16), uintOption(ETAG, 1)], payload: bytes(4), token: stale, piggybacked: false });
	assert.deepEqual(rig.keeper.told, []);
	rig.answer({ options: rest, payload: bytes(4, 18) });
	assert.deepEqual(rig.keeper.last.payload, bytes(20, 2));
});

test("a server that does not observe is asked again when its answer counts no longer", () => {
	const rig = new Rig();
	rig.requests.observe(get, rig.keeper);
	rig.answer();
	assert.equal(rig.keeper.told.length, 1);
	rig.wait();
	assert.equal(rig.count, 2);
	assert(rig.now > 61_000);
});

test("several keep their own answers apart, in any order", () => {
	const rig = new Rig();
	const keepers = [new Keeper(), new Keeper(), new Keeper()];
	for (const keeper of keepers) rig.requests.request(get, keeper);
	rig.requests.flush(rig.now);
	for (const index of [2, 0, 1]) rig.answer({ token: rig.messenger.sent[index]!.token, payload: bytes(1, index), piggybacked: false });
	assert.deepEqual(keepers.map((keeper) => keeper.last.payload), [0, 1, 2].map((index) => bytes(1, index)));
});
