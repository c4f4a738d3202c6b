// SPDX-License-Identifier: Apache-2.0
/** Whole packets as our encoder writes them. */
import assert from "node:assert/strict";
import { Writer } from "../../src/bytes/writer.js";
import { PacketType, type Protocol, type QoS } from "../../src/mqtt/constants.js";
import {
	connectLength, encodeConnect, encodePublishHead, packetLength, payloadLength, writePayload,
	type Connect, type Payload,
} from "../../src/mqtt/encode.js";
import { blockLength, encodeProperties, propertiesLength, type Properties } from "../../src/mqtt/properties.js";
import { topicLength } from "../../src/mqtt/topic.js";
import { text } from "./text.js";

export interface Message {
	topic: string;
	payload: Payload;
	qos?: QoS;
	retain?: boolean;
	id?: number;
	protocol?: Protocol;
	properties?: Properties | undefined;
}

export function encodedPublish(message: Message): Uint8Array {
	const { topic, payload, qos = 0, retain = false, id = 0, protocol = 4, properties } = message;
	const length = topicLength(text, topic);
	const propertiesBytes = protocol === 5 ? propertiesLength(text, properties, PacketType.PUBLISH) : 0;
	const remaining = 2 + length + (qos === 0 ? 0 : 2) + (protocol === 5 ? blockLength(propertiesBytes) : 0)
		+ payloadLength(text, payload);
	const bytes = new Uint8Array(packetLength(remaining));
	const writer = new Writer(text);
	writer.reset(bytes, 0, bytes.length);
	encodePublishHead(writer, PacketType.PUBLISH << 4 | qos << 1 | Number(retain), remaining, topic, length, id);
	if (protocol === 5) encodeProperties(writer, propertiesBytes, properties);
	writePayload(writer, payload);
	assert.equal(writer.remaining, 0, "the length that was told before");
	return bytes;
}

export function encodedConnect(connect: Partial<Connect>): Uint8Array {
	const complete: Connect = { protocol: 4, clientId: "id", cleanStart: false, keepAliveSeconds: 60, ...connect };
	const bytes = new Uint8Array(connectLength(text, complete));
	const writer = new Writer(text);
	writer.reset(bytes, 0, bytes.length);
	encodeConnect(writer, text, complete);
	assert.equal(writer.remaining, 0, "the length that was told before");
	return bytes;
}
