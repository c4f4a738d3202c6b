// SPDX-License-Identifier: Apache-2.0
/** The numbers of MQTT. Spec: MQTT 3.1.1 §2.2, §3. */

/** Spec: MQTT 3.1.1 §2.2.1. */
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
});

/** Level of MQTT 3.1.1 in CONNECT. */
export const PROTOCOL_LEVEL = 4;

export type QoS = 0 | 1 | 2;

/** SUBACK code of a filter that the server refused. Spec: MQTT 3.1.1 §3.9.3. */
export const SUBSCRIBE_FAILURE = 0x80;

/** The longest topic or filter, bytes. Spec: MQTT 3.1.1 §4.7.3 [MQTT-4.7.3-3]. */
export const TOPIC_MAXIMUM = 0xffff;
