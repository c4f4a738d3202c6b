// SPDX-License-Identifier: Apache-2.0
/**
 * What travels through the broker, who may receive it, and the limits of all its stores.
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

/** Every store of the broker, and what happens when it is full. */
export interface BrokerLimits {
	/** Bytes of a packet from a client; the connection of a client that exceeds it is closed. MQTT 5 clients are told. */
	packetMaximum: number;
	/** Milliseconds between a connection's start and its CONNECT; then it is closed. */
	connectTimeout: number;
	/** Connections at a time; further ones are closed at once. */
	connectionMaximum: number;
	/** Sessions, connected or not; a client that would need another is refused with "unavailable". */
	sessionMaximum: number;
	/** Milliseconds that a session outlives its connection; who asks for more gets this. */
	sessionExpiryMaximum: number;
	/** Milliseconds; an MQTT 5 client that asks for a longer keep-alive or none is told to use this. 0: no limit. */
	keepAliveMaximum: number;
	/** Filters of one session; further ones are answered with a failure code. */
	subscriptionMaximum: number;
	/** QoS 1 and 2 messages sent to one client and not acknowledged; further ones wait in its queue. */
	inflightMaximum: number;
	/** QoS 1 and 2 messages that an MQTT 5 client may send before it sees an acknowledgement; one more ends its connection. */
	receiveMaximum: number;
	/** Topic aliases that an MQTT 5 client may use on a connection; another one ends it. */
	topicAliasMaximum: number;
	/** Topic aliases that the broker itself uses on a connection, if the client allows them; later topics go without. */
	outgoingAliasMaximum: number;
	/** Subscriptions are granted this at most; a publication above it ends the connection. */
	maximumQoS: QoS;
	/** False: a publication that is to be retained ends the connection. */
	retainAvailable: boolean;
	/** False: such a subscription ends the connection of an MQTT 5 client, and is answered with a failure code in 3.1.1. */
	wildcardSubscriptionAvailable: boolean;
	sharedSubscriptionAvailable: boolean;
	subscriptionIdentifiersAvailable: boolean;
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
	sessionExpiryMaximum: Infinity,
	keepAliveMaximum: 0,
	subscriptionMaximum: 1_000,
	inflightMaximum: 20,
	receiveMaximum: 65_535,
	topicAliasMaximum: 100,
	outgoingAliasMaximum: 0,
	maximumQoS: 2,
	retainAvailable: true,
	wildcardSubscriptionAvailable: true,
	sharedSubscriptionAvailable: true,
	subscriptionIdentifiersAvailable: true,
	queueMaximum: 1_000,
	queueBytesMaximum: 4 * 1024 * 1024,
	retainedMaximum: 100_000,
});

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
