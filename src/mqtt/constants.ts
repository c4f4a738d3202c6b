// SPDX-License-Identifier: Apache-2.0
/** The numbers of MQTT. Spec: MQTT 3.1.1 §2.2, §3; MQTT 5 §2.1, §2.4. */

/** Level of the protocol in CONNECT: 4 is MQTT 3.1.1. */
export type Protocol = 4 | 5;

export type QoS = 0 | 1 | 2;

/** Spec: MQTT 5 §2.1.2. */
export const PacketType = Object.freeze({
	CONNECT: 1,
	CONNACK: 2,
	PUBLISH: 3,
	PUBACK: 4,
	PUBREC: 5,
	PUBREL: 6,
	PUBCOMP: 7,
	SUBSCRIBE: 8,
	SUBACK: 9,
	UNSUBSCRIBE: 10,
	UNSUBACK: 11,
	PINGREQ: 12,
	PINGRESP: 13,
	DISCONNECT: 14,
	AUTH: 15,
});

/** Those that we send or act upon; from 0x80 on they are failures. Spec: MQTT 5 §2.4. */
export const Reason = Object.freeze({
	SUCCESS: 0x00,
	CONTINUE_AUTHENTICATION: 0x18,
	REAUTHENTICATE: 0x19,
	FAILURE: 0x80,
	MALFORMED: 0x81,
	PROTOCOL_ERROR: 0x82,
	SERVER_SHUTTING_DOWN: 0x8b,
	KEEP_ALIVE_TIMEOUT: 0x8d,
	PACKET_ID_NOT_FOUND: 0x92,
	RECEIVE_MAXIMUM_EXCEEDED: 0x93,
	TOPIC_ALIAS_INVALID: 0x94,
	PACKET_TOO_LARGE: 0x95,
	RETAIN_NOT_SUPPORTED: 0x9a,
	QOS_NOT_SUPPORTED: 0x9b,
	MAXIMUM_CONNECT_TIME: 0xa0,
});

/** In the first byte of a PUBLISH. Spec: MQTT 3.1.1 §3.3.1. */
export const DUPLICATE = 0x08;
export const QOS = 0x06;
export const QOS_2 = 0x04;
export const RETAIN = 0x01;

/** The longest topic or filter, bytes. Spec: MQTT 3.1.1 §4.7.3 [MQTT-4.7.3-3]. */
export const TOPIC_MAXIMUM = 0xffff;

/** SUBSCRIBE and UNSUBSCRIBE all have this packet identifier: one is under way at a time. Messages have the others. */
export const SUBSCRIBE_ID = 0xffff;
