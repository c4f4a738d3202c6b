// SPDX-License-Identifier: Apache-2.0
/** The packets of another implementation's tests: what we send is theirs byte for byte, what we receive means the same. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Writer } from "../../../src/bytes/writer.js";
import { PacketType, type Protocol, type QoS } from "../../../src/mqtt/constants.js";
import {
	encodeAck, encodeBare, encodeReason, encodeSubscribe, encodeUnsubscribe, reasonLength, subscribeLength,
	unsubscribeLength, type Will,
} from "../../../src/mqtt/encode.js";
import type { Properties } from "../../../src/mqtt/properties.js";
import vectors from "../../vectors/mqtt-packets.json" with { type: "json" };
import { encodedConnect, encodedPublish } from "../encoding.js";
import { codeOf } from "../failure.js";
import { fromHex, toHex } from "../hex.js";
import { text } from "../text.js";
import { decoded } from "./decoding.js";

type Bytes = { $hex: string };
type Values = Record<string, unknown>;

interface Fields {
	cmd: string;
	clientId?: string;
	clean?: boolean;
	keepalive?: number;
	bridgeMode?: boolean;
	username?: string;
	password?: Bytes;
	will?: { topic: string; payload: Bytes; qos: QoS; retain: boolean; properties?: Values };
	topic?: string;
	payload?: Bytes;
	qos: QoS;
	dup: boolean;
	retain: boolean;
	messageId?: number;
	subscriptions?: { topic: string; qos: QoS; nl?: boolean; rap?: boolean; rh?: number }[];
	unsubscriptions?: string[];
	granted?: number[];
	sessionPresent?: boolean;
	returnCode?: number;
	reasonCode?: number;
	properties?: Values;
}
interface Row { name: string; version: Protocol; hex: string; packet: Fields }

const rows = ([...vectors.valid, ...vectors.parseOnly] as unknown as Row[])
	.filter(({ version, packet }) => version >= 4 && packet.bridgeMode !== true);
const refused = vectors.parseErrors as { reason: string; version: Protocol; hex: string }[];

/** What another implementation lets pass, and we do not. */
const STRICTER: Readonly<Record<string, string>> = {
	"connack MQTT 5 with properties": "Maximum QoS of 2 [MQTT-3.2.2-9]",
	"connack MQTT 5 with properties and doubled user properties": "Maximum QoS of 2 [MQTT-3.2.2-9]",
	"Version 5 CONNACK test 1": "CONNACK without a reason code",
	"Version 5 CONNACK test 2": "CONNACK without properties",
};

const RENAMED: Readonly<Record<string, keyof Properties>> = {
	sessionExpiryInterval: "sessionExpirySeconds", messageExpiryInterval: "messageExpirySeconds",
	willDelayInterval: "willDelaySeconds", assignedClientIdentifier: "assignedClientId",
	serverKeepAlive: "serverKeepAliveSeconds", subscriptionIdentifier: "subscriptionIdentifiers",
};

/** Their properties in our words. */
function properties(values: Values | undefined): Properties | undefined {
	if (values === undefined) return undefined;
	const result: Record<string, unknown> = {};
	for (const [theirs, value] of Object.entries(values)) {
		const name = RENAMED[theirs] ?? theirs;
		if (name === "userProperties") {
			result[name] = Object.entries(value as Record<string, string | string[]>).flatMap(([key, content]) =>
				[content].flat().map((one) => [key, one]));
		} else if (name === "subscriptionIdentifiers") result[name] = [value].flat();
		else if (name === "payloadFormatIndicator") result[name] = Number(value);
		else result[name] = (value as Bytes).$hex === undefined ? value : fromHex((value as Bytes).$hex);
	}
	return result as Properties;
}

/** As tests compare them: in the order of their names, bytes as hexadecimal. */
function shown(of: Properties | undefined): string {
	if (of === undefined || Object.keys(of).length === 0) return "";
	const entries = Object.entries(of).map(([name, value]) => [name, value instanceof Uint8Array ? toHex(value) : value]);
	return ` ${JSON.stringify(Object.fromEntries(entries.sort(([left], [right]) => (left! < right! ? -1 : 1))))}`;
}

function encodedWill(will: NonNullable<Fields["will"]>): Will {
	return { ...will, payload: fromHex(will.payload.$hex), properties: properties(will.properties) };
}

/** Our bytes for a packet that a client sends; `undefined` for others, and for what we never say. */
function encoded({ version, packet: fields }: Row): string | undefined {
	const writer = new Writer(text);
	const bytes = new Uint8Array(256);
	writer.reset(bytes, 0, 256);
	const { cmd, topic = "", qos, retain, messageId = 0 } = fields;
	const ours = properties(fields.properties);
	let length = 0;
	switch (cmd) {
		case "connect":
			return toHex(encodedConnect({
				protocol: version, clientId: fields.clientId!, cleanStart: fields.clean!, keepAliveSeconds: fields.keepalive!,
				username: fields.username, password: fields.password && fromHex(fields.password.$hex),
				will: fields.will && encodedWill(fields.will), properties: ours,
			}));
		case "publish":
			if (fields.dup) return undefined;
			return toHex(encodedPublish({ topic, payload: fromHex(fields.payload!.$hex), qos, retain, id: messageId, protocol: version, properties: ours }));
		case "subscribe": {
			if (ours?.userProperties) return undefined;
			const wanted = fields.subscriptions!.map(({ topic: filter, qos: wish }) => ({ filter, options: wish, identifier: 0 }));
			length = subscribeLength(text, version, wanted);
			encodeSubscribe(writer, text, version, messageId, wanted);
			break;
		}
		case "unsubscribe": {
			if (ours) return undefined;
			const unwanted = fields.unsubscriptions!.map((filter) => ({ filter, options: 0, identifier: 0 }));
			length = unsubscribeLength(text, version, unwanted);
			encodeUnsubscribe(writer, text, version, messageId, unwanted);
			break;
		}
		case "puback": case "pubrec": case "pubrel": case "pubcomp":
			if (version === 5) return undefined;
			length = 4;
			encodeAck(writer, PacketType[cmd.toUpperCase() as "PUBACK"], messageId, 0);
			break;
		case "pingreq": case "disconnect": case "auth":
			if (version === 5 && cmd !== "pingreq") {
				if (ours === undefined) return undefined;
				const type = PacketType[cmd.toUpperCase() as "AUTH"];
				length = reasonLength(text, type, ours);
				encodeReason(writer, text, type, fields.reasonCode!, ours);
			} else {
				length = 2;
				encodeBare(writer, PacketType[cmd.toUpperCase() as "PINGREQ"]);
			}
			break;
		default: return undefined;
	}
	assert.equal(writer.position, length, "the length that was told before");
	return toHex(bytes, 0, length);
}

/** The line for a packet that a client receives; `undefined` for others. */
function meaning({ version, packet: { cmd, ...fields } }: Row): string | undefined {
	const id = fields.messageId ?? 0;
	const said = shown(properties(fields.properties));
	const reason = fields.reasonCode ? ` ${fields.reasonCode}` : "";
	const codes = (fields.granted ?? []).map((code) => code.toString(16).padStart(2, "0")).join("");
	switch (cmd) {
		case "connack": return `connack ${fields.sessionPresent} ${fields.returnCode ?? fields.reasonCode}${said}`;
		case "publish": {
			const flags = `${fields.dup ? " dup" : ""}${fields.retain ? " retain" : ""}`;
			return `publish ${fields.topic} ${id} q${fields.qos}${flags} ${fields.payload!.$hex}${said}`;
		}
		case "suback": return `suback ${id} ${codes}${said}`;
		case "unsuback": return `unsuback ${id}${codes && ` ${codes}`}${said}`;
		case "pingresp": return cmd;
		case "puback": case "pubrec": case "pubrel": case "pubcomp": return `${cmd} ${id}${reason}${said}`;
		case "disconnect": case "auth": return version === 5 ? `${cmd}${reason}${said}` : undefined;
		default: return undefined;
	}
}

const lines = (hex: string, protocol: Protocol, step?: number): string[] =>
	decoded(fromHex(hex), { protocol, shown, buffer: 256, ...(step === undefined ? {} : { step }) });

test("packets that a client sends are byte for byte those of the vectors", () => {
	const counts = { 4: 0, 5: 0 };
	for (const row of rows) {
		const ours = encoded(row);
		if (ours === undefined) continue;
		// The order of properties is free, so where they differ the values are compared.
		if (ours !== row.hex) {
			assert.equal(row.version, 5, row.name);
			assert.equal([...fromHex(ours)].sort().join(), [...fromHex(row.hex)].sort().join(), row.name);
		}
		counts[row.version]++;
	}
	assert.deepEqual(counts, { 4: 14, 5: 6 });
});

test("packets that a client receives mean what the vectors say: whole, byte by byte, and with more behind", () => {
	const counts = { 4: 0, 5: 0 };
	for (const row of rows) {
		const { name, hex, version } = row;
		const line = meaning(row);
		if (line === undefined) continue;
		if (STRICTER[name] !== undefined) {
			assert.match(codeOf(() => lines(hex, version)), /malformed|violation/, `${name}: ${STRICTER[name]}`);
			continue;
		}
		assert.deepEqual(lines(hex, version), [line], name);
		assert.deepEqual(lines(hex, version, 1), [line], name);
		assert.deepEqual(lines(`${hex}d000${hex}`, version), [line, "pingresp", line], name);
		assert.deepEqual(lines(`${hex}40`, version), [line], name);
		assert.deepEqual(lines(`${hex}d000${hex}`, version, 3), [line, "pingresp", line], name);
		counts[version]++;
	}
	assert.deepEqual(counts, { 4: 14, 5: 26 });
});

test("packets that only a client may send are violations", () => {
	let count = 0;
	for (const row of rows) {
		if (meaning(row) !== undefined) continue;
		assert.equal(codeOf(() => lines(row.hex, row.version)), "violation", row.name);
		count++;
	}
	assert.equal(count, 15);
});

test("what the vectors refuse is refused, whole and byte by byte", () => {
	for (const { reason, hex, version } of refused) {
		for (const step of [1, 256]) {
			assert.match(codeOf(() => lines(hex, version, step)), /malformed|violation|too-large/, `${reason}: ${hex}`);
		}
	}
	assert.equal(refused.length, 60);
});
