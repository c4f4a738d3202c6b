// SPDX-License-Identifier: Apache-2.0
/** MQTT 5: messages that we send, and what the server may say of them. Statement numbers are those of MQTT 5. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Properties } from "../../../src/mqtt/properties.js";
import { codeOf } from "../failure.js";
import { fromHex } from "../hex.js";
import { PINGREQ, utf8 } from "../wire.js";
import {
	alias5, binary5, byte5, long5, puback5, pubcomp5, publish5, pubrec5, pubrel5, short5, subscribe5, text5, user5,
} from "../wire5.js";
import type { Bench } from "./bench.js";
import { open5, reconnect5 } from "./v5.js";

const outgoing = (payload: string, qos: number, id: number, duplicate = false): string =>
	publish5({ topic: "t", payload: utf8(payload), qos, id, duplicate });

/** A bench that has sent these messages at this QoS, with the identifiers from 1 on. */
function sent(qos: 1 | 2, ...payloads: string[]): Bench {
	const bench = open5();
	for (const payload of payloads) bench.session.publish("t", payload, { qos });
	assert.equal(bench.send(), payloads.map((payload, index) => outgoing(payload, qos, index + 1)).join(""));
	return bench;
}

test("a message without properties says so with a length of 0 [MQTT-2.2.2-1], at QoS 0 without identifier [MQTT-2.2.1-2] and DUP [MQTT-3.3.1-2]", () => {
	const bench = open5();
	for (const qos of [0, 1, 2] as const) bench.session.publish("a/é", "x", { qos, retain: true });
	const sent = new Set(bench.send().split(/(?=3[135])/));
	assert.deepEqual(sent, new Set(["3108" + "0004612fc3a9" + "00" + "78", "330a" + "0004612fc3a9" + "0001" + "00" + "78", "350a" + "0004612fc3a9" + "0002" + "00" + "78"]));
});

test("every property of a message goes out, user properties in their order [MQTT-3.3.2-18]", () => {
	const bench = open5();
	bench.session.publish("t", "x", {
		qos: 1,
		properties: {
			payloadFormatIndicator: 1, messageExpirySeconds: 60, contentType: "é", responseTopic: "a/b",
			correlationData: fromHex("00ff"), userProperties: [["b", "1"], ["a", "2"], ["b", "1"]],
		},
	});
	const said = byte5(1, 1) + long5(2, 60) + text5(3, "é") + text5(8, "a/b") + binary5(9, "00ff") + user5("b", "1") + user5("a", "2") + user5("b", "1");
	assert.equal(bench.send(), publish5({ topic: "t", payload: "78", qos: 1, id: 1, said }));
	reconnect5(bench);
	assert.equal(bench.send(), publish5({ topic: "t", payload: "78", qos: 1, id: 1, duplicate: true, said }), "and again when it is sent again");
});

test("properties of more than 127 bytes have a length of two digits, in the fewest bytes [MQTT-1.5.5-1]", () => {
	for (const length of [124, 125, 126, 16_380, 16_381]) {
		const bench = open5({ inflightLength: 65_536 });
		bench.session.publish("t", "x", { properties: { contentType: "c".repeat(length) } });
		assert.equal(bench.send(), publish5({ topic: "t", payload: "78", said: text5(3, "c".repeat(length)) }));
	}
});

const BAD: readonly [name: string, properties: Properties][] = [
	["a response topic with # [MQTT-3.3.2-14]", { responseTopic: "a/#" }],
	["a response topic with +", { responseTopic: "+" }],
	["a response topic with half a surrogate pair [MQTT-3.3.2-13]", { responseTopic: "\ud800" }],
	["a content type with half a surrogate pair [MQTT-3.3.2-19]", { contentType: "\udc00" }],
	["a content type with U+0000", { contentType: "\0" }],
	["a pair whose name has half a surrogate pair [MQTT-1.5.7-1]", { userProperties: [["\ud800", ""]] }],
	["a pair whose value has U+0000", { userProperties: [["", "a\0"]] }],
	["a subscription identifier [MQTT-3.3.4-6]", { subscriptionIdentifiers: [1] }],
	["a topic alias, which is the session's to give [MQTT-3.3.2-8]", { topicAlias: 1 }],
	["a property of another packet", { receiveMaximum: 1 }],
	["a payload format of 2", { payloadFormatIndicator: 2 as 1 }],
	["an expiry that is no number of 32 bits", { messageExpirySeconds: 2 ** 32 }],
];

test("properties that no message may have are refused at once, and nothing is sent", () => {
	for (const [name, properties] of BAD) {
		const bench = open5();
		assert.equal(codeOf(() => bench.session.publish("t", "x", { qos: 1, properties })), "argument", name);
		assert.equal(bench.send(), "", name);
	}
	for (const topic of ["", "#", "a/+", "a\0", "\ud800", "x".repeat(0x10000)]) {
		const bench = open5();
		assert.equal(codeOf(() => bench.session.publish(topic, "x", { qos: 1 })), "argument", topic.slice(0, 9));
		assert.equal(bench.send(), "");
	}
	assert.equal(codeOf(() => open5().session.publish("t", "x", { qos: 3 as 2 })), "argument", "[MQTT-3.3.1-4]");
});

test("a message at QoS 1 waits for its PUBACK, and its DUP is for a repetition alone [MQTT-4.3.2-2] [MQTT-3.3.1-3]", () => {
	const bench = sent(1, "x", "x");
	bench.wait(40_000);
	assert.equal(bench.send(), "", "not sent again on the same connection [MQTT-4.4.0-1]");
	assert.deepEqual(bench.receive(puback5(2, 0x10)), ["acknowledged 2"]);
	reconnect5(bench);
	assert.equal(bench.send(), outgoing("x", 1, 1, true));
	assert.deepEqual(bench.receive(puback5(1)), ["acknowledged 1"]);
	bench.session.publish("t", "x", { qos: 1 });
	assert.equal(bench.send(), outgoing("x", 1, 3));
});

const REFUSALS: readonly number[] = [0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];

test("a message that the server refused is never sent again [MQTT-4.4.0-2], and the next goes on [MQTT-4.3.3-4]", () => {
	for (const qos of [1, 2] as const) {
		for (const reason of REFUSALS) {
			const bench = sent(qos, "x", "y");
			const lines = bench.receive(qos === 1 ? puback5(1, reason) : pubrec5(1, reason));
			assert.equal(lines.length, 1, "the application is told");
			assert.match(lines[0]!, /^acknowledged 1/);
			assert.equal(bench.send(), "", "no PUBREL for it");
			reconnect5(bench);
			assert.equal(bench.send(), outgoing("y", qos, 2, true));
		}
	}
});

test("a refusal is told with its reason", () => {
	const bench = sent(1, "x");
	const bytes = fromHex(puback5(1, 0x97));
	bench.link.receive(bytes, 0, bytes.length, bench.now);
	assert.equal(bench.link.next()?.reasonCode, 0x97);
});

test("QoS 2: PUBLISH until PUBREC, PUBREL until PUBCOMP, across connections [MQTT-4.3.3-3] [MQTT-4.3.3-5] [MQTT-4.3.3-6]", () => {
	const bench = sent(2, "x");
	reconnect5(bench);
	assert.equal(bench.send(), outgoing("x", 2, 1, true));
	for (const hex of [pubrec5(1), pubrec5(1, 0), pubrec5(1, 0x10, "")]) {
		assert.deepEqual(bench.receive(hex), []);
		assert.equal(bench.send(), pubrel5(1), "[MQTT-3.6.1-1] [MQTT-3.6.2-1]");
		reconnect5(bench);
		assert.equal(bench.send(), pubrel5(1));
	}
	assert.deepEqual(bench.receive(pubcomp5(1)), ["acknowledged 1"]);
	reconnect5(bench);
	assert.equal(bench.send(), "");
});

test("a message at QoS 2 that went out is not given up because it expired [MQTT-4.3.3-7]", () => {
	const bench = open5({ keepAlive: 0 });
	bench.session.publish("t", "x", { qos: 2, properties: { messageExpirySeconds: 1 } });
	bench.send();
	bench.wait(3_600_000);
	assert.deepEqual(bench.receive(pubrec5(1)), []);
	assert.equal(bench.send(), pubrel5(1));
	bench.wait(3_600_000);
	assert.deepEqual(bench.receive(pubcomp5(1)), ["acknowledged 1"]);
});

test("PUBCOMP 0x92, which says that the server has forgotten, ends the message too", () => {
	const bench = sent(2, "x");
	bench.receive(pubrec5(1));
	assert.equal(bench.send(), pubrel5(1));
	assert.equal(bench.receive(pubcomp5(1, 0x92)).length, 1);
	reconnect5(bench);
	assert.equal(bench.send(), "");
});

test("PUBREC for what we do not know is answered with PUBREL 0x92 [MQTT-3.6.2-1]", () => {
	const bench = open5();
	assert.deepEqual(bench.receive(pubrec5(7)), []);
	assert.equal(bench.send(), pubrel5(7, 0x92));
});

test("PUBREL is answered with PUBCOMP: 0x92 for what we do not know [MQTT-3.7.2-1] [MQTT-4.3.3-11]", () => {
	const bench = open5();
	bench.receive(publish5({ topic: "t", qos: 2, id: 7 }));
	assert.equal(bench.send(), pubrec5(7), "[MQTT-3.5.2-1]");
	bench.receive(pubrel5(7));
	assert.equal(bench.send(), pubcomp5(7));
	assert.deepEqual(bench.receive(pubrel5(7) + pubrel5(9, 0x92)), []);
	assert.equal(bench.send(), pubcomp5(7, 0x92) + pubcomp5(9, 0x92));
});

test("a message at QoS 2 comes again and is answered, not delivered, until its PUBREL [MQTT-4.3.3-10] [MQTT-4.3.3-12]", () => {
	const bench = open5();
	const again = publish5({ topic: "t", payload: "78", qos: 2, id: 7, duplicate: true });
	assert.deepEqual(bench.receive(publish5({ topic: "t", payload: "78", qos: 2, id: 7 })), ["message t q2 #7 78"]);
	assert.equal(bench.send(), pubrec5(7));
	reconnect5(bench);
	for (let round = 0; round < 3; round++) {
		assert.deepEqual(bench.receive(again), []);
		assert.equal(bench.send(), pubrec5(7));
	}
	bench.receive(pubrel5(7));
	assert.equal(bench.send(), pubcomp5(7));
	assert.deepEqual(bench.receive(publish5({ topic: "t", payload: "79", qos: 2, id: 7 })), ["message t q2 #7 79"]);
});

test("the handshake of a message that expired in our hands goes on [MQTT-4.3.3-13]", () => {
	const bench = open5({ keepAlive: 0 });
	bench.receive(publish5({ topic: "t", payload: "78", qos: 2, id: 7, said: long5(2, 1) }));
	assert.equal(bench.send(), pubrec5(7));
	bench.wait(3_600_000);
	bench.receive(pubrel5(7));
	assert.equal(bench.send(), pubcomp5(7));
});

test("messages are acknowledged by what their QoS asks for, in their order, whoever wants them [MQTT-3.3.4-1] [MQTT-4.5.0-2]", () => {
	const bench = open5();
	const at = (qos: number, id: number): string => publish5({ topic: "t", qos, id });
	bench.receive(at(2, 9) + at(1, 5) + at(0, 0) + at(1, 65_535) + at(2, 3) + at(1, 5));
	assert.equal(bench.send(), pubrec5(9) + puback5(5) + puback5(65_535) + pubrec5(3) + puback5(5), "[MQTT-4.6.0-2] [MQTT-4.6.0-3] [MQTT-4.3.2-5]");
	bench.receive(pubrel5(3) + pubrel5(9));
	assert.equal(bench.send(), pubcomp5(3) + pubcomp5(9));
});

test("PUBRELs are in the order of the PUBRECs [MQTT-4.6.0-4], and what is sent again in the order of the first time [MQTT-4.6.0-1]", () => {
	const bench = sent(2, "a", "b", "c");
	bench.session.publish("t", "d", { qos: 1 });
	assert.equal(bench.send(), outgoing("d", 1, 4));
	bench.receive(pubrec5(2) + pubrec5(1));
	assert.equal(bench.send(), pubrel5(2) + pubrel5(1));
	reconnect5(bench);
	const said = bench.send();
	assert.ok(said.endsWith(outgoing("c", 2, 3, true) + outgoing("d", 1, 4, true)), said);
	assert.equal(said.length, (pubrel5(1) + pubrel5(2) + outgoing("c", 2, 3, true) + outgoing("d", 1, 4, true)).length);
});

test("identifiers of messages are not 0, and none is given twice at a time [MQTT-2.2.1-3] [MQTT-4.3.2-1] [MQTT-4.3.3-1]", () => {
	const bench = open5({ receiveMaximum: 5, keepAlive: 0 });
	const held = bench.session.publish("t", "held", { qos: 2 }) as number;
	bench.send();
	bench.receive(pubrec5(held));
	bench.send();
	const open: number[] = [];
	for (let count = 0; count < 200; count++) {
		const id = bench.session.publish("t", "", { qos: count % 2 === 0 ? 1 : 2 }) as number;
		assert.ok(id > 0 && id <= 0xffff && id !== held && !open.includes(id), `identifier ${id}`);
		open.push(id);
		bench.send();
		if (open.length < 3) continue;
		const done = open.shift()!;
		bench.receive(count % 2 === 0 ? puback5(done) : pubrec5(done, 0x80));
	}
});

test("the server's receive maximum bounds what is under way, and nothing else [MQTT-3.3.4-7] [MQTT-3.3.4-8] [MQTT-4.9.0-1] [MQTT-4.9.0-2] [MQTT-4.9.0-3]", () => {
	const bench = open5({}, short5(33, 2));
	bench.session.publish("t", "a", { qos: 2 });
	bench.session.publish("t", "b", { qos: 1 });
	bench.session.publish("t", "c", { qos: 1 });
	assert.equal(bench.send(), outgoing("a", 2, 1) + outgoing("b", 1, 2));
	bench.receive(pubrec5(1) + publish5({ topic: "t", qos: 1, id: 9 }));
	bench.session.subscribe("f", 0);
	bench.wait(52_500);
	assert.equal(bench.send(), pubrel5(1) + puback5(9) + PINGREQ + subscribe5(0xffff, "", ["f", 0]), "PUBREL does not give the place back");
	bench.receive(puback5(2));
	assert.equal(bench.send(), outgoing("c", 1, 3));
	bench.session.publish("t", "d", { qos: 1 });
	bench.session.publish("t", "e", { qos: 2 });
	assert.equal(bench.send(), "");
	bench.receive(pubcomp5(1, 0x92));
	assert.equal(bench.send(), outgoing("d", 1, 4));
	bench.receive(puback5(3, 0x97));
	assert.equal(bench.send(), outgoing("e", 2, 5), "a refusal gives its place back");
	bench.receive(pubrec5(5, 0x97));
	bench.session.publish("t", "f", { qos: 1 });
	assert.equal(bench.send(), outgoing("f", 1, 6));
});

test("each connection has the whole quota, and that of its own server", () => {
	const bench = open5({}, short5(33, 1));
	for (const payload of ["a", "b", "c"]) bench.session.publish("t", payload, { qos: 1 });
	assert.equal(bench.send(), outgoing("a", 1, 1));
	reconnect5(bench, true, short5(33, 2));
	assert.equal(bench.send(), outgoing("a", 1, 1, true) + outgoing("b", 1, 2));
	reconnect5(bench, true, short5(33, 1));
	assert.equal(bench.send(), outgoing("a", 1, 1, true));
	bench.receive(puback5(1));
	assert.equal(bench.send(), outgoing("b", 1, 2, true));
	bench.receive(puback5(2));
	assert.equal(bench.send(), outgoing("c", 1, 3));
});

/** What a server does not take is not sent; the application is told, and what is behind it goes out. */
const FORBIDDEN: readonly [name: string, granted: string, publish: (bench: Bench) => unknown, reason: number][] = [
	["QoS 2, of which the server has 1 [MQTT-3.2.2-11]", byte5(36, 1), ({ session }) => session.publish("t", "no", { qos: 2 }), 0x9b],
	["QoS 1, of which the server has 0", byte5(36, 0), ({ session }) => session.publish("t", "no", { qos: 1 }), 0x9b],
	["RETAIN, which the server does not have [MQTT-3.2.2-14]", byte5(37, 0), ({ session }) => session.publish("t", "no", { qos: 1, retain: true }), 0x9a],
	["over the server's maximum [MQTT-3.2.2-15]", long5(39, 20), ({ session }) => session.publish("t", "x".repeat(13), { qos: 1 }), 0x95],
];

test("what the server said it would not take is not sent", () => {
	for (const [name, granted, publish, reason] of FORBIDDEN) {
		const bench = open5({}, granted);
		publish(bench);
		bench.session.publish("t", "yes");
		assert.equal(bench.send(), publish5({ topic: "t", payload: utf8("yes") }), name);
		bench.receive("");
		const event = bench.link.next();
		assert.equal(event?.packetId, 1, `${name}: the application is told`);
		assert.equal(event.reasonCode, reason, name);
	}
	const bench = open5({}, long5(39, 20));
	bench.session.publish("t", "x".repeat(12), { qos: 1 });
	assert.equal(bench.send().length, 2 * 20, "what fits exactly is sent");
	const more = open5({}, byte5(36, 1), byte5(37, 0), long5(39, 10));
	more.session.publish("t", "x", { qos: 1 });
	assert.equal(more.send(), outgoing("x", 1, 1));
});

test("topics become aliases as far as both allow, first said with their number, then by it alone [MQTT-3.2.2-17] [MQTT-3.3.2-9]", () => {
	const bench = open5({ topicAliases: 2 }, short5(34, 10));
	const say = (topic: string, qos: 0 | 1 = 0): string => {
		bench.session.publish(topic, "x", { qos });
		return bench.send();
	};
	const said = (topic: string, alias: number, qos = 0, id = 0): string => publish5({ topic, payload: "78", qos, id, said: alias5(alias) });
	assert.equal(say("a"), said("a", 1));
	assert.equal(say("a"), said("", 1));
	assert.equal(say("b", 1), said("b", 2, 1, 1));
	assert.equal(say("b", 1), said("", 2, 1, 2));
	assert.equal(say("c"), publish5({ topic: "c", payload: "78" }), "there are two");
	assert.equal(say("a", 1), said("", 1, 1, 3));
});

test("aliases are not above the server's maximum, and none where it grants none [MQTT-3.2.2-18]", () => {
	for (const granted of [[], [short5(34, 0)]]) {
		const bench = open5({ topicAliases: 5 }, ...granted);
		bench.session.publish("a", "x");
		bench.session.publish("a", "x");
		assert.equal(bench.send(), publish5({ topic: "a", payload: "78" }).repeat(2));
	}
	const bench = open5({ topicAliases: 5 }, short5(34, 1));
	for (const topic of ["a", "b", "a", "b"]) bench.session.publish(topic, "x");
	assert.equal(bench.send(), publish5({ topic: "a", payload: "78", said: alias5(1) }) + publish5({ topic: "b", payload: "78" })
		+ publish5({ topic: "", payload: "78", said: alias5(1) }) + publish5({ topic: "b", payload: "78" }));
});

test("our aliases end with the connection: what is sent again says its topic again [MQTT-3.3.2-7]", () => {
	const bench = open5({ topicAliases: 5 }, short5(34, 5));
	for (const payload of ["1", "2"]) bench.session.publish("a", payload, { qos: 1 });
	bench.send();
	reconnect5(bench, true, short5(34, 5));
	const again = (topic: string, payload: string, id: number): string =>
		publish5({ topic, payload: utf8(payload), qos: 1, id, duplicate: true, said: alias5(1) });
	assert.equal(bench.send(), again("a", "1", 1) + again("", "2", 2));
	reconnect5(bench, true);
	assert.equal(bench.send(), outgoing("1", 1, 1, true).replace("000174", "000161") + outgoing("2", 1, 2, true).replace("000174", "000161"));
});

test("no alias makes a message larger than the server takes [MQTT-3.2.2-15]", () => {
	const bench = open5({ topicAliases: 1 }, short5(34, 1), long5(39, 30));
	const topic = "a".repeat(10);
	const say = (payload: string): string => {
		bench.session.publish(topic, payload);
		return bench.send();
	};
	assert.equal(say("x".repeat(15)), publish5({ topic, payload: utf8("x".repeat(15)) }));
	assert.equal(say("x".repeat(13)), publish5({ topic, payload: utf8("x".repeat(13)) }));
	assert.equal(say("x".repeat(12)), publish5({ topic, payload: utf8("x".repeat(12)), said: alias5(1) }));
	assert.equal(say("x".repeat(15)), publish5({ topic: "", payload: utf8("x".repeat(15)), said: alias5(1) }));
});

test("a message with properties keeps them beside its alias, however its bytes go out", () => {
	for (let limit = 1; limit < 30; limit++) {
		const bench = open5({ topicAliases: 1 }, short5(34, 1));
		for (let count = 0; count < 2; count++) bench.session.publish("a", "x", { qos: 1, properties: { contentType: "c" } });
		const said = bench.send(limit);
		const expected = [1, 2].map((id) => {
			const topic = id === 1 ? "a" : "";
			return [text5(3, "c") + alias5(1), alias5(1) + text5(3, "c")].map((all) => publish5({ topic, payload: "78", qos: 1, id, said: all }));
		});
		assert.ok([0, 1].some((order) => said === expected[0]![order]! + expected[1]![order]!), said);
	}
});

test("DISCONNECT whose time has come does not go into the middle of an acknowledgement", () => {
	for (let cut = 1; cut < 4; cut++) {
		const bench = open5();
		bench.receive(publish5({ topic: "t", qos: 1, id: 9 }));
		bench.session.publish("t", "x", { qos: 1 });
		assert.equal(bench.link.transmit(new Uint8Array(cut), cut), cut);
		bench.link.disconnect(bench.now + 100);
		bench.wait(100);
		assert.equal(bench.send(), `${puback5(9).slice(2 * cut)}e000`);
	}
});
