// SPDX-License-Identifier: Apache-2.0
/** What is wrong in MQTT 5 ends the connection that sent it with the right code, and harms nobody else. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { IConnackPacket, IDisconnectPacket } from "mqtt-packet";
import { Broker } from "../../hosts/simulator/broker/broker.js";
import { ScriptedClient } from "./scripted.js";

const MALFORMED = 0x81, PROTOCOL_ERROR = 0x82, TOPIC_FILTER_INVALID = 0x8F, TOPIC_NAME_INVALID = 0x90, TOPIC_ALIAS_INVALID = 0x94, TOO_LARGE = 0x95;

type Case = readonly [name: string, hex: string, reasonCode: number];

/** A packet from its first byte and its body. */
function framed(header: string, body: string): string {
	const bytes = body.replaceAll(" ", "");
	return `${header} ${(bytes.length / 2).toString(16).padStart(2, "0")} ${bytes}`;
}

/** A PUBLISH at QoS 0 to `t` with these properties. */
const publish = (properties: string) => framed("30", `0001 74 ${framed("", properties)}`);
const subscribe = (properties: string, rest = "0001 74 00") => framed("82", `0001 ${framed("", properties)} ${rest}`);
const connect = (properties: string, flags = "02", rest = "0001 61") => framed("10", `0004 4d515454 05 ${flags} 003c ${framed("", properties)} ${rest}`);
const willed = (properties: string) => connect("", "06", `0001 61 ${framed("", properties)} 0001 74 0001 78`);

/** Sent by a client that is connected. */
const CONNECTED: readonly Case[] = [
	["packet type 0", "00 00", MALFORMED],
	["remaining length in more bytes than it needs", "c0 80 00", MALFORMED],
	["remaining length of five bytes", "30 ff ff ff ff 01", MALFORMED],
	["larger than the limit, before it has come", "30 ff ff ff 7f", TOO_LARGE],
	["PINGREQ with flags", "c1 00", MALFORMED],
	["PINGREQ with a body", "c0 01 00", MALFORMED],
	["a second CONNECT", connect(""), PROTOCOL_ERROR],
	["CONNACK from a client", "20 03 0000 00", PROTOCOL_ERROR],
	["SUBACK from a client", "90 04 0001 00 00", PROTOCOL_ERROR],
	["UNSUBACK from a client", "b0 04 0001 00 00", PROTOCOL_ERROR],
	["PINGRESP from a client", "d0 00", PROTOCOL_ERROR],

	["PUBLISH with QoS 3", framed("36", "0001 74 0001 00"), MALFORMED],
	["PUBLISH with QoS 0 and the duplicate flag", framed("38", "0001 74 00"), MALFORMED],
	["PUBLISH with packet identifier 0", framed("32", "0001 74 0000 00"), MALFORMED],
	["PUBLISH without a property length", framed("30", "0001 74"), MALFORMED],
	["PUBLISH whose properties end after the packet", framed("30", "0001 74 02 01"), MALFORMED],
	["PUBLISH whose property ends after the properties", publish("01"), MALFORMED],
	["PUBLISH with a property length in more bytes than it needs", framed("30", "0001 74 80 00"), MALFORMED],
	["PUBLISH with U+0000 in its topic", framed("30", "0001 00 00"), MALFORMED],
	["PUBLISH with a surrogate in its topic", framed("30", "0003 eda080 00"), MALFORMED],
	["PUBLISH without a topic or an alias", framed("30", "0000 00"), PROTOCOL_ERROR],
	["PUBLISH to a wildcard", framed("30", "0001 2b 00"), TOPIC_NAME_INVALID],
	["PUBLISH with an unknown property", publish("7f 00"), MALFORMED],
	["PUBLISH with a property of CONNECT", publish("21 0001"), MALFORMED],
	["PUBLISH with a property of the will", publish("18 00000001"), MALFORMED],
	["PUBLISH with a subscription identifier", publish("0b 01"), PROTOCOL_ERROR],
	["PUBLISH with a topic alias of 0", publish("23 0000"), TOPIC_ALIAS_INVALID],
	["PUBLISH with a topic alias above the maximum", publish("23 0065"), TOPIC_ALIAS_INVALID],
	["PUBLISH with a topic alias twice", publish("23 0001 23 0001"), PROTOCOL_ERROR],
	["PUBLISH with a payload format of 2", publish("01 02"), PROTOCOL_ERROR],
	["PUBLISH with a payload format twice", publish("01 00 01 00"), PROTOCOL_ERROR],
	["PUBLISH with a message expiry twice", publish("02 00000001 02 00000001"), PROTOCOL_ERROR],
	["PUBLISH with a content type twice", publish("03 0001 61 03 0001 61"), PROTOCOL_ERROR],
	["PUBLISH with a content type that is not UTF-8", publish("03 0001 ff"), MALFORMED],
	["PUBLISH with U+0000 in a user property's name", publish("26 0001 00 0001 61"), MALFORMED],
	["PUBLISH with U+0000 in a user property's value", publish("26 0001 61 0001 00"), MALFORMED],
	["PUBLISH with half a user property", publish("26 0001 61"), MALFORMED],
	["PUBLISH with a wildcard in its response topic", publish("08 0003 612f23"), PROTOCOL_ERROR],
	["PUBLISH with an empty response topic", publish("08 0000"), PROTOCOL_ERROR],
	["PUBLISH with correlation data twice", publish("09 0000 09 0000"), PROTOCOL_ERROR],

	["PUBACK with flags", "41 02 0001", MALFORMED],
	["PUBACK without identifier", "40 00", MALFORMED],
	["PUBACK with identifier 0", "40 02 0000", MALFORMED],
	["PUBACK with a reason code of SUBACK", "40 03 0001 02", MALFORMED],
	["PUBREC with trailing bytes", "50 05 0001 00 00 00", MALFORMED],
	["PUBREL without its flags", "60 02 0001", MALFORMED],
	["PUBREL with a reason code of PUBACK", "62 03 0001 87", MALFORMED],
	["PUBCOMP with a property of PUBLISH", "70 07 0001 00 03 23 0001", MALFORMED],
	["PUBCOMP with a reason string twice", "70 0a 0001 00 06 1f 0000 1f 0000", PROTOCOL_ERROR],

	["SUBSCRIBE without its flags", framed("80", "0001 00 0001 74 00"), MALFORMED],
	["SUBSCRIBE with packet identifier 0", framed("82", "0000 00 0001 74 00"), MALFORMED],
	["SUBSCRIBE without filters", subscribe("", ""), PROTOCOL_ERROR],
	["SUBSCRIBE that ends before its options", subscribe("", "0001 74"), MALFORMED],
	["SUBSCRIBE with QoS 3", subscribe("", "0001 74 03"), MALFORMED],
	["SUBSCRIBE with reserved bits", subscribe("", "0001 74 40"), MALFORMED],
	["SUBSCRIBE with retain handling 3", subscribe("", "0001 74 30"), PROTOCOL_ERROR],
	["SUBSCRIBE with subscription identifier 0", subscribe("0b 00"), PROTOCOL_ERROR],
	["SUBSCRIBE with a subscription identifier twice", subscribe("0b 01 0b 02"), PROTOCOL_ERROR],
	["SUBSCRIBE with a subscription identifier of five bytes", subscribe("0b ff ff ff ff 01"), MALFORMED],
	["SUBSCRIBE with a topic alias", subscribe("23 0001"), MALFORMED],
	["SUBSCRIBE to nothing", subscribe("", "0000 00"), TOPIC_FILTER_INVALID],
	["SUBSCRIBE to what is no filter", subscribe("", "0003 612b62 00"), TOPIC_FILTER_INVALID],
	["SUBSCRIBE with no-local to a share", subscribe("", "000a 24 7368617265 2f 67 2f 74 04"), PROTOCOL_ERROR],
	["UNSUBSCRIBE without filters", framed("a2", "0001 00"), PROTOCOL_ERROR],
	["UNSUBSCRIBE with a subscription identifier", framed("a2", "0001 02 0b 01 0001 74"), MALFORMED],
	["UNSUBSCRIBE from what is no filter", framed("a2", "0001 00 0002 2323"), TOPIC_FILTER_INVALID],

	["DISCONNECT with flags", "e1 00", MALFORMED],
	["DISCONNECT with a reason that only a server gives", "e0 01 8b", PROTOCOL_ERROR],
	["DISCONNECT with a reason that does not exist", "e0 01 05", MALFORMED],
	["DISCONNECT with a server reference", "e0 05 00 03 1c 0000", MALFORMED],
	["DISCONNECT with an expiry where there was none", "e0 07 00 05 11 00000001", PROTOCOL_ERROR],
	["DISCONNECT with trailing bytes", "e0 03 00 00 00", MALFORMED],
	["AUTH with flags", "f1 00", MALFORMED],
	["AUTH without a method", "f0 00", PROTOCOL_ERROR],
	["AUTH with a reason that does not exist", "f0 01 05", MALFORMED],
];

/** Sent as the first packet: answered with a CONNACK, because it says that it is MQTT 5. */
const FIRST: readonly Case[] = [
	["the reserved flag", connect("", "03"), MALFORMED],
	["a will QoS but no will", connect("", "0a"), MALFORMED],
	["a will retain flag but no will", connect("", "22"), MALFORMED],
	["will QoS 3", connect("", "1e", "0001 61 00 0001 74 0001 78"), MALFORMED],
	["trailing bytes", connect("", "02", "0001 61 00"), MALFORMED],
	["a client id that ends after the packet", connect("", "02", "0002 61"), MALFORMED],
	["U+0000 in its client id", connect("", "02", "0001 00"), MALFORMED],
	["no properties", framed("10", "0004 4d515454 05 02 003c"), MALFORMED],
	["a receive maximum of 0", connect("21 0000"), PROTOCOL_ERROR],
	["a receive maximum twice", connect("21 0001 21 0001"), PROTOCOL_ERROR],
	["a maximum packet size of 0", connect("27 00000000"), PROTOCOL_ERROR],
	["a session expiry twice", connect("11 00000001 11 00000001"), PROTOCOL_ERROR],
	["a topic alias maximum twice", connect("22 0001 22 0001"), PROTOCOL_ERROR],
	["a request for problem information of 2", connect("17 02"), PROTOCOL_ERROR],
	["a request for response information of 2", connect("19 02"), PROTOCOL_ERROR],
	["authentication data without a method", connect("16 0000"), PROTOCOL_ERROR],
	["an authentication method twice", connect("15 0001 61 15 0001 61"), PROTOCOL_ERROR],
	["a will delay outside the will", connect("18 00000001"), MALFORMED],
	["a property of CONNACK", connect("24 01"), MALFORMED],
	["a topic alias in its will", willed("23 0001"), MALFORMED],
	["a will delay twice", willed("18 00000001 18 00000001"), PROTOCOL_ERROR],
	["a wildcard in its will's response topic", willed("08 0001 23"), PROTOCOL_ERROR],
	["a wildcard in its will topic", connect("", "06", "0001 61 00 0001 23 0001 78"), TOPIC_NAME_INVALID],
];

suite("Malformed packets of MQTT 5", () => {
	for (const [name, hex, reasonCode] of CONNECTED) {
		test(`${name} is answered with DISCONNECT 0x${reasonCode.toString(16)}, and the session survives`, () => {
			const broker = new Broker();
			const bystander = new ScriptedClient(broker).connect5("b").subscribe("t");
			// The expiry is set aside for the case that wants none.
			const properties = name.includes("expiry where") ? {} : { sessionExpiryInterval: 100 };
			const offender = new ScriptedClient(broker).connect5("a", { clean: false, properties }).subscribe("mine");
			offender.take();
			const disconnect = offender.raw(hex).takeOne("disconnect") as IDisconnectPacket;
			assert.deepEqual([disconnect.reasonCode, offender.closed], [reasonCode, true], disconnect.properties?.reasonString);
			bystander.take();
			new ScriptedClient(broker).connect5("c").publish("t", "x");
			assert.deepEqual(bystander.takeTexts(), ["t=x"]);
			if (properties.sessionExpiryInterval !== undefined) assert.deepEqual([...broker.session("a")!.subscriptions.keys()], ["mine"]);
		});
	}

	for (const [name, hex, reasonCode] of FIRST) {
		test(`CONNECT with ${name} is answered with CONNACK 0x${reasonCode.toString(16)}`, () => {
			const broker = new Broker();
			const client = new ScriptedClient(broker).speak5().raw(hex);
			const connack = client.takeOne("connack") as IConnackPacket;
			assert.deepEqual([connack.reasonCode, connack.sessionPresent, client.closed], [reasonCode, false, true], connack.properties?.reasonString);
			assert.deepEqual([broker.connectionCount, broker.sessionCount], [0, 0]);
		});
	}

	for (const [name, hex] of [
		["a password without a user name", connect("", "42", "0001 61 0001 78")],
		["every property that it may have", connect("11 00000001 21 0001 27 00000400 22 0001 19 01 17 00 26 0000 0000 26 0000 0000")],
		["every property of its will", willed("18 00000001 01 01 02 00000001 03 0000 08 0001 72 09 0000 26 0001 61 0000")],
		["an empty client id and no clean start", connect("", "00", "0000")],
	] as const) {
		test(`CONNECT with ${name} is well-formed`, () => {
			const client = new ScriptedClient(new Broker()).speak5().raw(hex);
			assert.deepEqual([(client.received[0] as IConnackPacket).reasonCode, client.closed], [0, false]);
		});
	}

	for (const [name, hex, cmd] of [
		["PUBLISH with every property", publish("01 01 02 00000001 23 0001 08 0001 72 09 0000 26 0000 0000 26 0000 0000 03 0000"), undefined],
		["PUBREL without a reason", "62 02 0001", "pubcomp"],
		["PUBREL with a reason alone", "62 03 0001 00", "pubcomp"],
		["PUBREL with properties", "62 0c 0001 00 08 1f 0000 26 0000 0000", "pubcomp"],
		["SUBSCRIBE with all options", subscribe("0b ff ff ff 7f 26 0000 0000", "0001 74 2e"), "suback"],
		["UNSUBSCRIBE with user properties", framed("a2", "0001 05 26 0000 0000 0001 74"), "unsuback"],
	] as const) {
		test(`${name} is well-formed`, () => {
			const client = new ScriptedClient(new Broker()).connect5("a");
			client.take();
			assert.deepEqual([client.raw(hex).take().map(packet => packet.cmd), client.closed], [cmd === undefined ? [] : [cmd], false]);
		});
	}

	test("an ill-formed acknowledgement that does not fit the QoS is a protocol error", () => {
		const broker = new Broker();
		const client = new ScriptedClient(broker).connect5("a").subscribe("t", 1);
		broker.attach().publish("t", Buffer.from("x"));
		const [publication] = client.takePublished();
		client.send({ cmd: "pubrec", messageId: publication!.messageId!, reasonCode: 0 });
		assert.equal(client.takeOne("disconnect").reasonCode, PROTOCOL_ERROR);
	});

	test("nothing is said before CONNECT, whatever it is", () => {
		for (const hex of ["e0 00", "f0 00", publish(""), "00"]) {
			const client = new ScriptedClient(new Broker()).speak5().raw(hex);
			assert.deepEqual([client.closed, client.received.length], [true, 0]);
		}
	});
});
