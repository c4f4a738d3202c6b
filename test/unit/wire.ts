// SPDX-License-Identifier: Apache-2.0
/** MQTT 3.1.1 packets as hexadecimal text, put together independently of what they test. */
import { toHex } from "./hex.js";
import { text } from "./text.js";

const byte = (value: number): string => value.toString(16).padStart(2, "0");
export const uint16 = (value: number): string => value.toString(16).padStart(4, "0");

export function utf8(value: string): string {
	const bytes = new Uint8Array(text.byteLength(value));
	text.encode(value, bytes, 0);
	return toHex(bytes);
}

export const prefixed = (value: string): string => uint16(utf8(value).length / 2) + utf8(value);

export function varint(value: number): string {
	let rest = value;
	let hex = "";
	do {
		const digit = rest % 128;
		rest = Math.floor(rest / 128);
		hex += byte(rest > 0 ? digit + 128 : digit);
	} while (rest > 0);
	return hex;
}

/** A packet with this first byte; `body` is hexadecimal. */
export const packet = (header: number, body = ""): string => byte(header) + varint(body.length / 2) + body;

export interface Publish {
	topic: string;
	/** Hexadecimal. */
	payload?: string;
	qos?: number;
	id?: number;
	duplicate?: boolean;
	retain?: boolean;
}

export function publish({ topic, payload = "", qos = 0, id = 0, duplicate = false, retain = false }: Publish): string {
	const header = 0x30 | (duplicate ? 8 : 0) | (qos << 1) | (retain ? 1 : 0);
	return packet(header, prefixed(topic) + (qos > 0 ? uint16(id) : "") + payload);
}

export const connack = (sessionPresent = false, code = 0): string => packet(0x20, byte(sessionPresent ? 1 : 0) + byte(code));
export const puback = (id: number): string => packet(0x40, uint16(id));
export const pubrec = (id: number): string => packet(0x50, uint16(id));
export const pubrel = (id: number): string => packet(0x62, uint16(id));
export const pubcomp = (id: number): string => packet(0x70, uint16(id));
export const suback = (id: number, ...codes: number[]): string => packet(0x90, uint16(id) + codes.map(byte).join(""));
export const unsuback = (id: number): string => packet(0xb0, uint16(id));
export const subscribe = (id: number, ...filters: [filter: string, qos: number][]): string =>
	packet(0x82, uint16(id) + filters.map(([filter, qos]) => prefixed(filter) + byte(qos)).join(""));
export const unsubscribe = (id: number, ...filters: string[]): string =>
	packet(0xa2, uint16(id) + filters.map(prefixed).join(""));
export const PINGREQ = "c000";
export const PINGRESP = "d000";
export const DISCONNECT = "e000";
