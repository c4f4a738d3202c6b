// SPDX-License-Identifier: Apache-2.0
/** Every store of the broker and what happens when it is full, what it grants, and where it may differ from the standard. */
import type { QoS } from "./codec.js";

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
	/** Milliseconds; an MQTT 5 client that asks for a shorter keep-alive is told to use this. */
	keepAliveMinimum: number;
	/** True: 3.1.1 clients are held to these two as well, without being told. */
	keepAliveHoldsAll: boolean;
	/** Filters of one session; further ones are answered with a failure code. */
	subscriptionMaximum: number;
	/** Filters of one SUBSCRIBE; more end the connection. */
	filtersPerSubscribeMaximum: number;
	/** Publications of one connection in a second, both ways: further ones of the client are dropped, further ones to it wait. */
	publicationsPerSecond: number;
	/** Bytes of packets of one connection in a second, both ways; what is more waits. */
	bytesPerSecond: number;
	/** Messages in a second that a client gets of those that waited while it was away. */
	drainedPerSecond: number;
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
	/** Milliseconds that a message with an expiry waits for its receivers at least and at most. */
	messageExpiryMinimum: number;
	messageExpiryMaximum: number;
	/** False: `a/#` does not concern `a`, against the standard. */
	hashIncludesParent: boolean;
	/** False: retained messages are only delivered for filters without wildcards, against the standard. */
	retainedForWildcards: boolean;
	/** False: a session is not resumed in another version of the protocol than it was begun in. */
	sessionsCrossVersions: boolean;
	/** True: an accepted MQTT 5 client is also told what it may assume by default. */
	announcesDefaults: boolean;
	/** False: success is always code 0, never "no matching subscribers" or "no subscription existed". */
	explainsSuccess: boolean;
}

export const DEFAULT_LIMITS: Readonly<BrokerLimits> = Object.freeze({
	packetMaximum: 256 * 1024,
	connectTimeout: 10_000,
	connectionMaximum: 10_000,
	sessionMaximum: 100_000,
	sessionExpiryMaximum: Infinity,
	keepAliveMaximum: 0,
	keepAliveMinimum: 0,
	keepAliveHoldsAll: false,
	subscriptionMaximum: 1_000,
	filtersPerSubscribeMaximum: Infinity,
	publicationsPerSecond: Infinity,
	bytesPerSecond: Infinity,
	drainedPerSecond: Infinity,
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
	messageExpiryMinimum: 0,
	messageExpiryMaximum: Infinity,
	hashIncludesParent: true,
	retainedForWildcards: true,
	sessionsCrossVersions: true,
	announcesDefaults: false,
	explainsSuccess: true,
});
