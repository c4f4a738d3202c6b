// SPDX-License-Identifier: Apache-2.0
/** MQTT 5: CONNECT, what the server grants with CONNACK, and coming back. Statement numbers are those of MQTT 5. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { SessionOptions } from "../../../src/mqtt/session.js";
import { codeOf } from "../failure.js";
import { fromHex } from "../hex.js";
import { PINGREQ, PINGRESP, prefixed, utf8 } from "../wire.js";
import {
	auth5, binary5, byte5, connack5, connect5, CONNECT_PROPERTIES, disconnect5, long5, properties, puback5, pubcomp5, publish5, pubrec5,
	pubrel5, reason5, short5, suback5, subscribe5, text5, user5,
} from "../wire5.js";
import { Bench, START } from "./bench.js";
import { accept5, assertEnds, open5, reconnect5 } from "./v5.js";

const will = { topic: "w", payload: "gone" };
const NO_WILL_PROPERTIES = `00${prefixed("w")}${prefixed("gone")}`;
const FOREVER = long5(17, 0xffff_ffff);
const SIXTEEN = short5(33, 16);

const CONNECTS: readonly [name: string, options: Partial<SessionOptions>, hex: string][] = [
	["nothing but an id", {}, connect5()],
	["a clean start", { cleanStart: true }, connect5(0x02, long5(17, 0) + SIXTEEN)],
	["a session that lasts for a minute", { sessionExpiry: 59_001 }, connect5(0, long5(17, 60) + SIXTEEN)],
	["a clean start and a session that lasts", { cleanStart: true, sessionExpiry: 1_000 }, connect5(0x02, long5(17, 1) + SIXTEEN)],
	["limits", { receiveMaximum: 3, maximumPacketSize: 70_000, topicAliasMaximum: 5 },
		connect5(0, FOREVER + short5(33, 3) + long5(39, 70_000) + short5(34, 5))],
	["an empty id: the server chooses", { clientId: "" }, connect5(0, CONNECT_PROPERTIES, "")],
	["a user", { username: "u" }, connect5(0x80, CONNECT_PROPERTIES, "id", prefixed("u"))],
	["a password alone", { password: "p" }, connect5(0x40, CONNECT_PROPERTIES, "id", prefixed("p"))],
	["a user and a password", { username: "u", password: "pä" }, connect5(0xc0, CONNECT_PROPERTIES, "id", prefixed("u") + prefixed("pä"))],
	["a user of several bytes a character", { username: "ü€" }, connect5(0x80, CONNECT_PROPERTIES, "id", prefixed("ü€"))],
	["a will to a topic of several bytes a character", { will: { ...will, topic: "ü€" } },
		connect5(0x04, CONNECT_PROPERTIES, "id", `00${prefixed("ü€")}${prefixed("gone")}`)],
	["a will", { will }, connect5(0x04, CONNECT_PROPERTIES, "id", NO_WILL_PROPERTIES)],
	["a retained will at QoS 2", { will: { ...will, qos: 2, retain: true } }, connect5(0x34, CONNECT_PROPERTIES, "id", NO_WILL_PROPERTIES)],
	["a will with properties", {
		will: {
			...will, qos: 1,
			properties: { willDelaySeconds: 30, contentType: "é", responseTopic: "r", userProperties: [["b", "1"], ["a", "2"]] },
		},
	}, connect5(0x0c, CONNECT_PROPERTIES, "id",
		properties(long5(24, 30), text5(3, "é"), text5(8, "r"), user5("b", "1"), user5("a", "2")) + prefixed("w") + prefixed("gone"))],
	["further properties", { properties: { requestResponseInformation: true, userProperties: [["b", "1"], ["a", "2"]] } },
		connect5(0, CONNECT_PROPERTIES + byte5(25, 1) + user5("b", "1") + user5("a", "2"))],
	["everything", { cleanStart: true, username: "u", password: "p", will: { ...will, qos: 1, retain: true } },
		connect5(0xee, long5(17, 0) + SIXTEEN, "id", NO_WILL_PROPERTIES + prefixed("u") + prefixed("p"))],
];

test("CONNECT says protocol MQTT, level 5, a flag for what is there, and puts it in the specified order [MQTT-3.1.3-1]", () => {
	for (const [name, options, hex] of CONNECTS) assert.equal(new Bench({ protocol: 5, ...options }).send(), hex, name);
});

test("CONNECT is the first packet and the only one before CONNACK [MQTT-3.1.0-1] [MQTT-3.1.0-2]", () => {
	const bench = new Bench({ protocol: 5 });
	bench.session.publish("t", "x", { qos: 1 });
	bench.session.subscribe("f", 1);
	assert.equal(bench.send(), connect5());
	bench.wait(19_999);
	assert.equal(bench.send(), "");
	assert.deepEqual(bench.receive(connack5()), ["connected false"]);
	assert.equal(bench.send(), subscribe5(0xffff, "", ["f", 1]) + publish5({ topic: "t", payload: "78", qos: 1, id: 1 }));
});

const BAD_OPTIONS: readonly [name: string, options: Partial<SessionOptions>][] = [
	["an id with half a surrogate pair [MQTT-1.5.4-1]", { clientId: "\ud800" }],
	["an id with U+0000 [MQTT-1.5.4-2]", { clientId: "a\u0000" }],
	["a user name with U+0000", { username: "\u0000" }],
	["a will at QoS 3 [MQTT-3.1.2-12]", { will: { ...will, qos: 3 as 2 } }],
	["a will to a topic with U+0000", { will: { ...will, topic: "a\0" } }],
	["a will to a filter", { will: { ...will, topic: "a/+" } }],
	["a will whose answer goes to a filter [MQTT-3.3.2-14]", { will: { ...will, properties: { responseTopic: "a/#" } } }],
	["a will with half a surrogate pair in a pair's name [MQTT-1.5.7-1]", { will: { ...will, properties: { userProperties: [["\ud800", ""]] } } }],
	["half a surrogate pair in a pair's value", { properties: { userProperties: [["", "\udc00"]] } }],
	["U+0000 in a pair's value", { properties: { userProperties: [["", "\0"]] } }],
	["a property of another packet", { properties: { contentType: "x" } }],
	["a property that there is not", { properties: { strange: 1 } as object }],
	["a receive maximum of 0", { receiveMaximum: 0 }],
	["a protocol that there is not", { protocol: 6 as 5 }],
];

test("options that no CONNECT of MQTT 5 can carry are refused when the session is made", () => {
	for (const [name, options] of BAD_OPTIONS) assert.equal(codeOf(() => new Bench({ protocol: 5, ...options })), "argument", name);
});

test("every first packet but CONNACK is an error [MQTT-3.2.0-1], and what comes before it changes nothing [MQTT-3.1.4-6]", () => {
	for (const hex of [publish5({ topic: "t" }), puback5(1), pubrel5(1), suback5(1, 0), PINGRESP, disconnect5(0x8b), auth5(0x18, text5(21, "m"))]) {
		const bench = new Bench({ protocol: 5 });
		bench.session.publish("t", "x", { qos: 1 });
		bench.send();
		const lines = [...bench.receive(hex + connack5()), ...(bench.send(), bench.events())];
		assert.equal(lines.length, 1, hex);
		assert.match(lines[0]!, /^closed (violation|malformed|rejected)/, hex);
	}
});

const REFUSED: readonly number[] = [
	0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90, 0x95, 0x97, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9f,
];

test("a server that refuses ends the link, with its reason [MQTT-3.2.2-7] [MQTT-4.13.2-1]", () => {
	for (const reason of REFUSED) {
		for (const hex of [connack5(false, reason), connack5(false, reason, reason5("no"))]) {
			const bench = new Bench({ protocol: 5 });
			bench.send();
			assert.deepEqual(bench.receive(hex), [`closed rejected ${reason}`]);
			assert.equal(bench.send(), "");
		}
	}
});

const BAD_CONNACKS: readonly [name: string, hex: string][] = [
	["reserved flags [MQTT-3.2.2-1]", "2003020000"],
	["all flags", "2003ff0000"],
	["a reason that is not on the list [MQTT-3.2.2-8]", connack5(false, 0x91)],
	["a reason of another packet", connack5(false, 0x8e)],
	["a reason of 3.1.1", connack5(false, 5)],
	["flags in its header", "2103000000"],
	["no properties", "20020000"],
	["more behind its properties", "200400000000"],
	["a property twice", connack5(false, 0, short5(33, 1), short5(33, 1))],
	["a property of PUBLISH", connack5(false, 0, text5(3, "x"))],
	["a property that there is not", connack5(false, 0, byte5(43, 1))],
	["a receive maximum of 0", connack5(false, 0, short5(33, 0))],
	["a maximum packet size of 0", connack5(false, 0, long5(39, 0))],
	["a maximum QoS of 2", connack5(false, 0, byte5(36, 2))],
	["retain available of 2", connack5(false, 0, byte5(37, 2))],
	["properties that end too early", "20050000032100"],
	["properties whose length is not minimal [MQTT-1.5.5-1]", "200400008000"],
];

test("a CONNACK that no server may send ends the link", () => {
	for (const [name, hex] of BAD_CONNACKS) {
		const bench = new Bench({ protocol: 5 });
		bench.send();
		const lines = [...bench.receive(hex), ...(bench.send(), bench.events())];
		assert.match(lines.join(), /^closed (malformed|violation)[ 0-9]*$/, name);
		assert.ok(!bench.link.open);
	}
});

test("a second CONNACK is a protocol error [MQTT-3.2.0-2]", () => {
	assertEnds(open5(), connack5(), "violation", 0x82);
});

test("a session present after a clean start is an error [MQTT-3.2.2-2], and so is one that we do not know [MQTT-3.2.2-4]", () => {
	for (const options of [{ cleanStart: true }, {}]) {
		const bench = new Bench({ protocol: 5, ...options });
		bench.send();
		assertEnds(bench, connack5(true), "violation", 0, JSON.stringify(options));
	}
	const known = open5({ cleanStart: true });
	known.lose();
	known.relink();
	known.send();
	assertEnds(known, connack5(true), "violation", 0, "a session of ours, which was to end");
});

test("what was not acknowledged is sent again to a server that has the session, and as new to one that has not [MQTT-3.1.2-23] [MQTT-3.2.2-5]", () => {
	const bench = open5();
	const message = (duplicate: boolean, id: number): string => publish5({ topic: "t", payload: "78", qos: 1, id, duplicate });
	bench.session.publish("t", "x", { qos: 1 });
	assert.equal(bench.send(), message(false, 1));
	reconnect5(bench, true);
	assert.equal(bench.send(), message(true, 1));
	reconnect5(bench, false);
	assert.equal(bench.send(), message(false, 1));
});

test("a session that the server lost is lost here, too: messages at QoS 2 under way, both ways [MQTT-3.2.2-5] [MQTT-3.1.2-4]", () => {
	for (const options of [{}, { cleanStart: true }]) {
		const bench = open5(options);
		bench.session.publish("t", "x", { qos: 2 });
		bench.send();
		bench.receive(pubrec5(1) + publish5({ topic: "t", qos: 2, id: 9 }));
		assert.equal(bench.send(), pubrel5(1) + pubrec5(9));
		reconnect5(bench, false);
		assert.equal(bench.send(), "", "no PUBREL for what the server forgot");
		assert.equal(bench.receive(publish5({ topic: "t", qos: 2, id: 9 })).length, 1, "its identifier is new");
	}
});

test("subscriptions are told again to a server that lost the session", () => {
	const bench = open5();
	bench.session.subscribe("a", 1);
	bench.send();
	bench.receive(suback5(0xffff, 1));
	reconnect5(bench, true);
	assert.equal(bench.send(), "");
	reconnect5(bench, false);
	assert.equal(bench.send(), subscribe5(0xffff, "", ["a", 1]));
});

test("the server's keep alive replaces ours [MQTT-3.1.2-21] [MQTT-3.2.2-21]", () => {
	for (const [seconds, ping] of [[10, 8_750], [600, 525_000]] as const) {
		const bench = open5({}, short5(19, seconds));
		assert.equal(bench.link.deadline, START + ping);
		bench.wait(ping - 1);
		assert.equal(bench.send(), "");
		bench.wait(1);
		assert.equal(bench.send(), PINGREQ);
	}
	assert.equal(open5({}, short5(19, 0)).link.deadline, Infinity);
});

test("the server's keep alive is for its connection: the next CONNECT asks for ours again", () => {
	const bench = open5({}, short5(19, 10));
	bench.lose();
	bench.relink();
	assert.equal(bench.send(), connect5());
	bench.receive(connack5(true));
	assert.equal(bench.link.deadline, START + 52_500);
});

test("without a word from the server our own keep alive holds, and a ping without answer ends the link [MQTT-3.1.2-20]", () => {
	const bench = open5();
	bench.wait(52_500);
	assert.equal(bench.send(), PINGREQ);
	assert.deepEqual(bench.receive(PINGRESP), []);
	bench.wait(52_500);
	assert.equal(bench.send(), PINGREQ);
	bench.wait(20_000);
	bench.send();
	assert.deepEqual(bench.events(), ["closed timeout"]);
});

test("the identifier that the server assigned is ours from then on [MQTT-3.1.3-7]", () => {
	const bench = new Bench({ protocol: 5, clientId: "" });
	assert.equal(bench.send(), connect5(0, CONNECT_PROPERTIES, ""));
	assert.equal(bench.receive(connack5(false, 0, text5(18, "given"))).length, 1);
	bench.lose();
	bench.relink();
	assert.equal(bench.send(), connect5(0, CONNECT_PROPERTIES, "given"));
	assert.equal(bench.receive(connack5(true))[0], "connected true");
});

test("whoever has an identifier keeps it, whatever the server assigns", () => {
	for (const assigned of ["", "other"]) {
		const bench = new Bench({ protocol: 5 });
		bench.send();
		assert.equal(bench.receive(connack5(false, 0, text5(18, assigned))).length, 1);
		bench.lose();
		bench.relink();
		assert.equal(bench.send(), connect5());
	}
});

test("a server that assigns no identifier to a client without one breaks the protocol [MQTT-3.2.2-16]", () => {
	const bench = new Bench({ protocol: 5, clientId: "" });
	bench.send();
	assertEnds(bench, connack5(), "violation", 0);
});

test("a server that says why with every packet is understood: reason strings and user properties", () => {
	const bench = new Bench({ protocol: 5 });
	bench.send();
	assert.equal(bench.receive(connack5(false, 0, reason5("welcome"), user5("a", "b"), text5(26, "unasked"), text5(28, "other")))[0], "connected false");
	bench.session.publish("t", "x", { qos: 2 });
	bench.session.publish("t", "y", { qos: 1 });
	bench.send();
	assert.deepEqual(bench.receive(pubrec5(1, 0, reason5("got it")) + puback5(2, 0x10, user5("a", "b"))), ["acknowledged 2"]);
	assert.equal(bench.send(), pubrel5(1));
	assert.deepEqual(bench.receive(pubcomp5(1, 0, reason5("done"))), ["acknowledged 1"]);
});

test("a reason string that we asked not to have is a protocol error [MQTT-3.1.2-29]", () => {
	const quiet = { properties: { requestProblemInformation: false } };
	for (const said of [reason5("why"), user5("a", "b")]) {
		for (const hex of [puback5(1, 0, said), pubrec5(1, 0, said), pubrel5(1, 0, said), pubcomp5(1, 0, said)]) {
			const bench = open5(quiet);
			bench.session.publish("t", "x", { qos: 1 });
			bench.send();
			assertEnds(bench, hex, "violation", 0x82);
		}
	}
	const bench = new Bench({ protocol: 5, ...quiet });
	bench.send();
	assert.deepEqual(bench.receive(connack5(false, 0x87, reason5("CONNACK may say"))), ["closed rejected 135"]);
	assert.equal(open5(quiet).receive(publish5({ topic: "t", said: user5("a", "b") })).length, 1, "PUBLISH may have its own");
});

test("DISCONNECT of the server ends the link with its reason, and is not answered [MQTT-4.13.2-1]", () => {
	for (const reason of [0x80, 0x81, 0x8b, 0x8e, 0x93, 0x98, 0x9c, 0x9d]) {
		for (const hex of [disconnect5(reason), disconnect5(reason, ""), disconnect5(reason, reason5("why") + text5(28, "other"))]) {
			const bench = open5();
			assert.deepEqual(bench.receive(hex), [`closed rejected ${reason}`], hex);
			assert.equal(bench.send(), "");
		}
	}
});

test("a password of bytes goes out as it is", () => {
	assert.equal(new Bench({ protocol: 5, password: fromHex("00ff") }).send(), connect5(0x40, CONNECT_PROPERTIES, "id", "000200ff"));
	assert.equal(new Bench({ protocol: 5, authentication: { method: "m", respond: () => undefined } }).send(),
		connect5(0, CONNECT_PROPERTIES + text5(21, "m")));
	assert.equal(new Bench({ protocol: 5, authentication: { method: "m", begin: () => fromHex("00ff"), respond: () => undefined } }).send(),
		connect5(0, CONNECT_PROPERTIES + text5(21, "m") + binary5(22, "00ff")));
});

test("U+FEFF is text like any other, both ways [MQTT-1.5.4-3]", () => {
	const bench = new Bench({ protocol: 5, clientId: "\ufeffid" });
	assert.ok(bench.send().includes(utf8("\ufeffid")));
	accept5(bench);
	assert.deepEqual(bench.receive(publish5({ topic: "\ufefft" })), ["message \ufefft q0 "]);
});
