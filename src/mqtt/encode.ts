// SPDX-License-Identifier: Apache-2.0
/**
 * MQTT control packets from values to bytes, as far as a client sends them.
 *
 * Each packet has a function that says its length and checks its values, and one that writes it into a range of that
 * length: so a packet is written in place, and what is wrong is refused before anything is.
 * Read first: MQTT 3.1.1 §2 and §3, MQTT 5 §2 and §3.
 */
import { DeviceError } from "../base/error.js";
import { varintLength, type Writer } from "../bytes/writer.js";
import type { TextCodec } from "../host.js";
import { PacketType, type Protocol, type QoS } from "./constants.js";
import { FLAGS } from "./packet.js";
import { blockLength, encodeProperties, propertiesLength, WILL, type Properties } from "./properties.js";
import { checkTopic } from "./topic.js";

/** Text is sent as UTF-8. */
export type Payload = Uint8Array | string;

/** What the server publishes for us when the connection ends without DISCONNECT. Spec: §3.1.2.5. */
export interface Will {
	topic: string;
	payload: Payload;
	qos?: QoS | undefined;
	retain?: boolean | undefined;
	/** MQTT 5: of the message, and `willDelaySeconds`. */
	properties?: Properties | undefined;
}

export interface Connect {
	protocol: Protocol;
	clientId: string;
	cleanStart: boolean;
	/** Seconds, 0 to 65,535; 0 switches keep alive off. */
	keepAliveSeconds: number;
	username?: string | undefined;
	password?: Payload | undefined;
	will?: Will | undefined;
	properties?: Properties | undefined;
}

const CONNECT_FLAGS = Object.freeze({ CLEAN: 0x02, WILL: 0x04, WILL_RETAIN: 0x20, PASSWORD: 0x40, USERNAME: 0x80 });
const WILL_QOS: readonly (QoS | undefined)[] = Object.freeze([undefined, 0, 1, 2]);

/** Spec: §3.1. @throws DeviceError `argument`, `too-large` */
export function encodeConnect(writer: Writer, text: TextCodec, connect: Connect): void {
	const { will, username, password, protocol, properties } = connect;
	writer.uint8(PacketType.CONNECT << 4);
	writer.varint(connectRemaining(text, connect));
	writer.utf8("MQTT");
	writer.uint8(protocol);
	let flags = connect.cleanStart ? CONNECT_FLAGS.CLEAN : 0;
	if (will) flags |= CONNECT_FLAGS.WILL | ((will.qos ?? 0) << 3) | (will.retain ? CONNECT_FLAGS.WILL_RETAIN : 0);
	if (password !== undefined) flags |= CONNECT_FLAGS.PASSWORD;
	if (username !== undefined) flags |= CONNECT_FLAGS.USERNAME;
	writer.uint8(flags);
	writer.uint16(connect.keepAliveSeconds);
	if (protocol === 5) encodeProperties(writer, propertiesLength(text, properties, PacketType.CONNECT), properties);
	writer.utf8(connect.clientId);
	if (will) {
		if (protocol === 5) encodeProperties(writer, propertiesLength(text, will.properties, WILL), will.properties);
		writer.utf8(will.topic);
		writePrefixed(writer, text, will.payload);
	}
	if (username !== undefined) writer.utf8(username);
	if (password !== undefined) writePrefixed(writer, text, password);
}

/** Bytes of the whole CONNECT. @throws DeviceError `argument` for what the specification forbids */
export function connectLength(text: TextCodec, connect: Connect): number {
	const { will, protocol } = connect;
	if (protocol !== 4 && protocol !== 5) throw new DeviceError("argument", `protocol ${String(protocol)}`);
	if (protocol === 4) {
		if (connect.clientId === "" && !connect.cleanStart) { // [MQTT-3.1.3-7]
			throw new DeviceError("argument", "an empty client id needs cleanStart");
		}
		if (connect.password !== undefined && connect.username === undefined) { // [MQTT-3.1.2-22]
			throw new DeviceError("argument", "a password needs a user name");
		}
		if (connect.properties ?? will?.properties) throw new DeviceError("argument", "properties need protocol 5");
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

function connectRemaining(text: TextCodec, connect: Connect): number {
	const { clientId, will, username, password, protocol } = connect;
	let length = 10 + 2 + text.byteLength(clientId);
	if (protocol === 5) length += blockLength(propertiesLength(text, connect.properties, PacketType.CONNECT));
	if (will) {
		length += 4 + text.byteLength(will.topic) + payloadLength(text, will.payload);
		if (protocol === 5) length += blockLength(propertiesLength(text, will.properties, WILL));
	}
	if (username !== undefined) length += 2 + text.byteLength(username);
	if (password !== undefined) length += 2 + payloadLength(text, password);
	return length;
}

/**
 * Everything of a PUBLISH before its properties. Spec: §3.3.
 * @param header the first byte
 * @param topicLength bytes of the topic, which was found good
 * @param packetId 0 at QoS 0
 */
export function encodePublishHead(
	writer: Writer, header: number, remaining: number, topic: string, topicLength: number, packetId: number,
): void {
	writer.uint8(header);
	writer.varint(remaining);
	writer.utf8Known(topic, topicLength);
	if (packetId !== 0) writer.uint16(packetId);
}

export function writePayload(writer: Writer, payload: Payload): void {
	if (typeof payload === "string") writer.utf8Bytes(payload);
	else writer.copy(payload, 0, payload.byteLength);
}

/** PUBACK, PUBREC, PUBREL, PUBCOMP without a reason. */
export const ACK_LENGTH = 4;
/** The same with one. */
export const REASONED_LENGTH = 5;

/** In the first four bytes of an acknowledgement: a reason follows. It makes a remaining length of 2 one of 3. */
export const REASONED = 0x1_0000;

/** The first four bytes of an acknowledgement, as one number. Spec: §3.4 to §3.7. */
export function ackHead(type: number, packetId: number, reasonCode: number): number {
	return type << 28 | FLAGS[type]! << 24 | 2 << 16 | (reasonCode === 0 ? 0 : REASONED) | packetId;
}

/** `reasonCode` other than 0 is for MQTT 5. */
export function encodeAck(writer: Writer, type: number, packetId: number, reasonCode: number): void {
	writer.uint32(ackHead(type, packetId, reasonCode));
	if (reasonCode !== 0) writer.uint8(reasonCode);
}

/** PINGREQ, and DISCONNECT without a reason: a header alone. */
export const BARE_LENGTH = 2;
/** Spec: §3.12, §3.14. */
export function encodeBare(writer: Writer, type: number): void {
	writer.uint8(type << 4);
	writer.uint8(0);
}

/** DISCONNECT and AUTH of MQTT 5 with a reason. */
export function reasonLength(text: TextCodec, type: number, properties: Properties | undefined): number {
	return packetLength(reasonRemaining(text, type, properties));
}

/** Spec: MQTT 5 §3.14, §3.15. */
export function encodeReason(
	writer: Writer, text: TextCodec, type: number, reasonCode: number, properties: Properties | undefined,
): void {
	writer.uint8(type << 4);
	writer.varint(reasonRemaining(text, type, properties));
	writer.uint8(reasonCode);
	if (properties) encodeProperties(writer, propertiesLength(text, properties, type), properties);
}

function reasonRemaining(text: TextCodec, type: number, properties: Properties | undefined): number {
	return properties === undefined ? 1 : 1 + blockLength(propertiesLength(text, properties, type));
}

/** How a filter is subscribed to. All but `qos` is of MQTT 5. Spec: MQTT 5 §3.8.3.1. */
export interface SubscribeOptions {
	/** The most that the server may send with. Default: 1. */
	qos?: QoS | undefined;
	/** Not what we publish ourselves. */
	noLocal?: boolean | undefined;
	/** Leaves the RETAIN flag as it was published. */
	retainAsPublished?: boolean | undefined;
	/** Retained messages: 0 at every subscribing, 1 when it is new, 2 never. */
	retainHandling?: 0 | 1 | 2 | undefined;
	/** Comes with each message of this subscription: 1 to 268,435,455. */
	subscriptionIdentifier?: number | undefined;
}

/** A filter with its options as SUBSCRIBE has them. */
export interface Subscription {
	readonly filter: string;
	/** The options byte. */
	readonly options: number;
	/** 0 for none. */
	readonly identifier: number;
}

/** All of one SUBSCRIBE have the same identifier. */
export function subscribeLength(text: TextCodec, protocol: Protocol, batch: readonly Subscription[]): number {
	return packetLength(subscribeRemaining(text, protocol, batch));
}

/** Spec: §3.8. At least one subscription [MQTT-3.8.3-3]. */
export function encodeSubscribe(
	writer: Writer, text: TextCodec, protocol: Protocol, packetId: number, batch: readonly Subscription[],
): void {
	writer.uint8((PacketType.SUBSCRIBE << 4) | 2);
	writer.varint(subscribeRemaining(text, protocol, batch));
	writer.uint16(packetId);
	if (protocol === 5) {
		const properties = identified(batch);
		encodeProperties(writer, propertiesLength(text, properties, PacketType.SUBSCRIBE), properties);
	}
	for (const { filter, options } of batch) {
		writer.utf8(filter);
		writer.uint8(options);
	}
}

function subscribeRemaining(text: TextCodec, protocol: Protocol, batch: readonly Subscription[]): number {
	const length = 2 + filtersLength(text, batch) + batch.length;
	if (protocol < 5) return length;
	return length + blockLength(propertiesLength(text, identified(batch), PacketType.SUBSCRIBE));
}

function identified(batch: readonly Subscription[]): Properties | undefined {
	const { identifier } = batch[0]!;
	return identifier === 0 ? undefined : { subscriptionIdentifiers: [identifier] };
}

export function unsubscribeLength(text: TextCodec, protocol: Protocol, batch: readonly Subscription[]): number {
	return packetLength(unsubscribeRemaining(text, protocol, batch));
}

/** Spec: §3.10. At least one filter [MQTT-3.10.3-2]. */
export function encodeUnsubscribe(
	writer: Writer, text: TextCodec, protocol: Protocol, packetId: number, batch: readonly Subscription[],
): void {
	writer.uint8((PacketType.UNSUBSCRIBE << 4) | 2);
	writer.varint(unsubscribeRemaining(text, protocol, batch));
	writer.uint16(packetId);
	if (protocol === 5) encodeProperties(writer, 0, undefined);
	for (const { filter } of batch) writer.utf8(filter);
}

function unsubscribeRemaining(text: TextCodec, protocol: Protocol, batch: readonly Subscription[]): number {
	return 2 + filtersLength(text, batch) + (protocol === 5 ? 1 : 0);
}

function filtersLength(text: TextCodec, batch: readonly Subscription[]): number {
	let length = 0;
	for (const { filter } of batch) length += 2 + text.byteLength(filter);
	return length;
}

export function payloadLength(text: TextCodec, payload: Payload): number {
	return typeof payload === "string" ? text.byteLength(payload) : payload.byteLength;
}

function writePrefixed(writer: Writer, text: TextCodec, payload: Payload): void {
	writer.uint16(payloadLength(text, payload));
	writePayload(writer, payload);
}

/** Spec: §2.2.3. */
const REMAINING_MAXIMUM = 0x0fff_ffff;

/** Bytes of a packet with its fixed header. @throws DeviceError `too-large` beyond what MQTT can say */
export function packetLength(remainingLength: number): number {
	if (remainingLength > REMAINING_MAXIMUM) {
		throw new DeviceError("too-large", `packet of ${remainingLength} bytes`);
	}
	return 1 + varintLength(remainingLength) + remainingLength;
}
