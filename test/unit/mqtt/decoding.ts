// SPDX-License-Identifier: Apache-2.0
/** Framer and decoder together, with what they find put into lines that tests compare. */
import { Reader } from "../../../src/bytes/reader.js";
import type { Protocol } from "../../../src/mqtt/constants.js";
import { Frame, Framer } from "../../../src/mqtt/framer.js";
import { decodePacket, Packet } from "../../../src/mqtt/packet.js";
import { PACKET_SIZE_MAXIMUM } from "../../../src/mqtt/session.js";
import type { Properties } from "../../../src/mqtt/properties.js";
import { toHex } from "../hex.js";
import { text } from "../text.js";

export interface DecodingOptions {
	/** Bytes per delivery. Default: all at once. */
	step?: number;
	/** Default: 64. */
	buffer?: number;
	/** Default: as MQTT allows. */
	maximum?: number;
	/** Default: 4. */
	protocol?: Protocol;
	/** How properties are put into a line. Default: not at all. */
	shown?: (properties: Properties | undefined) => string;
}

/** A line for each head and each fragment. What is thrown goes on. */
export function frames(bytes: Uint8Array, options: DecodingOptions = {}): string[] {
	const { buffer = 64, maximum = PACKET_SIZE_MAXIMUM, step = Math.max(bytes.length, 1) } = options;
	const framer = new Framer(new Reader(text), buffer, maximum);
	const lines: string[] = [];
	for (let at = 0; at < bytes.length; at += step) {
		framer.push(bytes, at, Math.min(at + step, bytes.length));
		for (let frame = framer.next(); frame !== Frame.NONE; frame = framer.next()) {
			const header = frame === Frame.HEAD ? `${framer.header.toString(16)}:` : "+";
			lines.push(`${header}${toHex(framer.bytes, framer.start, framer.end)}:${framer.remaining}`);
		}
	}
	return lines;
}

/** A line for each packet, all of which fit the buffer. What is thrown goes on. */
export function decoded(bytes: Uint8Array, options: DecodingOptions = {}): string[] {
	const { buffer = 64, maximum = PACKET_SIZE_MAXIMUM, step = Math.max(bytes.length, 1) } = options;
	const framer = new Framer(new Reader(text), buffer, maximum);
	const reader = new Reader(text);
	const packet = new Packet(options.protocol ?? 4);
	const lines: string[] = [];
	for (let at = 0; at < bytes.length; at += step) {
		framer.push(bytes, at, Math.min(at + step, bytes.length));
		while (framer.next() !== Frame.NONE) {
			reader.reset(framer.bytes, framer.start, framer.end);
			decodePacket(packet, framer.header, reader);
			lines.push(line(packet, toHex(framer.bytes, packet.start, framer.end)) + (options.shown?.(packet.properties) ?? ""));
		}
	}
	return lines;
}

const NAMES = [
	"", "", "connack", "publish", "puback", "pubrec", "pubrel", "pubcomp", "", "suback", "", "unsuback", "", "pingresp",
	"disconnect", "auth",
];

function line(packet: Packet, rest: string): string {
	const { type, packetId, qos, duplicate, retain, topic, sessionPresent, reasonCode } = packet;
	const name = NAMES[type]!;
	const reason = reasonCode === 0 ? "" : ` ${reasonCode}`;
	switch (name) {
		case "connack": return `connack ${sessionPresent} ${reasonCode}`;
		case "publish": return `publish ${topic} ${packetId} q${qos}${duplicate ? " dup" : ""}${retain ? " retain" : ""} ${rest}`;
		case "suback": return `suback ${packetId} ${rest}`;
		case "unsuback": return `unsuback ${packetId}${rest && ` ${rest}`}`;
		case "pingresp": return name;
		case "disconnect": case "auth": return name + reason;
		default: return `${name} ${packetId}${reason}`;
	}
}
