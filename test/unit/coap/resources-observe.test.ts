// SPDX-License-Identifier: Apache-2.0
/** Observers of resources (RFC 7641 §4). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Code, OptionNumber, Type } from "../../../src/coap/constants.js";
import type { Outgoing } from "../../../src/coap/messenger.js";
import { CONFIRM_INTERVAL, NOTIFY_INTERVAL, OBSERVER_MAXIMUM } from "../../../src/coap/observers.js";
import { uintOption } from "../../../src/coap/option.js";
import type { Security } from "../../../src/coap/security.js";
import { block, observe, Probe, ResourcesRig, utf8 } from "./resources-rig.js";

const REGISTER = { options: [observe(0)], token: [5] };
const DEREGISTER = { options: [observe(1)], token: [5] };

function rigWith(probe: Probe, security?: Security): ResourcesRig {
	const rig = new ResourcesRig({}, security);
	rig.resources.add("r", probe);
	return rig;
}

function observable(): Probe {
	return new Probe([Code.GET, Code.FETCH], { observable: true }).says("a");
}

/** Tells of a new state. */
function change(rig: ResourcesRig, probe: Probe, value: string): string[] {
	probe.says(value);
	rig.resources.notify("r");
	return rig.turn();
}

test("a registration is answered with a sequence number, and each change is told with a higher one (§4.1, §4.4)", () => {
	const probe = observable();
	const rig = rigWith(probe);
	assert.deepEqual(rig.ask("r", REGISTER), ["ACK 2.05 observe=1 a"]);
	rig.woken = 0;
	assert.deepEqual(change(rig, probe, "b"), ["NON 2.05 observe=2 b"]);
	assert.equal(rig.woken, 1);
	assert.deepEqual([...rig.message.token], [5]);
	assert.deepEqual(probe.asked.map(({ isNotification }) => isNotification), [false, true]);
	rig.resources.notify("elsewhere");
	assert.deepEqual(rig.turn(), []);
});

test("notifications that nobody confirms keep a distance, and tell the newest state (§4.5.1)", () => {
	const probe = observable();
	const rig = rigWith(probe);
	rig.ask("r", REGISTER);
	change(rig, probe, "b");
	assert.deepEqual(change(rig, probe, "c"), []);
	assert.deepEqual(change(rig, probe, "d"), []);
	assert.deepEqual(rig.after(NOTIFY_INTERVAL - 1), []);
	assert.deepEqual(rig.after(1), ["NON 2.05 observe=3 d"]);
	assert.deepEqual(rig.after(60_000), []);
});

test("now and then a notification is confirmable; what changes meanwhile is told after it (§4.5, §4.5.2)", () => {
	const probe = observable();
	const rig = rigWith(probe);
	rig.ask("r", REGISTER);
	rig.after(CONFIRM_INTERVAL);
	assert.deepEqual(change(rig, probe, "b"), ["CON 2.05 observe=2 b"]);
	assert.deepEqual(change(rig, probe, "c"), []);
	rig.reply(Type.ACK);
	assert.deepEqual(rig.turn(), ["NON 2.05 observe=3 c"], "it is there: no need to ask again");
});

test("an observer that does not acknowledge is forgotten (§4.5)", () => {
	const probe = observable();
	const rig = rigWith(probe);
	rig.ask("r", REGISTER);
	rig.after(CONFIRM_INTERVAL);
	change(rig, probe, "b");
	assert.equal(rig.after(100_000).length, 4);
	assert.deepEqual(change(rig, probe, "c"), []);
	assert.equal(probe.asked.length, 2);
});

test("a Reset ends an observation, of a confirmable notification or not (§3.6, §4.5)", () => {
	for (const pause of [0, CONFIRM_INTERVAL]) {
		const probe = observable();
		const rig = rigWith(probe);
		rig.ask("r", REGISTER);
		rig.after(pause);
		assert.equal(change(rig, probe, "b").length, 1);
		rig.reply(Type.RST);
		rig.after(NOTIFY_INTERVAL);
		assert.deepEqual(change(rig, probe, "c"), []);
	}
});

test("Observe: 1 ends an observation, and is answered as any request (§3.6)", () => {
	const probe = observable();
	const rig = rigWith(probe);
	rig.ask("r", REGISTER);
	assert.deepEqual(rig.ask("r", { ...DEREGISTER, token: [6] }), ["ACK 2.05 a"]);
	assert.equal(change(rig, probe, "b").length, 1, "it was another one's");
	rig.after(NOTIFY_INTERVAL);
	assert.deepEqual(rig.ask("r", DEREGISTER), ["ACK 2.05 b"]);
	assert.deepEqual(change(rig, probe, "c"), []);
});

test("registering again replaces, and does not double (§4.1)", () => {
	const probe = observable();
	const rig = rigWith(probe);
	rig.ask("r", REGISTER);
	assert.deepEqual(rig.ask("r", REGISTER), ["ACK 2.05 observe=2 a"]);
	assert.deepEqual(change(rig, probe, "b"), ["NON 2.05 observe=3 b"]);
});

test("where there is no room, or nothing to observe, a request is answered as any other (§4.1)", () => {
	const probe = observable();
	const rig = rigWith(probe);
	for (let count = 0; count < OBSERVER_MAXIMUM; count++) rig.ask("r", { options: [observe(0)], token: [count] });
	assert.deepEqual(rig.ask("r", { options: [observe(0)], token: [99] }), ["ACK 2.05 a"]);
	assert.equal(change(rig, probe, "b").length, OBSERVER_MAXIMUM);
	rig.resources.add("still", new Probe().says("x"));
	assert.deepEqual(rig.ask("still", REGISTER), ["ACK 2.05 x"]);
});

test("a resource that fails, or goes, ends its observations with that (§4.2)", () => {
	const probe = observable();
	const rig = rigWith(probe);
	probe.response = { code: Code.NOT_FOUND };
	assert.deepEqual(rig.ask("r", REGISTER), ["ACK 4.04"]);
	probe.says("a");
	rig.ask("r", REGISTER);
	rig.resources.remove("r");
	assert.deepEqual(rig.turn(), ["CON 4.04"]);
	rig.reply(Type.ACK);
	rig.resources.add("r", probe);
	assert.deepEqual(change(rig, probe, "b"), []);
});

test("a change before the first answer is told after it", () => {
	const probe = observable();
	probe.response = undefined;
	const rig = rigWith(probe);
	rig.ask("r", REGISTER);
	rig.resources.notify("r");
	assert.deepEqual(rig.turn(), []);
	probe.replies[0]!.send({ code: Code.CONTENT, payload: utf8("old") });
	probe.says("new");
	assert.deepEqual(rig.turn(), ["ACK 2.05 observe=1 old", "NON 2.05 observe=2 new"]);
});

test("a registration that is answered by itself counts as told once that is acknowledged", () => {
	const probe = observable();
	probe.response = undefined;
	const rig = rigWith(probe);
	rig.ask("r", REGISTER);
	rig.after(2_000);
	probe.replies[0]!.send({ code: Code.CONTENT, payload: utf8("a") });
	assert.deepEqual(rig.turn(), ["CON 2.05 observe=1 a"]);
	assert.deepEqual(change(rig, probe, "b"), []);
	rig.reply(Type.ACK);
	assert.deepEqual(rig.turn(), ["NON 2.05 observe=2 b"]);
});

test("a registration that is not confirmable is answered so, and may be reset", () => {
	const probe = observable();
	const rig = rigWith(probe);
	assert.deepEqual(rig.ask("r", { ...REGISTER, type: Type.NON }), ["NON 2.05 observe=1 a"]);
	rig.reply(Type.RST);
	rig.after(NOTIFY_INTERVAL);
	assert.deepEqual(change(rig, probe, "b"), []);
});

test("a long notification is its first block, and the rest can be fetched (RFC 7959 §2.6)", () => {
	const probe = observable();
	const rig = rigWith(probe);
	rig.ask("r", { ...REGISTER, options: [observe(0), block(2, 0, false, 16)] });
	const long = "x".repeat(16) + "y".repeat(16) + "z";
	assert.deepEqual(change(rig, probe, long), ["NON 2.05 2:0/1/16 observe=2 " + "x".repeat(16)]);
	assert.deepEqual(rig.ask("r", { token: [9], options: [block(2, 1, false, 16)] }), ["ACK 2.05 2:1/1/16 " + "y".repeat(16)]);
	assert.deepEqual(rig.ask("r", { token: [9], options: [block(2, 2, false, 16)] }), ["ACK 2.05 2:2/0/16 z"]);
	assert.equal(probe.asked.length, 2);
});

test("a FETCH is observed with its body (RFC 8132 §2.4)", () => {
	const probe = observable();
	const rig = rigWith(probe);
	rig.ask("r", { ...REGISTER, code: Code.FETCH, payload: "filter" });
	change(rig, probe, "b");
	assert.deepEqual(probe.asked.map(({ payload }) => payload), ["filter", "filter"]);
});

test("a FETCH whose body came in blocks is observed with the whole of it", () => {
	const probe = observable();
	const rig = rigWith(probe);
	rig.ask("r", { code: Code.FETCH, token: [4], payload: "0123456789abcdef", options: [block(1, 0, true, 16)] });
	assert.deepEqual(rig.ask("r", { ...REGISTER, code: Code.FETCH, payload: "end", options: [observe(0), block(1, 1, false, 16)] }), ["ACK 2.05 1:1/0/16 observe=1 a"]);
	assert.deepEqual(change(rig, probe, "b"), ["NON 2.05 observe=2 b"]);
	assert.deepEqual(probe.asked.map(({ payload }) => payload), ["0123456789abcdefend", "0123456789abcdefend"]);
});

test("notifications that are being made keep nobody from asking", () => {
	const probe = observable();
	const rig = rigWith(probe);
	for (let count = 0; count < OBSERVER_MAXIMUM; count++) rig.ask("r", { options: [observe(0)], token: [count] });
	probe.response = undefined;
	rig.resources.notify("r");
	assert.deepEqual(rig.turn(), []);
	rig.resources.add("other", new Probe().says("x"));
	assert.deepEqual(rig.ask("other", { token: [77] }), ["ACK 2.05 x"]);
});

test("two connections have observers of their own, and both are told", () => {
	const probe = observable();
	const rig = rigWith(probe);
	const second = rig.resources.answerer();
	second.attach(rig.exchanges, undefined);
	rig.ask("r", REGISTER);
	rig.resources.notify("r");
	assert.equal(second.deadline, Infinity);
	rig.answerer.detach();
	rig.resources.notify("r");
	assert.equal(rig.answerer.deadline, Infinity);
});

/** Marks what it protects: the payload goes behind a word. */
class Mark implements Security {
	readonly overhead = 8;
	readonly seen: boolean[] = [];
	fails = false;

	protectRequest(): never { throw new Error("unused"); }
	unprotectResponse(): never { throw new Error("unused"); }

	unprotectRequest(message: Parameters<Security["unprotectRequest"]>[0]): ReturnType<Security["unprotectRequest"]> {
		const isProtected = message.options.some(({ number }) => number === OptionNumber.OSCORE);
		if (isProtected) {
			const options = message.options.filter(({ number }) => number !== OptionNumber.OSCORE);
			return { message: { ...message, options }, binding: {}, answer: undefined };
		}
		const answer: Outgoing = { confirmable: true, code: Code.UNAUTHORIZED, token: message.token.slice(), options: [], payload: utf8("who?") };
		return { message: undefined, binding: undefined, answer };
	}

	protectResponse(message: Outgoing, _: object, first: boolean): Outgoing {
		if (this.fails) throw new Error("no sequence number can be stored");
		this.seen.push(first);
		return { ...message, payload: Uint8Array.of(...utf8("sealed "), ...message.payload) };
	}
}

test("with security, each answer and each notification is protected, refusals included, and what is not protected refused", () => {
	const security = new Mark();
	const probe = observable();
	const rig = rigWith(probe, security);
	const sealed = (...options: ReturnType<typeof uintOption>[]) => ({ token: [5], options: [...options, uintOption(OptionNumber.OSCORE, 9)] });
	assert.deepEqual(rig.ask("r", REGISTER), ["ACK 4.01 who?"]);
	assert.deepEqual(rig.ask("r", sealed(observe(0))), ["ACK 2.05 observe=1 sealed a"]);
	assert.deepEqual(change(rig, probe, "b"), ["NON 2.05 observe=2 sealed b"]);
	assert.deepEqual(rig.ask("r", sealed(uintOption(65_001, 1))), ["ACK 4.02 sealed "]);
	assert.deepEqual(rig.ask("none", sealed()), ["ACK 4.04 sealed "]);
	assert.deepEqual(security.seen, [true, false, true, true]);
	security.fails = true;
	assert.deepEqual(rig.ask("r", sealed()), ["ACK"], "nothing goes out unprotected");
	rig.after(NOTIFY_INTERVAL);
	assert.deepEqual(change(rig, probe, "c"), []);
});
