// SPDX-License-Identifier: Apache-2.0
/** Bodies in blocks, both ways, as a server sees them (RFC 7959; RFC 8323 §6). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { BLOCK_TIMEOUT, SERVED_MAXIMUM, tagFor, UPLOAD_MAXIMUM } from "../../../src/coap/bodies.js";
import { blockOption, findBlock } from "../../../src/coap/block.js";
import { Code, OptionNumber, Type } from "../../../src/coap/constants.js";
import { uintOf, type Message } from "../../../src/coap/message.js";
import { MessengerEvent, type Messenger, type Outgoing } from "../../../src/coap/messenger.js";
import { findOption, textOption, uintOption, type Option } from "../../../src/coap/option.js";
import { Resources } from "../../../src/coap/resources.js";
import { text } from "../text.js";
import { block, Probe, ResourcesRig, utf8 } from "./resources-rig.js";

const BODY = Array.from({ length: 25 }, (_, index) => String.fromCharCode(97 + index).repeat(4)).join("");
const PUT = Code.PUT;

function rigWith(probe: Probe, options: ConstructorParameters<typeof ResourcesRig>[0] = {}): ResourcesRig {
	const rig = new ResourcesRig(options);
	rig.resources.add("r", probe);
	return rig;
}

test("a long answer goes in blocks of the size that is asked for (§2.4), early or late", () => {
	for (const size of [16, 32, 64]) {
		const probe = new Probe().says(BODY);
		const rig = rigWith(probe);
		let body = "";
		const tags = new Set<string>();
		for (let index = 0; body.length < BODY.length; index++) {
			const more = (index + 1) * size < BODY.length;
			const payload = BODY.slice(index * size, (index + 1) * size);
			assert.deepEqual(rig.ask("r", { options: [block(2, index, false, size)] }), [`ACK 2.05 2:${index}/${Number(more)}/${size} ${payload}`]);
			assert.equal(uintOf(rig.message, OptionNumber.SIZE2), index === 0 ? BODY.length : undefined);
			tags.add(String(findOption(rig.message.options, OptionNumber.ETAG)?.value));
			body += payload;
		}
		assert.equal(tags.size, 1);
		assert.equal(probe.asked.length, 1, "the handler was asked once");
		assert.equal(rig.answerer.deadline, Infinity);
	}
});

test("a server has a largest block of its own, and a client may ask for less later (§2.4)", () => {
	const rig = rigWith(new Probe().says(BODY), { blockLength: 32 });
	assert.deepEqual(rig.ask("r"), [`ACK 2.05 2:0/1/32 ${BODY.slice(0, 32)}`]);
	assert.deepEqual(rig.ask("r", { options: [block(2, 0, false, 1_024)] }), [`ACK 2.05 2:0/1/32 ${BODY.slice(0, 32)}`]);
	assert.deepEqual(rig.ask("r", { options: [block(2, 1, false, 64)] }), [`ACK 2.05 2:2/1/32 ${BODY.slice(64, 96)}`]);
	assert.deepEqual(rig.ask("r", { options: [block(2, 5, false, 16)] }), [`ACK 2.05 2:5/1/16 ${BODY.slice(80, 96)}`]);
	assert.deepEqual(rig.ask("r", { options: [block(2, 3, false, 32)] }), [`ACK 2.05 2:3/0/32 ${BODY.slice(96)}`]);
	const short = rigWith(new Probe().says("short"));
	assert.deepEqual(short.ask("r", { options: [block(2, 0, false, 64)] }), ["ACK 2.05 2:0/0/64 short"]);
	assert.deepEqual(short.ask("r", { options: [block(2, 1, false, 64)] }), ["ACK 4.00"], "behind its end");
});

test("any block may be asked for by itself, and the tag tells a change (§2.4)", () => {
	const probe = new Probe().says(BODY);
	const rig = rigWith(probe);
	assert.deepEqual(rig.ask("r", { options: [block(2, 2, false, 16)] }), [`ACK 2.05 2:2/1/16 ${BODY.slice(32, 48)}`]);
	const tag = findOption(rig.message.options, OptionNumber.ETAG)!.value;
	assert.deepEqual(tag, tagFor(utf8(BODY)));
	probe.says(BODY.toUpperCase());
	rig.after(BLOCK_TIMEOUT);
	rig.ask("r", { options: [block(2, 3, false, 16)] });
	assert.notDeepEqual(findOption(rig.message.options, OptionNumber.ETAG)!.value, tag);
	for (let length = 1; length < 9; length++) assert.notDeepEqual(tagFor(utf8(BODY.slice(0, length))), tagFor(utf8(BODY.slice(1, length) + "z")));
});

test("a handler's own tag is kept", () => {
	const etag = Uint8Array.of(5);
	const rig = rigWith(new Probe().says(BODY, { etag }));
	for (const index of [0, 1, 2]) {
		rig.ask("r", { options: [block(2, index, false, 16)] });
		assert.deepEqual(findOption(rig.message.options, OptionNumber.ETAG)?.value, etag);
	}
});

test("what has effects is not done again for its next blocks; and what was kept is bounded in time and number", () => {
	const probe = new Probe([Code.POST]).says(BODY);
	const rig = rigWith(probe);
	const ask = (index: number, argument = "") => rig.ask("r", { code: Code.POST, query: [argument], options: [block(2, index, false, 16)] });
	ask(0);
	assert.deepEqual(ask(1), [`ACK 2.05 2:1/1/16 ${BODY.slice(16, 32)}`]);
	rig.after(BLOCK_TIMEOUT);
	assert.deepEqual(ask(2), ["ACK 4.08"]);
	for (let count = 0; count <= SERVED_MAXIMUM; count++) ask(0, `${count}`);
	assert.deepEqual(ask(1, "0"), ["ACK 4.08"]);
	assert.deepEqual(ask(1, "1"), [`ACK 2.05 2:1/1/16 ${BODY.slice(16, 32)}`]);
	assert.equal(probe.asked.length, 2 + SERVED_MAXIMUM);
});

interface Sent {
	size?: number;
	code?: number;
	options?: readonly Option[];
}

/** Sends a block of `BODY`. */
function upload(rig: ResourcesRig, index: number, { size = 16, code = PUT, options = [] }: Sent = {}): string[] {
	const end = (index + 1) * size;
	return rig.ask("r", { code, payload: BODY.slice(index * size, end), options: [block(1, index, end < BODY.length, size), ...options] });
}

test("a body that comes in blocks reaches the handler whole (§2.5)", () => {
	const probe = new Probe([PUT]);
	probe.response = { code: Code.CHANGED };
	const rig = rigWith(probe);
	for (let index = 0; index < 6; index++) assert.deepEqual(upload(rig, index), [`ACK 2.31 1:${index}/1/16`]);
	assert.equal(probe.asked.length, 0);
	assert.deepEqual(upload(rig, 6), ["ACK 2.04 1:6/0/16"]);
	assert.deepEqual(probe.asked.map(({ payload }) => payload), [BODY]);
	assert.equal(rig.answerer.deadline, Infinity);
	assert.deepEqual(rig.ask("r", { code: PUT, payload: "one", options: [block(1, 0, false, 64)] }), ["ACK 2.04 1:0/0/64"]);
	assert.equal(probe.asked[1]!.payload, "one");
});

test("smaller blocks are asked for in the first answer, and taken from there on (§2.3)", () => {
	const probe = new Probe([PUT]);
	const rig = rigWith(probe, { blockLength: 16 });
	assert.deepEqual(upload(rig, 0, { size: 64 }), ["ACK 2.31 1:0/1/16"]);
	assert.deepEqual(upload(rig, 4), ["ACK 2.31 1:4/1/16"]);
	assert.deepEqual(upload(rig, 5), ["ACK 2.31 1:5/1/16"]);
	assert.deepEqual(upload(rig, 6), ["ACK 2.05 1:6/0/16"]);
	assert.equal(probe.asked[0]!.payload, BODY);
});

test("both ways: a body in blocks is answered with one in blocks (§3.3)", () => {
	const probe = new Probe([Code.POST]).says(BODY.toUpperCase());
	const rig = rigWith(probe, { blockLength: 64 });
	assert.deepEqual(upload(rig, 0, { code: Code.POST, size: 64 }), ["ACK 2.31 1:0/1/64"]);
	assert.deepEqual(upload(rig, 1, { code: Code.POST, size: 64 }), [`ACK 2.05 1:1/0/64 2:0/1/64 ${BODY.toUpperCase().slice(0, 64)}`]);
	assert.deepEqual(rig.ask("r", { code: Code.POST, options: [block(2, 1, false, 64)] }), [`ACK 2.05 2:1/0/64 ${BODY.toUpperCase().slice(64)}`]);
	assert.equal(probe.asked.length, 1);
});

test("a block that is missing is 4.08, and so is one that is as long as none can be (§2.9.2)", () => {
	const probe = new Probe([PUT]);
	const rig = rigWith(probe);
	assert.deepEqual(upload(rig, 1), ["ACK 4.08 1:1/0/16"]);
	upload(rig, 0);
	assert.deepEqual(upload(rig, 2), ["ACK 4.08 1:2/0/16"]);
	assert.deepEqual(upload(rig, 1), ["ACK 4.08 1:1/0/16"], "from the first again");
	assert.deepEqual(rig.ask("r", { code: PUT, payload: "short", options: [block(1, 0, true, 16)] }), ["ACK 4.08 1:0/0/16"]);
	upload(rig, 0);
	rig.after(BLOCK_TIMEOUT);
	assert.deepEqual(upload(rig, 1), ["ACK 4.08 1:1/0/16"], "too late");
	assert.equal(probe.asked.length, 0);
	assert.equal(rig.answerer.deadline, Infinity);
});

test("the first block of something else begins the body again; blocks that came before change nothing", () => {
	const probe = new Probe([PUT]);
	const rig = rigWith(probe);
	for (const index of [0, 1, 2, 0, 1, 0, 3, 3, 4, 2, 5]) assert.deepEqual(upload(rig, index), [`ACK 2.31 1:${index}/1/16`]);
	upload(rig, 6);
	upload(rig, 0);
	rig.ask("r", { code: PUT, payload: "z".repeat(16), options: [block(1, 0, true, 16)] });
	rig.ask("r", { code: PUT, payload: "end", options: [block(1, 1, false, 16)] });
	assert.deepEqual(probe.asked.map(({ payload }) => payload), [BODY, "z".repeat(16) + "end"]);
});

test("a body that is too long is 4.13, with the size that is taken (§2.9.3)", () => {
	const probe = new Probe([PUT]);
	const rig = rigWith(probe, { bodyMaximum: 40 });
	upload(rig, 0);
	upload(rig, 1);
	assert.deepEqual(upload(rig, 2), ["ACK 4.13 1:2/0/16"]);
	assert.equal(uintOf(rig.message, OptionNumber.SIZE1), 40);
	assert.deepEqual(upload(rig, 0, { options: [uintOption(OptionNumber.SIZE1, 100)] }), ["ACK 4.13 1:0/0/16"]);
	assert.equal(uintOf(rig.message, OptionNumber.SIZE1), 40);
	assert.equal(probe.asked.length, 0);
});

test("bodies of different tags are kept apart, as many as there is room for (RFC 9175 §3)", () => {
	const probe = new Probe([PUT]);
	const rig = rigWith(probe);
	const tag = (value: number) => ({ options: [uintOption(OptionNumber.REQUEST_TAG, value)] });
	upload(rig, 0, tag(1));
	upload(rig, 0, tag(2));
	assert.deepEqual(upload(rig, 1), ["ACK 4.08 1:1/0/16"]);
	for (let index = 1; index < 7; index++) {
		upload(rig, index, tag(1));
		upload(rig, index, tag(2));
	}
	assert.deepEqual(probe.asked.map(({ payload }) => payload), [BODY, BODY]);
	for (let value = 0; value <= UPLOAD_MAXIMUM; value++) upload(rig, 0, tag(value));
	assert.deepEqual(upload(rig, 1, tag(0)), ["ACK 4.08 1:1/0/16"]);
	assert.deepEqual(upload(rig, 1, tag(1)), ["ACK 2.31 1:1/1/16"]);
});

test("what its resource would refuse is refused with the first block", () => {
	const rig = rigWith(new Probe([Code.GET]));
	assert.deepEqual(upload(rig, 0), ["ACK 4.05 1:0/1/16"]);
});

test("a block of the reserved size is 4.00 (§2.2)", () => {
	const rig = rigWith(new Probe());
	for (const number of [OptionNumber.BLOCK1, OptionNumber.BLOCK2]) assert.deepEqual(rig.ask("r", { options: [uintOption(number, 7)] }), ["ACK 4.00"]);
});

/** A stream, as far as resources see one. */
class Stream implements Messenger {
	readonly reliable = true;
	readonly deadline = Infinity;
	readonly unsent = false;
	readonly holdOff = 0;
	readonly messageMaximum: number;
	readonly blockwise: boolean;
	readonly sent: Outgoing[] = [];

	constructor(messageMaximum: number, blockwise: boolean) {
		this.messageMaximum = messageMaximum;
		this.blockwise = blockwise;
	}

	send(message: Outgoing): number {
		return this.sent.push(message);
	}

	respond(_: number, message: Outgoing | undefined): number {
		if (message !== undefined) this.sent.push(message);
		return 0;
	}

	reject(): void {}
	cancel(): void {}
	ping(): number { return 1; }
	receive(): void {}
	transmit(): number { return 0; }
	expire(): void {}
	next(): undefined {}
}

test("over a stream, a message holds as many blocks of 1,024 bytes as fit (RFC 8323 §6)", () => {
	const long = "0123456789".repeat(1_000);
	const resources = new Resources({ codec: text, bodyMaximum: 20_000 });
	const probe = new Probe([Code.GET, PUT]).says(long);
	resources.add("r", probe);
	const answerer = resources.answerer();
	const stream = new Stream(4_096 + 256, true);
	answerer.attach(stream, undefined);
	const ask = (code: number, option: number, number: number, more: boolean, payload = "") => {
		const message: Message = {
			type: Type.CON, code, messageId: 0, token: Uint8Array.of(1), payload: utf8(payload),
			options: [textOption(text, OptionNumber.URI_PATH, "r"), blockOption(option, { number, more, size: 1_024, bert: true })],
		};
		answerer.take({ type: MessengerEvent.MESSAGE, handle: 0, message, exchange: 1, error: undefined }, 0);
		answerer.expire(0);
		const { options, payload: body } = stream.sent.at(-1)!;
		return [findBlock(options, option, true), body.byteLength];
	};
	const at = (number: number, more: boolean) => ({ number, more, size: 1_024, bert: true });
	assert.deepEqual(ask(Code.GET, OptionNumber.BLOCK2, 0, false), [at(0, true), 4_096]);
	assert.deepEqual(ask(Code.GET, OptionNumber.BLOCK2, 4, false), [at(4, true), 4_096]);
	assert.deepEqual(ask(Code.GET, OptionNumber.BLOCK2, 8, false), [at(8, false), 10_000 - 8_192]);
	assert.deepEqual(ask(PUT, OptionNumber.BLOCK1, 0, true, long.slice(0, 3_072))[0], at(0, true));
	assert.equal(stream.sent.at(-1)!.code, Code.CONTINUE);
	ask(PUT, OptionNumber.BLOCK1, 3, false, long.slice(3_072));
	assert.equal(probe.asked.at(-1)!.payload, long);
});
