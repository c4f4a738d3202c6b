// SPDX-License-Identifier: Apache-2.0
/**
 * MQTT 5: whatever a server sends that it must not, it is told so with DISCONNECT and its reason, and the link is over
 * [MQTT-4.13.1-1]. The session goes on with the next link.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { packet, PINGREQ, prefixed, uint16 } from "../wire.js";
import {
	alias5, auth5, binary5, byte5, connack5, disconnect5, identifier5, long5, properties, puback5, pubcomp5, publish5, pubrec5, pubrel5,
	reason5, short5, suback5, subscribe5, text5, unsuback5, unsubscribe5, user5,
} from "../wire5.js";
import { assertEnds, deliver, open5, reconnect5 } from "./v5.js";

const MALFORMED = 0x81;
const VIOLATION = 0x82;

type Row = readonly [name: string, hex: string, reason: number];

const said = (...hex: string[]): string => publish5({ topic: "t", said: hex.join("") });
const raw = (id: number, hex: string): string => `${id.toString(16).padStart(2, "0")}${uint16(hex.length / 2)}${hex}`;

/** Sent by a server that has accepted, while SUBSCRIBE for two filters is under way. */
const ROWS: readonly Row[] = [
	["a length that is not minimal [MQTT-1.5.5-1]", "30840000017400", MALFORMED],
	["a length of five digits", "30ffffffff01", MALFORMED],
	["a property length that is not minimal", packet(0x30, `${prefixed("t")}8000`), MALFORMED],
	["a property length of five digits", packet(0x30, `${prefixed("t")}8080808001`), MALFORMED],
	["a property length beyond the packet", packet(0x30, `${prefixed("t")}05`), MALFORMED],
	["a property that ends behind its length", packet(0x30, `${prefixed("t")}03${short5(35, 1)}`.slice(0, -2)), MALFORMED],
	["a string that runs on into the payload", packet(0x30, `${prefixed("t")}04030003${"61".repeat(9)}`), MALFORMED],
	["a subscription identifier that is not minimal", said("0b8100"), MALFORMED],
	["type 0", "0000", MALFORMED],
	["CONNECT, which only a client sends", packet(0x10, `${prefixed("MQTT")}0502003c000000`), VIOLATION],
	["SUBSCRIBE, which only a client sends", subscribe5(1, "", ["a", 0]), VIOLATION],
	["UNSUBSCRIBE, which only a client sends", unsubscribe5(1, "a"), VIOLATION],
	["PINGREQ, which only a client sends", PINGREQ, VIOLATION],
	["a second CONNACK [MQTT-3.2.0-2]", connack5(), VIOLATION],
	["PUBACK with flags [MQTT-2.1.3-1]", "41020001", MALFORMED],
	["PUBREC with flags", "52020001", MALFORMED],
	["PUBREL without its flag [MQTT-3.6.1-1]", "60020001", MALFORMED],
	["PUBCOMP with flags", "72020001", MALFORMED],
	["SUBACK with flags", "9205ffff000000", MALFORMED],
	["UNSUBACK with flags", "b205ffff000000", MALFORMED],
	["PINGRESP with flags", "d100", MALFORMED],
	["DISCONNECT with flags [MQTT-3.14.1-1]", "e100", MALFORMED],
	["AUTH with flags [MQTT-3.15.1-1]", "f100", MALFORMED],
	["PUBLISH at QoS 3 [MQTT-3.3.1-4]", packet(0x36, `${prefixed("t")}000100`), MALFORMED],
	["PUBLISH with DUP at QoS 0 [MQTT-3.3.1-2]", publish5({ topic: "t", duplicate: true }), MALFORMED],
	["PUBLISH with identifier 0 [MQTT-2.2.1-3]", publish5({ topic: "t", qos: 1 }), MALFORMED],
	["PUBLISH without topic and alias", publish5({ topic: "" }), MALFORMED],
	["PUBLISH to # [MQTT-3.3.2-2]", publish5({ topic: "a/#" }), MALFORMED],
	["PUBLISH to +", publish5({ topic: "+" }), MALFORMED],
	["PUBLISH to a surrogate [MQTT-1.5.4-1]", packet(0x30, "0003eda08000"), MALFORMED],
	["PUBLISH to U+0000 [MQTT-1.5.4-2]", packet(0x30, "00010000"), MALFORMED],
	["a content type that is no text [MQTT-3.3.2-19]", said(raw(3, "ff")), MALFORMED],
	["a content type with U+0000", said(raw(3, "6100")), MALFORMED],
	["a response topic that is no text [MQTT-3.3.2-13]", said(raw(8, "c080")), MALFORMED],
	["a response topic with # [MQTT-3.3.2-14]", said(text5(8, "a/#")), VIOLATION],
	["a response topic with +", said(text5(8, "+/a")), VIOLATION],
	["a pair whose name is no text [MQTT-1.5.7-1]", said(`260001ff${prefixed("v")}`), MALFORMED],
	["a pair whose value is no text", said(`26${prefixed("n")}0001ff`), MALFORMED],
	["a pair whose value has U+0000", said(`26${prefixed("n")}000100`), MALFORMED],
	["a pair without value", said(`26${prefixed("n")}`), MALFORMED],
	["a property that there is not", said(byte5(4, 1)), MALFORMED],
	["a property with number 0", said(byte5(0, 1)), MALFORMED],
	["a property of CONNACK in PUBLISH", said(short5(33, 5)), MALFORMED],
	["a property of the will in PUBLISH", said(long5(24, 5)), MALFORMED],
	["a message expiry twice", said(long5(2, 1), long5(2, 1)), VIOLATION],
	["a content type twice", said(text5(3, ""), text5(3, "")), VIOLATION],
	["a payload format of 2", said(byte5(1, 2)), VIOLATION],
	["subscription identifier 0", said(identifier5(0)), VIOLATION],
	["correlation data that ends too early", said("09000501"), MALFORMED],
	["a topic alias of 0 [MQTT-3.3.2-8]", said(alias5(0)), 0x94],
	["a topic alias, where none is allowed [MQTT-3.1.2-27]", said(alias5(1)), 0x94],
	["PUBACK with a reason of SUBACK", puback5(1, 0x9e), MALFORMED],
	["PUBACK with reason 1", puback5(1, 1), MALFORMED],
	["PUBREC with reason 0x92", pubrec5(1, 0x92), MALFORMED],
	["PUBREL with reason 0x80", pubrel5(1, 0x80), MALFORMED],
	["PUBCOMP with reason 0x10", pubcomp5(1, 0x10), MALFORMED],
	["PUBACK with identifier 0", puback5(0), MALFORMED],
	["PUBACK with half an identifier", "400100", MALFORMED],
	["PUBACK with more behind its properties", "40050001000000", MALFORMED],
	["PUBACK with a property of PUBLISH", puback5(1, 0, text5(3, "x")), MALFORMED],
	["PUBACK with two reason strings", puback5(1, 0, reason5("a") + reason5("b")), VIOLATION],
	["SUBACK with one code for two filters [MQTT-3.8.4-6]", suback5(0xffff, 0), VIOLATION],
	["SUBACK with three codes for two filters", suback5(0xffff, 0, 0, 0), VIOLATION],
	["SUBACK without codes", suback5(0xffff), MALFORMED],
	["SUBACK with reason 3", suback5(0xffff, 3, 0), MALFORMED],
	["SUBACK with reason 0x92", suback5(0xffff, 0x92, 0), MALFORMED],
	["SUBACK with identifier 0", suback5(0, 0, 0), MALFORMED],
	["UNSUBACK without codes", unsuback5(0xffff), MALFORMED],
	["UNSUBACK with reason 1", unsuback5(0xffff, 1), MALFORMED],
	["DISCONNECT with a session expiry [MQTT-3.14.2-2]", disconnect5(0x8b, long5(17, 60)), VIOLATION],
	["DISCONNECT with reason 4, which is a client's", disconnect5(4), MALFORMED],
	["DISCONNECT with reason 0x18", disconnect5(0x18), MALFORMED],
	["AUTH, where no method was asked for [MQTT-4.12.0-6]", auth5(0x18, text5(21, "m")), VIOLATION],
	["AUTH with reason 0x80", auth5(0x80, text5(21, "m")), MALFORMED],
	["AUTH with authentication data twice", auth5(0x18, text5(21, "m"), binary5(22, ""), binary5(22, "")), VIOLATION],
];

test("bad input: DISCONNECT with its reason, one event, the session intact", () => {
	for (const [name, hex, reason] of ROWS) {
		const bench = open5();
		bench.session.publish("m", "kept", { qos: 1 });
		bench.session.subscribe("asked/1", 0);
		bench.session.subscribe("asked/2", 1);
		bench.send();
		assertEnds(bench, hex + publish5({ topic: "t" }), reason === MALFORMED ? "malformed" : "violation", reason, name);
		bench.relink();
		bench.send();
		assert.equal(bench.receive(connack5(true))[0], "connected true", name);
		const kept = publish5({ topic: "m", payload: "6b657074", qos: 1, id: 1, duplicate: true });
		assert.equal(bench.send(), subscribe5(0xffff, "", ["asked/1", 0], ["asked/2", 1]) + kept, name);
	}
});

test("bad input byte by byte ends the link all the same", () => {
	for (const [name, hex] of ROWS) {
		const bench = open5();
		bench.session.subscribe("asked/1", 0);
		bench.session.subscribe("asked/2", 1);
		bench.send();
		const lines = bench.receive(hex, 1);
		bench.send();
		lines.push(...bench.events());
		assert.match(lines.join(), /^closed (malformed|violation)[ 0-9]*$/, name);
	}
});

test("a packet larger than we said we take is refused with 0x95 [MQTT-3.1.2-24]", () => {
	const largest = publish5({ topic: "t", payload: "00".repeat(100 - 6) });
	assert.equal(open5({ maximumPacketSize: 100 }).receive(largest).length, 1);
	assertEnds(open5({ maximumPacketSize: 100 }), publish5({ topic: "t", payload: "00".repeat(101 - 6) }), "too-large", 0x95);
});

test("a packet that is no message and larger than the buffer is refused with 0x95", () => {
	const bench = open5({ packetBuffer: 64 });
	const hex = puback5(1, 0, reason5("x".repeat(100)));
	const lines = bench.receive(hex, 20);
	assert.equal(bench.send(), disconnect5(0x95));
	assert.match([...lines, ...bench.events()].join(), /^closed too-large/);
});

test("more messages under way than we said we take is refused with 0x93 [MQTT-3.3.4-9]", () => {
	const at = (qos: number, id: number): string => publish5({ topic: "t", qos, id });
	for (const qos of [1, 2]) {
		assert.equal(open5({ receiveMaximum: 2 }).receive(at(qos, 1) + at(qos, 2)).length, 2);
		assertEnds(open5({ receiveMaximum: 2 }), at(qos, 1) + at(qos, 2) + at(qos, 3), "violation", 0x93, `QoS ${qos}`);
	}
	const bench = open5({ receiveMaximum: 2 });
	for (let id = 1; id < 10; id++) {
		assert.equal(bench.receive(at(1, id)).length, 1, "acknowledged ones do not count");
		bench.send();
	}
	bench.receive(at(2, 10) + at(2, 11) + at(0, 0));
	bench.send();
	bench.receive(at(2, 11));
	assert.equal(bench.send(), pubrec5(11), "a copy does not count");
	bench.receive(pubrel5(10));
	bench.send();
	assert.equal(bench.receive(at(2, 12)).length, 1, "nor one that was released");
	bench.send();
	assertEnds(bench, at(2, 13), "violation", 0x93, "two at QoS 2 are not released");
});

test("a server that exceeded our receive maximum is told once, and not left with its messages for ever", () => {
	const at = (id: number, duplicate = false): string => publish5({ topic: "t", qos: 2, id, duplicate });
	const bench = open5({ receiveMaximum: 2 });
	assertEnds(bench, at(1) + at(2) + at(3), "violation", 0x93);
	bench.relink();
	bench.send();
	bench.receive(connack5(true));
	assert.equal(bench.receive(at(1, true) + at(2, true) + at(3, true) + at(4)).length, 2, "the two that were not delivered");
	assert.equal(bench.send(), [1, 2, 3, 4].map((id) => pubrec5(id)).join(""));
});

test("a topic alias above our maximum is refused with 0x94, up to it they are taken [MQTT-3.1.2-26] [MQTT-3.3.2-10] [MQTT-3.3.2-11]", () => {
	const bench = open5({ topicAliasMaximum: 2 });
	for (const [topic, alias] of [["a", 1], ["b", 2], ["", 1], ["", 2], ["c", 1], ["", 1], ["", 2]] as const) {
		const [{ topic: heard } = { topic: "" }] = deliver(bench, publish5({ topic, said: alias5(alias) }));
		assert.equal(heard, topic || (alias === 2 ? "b" : heard));
	}
	assert.deepEqual(deliver(bench, publish5({ topic: "", said: alias5(1) })).map(({ topic }) => topic), ["c"]);
	assertEnds(bench, publish5({ topic: "d", said: alias5(3) }), "violation", 0x94);
});

test("aliases end with their connection [MQTT-3.3.2-7]", () => {
	const bench = open5({ topicAliasMaximum: 2 });
	assert.equal(deliver(bench, publish5({ topic: "a", said: alias5(1) })).length, 1);
	reconnect5(bench, true);
	assertEnds(bench, publish5({ topic: "", said: alias5(1) }), "violation", VIOLATION);
});

test("an alias is learnt though its message is not delivered: a copy at QoS 2", () => {
	const bench = open5({ topicAliasMaximum: 1 });
	bench.receive(publish5({ topic: "a", qos: 2, id: 7 }));
	bench.send();
	assert.deepEqual(deliver(bench, publish5({ topic: "b", qos: 2, id: 7, duplicate: true, said: alias5(1) })), []);
	assert.deepEqual(deliver(bench, publish5({ topic: "", said: alias5(1) })).map(({ topic }) => topic), ["b"]);
});

test("an answer with an identifier that is not ours changes nothing [MQTT-2.2.1-6]", () => {
	const bench = open5();
	bench.session.subscribe("a", 1);
	bench.send();
	assert.deepEqual(bench.receive(suback5(2, 1) + unsuback5(0xffff, 0) + unsuback5(3, 0x11) + puback5(9)), []);
	assert.deepEqual(bench.receive(suback5(0xffff, 1)), ["subscribed a 1"]);
});

test("every property that a message may have is handed over [MQTT-3.3.2-16] [MQTT-3.3.2-18]", () => {
	const all = [
		byte5(1, 1), long5(2, 0xffff_fffe), text5(3, "text/é"), text5(8, "answer/here"), binary5(9, "00ff00"), identifier5(1),
		user5("b", "1"), user5("a", "2"), user5("b", "1"), identifier5(268_435_455), user5("", "\ufeff"),
	];
	const [message] = deliver(open5(), publish5({ topic: "t", said: all.join("") }));
	assert.deepEqual(message?.properties, {
		payloadFormatIndicator: 1,
		messageExpirySeconds: 0xffff_fffe,
		contentType: "text/é",
		responseTopic: "answer/here",
		correlationData: Uint8Array.of(0, 0xff, 0),
		subscriptionIdentifiers: [1, 268_435_455],
		userProperties: [["b", "1"], ["a", "2"], ["b", "1"], ["", "\ufeff"]],
	});
	assert.equal(deliver(open5(), publish5({ topic: "t" }))[0]?.properties, undefined);
	assert.equal(properties(...all), properties(all.join("")));
});

test("the properties of a message that comes in fragments are those of its head", () => {
	const bench = open5({ packetBuffer: 64 });
	const hex = publish5({ topic: "t", payload: "00".repeat(200), qos: 1, id: 3, said: text5(3, "x") + user5("a", "b") });
	const lines = bench.receive(hex, 50);
	assert.ok(lines.length > 1);
	assert.equal(bench.send(), puback5(3));
	assert.ok(bench.link.open);
});
