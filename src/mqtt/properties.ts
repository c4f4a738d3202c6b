// SPDX-License-Identifier: Apache-2.0
/**
 * The properties of MQTT 5: one table, and the codec that follows it.
 *
 * Decoded into a plain object that is made only where a packet has some, so that packets without cost nothing.
 * Read first: MQTT 5 §2.2.2.
 */
import { DeviceError } from "../base/error.js";
import type { Reader } from "../bytes/reader.js";
import { varintLength, type Writer } from "../bytes/writer.js";
import type { TextCodec } from "../host.js";
import { PacketType, Reason } from "./constants.js";
import { checkTopic, isTopic } from "./topic.js";

/** Names are the specification's; seconds say so. Bytes are copies, and the order of user properties is kept. */
export interface Properties {
	/** 1: the payload is UTF-8. */
	payloadFormatIndicator?: 0 | 1 | undefined;
	messageExpirySeconds?: number | undefined;
	contentType?: string | undefined;
	responseTopic?: string | undefined;
	correlationData?: Uint8Array | undefined;
	/** Of the subscriptions that a message came by; at most 32. */
	subscriptionIdentifiers?: readonly number[] | undefined;
	sessionExpirySeconds?: number | undefined;
	assignedClientId?: string | undefined;
	serverKeepAliveSeconds?: number | undefined;
	authenticationMethod?: string | undefined;
	authenticationData?: Uint8Array | undefined;
	requestProblemInformation?: boolean | undefined;
	willDelaySeconds?: number | undefined;
	requestResponseInformation?: boolean | undefined;
	responseInformation?: string | undefined;
	serverReference?: string | undefined;
	reasonString?: string | undefined;
	receiveMaximum?: number | undefined;
	topicAliasMaximum?: number | undefined;
	topicAlias?: number | undefined;
	maximumQoS?: 0 | 1 | undefined;
	retainAvailable?: boolean | undefined;
	/** At most 32 from the server. */
	userProperties?: readonly (readonly [name: string, value: string])[] | undefined;
	maximumPacketSize?: number | undefined;
	wildcardSubscriptionAvailable?: boolean | undefined;
	subscriptionIdentifiersAvailable?: boolean | undefined;
	sharedSubscriptionAvailable?: boolean | undefined;
}

/** The place of the will's properties in the table's sets; the others are packet types. */
export const WILL = 0;

const Kind = Object.freeze({ BIT: 0, FLAG: 1, UINT16: 2, UINT32: 3, UTF8: 4, BINARY: 5, IDENTIFIERS: 6, PAIRS: 7 });

class Row {
	readonly id: number;
	readonly kind: number;
	/** Bit n: packets of type n may have it. */
	readonly packets: number;
	/** Zero is a value of its own, and not forbidden. */
	readonly zero: boolean;

	constructor(id: number, kind: number, packets: number, zero = true) {
		this.id = id;
		this.kind = kind;
		this.packets = packets;
		this.zero = zero;
		Object.freeze(this);
	}
}

const CONNECT = 1 << PacketType.CONNECT;
const CONNACK = 1 << PacketType.CONNACK;
const PUBLISH = 1 << PacketType.PUBLISH;
const SUBSCRIBE = 1 << PacketType.SUBSCRIBE;
const DISCONNECT = 1 << PacketType.DISCONNECT;
const AUTH = 1 << PacketType.AUTH;
const MESSAGE = PUBLISH | 1 << WILL;
/** All that have a reason code. */
const ANSWERS = CONNACK | 1 << PacketType.PUBACK | 1 << PacketType.PUBREC | 1 << PacketType.PUBREL
	| 1 << PacketType.PUBCOMP | 1 << PacketType.SUBACK | 1 << PacketType.UNSUBACK | DISCONNECT | AUTH;
const EVERY = ANSWERS | CONNECT | MESSAGE | SUBSCRIBE | 1 << PacketType.UNSUBSCRIBE;

/** Spec: MQTT 5 §2.2.2.2, table 2-4. */
const ROWS: Readonly<Record<keyof Properties, Row>> = Object.freeze({
	payloadFormatIndicator: new Row(1, Kind.BIT, MESSAGE),
	messageExpirySeconds: new Row(2, Kind.UINT32, MESSAGE),
	contentType: new Row(3, Kind.UTF8, MESSAGE),
	responseTopic: new Row(8, Kind.UTF8, MESSAGE),
	correlationData: new Row(9, Kind.BINARY, MESSAGE),
	subscriptionIdentifiers: new Row(11, Kind.IDENTIFIERS, PUBLISH | SUBSCRIBE),
	sessionExpirySeconds: new Row(17, Kind.UINT32, CONNECT | CONNACK | DISCONNECT),
	assignedClientId: new Row(18, Kind.UTF8, CONNACK),
	serverKeepAliveSeconds: new Row(19, Kind.UINT16, CONNACK),
	authenticationMethod: new Row(21, Kind.UTF8, CONNECT | CONNACK | AUTH),
	authenticationData: new Row(22, Kind.BINARY, CONNECT | CONNACK | AUTH),
	requestProblemInformation: new Row(23, Kind.FLAG, CONNECT),
	willDelaySeconds: new Row(24, Kind.UINT32, 1 << WILL),
	requestResponseInformation: new Row(25, Kind.FLAG, CONNECT),
	responseInformation: new Row(26, Kind.UTF8, CONNACK),
	serverReference: new Row(28, Kind.UTF8, CONNACK | DISCONNECT),
	reasonString: new Row(31, Kind.UTF8, ANSWERS),
	receiveMaximum: new Row(33, Kind.UINT16, CONNECT | CONNACK, false),
	topicAliasMaximum: new Row(34, Kind.UINT16, CONNECT | CONNACK),
	topicAlias: new Row(35, Kind.UINT16, PUBLISH, false),
	maximumQoS: new Row(36, Kind.BIT, CONNACK),
	retainAvailable: new Row(37, Kind.FLAG, CONNACK),
	userProperties: new Row(38, Kind.PAIRS, EVERY),
	maximumPacketSize: new Row(39, Kind.UINT32, CONNECT | CONNACK, false),
	wildcardSubscriptionAvailable: new Row(40, Kind.FLAG, CONNACK),
	subscriptionIdentifiersAvailable: new Row(41, Kind.FLAG, CONNACK),
	sharedSubscriptionAvailable: new Row(42, Kind.FLAG, CONNACK),
});

/**
 * Of the properties that may come more than once. An empty pair takes five bytes on the wire and a hundred in memory:
 * without a limit a server could fill the heap with one packet.
 */
export const REPEATED_MAXIMUM = 32;

const LAST = 42;
const NAMES: readonly (keyof Properties | undefined)[] = Object.freeze(Array.from({ length: LAST + 1 }, (_, id) =>
	(Object.keys(ROWS) as (keyof Properties)[]).find((name) => ROWS[name].id === id)));

type Value = number | boolean | string | Uint8Array | readonly number[] | readonly (readonly [string, string])[];

/**
 * Reads the properties of a packet of this type, length first; `undefined` when there are none.
 * @throws DeviceError `malformed`, `violation`
 */
export function decodeProperties(reader: Reader, type: number): Properties | undefined {
	const length = reader.varint();
	if (length === 0) return undefined;
	const packetEnd = reader.end;
	const start = reader.skip(length);
	// Within their own length, or a string could run on into the payload.
	reader.reset(reader.bytes, start, start + length);
	const properties: Record<string, Value> = {};
	while (reader.remaining > 0) decodeProperty(properties, reader, type);
	reader.reset(reader.bytes, start + length, packetEnd);
	return properties as Properties;
}

function decodeProperty(properties: Record<string, Value>, reader: Reader, type: number): void {
	const id = reader.uint8();
	const name = id > LAST ? undefined : NAMES[id];
	if (name === undefined) throw new DeviceError("malformed", `property ${id} is unknown`);
	const row = ROWS[name];
	const known = properties[name];
	if ((row.packets & 1 << type) === 0) {
		throw new DeviceError("malformed", `property ${id} in a packet of type ${type}`);
	}
	if (row.kind === Kind.PAIRS) {
		const pairs = (known ?? (properties[name] = [])) as [string, string][];
		if (pairs.length === REPEATED_MAXIMUM) throw tooMany(id);
		pairs.push([reader.utf8(), reader.utf8()]);
		return;
	}
	if (row.kind === Kind.IDENTIFIERS) {
		const identifier = reader.varint();
		if (identifier === 0) throw new DeviceError("violation", "subscription identifier 0");
		const identifiers = (known ?? (properties[name] = [])) as number[];
		if (identifiers.length === REPEATED_MAXIMUM) throw tooMany(id);
		identifiers.push(identifier);
		return;
	}
	if (known !== undefined) throw new DeviceError("violation", `property ${id} twice`);
	properties[name] = decodeValue(row, reader);
	if (name === "responseTopic" && !isTopic(properties[name] as string)) { // [MQTT-3.3.2-14]
		throw new DeviceError("violation", "response topic is no topic name");
	}
}

function tooMany(id: number): DeviceError {
	return new DeviceError("too-large", `property ${id} over ${REPEATED_MAXIMUM} times`);
}

function decodeValue({ id, kind, zero }: Row, reader: Reader): Value {
	if (kind === Kind.UTF8) return reader.utf8();
	if (kind === Kind.BINARY) return reader.binary();
	const value = kind === Kind.UINT32 ? reader.uint32() : kind === Kind.UINT16 ? reader.uint16() : reader.uint8();
	if (kind < Kind.UINT16 && value > 1) throw new DeviceError("violation", `property ${id} of ${value}`);
	if (value === 0 && !zero) {
		const detail = id === ROWS.topicAlias.id ? Reason.TOPIC_ALIAS_INVALID : Reason.PROTOCOL_ERROR;
		throw new DeviceError("violation", `property ${id} of 0`, { detail });
	}
	return kind === Kind.FLAG ? value === 1 : value;
}

/** Bytes of the properties themselves, without their length. @throws DeviceError `argument` */
export function propertiesLength(text: TextCodec, properties: Properties | undefined, type: number): number {
	if (properties === undefined) return 0;
	let length = 0;
	const names = Object.keys(properties) as (keyof Properties)[];
	for (let index = 0; index < names.length; index++) {
		const name = names[index]!;
		const value = properties[name];
		if (value !== undefined) length += valueLength(text, checkedRow(name, type), value);
	}
	if (properties.responseTopic !== undefined) checkTopic(properties.responseTopic); // [MQTT-3.3.2-14]
	return length;
}

/** Writes the properties behind their length, which `propertiesLength` said. */
export function encodeProperties(writer: Writer, length: number, properties: Properties | undefined): void {
	writer.varint(length);
	if (properties === undefined) return;
	const names = Object.keys(properties) as (keyof Properties)[];
	for (let index = 0; index < names.length; index++) {
		const name = names[index]!;
		const value = properties[name];
		if (value !== undefined) encodeValue(writer, ROWS[name], value);
	}
}

/** What `properties` with their length take. */
export function blockLength(length: number): number {
	return varintLength(length) + length;
}

function checkedRow(name: keyof Properties, type: number): Row {
	const row = ROWS[name] as Row | undefined;
	if (row === undefined || (row.packets & 1 << type) === 0) {
		throw new DeviceError("argument", `no property ${name} for this packet`);
	}
	return row;
}

function valueLength(text: TextCodec, { kind, zero, id }: Row, value: Value): number {
	switch (kind) {
		case Kind.UTF8: return 3 + text.byteLength(value as string);
		case Kind.BINARY: return 3 + (value as Uint8Array).byteLength;
		case Kind.PAIRS: {
			let length = 0;
			for (const [name, content] of value as readonly (readonly [string, string])[]) {
				length += 5 + text.byteLength(name) + text.byteLength(content);
			}
			return length;
		}
		case Kind.IDENTIFIERS: {
			let length = 0;
			for (const identifier of value as readonly number[]) length += 1 + varintLength(identifier);
			return length;
		}
	}
	if ((kind < Kind.UINT16 && Number(value) > 1) || (Number(value) === 0 && !zero)) {
		throw new DeviceError("argument", `property ${id} of ${String(value)}`);
	}
	return kind === Kind.UINT32 ? 5 : kind === Kind.UINT16 ? 3 : 2;
}

function encodeValue(writer: Writer, { id, kind }: Row, value: Value): void {
	if (kind === Kind.PAIRS) {
		for (const [name, content] of value as readonly (readonly [string, string])[]) {
			writer.uint8(id);
			writer.utf8(name);
			writer.utf8(content);
		}
		return;
	}
	if (kind === Kind.IDENTIFIERS) {
		for (const identifier of value as readonly number[]) {
			writer.uint8(id);
			writer.varint(identifier);
		}
		return;
	}
	writer.uint8(id);
	switch (kind) {
		case Kind.UTF8: return writer.utf8(value as string);
		case Kind.BINARY: return writer.binary(value as Uint8Array);
		case Kind.UINT32: return writer.uint32(value as number);
		case Kind.UINT16: return writer.uint16(value as number);
		default: return writer.uint8(Number(value));
	}
}
