// SPDX-License-Identifier: Apache-2.0
/**
 * MQTT control packets, values to bytes and bytes to values, as far as a client needs them.
 *
 * Knows no identifiers in use, no time and no session. What it decodes goes into one record that is used again
 * for each packet; payloads stay where they are and are given as ranges.
 * Read first: MQTT 3.1.1 §2 and §3.
 */
import { DeviceError } from "../base/error.js";
import type { Reader } from "../bytes/reader.js";
import { varintLength, type Writer } from "../bytes/writer.js";
import type { TextCodec } from "../host.js";
import { PacketType, PROTOCOL_LEVEL, SUBSCRIBE_FAILURE, TOPIC_MAXIMUM, type QoS } from "./constants.js";
import { checkTopic, isTopic } from "./topic.js";

/** Text is sent as UTF-8. */
export type Payload = Uint8Array | string;

/** What the server publishes for us when the connection ends without DISCONNECT. Spec: §3.1.2.5. */
export interface Will {
	topic: string;
	payload: Payload;
	qos?: QoS | undefined;
	retain?: boolean | undefined;
}

export interface Connect {
	clientId: string;
	cleanStart: boolean;
	/** Seconds, 0 to 65,535; 0 switches keep alive off. */
	keepAliveSeconds: number;
	username?: string | undefined;
	password?: Payload | undefined;
	will?: Will | undefined;
}

/** A decoded packet. The fields that its type does not have keep what an earlier packet left there. */
export class Packet {
	type = 0;
	packetId = 0;
	qos: QoS = 0;
	duplicate = false;
	retain = false;
	topic = "";
	/** First byte of a PUBLISH's payload, or of a SUBACK's codes; they end with the packet. */
	start = 0;
	sessionPresent = false;
	/** Of a CONNACK. */
	reasonCode = 0;
}

/** Flags that the fixed header of each type must have, by type; PUBLISH has its own. Spec: §2.2.2. */
const FLAGS = Object.freeze([0, 0, 0, 0, 0, 0, 2, 0, 2, 0, 2, 0, 0, 0, 0, 0]);
const CONNACK_REASON_MAXIMUM = 5;
const WILL_QOS: readonly (QoS | undefined)[] = Object.freeze([undefined, 0, 1, 2]);

/**
 * Decodes the packet behind `header`, of which the reader stands on the first byte after the fixed header.
 * Of a PUBLISH the reader may hold the beginning alone, as long as topic and packet identifier are there.
 *
 * @throws DeviceError `malformed`, or `violation` for what is no server's to send
 */
export function decodePacket(packet: Packet, header: number, reader: Reader): void {
	const type = header >> 4;
	packet.type = type;
	if (type === PacketType.PUBLISH) return decodePublish(packet, header, reader);
	if ((header & 0x0f) !== FLAGS[type]) throw malformed(`type ${type} with flags ${header & 0x0f}`);
	switch (type) {
		case PacketType.CONNACK: return decodeConnack(packet, reader);
		case PacketType.PUBACK:
		case PacketType.PUBREC:
		case PacketType.PUBREL:
		case PacketType.PUBCOMP:
		case PacketType.UNSUBACK:
			packet.packetId = packetId(reader);
			break;
		case PacketType.SUBACK: return decodeSuback(packet, reader);
		case PacketType.PINGRESP: break;
		case 0:
		case 15: throw malformed(`type ${type} is reserved`);
		default: throw new DeviceError("violation", `type ${type} is no server's to send`);
	}
	if (reader.remaining !== 0) throw malformed(`type ${type} with ${reader.remaining} bytes too many`);
}

function decodePublish(packet: Packet, header: number, reader: Reader): void {
	const qos = (header >> 1) & 3;
	if (qos === 3) throw malformed("PUBLISH with QoS 3"); // [MQTT-3.3.1-4]
	packet.qos = qos as QoS;
	packet.duplicate = (header & 8) !== 0;
	if (packet.duplicate && qos === 0) throw malformed("PUBLISH at QoS 0 with DUP"); // [MQTT-3.3.1-2]
	packet.retain = (header & 1) !== 0;
	packet.topic = reader.utf8();
	if (!isTopic(packet.topic)) throw malformed("PUBLISH to what is no topic name"); // [MQTT-3.3.2-2]
	packet.packetId = qos === 0 ? 0 : packetId(reader);
	packet.start = reader.position;
}

function decodeConnack(packet: Packet, reader: Reader): void {
	const flags = reader.uint8();
	if (flags > 1) throw malformed(`CONNACK with flags ${flags}`);
	packet.sessionPresent = flags === 1;
	packet.reasonCode = reader.uint8();
	if (reader.remaining !== 0) throw malformed("CONNACK too long");
	if (packet.reasonCode > CONNACK_REASON_MAXIMUM) throw malformed(`CONNACK with reason ${packet.reasonCode}`);
}

function decodeSuback(packet: Packet, reader: Reader): void {
	packet.packetId = packetId(reader);
	packet.start = reader.position;
	if (reader.remaining === 0) throw malformed("SUBACK without codes");
	while (reader.remaining > 0) {
		const code = reader.uint8();
		if (code > 2 && code !== SUBSCRIBE_FAILURE) throw malformed(`SUBACK with code ${code}`); // [MQTT-3.9.3-2]
	}
}

function packetId(reader: Reader): number {
	const id = reader.uint16();
	if (id === 0) throw malformed("packet identifier 0"); // [MQTT-2.3.1-1]
	return id;
}

function malformed(what: string): DeviceError {
	return new DeviceError("malformed", what);
}

/** Spec: §3.1. @throws DeviceError `argument`, `too-large` */
export function encodeConnect(writer: Writer, text: TextCodec, connect: Connect): void {
	const { will, username, password } = connect;
	writer.uint8(PacketType.CONNECT << 4);
	writer.varint(connectRemaining(text, connect));
	writer.utf8("MQTT");
	writer.uint8(PROTOCOL_LEVEL);
	let flags = connect.cleanStart ? 0x02 : 0;
	if (will) flags |= 0x04 | ((will.qos ?? 0) << 3) | (will.retain ? 0x20 : 0);
	if (password !== undefined) flags |= 0x40;
	if (username !== undefined) flags |= 0x80;
	writer.uint8(flags);
	writer.uint16(connect.keepAliveSeconds);
	writer.utf8(connect.clientId);
	if (will) {
		writer.utf8(will.topic);
		writePrefixed(writer, text, will.payload);
	}
	if (username !== undefined) writer.utf8(username);
	if (password !== undefined) writePrefixed(writer, text, password);
}

/** Bytes of the whole CONNECT. @throws DeviceError `argument` for what the specification forbids */
export function connectLength(text: TextCodec, connect: Connect): number {
	const { will } = connect;
	if (connect.clientId === "" && !connect.cleanStart) { // [MQTT-3.1.3-7]
		throw new DeviceError("argument", "an empty client id needs cleanStart");
	}
	if (connect.password !== undefined && connect.username === undefined) { // [MQTT-3.1.2-22]
		throw new DeviceError("argument", "a password needs a user name");
	}
	if (will) {
		checkTopic(will.topic);
		if (!WILL_QOS.includes(will.qos)) { // [MQTT-3.1.2-14]
			throw new DeviceError("argument", `will at QoS ${will.qos}`);
		}
		if (payloadLength(text, will.payload) > 0xffff) throw new DeviceError("argument", "will over 65535 bytes");
	}
	return packetLength(connectRemaining(text, connect));
}

function connectRemaining(text: TextCodec, { clientId, will, username, password }: Connect): number {
	let length = 10 + 2 + text.byteLength(clientId);
	if (will) length += 4 + text.byteLength(will.topic) + payloadLength(text, will.payload);
	if (username !== undefined) length += 2 + text.byteLength(username);
	if (password !== undefined) length += 2 + payloadLength(text, password);
	return length;
}

/** Bytes of a whole PUBLISH. @throws DeviceError `argument` when topic or payload are too long for one */
export function publishLength(text: TextCodec, topic: string, payload: Payload, qos: QoS): number {
	const topicLength = text.byteLength(topic);
	if (topicLength > TOPIC_MAXIMUM) throw new DeviceError("argument", `topic of ${topicLength} bytes`);
	return packetLength(2 + topicLength + (qos === 0 ? 0 : 2) + payloadLength(text, payload));
}

/** Spec: §3.3. `length` is what `publishLength` said. */
export function encodePublish(
	writer: Writer, length: number, topic: string, payload: Payload, qos: QoS, retain: boolean, packetId: number,
): void {
	const end = writer.position + length;
	writer.uint8((PacketType.PUBLISH << 4) | (qos << 1) | (retain ? 1 : 0));
	writer.varint(remainingOf(length));
	writer.utf8(topic);
	if (qos !== 0) writer.uint16(packetId);
	if (typeof payload === "string") writer.utf8Bytes(payload);
	else writer.copy(payload, 0, payload.byteLength);
	if (writer.position !== end) throw new DeviceError("internal", `PUBLISH ends ${end - writer.position} bytes early`);
}

/** PUBACK, PUBREC, PUBREL, PUBCOMP: the length of every one. */
export const ACK_LENGTH = 4;

/** Spec: §3.4 to §3.7. */
export function encodeAck(writer: Writer, type: number, packetId: number): void {
	writer.uint8((type << 4) | FLAGS[type]!);
	writer.uint8(2);
	writer.uint16(packetId);
}

/** PINGREQ and DISCONNECT: a header alone. */
export const BARE_LENGTH = 2;

/** Spec: §3.12, §3.14. */
export function encodeBare(writer: Writer, type: number): void {
	writer.uint8(type << 4);
	writer.uint8(0);
}

export interface Subscription { readonly filter: string; readonly qos: QoS }

export function subscribeLength(text: TextCodec, subscriptions: readonly Subscription[]): number {
	return packetLength(filtersLength(text, subscriptions) + subscriptions.length);
}

/** Spec: §3.8. At least one subscription [MQTT-3.8.3-3]. */
export function encodeSubscribe(
	writer: Writer, text: TextCodec, packetId: number, subscriptions: readonly Subscription[],
): void {
	writer.uint8((PacketType.SUBSCRIBE << 4) | 2);
	writer.varint(filtersLength(text, subscriptions) + subscriptions.length);
	writer.uint16(packetId);
	for (const { filter, qos } of subscriptions) {
		writer.utf8(filter);
		writer.uint8(qos);
	}
}

export function unsubscribeLength(text: TextCodec, subscriptions: readonly Subscription[]): number {
	return packetLength(filtersLength(text, subscriptions));
}

/** Spec: §3.10. At least one filter [MQTT-3.10.3-2]. */
export function encodeUnsubscribe(
	writer: Writer, text: TextCodec, packetId: number, subscriptions: readonly Subscription[],
): void {
	writer.uint8((PacketType.UNSUBSCRIBE << 4) | 2);
	writer.varint(filtersLength(text, subscriptions));
	writer.uint16(packetId);
	for (const { filter } of subscriptions) writer.utf8(filter);
}

function filtersLength(text: TextCodec, subscriptions: readonly Subscription[]): number {
	let length = 2;
	for (const { filter } of subscriptions) length += 2 + text.byteLength(filter);
	return length;
}

function payloadLength(text: TextCodec, payload: Payload): number {
	return typeof payload === "string" ? text.byteLength(payload) : payload.byteLength;
}

function writePrefixed(writer: Writer, text: TextCodec, payload: Payload): void {
	writer.uint16(payloadLength(text, payload));
	if (typeof payload === "string") writer.utf8Bytes(payload);
	else writer.copy(payload, 0, payload.byteLength);
}

function packetLength(remainingLength: number): number {
	return 1 + varintLength(remainingLength) + remainingLength;
}

/** The inverse of `packetLength`: the header takes 1 byte more than the length of what remains. */
function remainingOf(length: number): number {
	for (let digits = 1; digits < 4; digits++) {
		const remaining = length - 1 - digits;
		if (varintLength(remaining) === digits) return remaining;
	}
	return length - 5;
}
