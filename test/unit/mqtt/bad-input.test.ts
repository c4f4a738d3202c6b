// SPDX-License-Identifier: Apache-2.0
/**
 * Bad input: whatever a server sends that it must not, the link ends with one event and one code, says nothing more, and
 * the session goes on with the next link as if nothing had been.
 */
import { SUBSCRIBE_ID } from "../../../src/mqtt/constants.js";
import assert from "node:assert/strict";
import { test } from "node:test";
import vectors from "../../vectors/mqtt-packets.json" with { type: "json" };
import { connack, packet, prefixed, puback, publish, suback, subscribe, uint16, utf8 } from "../wire.js";
import { Bench } from "./bench.js";

const MAXIMUM = 2_000;
const BUFFER = 64;

type Code = "malformed" | "violation" | "too-large";
type Row = readonly [name: string, hex: string, code: Code];

const topicOf = (hex: string): string => packet(0x30, uint16(hex.length / 2) + hex);

/** Sent by a server that has accepted, while SUBSCRIBE with identifier 3 for two filters is under way. */
const CONNECTED: readonly Row[] = [
	["a length of five digits", "30ffffffff01", "malformed"],
	["a length whose fourth digit says more", "d0ffffff80", "malformed"],
	["a length of zero in two digits", "d08000", "malformed"],
	["a length that is not minimal", "30840000017461", "malformed"],
	["a length beyond the limit", "30ffffff7f", "too-large"],
	["a length just beyond the limit", `30${packet(0x30, "00".repeat(MAXIMUM + 1)).slice(2, 6)}`, "too-large"],
	["type 0", "0000", "malformed"],
	["type 0 with flags", "0f00", "malformed"],
	["type 15", "f000", "malformed"],
	["type 15 of MQTT 5", "f0021800", "malformed"],
	["CONNECT, which only a client sends", packet(0x10, `${prefixed("MQTT")}0402003c0000`), "violation"],
	["SUBSCRIBE, which only a client sends", subscribe(1, ["a", 0]), "violation"],
	["UNSUBSCRIBE, which only a client sends", packet(0xa2, `0001${prefixed("a")}`), "violation"],
	["PINGREQ, which only a client sends", "c000", "violation"],
	["DISCONNECT, which only a client sends", "e000", "violation"],
	["a second CONNACK", connack(), "violation"],
	["a second CONNACK that refuses", connack(false, 5), "violation"],
	["CONNACK with flags in its header", "21020000", "malformed"],
	["PUBACK with flags [MQTT-2.2.2-2]", "41020001", "malformed"],
	["PUBREC with flags", "58020001", "malformed"],
	["PUBREL without its flag", "60020001", "malformed"],
	["PUBREL with another flag", "63020001", "malformed"],
	["PUBCOMP with flags", "72020001", "malformed"],
	["SUBACK with flags", "9203000301", "malformed"],
	["UNSUBACK with flags", "b4020001", "malformed"],
	["PINGRESP with flags", "d100", "malformed"],
	["PINGRESP with a body", "d00100", "malformed"],
	["PUBACK that is empty", "4000", "malformed"],
	["PUBACK with half an identifier", "400100", "malformed"],
	["PUBACK with a reason code of MQTT 5", "4003000100", "malformed"],
	["PUBACK with identifier 0 [MQTT-2.3.1-1]", puback(0), "malformed"],
	["SUBACK with identifier 0", suback(0, 0, 0), "malformed"],
	["SUBACK that is empty", "9000", "malformed"],
	["SUBACK without codes", "90020003", "malformed"],
	["SUBACK with code 3 [MQTT-3.9.3-2]", suback(SUBSCRIBE_ID, 0, 3), "malformed"],
	["SUBACK with code 0x7f", suback(SUBSCRIBE_ID, 0x7f, 0), "malformed"],
	["SUBACK with a failure of MQTT 5", suback(SUBSCRIBE_ID, 0x87, 0), "malformed"],
	["SUBACK with fewer codes than filters", suback(SUBSCRIBE_ID, 0), "malformed"],
	["SUBACK with more codes than filters", suback(SUBSCRIBE_ID, 0, 0, 0), "malformed"],
	["UNSUBACK with identifier 0", packet(0xb0, "0000"), "malformed"],
	["UNSUBACK with codes of MQTT 5", packet(0xb0, "000300"), "malformed"],
	["PUBLISH at QoS 3 [MQTT-3.3.1-4]", packet(0x36, `${prefixed("t")}0001`), "malformed"],
	["PUBLISH with DUP at QoS 0 [MQTT-3.3.1-2]", publish({ topic: "t", duplicate: true }), "malformed"],
	["PUBLISH with identifier 0", publish({ topic: "t", qos: 1, id: 0 }), "malformed"],
	["PUBLISH that is empty", "3000", "malformed"],
	["PUBLISH that ends within its topic's length", "300100", "malformed"],
	["PUBLISH that ends within its topic", "300400057474", "malformed"],
	["PUBLISH that ends before its identifier", packet(0x32, prefixed("t")), "malformed"],
	["PUBLISH that ends within its identifier", packet(0x32, `${prefixed("t")}00`), "malformed"],
	["PUBLISH whose topic is longer than the packet", packet(0x30, "ffff74"), "malformed"],
	["PUBLISH without topic [MQTT-4.7.3-1]", publish({ topic: "", payload: "78" }), "malformed"],
	["PUBLISH to # [MQTT-3.3.2-2]", publish({ topic: "a/#" }), "malformed"],
	["PUBLISH to +", publish({ topic: "+/a" }), "malformed"],
	["PUBLISH to a topic with U+0000 [MQTT-1.5.3-2]", topicOf("610062"), "malformed"],
	["PUBLISH to a topic with a high surrogate [MQTT-1.5.3-1]", topicOf("61eda080"), "malformed"],
	["PUBLISH to a topic with a low surrogate", topicOf("edbfbf"), "malformed"],
	["PUBLISH to a topic with a surrogate pair", topicOf("eda081edb080"), "malformed"],
	["PUBLISH to a topic with an overlong slash", topicOf("61c0af62"), "malformed"],
	["PUBLISH to a topic with an overlong U+0000", topicOf("c080"), "malformed"],
	["PUBLISH to a topic beyond U+10FFFF", topicOf("f4908080"), "malformed"],
	["PUBLISH to a topic cut within a character", topicOf("61f09f9c"), "malformed"],
	["PUBLISH to a topic that starts within a character", topicOf("8061"), "malformed"],
	["PUBLISH to a topic with 0xFF", topicOf("ff"), "malformed"],
];

/** Sent by a server as the first thing after CONNECT. */
const CONNECTING: readonly Row[] = [
	["a message before CONNACK [MQTT-3.2.0-1]", publish({ topic: "t" }), "violation"],
	["PUBACK before CONNACK", puback(1), "violation"],
	["SUBACK before CONNACK", suback(SUBSCRIBE_ID, 0), "violation"],
	["PINGRESP before CONNACK", "d000", "violation"],
	["CONNECT", packet(0x10, `${prefixed("MQTT")}0402003c0000`), "violation"],
	["CONNACK that is empty", "2000", "malformed"],
	["CONNACK that is too short", "200100", "malformed"],
	["CONNACK that is too long", "2003000000", "malformed"],
	["CONNACK with reserved flags", "20020200", "malformed"],
	["CONNACK with all flags", "2002ff00", "malformed"],
	["CONNACK with reserved flags that refuses", "20020205", "malformed"],
	["CONNACK with return code 6", "20020006", "malformed"],
	["CONNACK with a reason of MQTT 5", "2003008700", "malformed"],
	["CONNACK with flags in its header", "22020000", "malformed"],
	["a TLS alert", "15030100020246", "malformed"],
];

/** What the session must still have afterwards, whatever the server did. */
function established(): Bench {
	const bench = Bench.open({ packetBuffer: BUFFER, maximumPacketSize: MAXIMUM });
	bench.session.subscribe("agreed", 1);
	bench.send();
	bench.receive(suback(SUBSCRIBE_ID, 1));
	bench.session.publish("m", "first", { qos: 1 });
	bench.session.subscribe("asked/1", 0);
	bench.session.subscribe("asked/2", 1);
	assert.ok(bench.send().includes(subscribe(SUBSCRIBE_ID, ["asked/1", 0], ["asked/2", 1])));
	bench.session.publish("m", "second", { qos: 1 });
	return bench;
}

function checkOver(bench: Bench, lines: readonly string[], code: Code, name: string): void {
	assert.deepEqual(lines, [`closed ${code}`], name);
	assert.ok(bench.closed && !bench.link.open && !bench.link.failed, name);
	assert.equal(bench.link.deadline, Infinity, name);
	assert.deepEqual(bench.receive(publish({ topic: "t", payload: "78" }) + puback(2)), [], `${name}: nothing is heard afterwards`);
	assert.equal(bench.send(), "", `${name}: nothing is said afterwards`);
}

/** @param familiar whether the last link came as far as CONNACK: else all subscriptions are told again */
function checkIntact(bench: Bench, name: string, familiar = true): void {
	bench.relink();
	bench.accept(true);
	const agreed: [filter: string, qos: number][] = familiar ? [] : [["agreed", 1]];
	const messages = publish({ topic: "m", payload: utf8("first"), qos: 1, id: 1, duplicate: true })
		+ publish({ topic: "m", payload: utf8("second"), qos: 1, id: 2 });
	const filters = subscribe(SUBSCRIBE_ID, ...agreed, ["asked/1", 0], ["asked/2", 1]);
	assert.equal(bench.send(), filters + messages, `${name}: the session is intact`);
	assert.deepEqual(bench.receive(suback(SUBSCRIBE_ID, ...agreed.map(() => 1), 0, 1)).slice(-2), ["subscribed asked/1 0", "subscribed asked/2 1"]);
	assert.deepEqual(bench.receive(puback(1) + puback(2)), ["acknowledged 1", "acknowledged 2"], name);
	bench.reconnect(false);
	assert.ok(bench.send().includes(prefixed("agreed")), `${name}: what was agreed is remembered`);
}

test("bad input on an open link: one event, one code, link closed, session intact", () => {
	for (const [name, hex, code] of CONNECTED) {
		for (const step of [4096, 1, 7]) {
			const bench = established();
			// Good packets in front are taken, good ones behind are not.
			checkOver(bench, bench.receive(`d000${hex}${publish({ topic: "t" })}`, step), code, `${name}, ${step} at a time`);
			checkIntact(bench, name);
		}
	}
});

test("bad input instead of CONNACK: one event, one code, link closed, session intact", () => {
	for (const [name, hex, code] of CONNECTING) {
		for (const step of [4096, 1]) {
			const bench = established();
			bench.lose();
			bench.relink();
			bench.send();
			checkOver(bench, bench.receive(hex, step), code, `${name}, ${step} at a time`);
			checkIntact(bench, name, false);
		}
	}
});

test("bad input of the vectors ends the link too", () => {
	const rows = vectors.parseErrors.filter(({ version }) => version === 4);
	for (const { reason, hex } of rows) {
		const bench = established();
		const [line = "", ...more] = bench.receive(hex, 3);
		assert.match(line, /^closed (malformed|violation|too-large)$/, `${reason}: ${hex}`);
		assert.deepEqual(more, []);
		checkIntact(bench, reason);
	}
	assert.ok(rows.length > 40);
});

test("another protocol, or a packet larger than the buffer that is no message, ends the link", () => {
	for (const hex of [utf8("HTTP/1.1 400 Bad Request\r\n".repeat(9)), utf8("SSH-2.0-OpenSSH_9.2\r\n".repeat(9)), packet(0x90, "00".repeat(99))]) {
		for (const step of [4096, 1, 7]) {
			const bench = established();
			bench.lose();
			bench.relink();
			bench.send();
			assert.match(bench.receive(hex, step).join(), /^closed (malformed|too-large|violation)$/);
			checkIntact(bench, hex, false);
		}
	}
});

test("a topic that does not fit the packet buffer ends the link, and only when it comes in parts", () => {
	const hex = publish({ topic: "t".repeat(BUFFER), payload: "00".repeat(BUFFER) });
	const bench = established();
	checkOver(bench, bench.receive(hex, 16), "too-large", "in parts");
	assert.equal(established().receive(hex).length, 1);
});

test("a message that was delivered before the bad input is delivered again: its PUBACK was not sent", () => {
	const bench = established();
	assert.deepEqual(bench.receive(publish({ topic: "t", qos: 1, id: 8 }) + "f000"), ["message t q1 #8 ", "closed malformed"]);
	assert.equal(bench.send(), "");
});

test("bad input in the middle of a long message ends nothing: it is payload", () => {
	const bench = established();
	const lines = bench.receive(publish({ topic: "t", payload: "f000".repeat(100) }), 50);
	assert.ok(lines.length > 1 && lines.every((line) => line.startsWith("message")));
});

test("what ends an old link does not come back on the next: half a packet is forgotten", () => {
	for (const half of ["36", "30ff", "2002", "300a0004", publish({ topic: "t", payload: "00".repeat(100) }).slice(0, 150)]) {
		const bench = established();
		bench.receive(half, 1);
		bench.lose();
		checkIntact(bench, half);
	}
});
