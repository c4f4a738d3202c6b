// SPDX-License-Identifier: Apache-2.0
/**
 * What travels through the broker, and who may receive it.
 *
 * A message is made once per publication and shared by every queue that holds it; nobody changes it.
 */
import type { QoS } from "./codec.js";
import type { MessageProperties } from "./properties.js";
import type { Share } from "./share.js";

export interface Message {
	readonly topic: string;
	readonly payload: Uint8Array;
	readonly qos: QoS;
	/** As published; whether a copy is delivered with the flag depends on when its receiver subscribed. */
	readonly retain: boolean;
	/** Absent: none, as in 3.1.1. */
	readonly properties?: MessageProperties | undefined;
	/** From then on it is not delivered any more. Absent: never. */
	readonly expiresAt?: number | undefined;
}

export function isExpired(message: Message, now: number): boolean {
	return message.expiresAt !== undefined && message.expiresAt <= now;
}

/** [MQTT-3.3.2-6]: what was received, less the time that it waited. */
export function secondsLeft(expiresAt: number | undefined, now: number): number | undefined {
	if (expiresAt === undefined || expiresAt === Infinity) return undefined;
	return Math.max(0, Math.ceil((expiresAt - now) / 1000));
}

/** What a client asked for with a filter. */
export interface Subscription {
	readonly qos: QoS;
	/** Not what the client published itself. */
	readonly noLocal: boolean;
	/** The retain flag is passed on; otherwise it only marks what was retained before. */
	readonly retainAsPublished: boolean;
	/** 1 or above, or absent. */
	readonly identifier: number | undefined;
}

/** A message on its way to one receiver. */
export interface Delivery {
	readonly message: Message;
	/** The lower of the publication's and the subscription's. */
	readonly qos: QoS;
	readonly retain: boolean;
	/** Of all subscriptions that it is delivered for. */
	readonly identifiers: readonly number[];
	/** The shared subscription that chose this receiver. */
	readonly share?: Share | undefined;
}

/** Somebody with subscriptions: a client's session, or a service in this process. */
export interface Subscriber {
	/** Absent for who is no client. */
	readonly clientId: string | undefined;
	deliver(delivery: Delivery): void;
}

export interface Statistics {
	/** Publications accepted, from clients and from services. */
	published: number;
	/** PUBLISH packets sent to clients, repetitions included. */
	delivered: number;
	/** Messages that a full queue or store did not take, or that are larger than their receiver takes. */
	dropped: number;
	/** Messages that waited for their receiver until their expiry. */
	expired: number;
	/** Publications and subscriptions that the access rules refused. */
	denied: number;
}
