// SPDX-License-Identifier: Apache-2.0
/**
 * MQTT control packets from bytes to values, as far as a server sends them.
 *
 * Knows no identifiers in use, no time and no session. What it decodes goes into one record that is used again
 * for each packet; payloads stay where they are and are given as ranges. `encode.ts` is the other direction.
 * Read first: MQTT 3.1.1 §2 and §3, MQTT 5 §2 and §3.
 */
import { DeviceError } from "../base/error.js";
import type { Reader } from "../bytes/reader.js";
import { DUPLICATE, PacketType, RETAIN, type Protocol, type QoS } from "./constants.js";
import { decodeProperties, type Properties } from "./properties.js";
import { isTopic } from "./topic.js";

/** A decoded packet. The fields that its type does not have keep what an earlier packet left there. */
export class Packet {
	type = 0;
	packetId = 0;
	qos: QoS = 0;
	duplicate = false;
	retain = false;
	topic = "";
	/** First byte of a PUBLISH's payload, or of a SUBACK's or UNSUBACK's codes; they end with the packet. */
	start = 0;
	sessionPresent = false;
	/** Of CONNACK, acknowledgements, DISCONNECT and AUTH. */
	reasonCode = 0;
	/** MQTT 5: of a message, and of what the server granted. */
	properties: Properties | undefined;
	readonly protocol: Protocol;

	constructor(protocol: Protocol = 4) {
		this.protocol = protocol;
	}
}

/** Flags that the fixed header of each type must have, by type; PUBLISH has its own. Spec: §2.2.2. */
export const FLAGS = Object.freeze([0, 0, 0, 0, 0, 0, 2, 0, 2, 0, 2, 0, 0, 0, 0, 0]);

/** The reason codes that a packet may have, a bit for each: below 0x20, from 0x80 on, and from 0xa0 on. */
class Reasons {
	readonly low: number;
	readonly high: number;
	readonly late: number;

	constructor(low: readonly number[], high: readonly number[], late: readonly number[] = []) {
		this.low = bits(low);
		this.high = bits(high);
		this.late = bits(late);
		Object.freeze(this);
	}
}

function bits(codes: readonly number[]): number {
	return codes.reduce((set, code) => set | 1 << (code & 0x1f), 0);
}

const NONE = new Reasons([], []);
const RECEIVED = new Reasons([0, 0x10], [0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]);
const RELEASED = new Reasons([0], [0x92]);
/** Of MQTT 5, by packet type. Spec: MQTT 5 §2.4 and the packets' own tables. */
const REASONS: readonly Reasons[] = Object.freeze([
	NONE,
	NONE,
	new Reasons([0], [
		0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90, 0x95, 0x97, 0x99, 0x9a, 0x9b,
		0x9c, 0x9d, 0x9f,
	]),
	NONE,
	RECEIVED,
	RECEIVED,
	RELEASED,
	RELEASED,
	NONE,
	new Reasons([0, 1, 2], [0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e], [0xa1, 0xa2]),
	NONE,
	new Reasons([0, 0x11], [0x80, 0x83, 0x87, 0x8f, 0x91]),
	NONE,
	NONE,
	new Reasons([0], [
		0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8d, 0x8e, 0x8f, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99,
		0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f,
	], [0xa0, 0xa1, 0xa2]),
	new Reasons([0, 0x18, 0x19], []),
]);
/** The same of 3.1.1, where CONNACK counts from 0 to 5. */
const SUBACK_311 = new Reasons([0, 1, 2], [0x80]);
const CONNACK_311 = new Reasons([0, 1, 2, 3, 4, 5], []);

/**
 * Decodes the packet behind `header`, of which the reader stands on the first byte after the fixed header.
 * Of a PUBLISH the reader may hold the beginning alone, as long as everything before its payload is there.
 *
 * @throws DeviceError `malformed`, or `violation` for what is no server's to send
 */
export function decodePacket(packet: Packet, header: number, reader: Reader): void {
	const type = header >> 4;
	packet.type = type;
	packet.properties = undefined;
	if (type === PacketType.PUBLISH) return decodePublish(packet, header, reader);
	if ((header & 0x0f) !== FLAGS[type]) throw malformed(`type ${type} with flags ${header & 0x0f}`);
	switch (type) {
		case PacketType.CONNACK:
			decodeConnack(packet, reader);
			break;
		case PacketType.PUBACK:
		case PacketType.PUBREC:
		case PacketType.PUBREL:
		case PacketType.PUBCOMP:
			packet.packetId = packetId(reader);
			decodeReason(packet, reader);
			break;
		case PacketType.SUBACK:
		case PacketType.UNSUBACK: return decodeCodes(packet, reader);
		case PacketType.PINGRESP: break;
		case PacketType.DISCONNECT:
			if (packet.protocol < 5) throw new DeviceError("violation", `type ${type} is no server's to send`);
			decodeReason(packet, reader);
			break;
		case PacketType.AUTH:
			if (packet.protocol < 5) throw malformed(`type ${type} is reserved`);
			decodeReason(packet, reader);
			break;
		case 0: throw malformed(`type ${type} is reserved`);
		default: throw new DeviceError("violation", `type ${type} is no server's to send`);
	}
	if (reader.remaining !== 0) throw malformed(`type ${type} with ${reader.remaining} bytes too many`);
}

/** Bytes before the payload, as far as `reader` shows; `Infinity` when not even that can be told. */
export function publishHeadLength(protocol: Protocol, header: number, reader: Reader): number {
	const { position, remaining } = reader;
	if (remaining < 2) return Infinity;
	const topicLength = reader.uint16();
	let length = 2 + topicLength + ((header & 0x06) === 0 ? 0 : 2);
	if (protocol < 5) return length;
	// The property length is four digits at most.
	if (length + 4 > remaining) return Infinity;
	reader.skip(length - 2);
	length = reader.varint();
	return reader.position - position + length;
}

/** As `decodePacket`, of a PUBLISH and but for its type. @throws DeviceError `malformed` */
export function decodePublish(packet: Packet, header: number, reader: Reader): void {
	const qos = (header >> 1) & 3;
	const duplicate = (header & DUPLICATE) !== 0;
	if (qos === 3) throw malformed("PUBLISH with QoS 3"); // [MQTT-3.3.1-4]
	if (duplicate && qos === 0) throw malformed("PUBLISH at QoS 0 with DUP"); // [MQTT-3.3.1-2]
	packet.qos = qos as QoS;
	packet.duplicate = duplicate;
	packet.retain = (header & RETAIN) !== 0;
	const topic = reader.utf8();
	const id = qos === 0 ? 0 : reader.uint16();
	if (id === 0 && qos !== 0) throw malformed("packet identifier 0"); // [MQTT-2.3.1-1]
	packet.packetId = id;
	packet.properties = packet.protocol === 5 ? decodeProperties(reader, PacketType.PUBLISH) : undefined;
	// One that was good before still is.
	if (topic !== packet.topic || topic === "") {
		// Without a topic it needs an alias, which is the link's business.
		if (!isTopic(topic) && (topic !== "" || packet.properties?.topicAlias === undefined)) {
			throw malformed("PUBLISH to what is no topic name"); // [MQTT-3.3.2-2]
		}
		packet.topic = topic;
	}
	packet.start = reader.position;
}

function decodeConnack(packet: Packet, reader: Reader): void {
	const flags = reader.uint8();
	if (flags > 1) throw malformed(`CONNACK with flags ${flags}`); // [MQTT-3.2.2-1] of 5
	packet.sessionPresent = flags === 1;
	packet.reasonCode = reader.uint8();
	// A server that knows 3.1.1 alone answers in its own form [MQTT-3.1.2-2].
	if (packet.protocol < 5 || reader.remaining === 0) {
		checkReason(CONNACK_311, packet);
		if (packet.protocol === 5 && packet.reasonCode === 0) throw malformed("CONNACK without properties");
	} else {
		checkReason(REASONS[PacketType.CONNACK]!, packet);
		packet.properties = decodeProperties(reader, PacketType.CONNACK);
	}
}

/** In MQTT 5 a packet may end before its reason code, or before its properties. Spec: MQTT 5 §3.4.2.1. */
function decodeReason(packet: Packet, reader: Reader): void {
	packet.reasonCode = 0;
	if (packet.protocol < 5 || reader.remaining === 0) return;
	packet.reasonCode = reader.uint8();
	checkReason(REASONS[packet.type]!, packet);
	if (reader.remaining > 0) packet.properties = decodeProperties(reader, packet.type);
}

function decodeCodes(packet: Packet, reader: Reader): void {
	const { type, protocol } = packet;
	packet.packetId = packetId(reader);
	if (protocol === 5) packet.properties = decodeProperties(reader, type);
	packet.start = reader.position;
	if (protocol < 5 && type === PacketType.UNSUBACK) {
		if (reader.remaining > 0) throw malformed("UNSUBACK with codes");
		return;
	}
	if (reader.remaining === 0) throw malformed(`type ${type} without codes`);
	const reasons = protocol === 5 ? REASONS[type]! : SUBACK_311; // [MQTT-3.9.3-2]
	while (reader.remaining > 0) {
		packet.reasonCode = reader.uint8();
		checkReason(reasons, packet);
	}
}

function checkReason({ low, high, late }: Reasons, { type, reasonCode }: Packet): void {
	const range = reasonCode >> 5;
	const set = range === 0 ? low : range === 4 ? high : range === 5 ? late : 0;
	if ((set >>> (reasonCode & 0x1f) & 1) === 0) throw malformed(`type ${type} with reason ${reasonCode}`);
}

function packetId(reader: Reader): number {
	const id = reader.uint16();
	if (id === 0) throw malformed("packet identifier 0"); // [MQTT-2.3.1-1]
	return id;
}

function malformed(what: string): DeviceError {
	return new DeviceError("malformed", what);
}
