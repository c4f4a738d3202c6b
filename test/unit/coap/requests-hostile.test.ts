// SPDX-License-Identifier: Apache-2.0
/** Requests whose peer does not mean well, and whose owners do as they like inside their callbacks. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError } from "../../../src/base/error.js";
import { findBlock } from "../../../src/coap/block.js";
import { Code, OptionNumber } from "../../../src/coap/constants.js";
import { uintOf } from "../../../src/coap/message.js";
import { findOption } from "../../../src/coap/option.js";
import { PENDING_MAXIMUM } from "../../../src/coap/requests.js";
import type { Security } from "../../../src/coap/security.js";
import { block, Keeper, observe, Rig } from "./requesting.js";

const { BLOCK1, BLOCK2, NO_RESPONSE, OBSERVE, REQUEST_TAG } = OptionNumber;
const get = { code: Code.GET, path: "sensors/temp" };

/** Protects nothing, but for what is told. */
function securityWith(changes: Partial<Security>): Security {
	return {
		overhead: 0,
		protectRequest: message => ({ message, binding: {} }),
		unprotectResponse: message => message,
		unprotectRequest: message => ({ message, binding: {}, answer: undefined }),
		protectResponse: message => message,
		...changes,
	};
}

function refuse(): never {
	throw new DeviceError("signature", "not the peer's");
}

test("an answer that is not the peer's, in the acknowledgement, leaves a request that ends in time (RFC 8613 §8.4)", () => {
	const rig = new Rig({ security: securityWith({ unprotectResponse: refuse }) });
	rig.requests.request({ ...get, timeout: 5_000 }, rig.keeper);
	rig.answer();
	assert.deepEqual(rig.keeper.told, []);
	assert.equal(rig.requests.deadline, rig.now + 5_000);
	rig.wait();
	assert.deepEqual(rig.keeper.codes, ["timeout"]);
	assert.equal(rig.requests.count, 0);
});

test("a peer that goes on with an observation that was cancelled keeps nothing of it here", () => {
	const rig = new Rig();
	const observation = rig.requests.observe(get, rig.keeper);
	rig.answer({ options: [observe(1)] });
	observation.cancel();
	assert.equal(uintOf(rig.last, OBSERVE), 1);
	rig.answer({ options: [observe(2)] });
	rig.wait();
	assert.equal(rig.requests.count, 0);
	assert.equal(rig.keeper.told.length, 1);
});

test("a server that acts on each block by itself is sent the others, too (RFC 7959 §3.2)", () => {
	const rig = new Rig({ blockLength: 16 });
	rig.requests.request({ code: Code.PUT, path: "x", payload: new Uint8Array(40) }, rig.keeper);
	for (let number = 0; number < 3; number++) {
		assert.deepEqual(rig.keeper.told, []);
		assert.equal(findBlock(rig.last.options, BLOCK1, false)?.number, number);
		rig.answer({ code: Code.CHANGED, options: [block(BLOCK1, number, false, 16)] });
	}
	assert.deepEqual(rig.keeper.codes, [Code.CHANGED]);
});

test("a success that tells of no block, when only some have been sent, is none", () => {
	const rig = new Rig({ blockLength: 16 });
	rig.requests.request({ code: Code.PUT, path: "x", payload: new Uint8Array(40) }, rig.keeper);
	rig.answer({ code: Code.CHANGED });
	assert.deepEqual(rig.keeper.codes, ["violation"]);
});

test("of a silent body in blocks, no more than the last is silent (RFC 7967)", () => {
	const rig = new Rig({ blockLength: 16 });
	rig.requests.request({ code: Code.PUT, path: "x", payload: new Uint8Array(40), silent: true, confirmable: false }, rig.keeper);
	for (let number = 0; number < 2; number++) {
		assert.equal(findOption(rig.last.options, NO_RESPONSE), undefined);
		assert.notEqual(rig.requests.deadline, rig.now);
		rig.answer({ code: Code.CONTINUE, options: [block(BLOCK1, number, true, 16)], piggybacked: false });
	}
	assert.equal(uintOf(rig.last, NO_RESPONSE), 26);
	assert.deepEqual(rig.keeper.told, []);
	rig.wait();
	assert.deepEqual(rig.keeper.codes, [Code.EMPTY]);
});

test("one block alone that is short, and yet says that more follows, is a violation", () => {
	for (const length of [0, 15, 17]) {
		const rig = new Rig();
		rig.requests.request({ ...get, block: { number: 2, size: 16 } }, rig.keeper);
		rig.answer({ options: [block(BLOCK2, 2, true, 16)], payload: new Uint8Array(length) });
		assert.deepEqual(rig.keeper.codes, ["violation"], String(length));
	}
});

test("bodies on one connection and the next have tags of their own (RFC 9175 §3.5.1)", () => {
	const tags = [1, 2].map((tokenPrefix) => {
		const rig = new Rig({ blockLength: 16, tokenPrefix });
		rig.requests.request({ code: Code.PUT, path: "x", payload: new Uint8Array(40) }, rig.keeper);
		return uintOf(rig.last, REQUEST_TAG);
	});
	assert.notEqual(tags[0], tags[1]);
});

test("what was made before the messenger had room does not go out in place of what is wished now", () => {
	const rig = new Rig({ blockLength: 16 });
	const observation = rig.requests.observe(get, rig.keeper);
	rig.answer({ options: [observe(1), block(BLOCK2, 0, true, 16)], payload: new Uint8Array(16) });
	rig.messenger.room = 0;
	rig.requests.flush(rig.now);
	observation.cancel();
	rig.messenger.room = Infinity;
	assert.equal(uintOf(rig.last, OBSERVE), 1);
});

test("a request that the messenger never has room for ends in time", () => {
	const rig = new Rig({}, { room: 0, reliable: true });
	rig.requests.request({ ...get, timeout: 5_000 }, rig.keeper);
	rig.requests.flush(rig.now);
	rig.wait();
	assert.deepEqual(rig.keeper.codes, ["timeout"]);
});

test("owners hear of what could not be sent in their turn, and may cancel others then, or try again", () => {
	let attempts = 0;
	const security = securityWith({
		protectRequest(message) {
			if (message.code !== Code.GET) throw new DeviceError("storage", "no number");
			return { message, binding: {} };
		},
	});
	const rig = new Rig({ security });
	const first = rig.requests.request(get, rig.keeper);
	rig.requests.flush(rig.now);
	const again = {
		onResponse() { assert.fail(); },
		onError() {
			attempts++;
			first.cancel();
			rig.requests.request({ code: Code.POST, path: "x" }, again);
		},
	};
	rig.requests.request({ code: Code.POST, path: "x" }, again);
	rig.requests.request({ ...get, path: "other" }, new Keeper());
	rig.requests.flush(rig.now);
	assert.equal(attempts, 0);
	assert.equal(rig.messenger.sent.length, 2);
	rig.wait();
	assert.equal(attempts, 1);
	rig.requests.flush(rig.now);
	assert.equal(attempts, 1);
});

test("who cancels another's request while the connection is being closed is heeded", () => {
	const rig = new Rig();
	const second = new Keeper();
	rig.requests.request(get, { onResponse() { assert.fail(); }, onError() { other.cancel(); } });
	const other = rig.requests.request(get, second);
	rig.requests.close(new DeviceError("closed", "over"), rig.now);
	assert.deepEqual(second.told, []);
});

test("what is dropped hears nothing more, from within a callback either", () => {
	const rig = new Rig();
	const keeper = new Keeper();
	const drop = { onResponse() { assert.fail(); }, onError() { rig.requests.drop(); } };
	for (let count = 0; count < 3; count++) rig.requests.request({ ...get, timeout: 5_000, confirmable: false }, count === 1 ? drop : keeper);
	rig.requests.flush(rig.now);
	rig.wait();
	assert.deepEqual(keeper.codes, ["timeout"]);
	assert.equal(rig.requests.count, 0);
	const closing = new Rig();
	closing.requests.request(get, { onResponse() { assert.fail(); }, onError() { closing.requests.drop(); } });
	closing.requests.request(get, keeper);
	closing.requests.close(new DeviceError("closed", "over"), closing.now);
	assert.deepEqual(keeper.codes, ["timeout"]);
});

test("a request without an acknowledgement is not cancelled as one with number 0, which others' answers have", () => {
	const rig = new Rig({}, { reliable: true });
	const cancel = rig.messenger.cancel.bind(rig.messenger);
	rig.messenger.cancel = (handle) => {
		assert.notEqual(handle, 0);
		cancel(handle);
	};
	const request = rig.requests.request(get, rig.keeper);
	rig.requests.flush(rig.now);
	request.cancel();
	assert.equal(rig.requests.count, 0);
});

test("what is not confirmed, and over before it could be sent, is not sent later: its bytes are the owner's again", () => {
	const rig = new Rig();
	rig.requests.request({ ...get, confirmable: false, timeout: 5_000 }, rig.keeper);
	const { handle } = rig.last;
	rig.wait();
	assert.deepEqual(rig.keeper.codes, ["timeout"]);
	assert.deepEqual(rig.messenger.canceled, [handle]);
});

test("what is silent and not confirmed keeps its bytes until it is sent, though its owner has them back", () => {
	const rig = new Rig();
	const payload = Uint8Array.of(1, 2, 3);
	rig.requests.request({ code: Code.POST, path: "x", payload, silent: true, confirmable: false }, rig.keeper);
	const { last } = rig;
	rig.wait();
	assert.deepEqual(rig.keeper.codes, [Code.EMPTY]);
	payload.fill(9);
	assert.deepEqual(last.payload, Uint8Array.of(1, 2, 3));
});

test("who leaves all observations at once and begins as many anew finds room for them", () => {
	const rig = new Rig();
	for (let turn = 0; turn < 2; turn++) {
		const all = Array.from({ length: PENDING_MAXIMUM }, (_, index) => {
			const observation = rig.requests.observe({ ...get, path: String(index) }, rig.keeper);
			rig.answer({ options: [observe(1)] });
			return observation;
		});
		assert.throws(() => rig.requests.request(get, rig.keeper), { code: "full" });
		for (const each of all) each.cancel();
	}
	assert.equal(rig.keeper.told.length, 2 * PENDING_MAXIMUM);
	assert.equal(rig.requests.count, PENDING_MAXIMUM);
});
