// SPDX-License-Identifier: Apache-2.0
/**
 * What travels through the broker, who may receive it, and the limits of all its stores.
 *
 * A message is made once per publication and shared by every queue that holds it; nobody changes it.
 */
import type { QoS } from "./codec.js";

export interface Message {
	readonly topic: string;
	readonly payload: Uint8Array;
	readonly qos: QoS;
	/** As published; whether a copy is delivered with the flag depends on when its receiver subscribed. */
	readonly retain: boolean;
}

/** Somebody with subscriptions: a client's session, or a service in this process. */
export interface Subscriber {
	/** @param qos what this receiver gets: the lower of the publication's and the subscription's */
	deliver(message: Message, qos: QoS, retain: boolean): void;
}

/** Every store of the broker, and what happens when it is full. */
export interface BrokerLimits {
	/** Bytes of a packet from a client; the connection of a client that exceeds it is closed. */
	packetMaximum: number;
	/** Milliseconds between a connection's start and its CONNECT; then it is closed. */
	connectTimeout: number;
	/** Connections at a time; further ones are closed at once. */
	connectionMaximum: number;
	/** Sessions, connected or not; a client that would need another is refused with "unavailable". */
	sessionMaximum: number;
	/** Filters of one session; further ones are answered with a failure code. */
	subscriptionMaximum: number;
	/** QoS 1 and 2 messages sent to one client and not acknowledged; further ones wait in its queue. */
	inflightMaximum: number;
	/** Messages that wait for one client; further ones are dropped and counted. */
	queueMaximum: number;
	/** Bytes of payload that wait for one client; further messages are dropped and counted. */
	queueBytesMaximum: number;
	/** Topics with a retained message; a further one is delivered but not kept, and counted as dropped. */
	retainedMaximum: number;
}

export const DEFAULT_LIMITS: Readonly<BrokerLimits> = Object.freeze({
	packetMaximum: 256 * 1024,
	connectTimeout: 10_000,
	connectionMaximum: 10_000,
	sessionMaximum: 100_000,
	subscriptionMaximum: 1_000,
	inflightMaximum: 20,
	queueMaximum: 1_000,
	queueBytesMaximum: 4 * 1024 * 1024,
	retainedMaximum: 100_000,
});

export interface Statistics {
	/** Publications accepted, from clients and from services. */
	published: number;
	/** PUBLISH packets sent to clients, repetitions included. */
	delivered: number;
	/** Messages that a full queue or store did not take. */
	dropped: number;
	/** Publications and subscriptions that the access rules refused. */
	denied: number;
}
