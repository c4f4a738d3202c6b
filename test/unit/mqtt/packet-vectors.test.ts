// SPDX-License-Identifier: Apache-2.0
/** The packets of another implementation's tests: what we send is theirs byte for byte, what we receive means the same. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Writer } from "../../../src/bytes/writer.js";
import { PacketType, type QoS } from "../../../src/mqtt/constants.js";
import {
	connectLength, encodeAck, encodeBare, encodeConnect, encodePublish, encodeSubscribe, encodeUnsubscribe,
	publishLength, subscribeLength, unsubscribeLength,
} from "../../../src/mqtt/packet.js";
import vectors from "../../vectors/mqtt-packets.json" with { type: "json" };
import { codeOf } from "../failure.js";
import { fromHex, toHex } from "../hex.js";
import { text } from "../text.js";
import { decoded } from "./decoding.js";

interface Fields {
	cmd: string;
	clientId?: string;
	clean?: boolean;
	keepalive?: number;
	protocolId?: string;
	bridgeMode?: boolean;
	topic?: string;
	payload?: { $hex: string };
	qos: QoS;
	dup: boolean;
	retain: boolean;
	messageId?: number;
	subscriptions?: { topic: string; qos: QoS }[];
	unsubscriptions?: string[];
	granted?: number[];
	sessionPresent?: boolean;
	returnCode?: number;
}
interface Row { name: string; version: number; hex: string; packet: Fields }

const rows = ([...vectors.valid, ...vectors.parseOnly] as unknown as Row[])
	.filter(({ version, packet }) => version === 4 && packet.bridgeMode !== true);
const refused = (vectors.parseErrors as { reason: string; version: number; hex: string }[])
	.filter(({ version }) => version === 4);

/** Our bytes for a packet that a client sends; `undefined` for others. */
function encoded(fields: Fields): string | undefined {
	const writer = new Writer(text);
	const bytes = new Uint8Array(256);
	writer.reset(bytes, 0, 256);
	const { cmd, topic = "", qos, retain, messageId = 0 } = fields;
	let length = 0;
	switch (cmd) {
		case "connect": {
			const connect = { clientId: fields.clientId!, cleanStart: fields.clean!, keepAliveSeconds: fields.keepalive! };
			length = connectLength(text, connect);
			encodeConnect(writer, text, connect);
			break;
		}
		case "publish": {
			if (fields.dup) return undefined;
			const payload = fromHex(fields.payload!.$hex);
			length = publishLength(text, topic, payload, qos);
			encodePublish(writer, length, topic, payload, qos, retain, messageId);
			break;
		}
		case "subscribe": {
			const wanted = fields.subscriptions!.map(({ topic: filter, qos: wish }) => ({ filter, qos: wish }));
			length = subscribeLength(text, wanted);
			encodeSubscribe(writer, text, messageId, wanted);
			break;
		}
		case "unsubscribe": {
			const unwanted = fields.unsubscriptions!.map((filter) => ({ filter, qos: 0 as const }));
			length = unsubscribeLength(text, unwanted);
			encodeUnsubscribe(writer, text, messageId, unwanted);
			break;
		}
		case "puback": case "pubrec": case "pubrel": case "pubcomp":
			length = 4;
			encodeAck(writer, PacketType[cmd.toUpperCase() as "PUBACK"], messageId);
			break;
		case "pingreq": case "disconnect":
			length = 2;
			encodeBare(writer, PacketType[cmd.toUpperCase() as "PINGREQ"]);
			break;
		default: return undefined;
	}
	assert.equal(writer.position, length, "the length that was told before");
	return toHex(bytes, 0, length);
}

/** The line for a packet that a client receives; `undefined` for others. */
function meaning({ cmd, ...fields }: Fields): string | undefined {
	const id = fields.messageId ?? 0;
	switch (cmd) {
		case "connack": return `connack ${fields.sessionPresent} ${fields.returnCode}`;
		case "publish": {
			const flags = `${fields.dup ? " dup" : ""}${fields.retain ? " retain" : ""}`;
			return `publish ${fields.topic} ${id} q${fields.qos}${flags} ${fields.payload!.$hex}`;
		}
		case "suback": return `suback ${id} ${fields.granted!.map((code) => code.toString(16).padStart(2, "0")).join("")}`;
		case "pingresp": return cmd;
		case "puback": case "pubrec": case "pubrel": case "pubcomp": case "unsuback": return `${cmd} ${id}`;
		default: return undefined;
	}
}

test("packets that a client sends are byte for byte those of the vectors", () => {
	let count = 0;
	for (const { name, hex, packet } of rows) {
		const ours = encoded(packet);
		if (ours === undefined) continue;
		assert.equal(ours, hex, name);
		count++;
	}
	assert.equal(count, 14);
});

test("packets that a client receives mean what the vectors say: whole, byte by byte, and with more behind", () => {
	let count = 0;
	for (const { name, hex, packet } of rows) {
		const line = meaning(packet);
		if (line === undefined) continue;
		const bytes = fromHex(hex);
		assert.deepEqual(decoded(bytes), [line], name);
		assert.deepEqual(decoded(bytes, { step: 1 }), [line], name);
		assert.deepEqual(decoded(fromHex(`${hex}d000${hex}`)), [line, "pingresp", line], name);
		assert.deepEqual(decoded(fromHex(`${hex}40`)), [line], name);
		assert.deepEqual(decoded(fromHex(`${hex}d000${hex}`), { step: 3 }), [line, "pingresp", line], name);
		count++;
	}
	assert.equal(count, 14);
});

test("packets that only a client may send are violations", () => {
	let count = 0;
	for (const { name, hex, packet } of rows) {
		if (meaning(packet) !== undefined) continue;
		assert.equal(codeOf(() => decoded(fromHex(hex))), "violation", name);
		count++;
	}
	assert.equal(count, 8);
});

test("what the vectors refuse is refused, whole and byte by byte", () => {
	for (const { reason, hex } of refused) {
		for (const step of [1, 256]) {
			assert.match(codeOf(() => decoded(fromHex(hex), { step })), /malformed|violation|too-large/, `${reason}: ${hex}`);
		}
	}
	assert.equal(refused.length, 43);
});
