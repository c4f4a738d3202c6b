// SPDX-License-Identifier: Apache-2.0
/** What is asked of resources, and what is answered in their place. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { REPLY_TIMEOUT, REQUEST_MAXIMUM } from "../../../src/coap/answering.js";
import { Code, ContentFormat, OptionNumber, Type } from "../../../src/coap/constants.js";
import { uintOf } from "../../../src/coap/message.js";
import { findOption, textOption, uintOption } from "../../../src/coap/option.js";
import { ROUTE_MAXIMUM } from "../../../src/coap/resources.js";
import { codeOf } from "../failure.js";
import { text } from "../text.js";
import { Probe, ResourcesRig, utf8 } from "./resources-rig.js";

function rigWith(probe: Probe, path = "sensors/temp"): ResourcesRig {
	const rig = new ResourcesRig();
	rig.resources.add(path, probe);
	return rig;
}

test("a request reaches its resource in a timer's turn, and is answered in the acknowledgement (RFC 7252 §5.2.1)", () => {
	const probe = new Probe().says("22.5", { contentFormat: ContentFormat.TEXT, maxAge: 10 });
	const rig = rigWith(probe);
	rig.put("sensors/temp", { query: ["unit=C", "x"], token: [7, 8] });
	assert.equal(probe.asked.length, 0);
	assert.equal(rig.answerer.deadline, 0);
	assert.deepEqual(rig.turn(), ["ACK 2.05 22.5"]);
	assert.deepEqual(probe.asked, [{ code: Code.GET, payload: "", query: ["unit=C", "x"], isNotification: false }]);
	assert.deepEqual([...rig.message.token], [7, 8]);
	assert.equal(uintOf(rig.message, OptionNumber.CONTENT_FORMAT), ContentFormat.TEXT);
	assert.equal(uintOf(rig.message, OptionNumber.MAX_AGE), 10);
	assert.equal(rig.answerer.deadline, Infinity);
});

test("the root is a path, too", () => {
	const rig = rigWith(new Probe().says("root"), "");
	assert.deepEqual(rig.ask(""), ["ACK 2.05 root"]);
});

test("what is not there is 4.04, and what it cannot do 4.05 (RFC 7252 §5.9.2)", () => {
	const rig = rigWith(new Probe([Code.GET, Code.FETCH]));
	assert.deepEqual(rig.ask("sensors"), ["ACK 4.04"]);
	assert.deepEqual(rig.ask("sensors/temp/x"), ["ACK 4.04"]);
	for (const code of [Code.POST, Code.PUT, Code.DELETE, Code.PATCH, Code.IPATCH, 0x1f]) {
		assert.deepEqual(rig.ask("sensors/temp", { code }), ["ACK 4.05"]);
	}
	assert.deepEqual(rig.ask("sensors/temp", { code: Code.FETCH }), ["ACK 2.05"]);
	rig.resources.remove("sensors/temp");
	assert.deepEqual(rig.ask("sensors/temp"), ["ACK 4.04"]);
});

test("formats: 4.06 for one that is not offered, 4.15 for one that is not taken (RFC 7252 §5.10.3, §5.10.4)", () => {
	const probe = new Probe([Code.PUT], { takes: [ContentFormat.CBOR], offers: [ContentFormat.TEXT] });
	const rig = rigWith(probe);
	const put = (number: number, format: number) => rig.ask("sensors/temp", { code: Code.PUT, payload: "x", options: [uintOption(number, format)] });
	assert.deepEqual(put(OptionNumber.CONTENT_FORMAT, ContentFormat.JSON), ["ACK 4.15"]);
	assert.deepEqual(put(OptionNumber.ACCEPT, ContentFormat.JSON), ["ACK 4.06"]);
	assert.equal(probe.asked.length, 0);
	assert.deepEqual(put(OptionNumber.CONTENT_FORMAT, ContentFormat.CBOR), ["ACK 2.05"]);
	assert.deepEqual(put(OptionNumber.ACCEPT, ContentFormat.TEXT), ["ACK 2.05"]);
});

test("an unknown option is refused if it is critical, passed over if it is not (RFC 7252 §5.4.1)", () => {
	const rig = rigWith(new Probe());
	const ask = (number: number, type: Type = Type.CON) => rig.ask("sensors/temp", { type, options: [uintOption(number, 1)] });
	assert.deepEqual(ask(65_001), ["ACK 4.02"]);
	assert.deepEqual(ask(OptionNumber.OSCORE), ["ACK 4.02"], "nothing here can undo it");
	assert.deepEqual(ask(65_000), ["ACK 2.05"]);
	assert.deepEqual(ask(OptionNumber.HOP_LIMIT), ["ACK 2.05"], "it is for proxies (RFC 8768 §3)");
	assert.deepEqual(ask(65_001, Type.NON), ["RST"]);
});

test("a critical option that comes too often is refused (RFC 7252 §5.4.5)", () => {
	const rig = rigWith(new Probe());
	const twice = (number: number) => rig.ask("sensors/temp", { options: [uintOption(number, 0), uintOption(number, 0)] });
	assert.deepEqual(twice(OptionNumber.ACCEPT), ["ACK 4.02"]);
	assert.deepEqual(twice(OptionNumber.IF_MATCH), ["ACK 2.05"]);
	assert.deepEqual(twice(OptionNumber.CONTENT_FORMAT), ["ACK 2.05"], "elective: the second is passed over");
});

test("no proxy (RFC 7252 §5.7.2); and every host's name is ours", () => {
	const rig = rigWith(new Probe());
	const ask = (number: number, value: string) => rig.ask("sensors/temp", { options: [textOption(text, number, value)] });
	assert.deepEqual(ask(OptionNumber.PROXY_URI, "coap://example.net/x"), ["ACK 5.05"]);
	assert.deepEqual(ask(OptionNumber.PROXY_SCHEME, "coap"), ["ACK 5.05"]);
	assert.deepEqual(ask(OptionNumber.URI_HOST, "example.net"), ["ACK 2.05"]);
});

test("a path that is no text is 4.00", () => {
	const rig = rigWith(new Probe());
	assert.deepEqual(rig.ask("", { options: [{ number: OptionNumber.URI_PATH, value: Uint8Array.of(0xff) }] }), ["ACK 4.00"]);
});

test("conditions are the handler's to judge (RFC 7252 §5.10.8)", () => {
	const probe = new Probe([Code.PUT]);
	const seen: unknown[] = [];
	probe.onAsked = ({ ifMatch, ifNoneMatch }) => seen.push([ifMatch.map((tag) => [...tag]), ifNoneMatch]);
	const rig = rigWith(probe);
	const value = (...bytes: number[]) => Uint8Array.from(bytes);
	rig.ask("sensors/temp", { code: Code.PUT, options: [{ number: OptionNumber.IF_MATCH, value: value(1) }, { number: OptionNumber.IF_MATCH, value: value() }] });
	rig.ask("sensors/temp", { code: Code.PUT, options: [{ number: OptionNumber.IF_NONE_MATCH, value: value() }] });
	assert.deepEqual(seen, [[[[1], []], false], [[], true]]);
});

test("who has the representation is told just so (RFC 7252 §5.10.6.2)", () => {
	const etag = Uint8Array.of(1, 2);
	const rig = rigWith(new Probe([Code.GET, Code.POST]).says("22.5", { etag, contentFormat: 0 }));
	const options = [{ number: OptionNumber.ETAG, value: Uint8Array.of(9) }, { number: OptionNumber.ETAG, value: etag }];
	assert.deepEqual(rig.ask("sensors/temp", { options }), ["ACK 2.03"]);
	assert.deepEqual(findOption(rig.message.options, OptionNumber.ETAG)?.value, etag);
	assert.equal(findOption(rig.message.options, OptionNumber.CONTENT_FORMAT), undefined);
	assert.deepEqual(rig.ask("sensors/temp", { options: options.slice(0, 1) }), ["ACK 2.05 22.5"]);
	assert.deepEqual(rig.ask("sensors/temp", { code: Code.POST, options }), ["ACK 2.05 22.5"]);
});

test("a reply may come later: then the acknowledgement goes first, and the answer by itself (RFC 7252 §5.2.2)", () => {
	const probe = new Probe();
	probe.response = undefined;
	const rig = rigWith(probe);
	assert.deepEqual(rig.ask("sensors/temp", { token: [4] }), []);
	assert.deepEqual(rig.after(20_000), ["ACK"]);
	rig.woken = 0;
	probe.replies[0]!.send({ code: Code.CONTENT, payload: utf8("late") });
	assert.equal(rig.woken, 1);
	assert.equal(rig.answerer.deadline, 0);
	assert.deepEqual(rig.turn(), ["CON 2.05 late"]);
	assert.deepEqual([...rig.message.token], [4]);
	probe.replies[0]!.send({ code: Code.CONTENT, payload: utf8("again") });
	assert.deepEqual(rig.turn(), []);
});

test("what is not answered in a minute is 5.03, and nothing comes after it", () => {
	const probe = new Probe();
	probe.response = undefined;
	const rig = rigWith(probe);
	rig.ask("sensors/temp");
	assert.deepEqual(rig.after(REPLY_TIMEOUT), ["ACK", "CON 5.03"]);
	rig.reply(Type.ACK);
	probe.replies[0]!.send({ code: Code.CONTENT });
	assert.deepEqual(rig.after(300_000), []);
	assert.equal(rig.answerer.deadline, Infinity);
});

test("a request that is not confirmable is answered without confirmation (RFC 7252 §5.2.3)", () => {
	const rig = rigWith(new Probe().says("22.5"));
	assert.deepEqual(rig.ask("sensors/temp", { type: Type.NON }), ["NON 2.05 22.5"]);
});

test("answers that nobody wants are not sent (RFC 7967 §2)", () => {
	const rig = rigWith(new Probe([Code.POST]).says("x"));
	const ask = (value: number, path: string, type: Type = Type.CON) => rig.ask(path, { type, code: Code.POST, options: [uintOption(OptionNumber.NO_RESPONSE, value)] });
	assert.deepEqual(ask(2, "sensors/temp"), ["ACK"]);
	assert.deepEqual(ask(2, "sensors/temp", Type.NON), []);
	assert.deepEqual(ask(2, "nothing"), ["ACK 4.04"]);
	assert.deepEqual(ask(8, "nothing"), ["ACK"]);
	assert.deepEqual(ask(26, "nothing", Type.NON), []);
	assert.deepEqual(ask(0, "sensors/temp", Type.NON), ["NON 2.05 x"]);
});

test("more than a few at a time are refused with 5.03", () => {
	const probe = new Probe();
	probe.response = undefined;
	const rig = rigWith(probe);
	for (let count = 0; count < REQUEST_MAXIMUM; count++) assert.deepEqual(rig.ask("sensors/temp", { token: [count] }), []);
	assert.deepEqual(rig.ask("sensors/temp"), ["ACK 5.03"]);
	probe.replies[1]!.send({ code: Code.VALID });
	assert.deepEqual(rig.turn(), ["ACK 2.03"]);
	assert.deepEqual(rig.ask("sensors/temp"), []);
});

test("a handler that throws, and one that answers what no message can hold, are 5.00", () => {
	const probe = new Probe();
	probe.onAsked = () => { throw new Error("a fault of the program's"); };
	const rig = rigWith(probe);
	assert.deepEqual(rig.ask("sensors/temp"), ["ACK 5.00"]);
	probe.onAsked = undefined;
	probe.response = { code: Code.CONTENT, contentFormat: -1 };
	assert.deepEqual(rig.ask("sensors/temp"), ["ACK 5.00"]);
	probe.response = { code: Code.CONTENT, options: [uintOption(300, 1), uintOption(8, 1)] };
	assert.deepEqual(rig.ask("sensors/temp"), ["ACK 5.00"]);
	assert.equal(rig.answerer.deadline, Infinity);
});

test("discovery lists what there is, and of that what is asked for (RFC 6690 §4)", () => {
	const rig = rigWith(new Probe([Code.GET], { observable: true, offers: [0, 60] }));
	rig.resources.add("light", Object.assign(new Probe(), { attributes: [{ name: "rt", value: "lamp" }] }));
	assert.deepEqual(rig.ask(".well-known/core"), ['ACK 2.05 </sensors/temp>;ct="0 60";obs,</light>;rt="lamp"']);
	assert.equal(uintOf(rig.message, OptionNumber.CONTENT_FORMAT), ContentFormat.LINK_FORMAT);
	assert.deepEqual(rig.ask(".well-known/core", { query: ["rt=la*"] }), ['ACK 2.05 </light>;rt="lamp"']);
	assert.deepEqual(rig.ask(".well-known/core", { query: ["rt=none"] }), ["ACK 2.05"]);
	assert.deepEqual(rig.ask(".well-known/core", { code: Code.PUT }), ["ACK 4.05"]);
});

test("routes are bounded, and each is there once", () => {
	const rig = new ResourcesRig();
	for (let count = 0; count < ROUTE_MAXIMUM; count++) rig.resources.add(`${count}`, new Probe());
	assert.equal(codeOf(() => rig.resources.add("more", new Probe())), "full");
	assert.equal(codeOf(() => rig.resources.add("0", new Probe())), "state");
	assert.equal(codeOf(() => rig.resources.add(".well-known/core", new Probe())), "state");
});

test("a connection that is lost takes its requests with it", () => {
	const probe = new Probe();
	probe.response = undefined;
	const rig = rigWith(probe);
	rig.ask("sensors/temp");
	rig.answerer.detach();
	assert.equal(rig.answerer.deadline, Infinity);
	probe.replies[0]!.send({ code: Code.CONTENT });
	assert.equal(rig.answerer.deadline, Infinity);
	assert.deepEqual(rig.turn(), []);
	rig.answerer.attach(rig.exchanges, undefined);
	assert.deepEqual(rig.turn(), []);
	probe.response = { code: Code.VALID };
	assert.deepEqual(rig.ask("sensors/temp"), ["ACK 2.03"]);
});
