// SPDX-License-Identifier: Apache-2.0
/** MQTT 5 packets as hexadecimal text, put together independently of what they test. `wire.ts` has those of 3.1.1. */
import { packet, prefixed, uint16, varint } from "./wire.js";

export const byte = (value: number): string => value.toString(16).padStart(2, "0");
export const uint32 = (value: number): string => value.toString(16).padStart(8, "0");

/** Properties behind their length; each is hexadecimal, identifier first. */
export const properties = (...hex: string[]): string => varint(hex.join("").length / 2) + hex.join("");

/** Single properties. Spec: MQTT 5 §2.2.2.2. */
export const text5 = (id: number, value: string): string => byte(id) + prefixed(value);
export const binary5 = (id: number, hex: string): string => byte(id) + uint16(hex.length / 2) + hex;
export const byte5 = (id: number, value: number): string => byte(id) + byte(value);
export const short5 = (id: number, value: number): string => byte(id) + uint16(value);
export const long5 = (id: number, value: number): string => byte(id) + uint32(value);
export const user5 = (name: string, value: string): string => `26${prefixed(name)}${prefixed(value)}`;
export const identifier5 = (value: number): string => `0b${varint(value)}`;
export const alias5 = (value: number): string => short5(35, value);
export const reason5 = (value: string): string => text5(31, value);

/** What our CONNECT says when nothing else is asked for: a session that never expires, and a receive maximum of 16. */
export const CONNECT_PROPERTIES = `${long5(17, 0xffff_ffff)}${short5(33, 16)}`;

/** `rest` is what follows the client identifier. */
export function connect5(flags = 0x00, said = CONNECT_PROPERTIES, id = "id", rest = "", keepAlive = 60): string {
	return packet(0x10, `${prefixed("MQTT")}05${byte(flags)}${uint16(keepAlive)}${properties(said)}${prefixed(id)}${rest}`);
}

export const connack5 = (sessionPresent = false, code = 0, ...said: string[]): string =>
	packet(0x20, byte(sessionPresent ? 1 : 0) + byte(code) + properties(...said));

export interface Publish5 {
	topic: string;
	/** Hexadecimal. */
	payload?: string;
	qos?: number;
	id?: number;
	duplicate?: boolean;
	retain?: boolean;
	said?: string;
}

export function publish5({ topic, payload = "", qos = 0, id = 0, duplicate = false, retain = false, said = "" }: Publish5): string {
	const header = 0x30 | (duplicate ? 8 : 0) | (qos << 1) | (retain ? 1 : 0);
	return packet(header, prefixed(topic) + (qos > 0 ? uint16(id) : "") + properties(said) + payload);
}

/** PUBACK, PUBREC, PUBREL, PUBCOMP: without a reason the short form, of 3.1.1 too. */
function ack(header: number, id: number, code?: number, said?: string): string {
	return packet(header, uint16(id) + (code === undefined ? "" : byte(code)) + (said === undefined ? "" : properties(said)));
}
export const puback5 = (id: number, code?: number, said?: string): string => ack(0x40, id, code, said);
export const pubrec5 = (id: number, code?: number, said?: string): string => ack(0x50, id, code, said);
export const pubrel5 = (id: number, code?: number, said?: string): string => ack(0x62, id, code, said);
export const pubcomp5 = (id: number, code?: number, said?: string): string => ack(0x70, id, code, said);

export const subscribe5 = (id: number, said: string, ...filters: [filter: string, options: number][]): string =>
	packet(0x82, uint16(id) + properties(said) + filters.map(([filter, options]) => prefixed(filter) + byte(options)).join(""));
export const suback5 = (id: number, ...codes: number[]): string => packet(0x90, uint16(id) + properties() + codes.map(byte).join(""));
export const unsubscribe5 = (id: number, ...filters: string[]): string =>
	packet(0xa2, uint16(id) + properties() + filters.map(prefixed).join(""));
export const unsuback5 = (id: number, ...codes: number[]): string => packet(0xb0, uint16(id) + properties() + codes.map(byte).join(""));

export const disconnect5 = (code?: number, said?: string): string =>
	packet(0xe0, (code === undefined ? "" : byte(code)) + (said === undefined ? "" : properties(said)));
export const auth5 = (code: number, ...said: string[]): string => packet(0xf0, byte(code) + properties(...said));
