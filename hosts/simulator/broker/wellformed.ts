// SPDX-License-Identifier: Apache-2.0
/**
 * Walks over every field of a packet from a client, because the package `mqtt-packet` is lenient: it lets pass
 * trailing bytes, identifiers of 0, ill-formed UTF-8, odd flags, misplaced properties.
 *
 * Pure. Whatever passes here has exactly the layout that the specification gives it.
 * Spec: MQTT 3.1.1 and 5, §2 and §3.
 */
import { Cursor } from "./cursor.js";
import type { Properties } from "./properties.js";
import { readProperties } from "./properties.js";
import { malformed, REASON, violation } from "./reasons.js";

export interface Blocks { properties: Properties; willProperties: Properties }

const NONE: Properties = Object.freeze({});
const PUBLISH = 3;
/** Flags of the fixed header by packet type; PUBLISH has its own, and types that are not here are not a client's. */
const FLAGS: Readonly<Record<number, number>> = Object.freeze({ 1: 0, 4: 0, 5: 0, 6: 2, 7: 0, 8: 2, 10: 2, 12: 0, 14: 0, 15: 0 });
const FROM_SERVERS: readonly number[] = Object.freeze([2, 9, 11, 13]);

/** @returns the properties, none for 3.1.1 @throws DeviceError `malformed`, `violation` */
export function checkPacket(header: number, body: Uint8Array, version: 4 | 5): Blocks {
	const type = header >> 4;
	const cursor = new Cursor(body);
	if (FROM_SERVERS.includes(type)) throw violation(`packet type ${type} from a client`);
	if (type !== PUBLISH && FLAGS[type] !== (header & 0x0F)) throw malformed("reserved flags or packet type");
	const blocks = type === 1 ? checkConnect(cursor) : { properties: checkOther(type, header, cursor, version), willProperties: NONE };
	if (!cursor.isAtEnd) throw malformed("packet has bytes that mean nothing");
	return blocks;
}

function checkOther(type: number, header: number, cursor: Cursor, version: 4 | 5): Properties {
	switch (type) {
		case PUBLISH: return checkPublish(header, cursor, version);
		case 4: case 5: case 6: case 7:
			checkIdentifier(cursor);
			return checkReason(cursor, version, "acknowledgement");
		case 8: return checkSubscribe(cursor, version);
		case 10: return checkUnsubscribe(cursor, version);
		case 14: return checkReason(cursor, version, "disconnect");
		case 15:
			if (version === 4) throw malformed("AUTH in 3.1.1");
			return checkReason(cursor, version, "auth");
		default: return NONE;
	}
}

function checkConnect(cursor: Cursor): Blocks {
	if (cursor.text() !== "MQTT") throw malformed("another protocol's name");
	const version = cursor.uint8();
	const flags = cursor.uint8();
	const hasWill = (flags & 0x04) !== 0;
	if (flags & 0x01) throw malformed("reserved connect flag");
	if (!hasWill && flags & 0x38) throw malformed("will flags without a will");
	if ((flags & 0x18) === 0x18) throw malformed("will QoS is 3");
	// [MQTT-3.1.2-22] of 3.1.1; MQTT 5 allows it.
	if (version === 4 && (flags & 0xC0) === 0x40) throw malformed("password without user name");
	cursor.uint16();
	const properties = version === 5 ? readProperties(cursor, "connect") : NONE;
	cursor.text();
	let willProperties = NONE;
	if (hasWill) {
		if (version === 5) willProperties = readProperties(cursor, "will");
		cursor.text();
		cursor.binary();
	}
	if (flags & 0x80) cursor.text();
	if (flags & 0x40) cursor.binary();
	return { properties, willProperties };
}

function checkPublish(header: number, cursor: Cursor, version: 4 | 5): Properties {
	const qos = (header >> 1) & 0x03;
	if (qos === 3) throw malformed("QoS is 3");
	if (qos === 0 && header & 0x08) throw malformed("duplicate flag at QoS 0");
	cursor.text();
	if (qos > 0) checkIdentifier(cursor);
	const properties = version === 5 ? readProperties(cursor, "publish") : NONE;
	cursor.skipRest();
	return properties;
}

/** Reason code and properties may be left away from the end (MQTT 5 §3.4.2.1, §3.14.2.1, §3.15.2.1). */
function checkReason(cursor: Cursor, version: 4 | 5, place: "acknowledgement" | "disconnect" | "auth"): Properties {
	if (version === 4 || cursor.isAtEnd) return NONE;
	cursor.uint8();
	return cursor.isAtEnd ? NONE : readProperties(cursor, place);
}

function checkSubscribe(cursor: Cursor, version: 4 | 5): Properties {
	checkIdentifier(cursor);
	const properties = version === 5 ? readProperties(cursor, "subscribe") : NONE;
	if (cursor.isAtEnd) throw empty(version);
	while (!cursor.isAtEnd) {
		cursor.text();
		const options = cursor.uint8();
		if (options & (version === 5 ? 0xC0 : 0xFC)) throw malformed("reserved subscription options");
		if ((options & 0x03) === 3) throw malformed("QoS is 3");
		if ((options & 0x30) === 0x30) throw violation("retain handling is 3");
	}
	return properties;
}

function checkUnsubscribe(cursor: Cursor, version: 4 | 5): Properties {
	checkIdentifier(cursor);
	const properties = version === 5 ? readProperties(cursor, "unsubscribe") : NONE;
	if (cursor.isAtEnd) throw empty(version);
	while (!cursor.isAtEnd) cursor.text();
	return properties;
}

function checkIdentifier(cursor: Cursor): void {
	if (cursor.uint16() === 0) throw malformed("packet identifier is 0");
}

/** A protocol error in MQTT 5 ([MQTT-3.8.3-2]), where 3.1.1 only knows one kind of fault. */
function empty(version: 4 | 5): Error {
	return version === 5 ? violation("no filter", REASON.protocolError) : malformed("no filter");
}
