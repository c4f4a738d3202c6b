// SPDX-License-Identifier: Apache-2.0
/** Packets that the vectors do not hold: every option of CONNECT, the widths of lengths, and what is refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Writer } from "../../../src/bytes/writer.js";
import type { QoS } from "../../../src/mqtt/constants.js";
import {
	encodeSubscribe, encodeUnsubscribe, subscribeLength, unsubscribeLength, type Connect, type Payload,
} from "../../../src/mqtt/encode.js";
import { encodedConnect, encodedPublish } from "../encoding.js";
import { codeOf } from "../failure.js";
import { fromHex, toHex } from "../hex.js";
import { text } from "../text.js";
import { packet, prefixed, publish, subscribe, unsubscribe, utf8 } from "../wire.js";
import { decoded } from "./decoding.js";

const connect = (options: Partial<Connect>): string => toHex(encodedConnect(options));

const header = (flags: string, keepAlive = "003c"): string => `${prefixed("MQTT")}04${flags}${keepAlive}${prefixed("id")}`;
const binary = fromHex("00ff");
const will = { topic: "w", payload: "gone" };

const CONNECTS: readonly [name: string, options: Partial<Connect>, body: string][] = [
	["nothing but an id", {}, header("00")],
	["a clean start", { cleanStart: true }, header("02")],
	["no keep alive", { keepAliveSeconds: 0 }, header("00", "0000")],
	["the longest keep alive", { keepAliveSeconds: 65_535 }, header("00", "ffff")],
	["a user", { username: "u" }, header("80") + prefixed("u")],
	["a user with an empty name", { username: "" }, header("80") + prefixed("")],
	["a user and a password", { username: "u", password: "pä" }, header("c0") + prefixed("u") + prefixed("pä")],
	["a password of bytes", { username: "u", password: binary }, `${header("c0")}${prefixed("u")}000200ff`],
	["an empty password", { username: "u", password: "" }, header("c0") + prefixed("u") + prefixed("")],
	["a will", { will }, header("04") + prefixed("w") + prefixed("gone")],
	["a will at QoS 1", { will: { ...will, qos: 1 } }, header("0c") + prefixed("w") + prefixed("gone")],
	["a retained will at QoS 2", { will: { ...will, qos: 2, retain: true } }, header("34") + prefixed("w") + prefixed("gone")],
	["an empty will", { will: { topic: "w", payload: "" } }, header("04") + prefixed("w") + prefixed("")],
	["a will of bytes", { will: { topic: "w", payload: binary } }, `${header("04")}${prefixed("w")}000200ff`],
	["everything", { cleanStart: true, username: "u", password: "p", will: { ...will, qos: 1, retain: true } },
		header("ee") + prefixed("w") + prefixed("gone") + prefixed("u") + prefixed("p")],
];

test("encodeConnect sets a flag for what is there, and puts it in the specified order [MQTT-3.1.3-1]", () => {
	for (const [name, options, body] of CONNECTS) assert.equal(connect(options), packet(0x10, body), name);
});

test("connectLength refuses what the specification forbids", () => {
	const forbidden: [name: string, options: Partial<Connect>][] = [
		["an empty id without a clean start [MQTT-3.1.3-7]", { clientId: "" }],
		["a password without a user [MQTT-3.1.2-22]", { password: "p" }],
		["a will to a filter", { will: { topic: "a/#", payload: "" } }],
		["a will to nothing", { will: { topic: "", payload: "" } }],
		["a will that is too long", { will: { topic: "w", payload: new Uint8Array(0x10000) } }],
		["an id with half a surrogate pair", { clientId: "\ud800" }],
		["a user name with half a surrogate pair", { username: "\udc00" }],
	];
	for (const [name, options] of forbidden) assert.equal(codeOf(() => connect(options)), "argument", name);
	assert.equal(connect({ clientId: "", cleanStart: true }), packet(0x10, `${prefixed("MQTT")}0402003c0000`));
});

const publication = (topic: string, payload: Payload, qos: QoS, retain: boolean, id: number): string =>
	toHex(encodedPublish({ topic, payload, qos, retain, id }));

test("encodePublish has an identifier only above QoS 0 [MQTT-2.3.1-5], and never DUP", () => {
	assert.equal(publication("a/b", "é", 0, false, 0), publish({ topic: "a/b", payload: utf8("é") }));
	assert.equal(publication("a/b", "", 0, true, 0), publish({ topic: "a/b", retain: true }));
	assert.equal(publication("a", binary, 1, true, 0xfffe), publish({ topic: "a", payload: "00ff", qos: 1, id: 0xfffe, retain: true }));
});

test("encodePublish finds the width of its length at both ends of each", () => {
	for (const remaining of [127, 128, 129, 16_383, 16_384, 16_385]) {
		const bytes = new Uint8Array(remaining - 3);
		const target = encodedPublish({ topic: "t", payload: bytes });
		const { length } = target;
		const head = packet(0x30, "").slice(0, 2);
		const digits = length - 1 - remaining;
		assert.equal(digits, remaining < 128 ? 1 : remaining < 16_384 ? 2 : 3);
		assert.equal(toHex(target, 0, 1), head);
		assert.equal(toHex(target, 1 + digits, 4 + digits), prefixed("t"), `${remaining}`);
	}
});

test("topicLength refuses a topic that no packet can hold [MQTT-4.7.3-3]", () => {
	assert.equal(codeOf(() => publication("x".repeat(0x10000), "", 0, false, 0)), "argument");
	assert.equal(codeOf(() => publication("é".repeat(0x8000), "", 0, false, 0)), "argument");
	assert.equal(encodedPublish({ topic: "x".repeat(0xffff), payload: "" }).length, 1 + 3 + 2 + 0xffff);
	assert.equal(codeOf(() => publication("a\u0000", "", 0, false, 0)), "argument");
});

test("encodeSubscribe and encodeUnsubscribe keep the order of the filters", () => {
	const filters = ["a/+", "#", "é"].map((filter, options) => ({ filter, options, identifier: 0 }));
	const writer = new Writer(text);
	const bytes = new Uint8Array(64);
	writer.reset(bytes, 0, subscribeLength(text, 4, filters));
	encodeSubscribe(writer, text, 4, 0x0102, filters);
	assert.equal(toHex(bytes, 0, writer.end), subscribe(0x0102, ["a/+", 0], ["#", 1], ["é", 2]));
	writer.reset(bytes, 0, unsubscribeLength(text, 4, filters));
	encodeUnsubscribe(writer, text, 4, 0x0102, filters);
	assert.equal(toHex(bytes, 0, writer.end), unsubscribe(0x0102, "a/+", "#", "é"));
});

test("decodePacket keeps U+FEFF in a topic, and takes every character that a name may have", () => {
	for (const topic of ["\ufeffa", "/", " ", "\u0001", "\uffff", "🜄/é"]) {
		assert.deepEqual(decoded(fromHex(publish({ topic }))), [`publish ${topic} 0 q0 `]);
	}
});
