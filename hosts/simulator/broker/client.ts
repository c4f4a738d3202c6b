// SPDX-License-Identifier: Apache-2.0
/**
 * What a CONNECT says, and what the answer grants.
 *
 * Pure. Spec: MQTT 3.1.1 and 5, §3.1 and §3.2.
 */
import type { IConnectPacket, Incoming, ProtocolVersion, QoS } from "./codec.js";
import type { BrokerLimits } from "./limits.js";
import type { Message } from "./message.js";
import type { MessageProperties, Properties, UserProperties } from "./properties.js";
import { REASON, violation } from "./reasons.js";
import { isTopic } from "./topics.js";

/** What the transport proved about the client: the certificate that TLS verified. */
export interface Identity {
	/** Common name of the subject. */
	name: string;
	/** SHA-256 of the certificate, in lower case hexadecimal. */
	fingerprint: string;
}

/** What the transport knows of where a connection comes from and what it was opened for; members that do not apply are absent. */
export interface Origin {
	/** IP address of the client. */
	address?: string | undefined;
	/** True: over TLS. */
	secure?: boolean | undefined;
	/** The name that the client asked for with TLS (SNI). */
	serverName?: string | undefined;
	/** The application protocol agreed on with TLS (ALPN). */
	protocol?: string | undefined;
	/** The request that was upgraded to a WebSocket. */
	request?: { readonly url: string; readonly headers: Readonly<Record<string, string>> } | undefined;
}

/** What the transport knows of a client. */
export interface Caller {
	readonly identity: Identity | undefined;
	readonly origin: Origin;
}

/** Decides before the broker does: who a caller is taken for (a name may be left out of account), or why it is turned away. */
export type Gate = (caller: Caller) => { readonly identity: Identity | undefined } | { readonly refused: string };

/** A client as the hooks see it. Of 3.1.1 the members that it lacks have the defaults of MQTT 5. */
export interface Client {
	/** 4 is MQTT 3.1.1. */
	version: ProtocolVersion;
	clientId: string;
	identity: Identity | undefined;
	origin: Origin;
	username: string | undefined;
	password: Uint8Array | undefined;
	cleanStart: boolean;
	/** Milliseconds; 0 is none. As granted: the limits may have changed it. */
	keepAlive: number;
	/** Milliseconds that its session outlives the connection, or `Infinity`. As granted. */
	sessionExpiry: number;
	/** QoS 1 and 2 messages that it takes before it acknowledges one. */
	receiveMaximum: number;
	/** Bytes of the largest packet that it takes. */
	maximumPacketSize: number;
	/** Topic aliases that it lets the broker use. */
	topicAliasMaximum: number;
	/** False: no reason strings except where a connection begins or ends. */
	requestProblemInformation: boolean;
	requestResponseInformation: boolean;
	authenticationMethod: string | undefined;
	userProperties: UserProperties;
}

export interface Will {
	topic: string;
	payload: Uint8Array;
	qos: QoS;
	retain: boolean;
	properties: MessageProperties | undefined;
	/** Milliseconds that it may wait for its receivers once it is published, or `Infinity`. */
	expiry: number;
	/** Milliseconds between the end of the connection and its publication. */
	delay: number;
}

/** In properties: never expires. */
const NEVER = 0xFFFF_FFFF;
const RECEIVE_MAXIMUM = 65_535;

/** @throws DeviceError `violation` */
export function readClient(
	{ packet, properties }: Incoming & { packet: IConnectPacket }, { identity, origin }: Caller, limits: BrokerLimits,
): Client {
	const version: ProtocolVersion = packet.protocolVersion === 5 ? 5 : 4;
	if (properties.authenticationData && properties.authenticationMethod === undefined) throw violation("authentication data without a method");
	return {
		version, identity, origin, clientId: packet.clientId, username: packet.username, password: packet.password, cleanStart: packet.clean ?? true,
		keepAlive: grantedKeepAlive((packet.keepalive ?? 0) * 1000, version, limits),
		sessionExpiry: version === 4 ? grantedExpiry(packet.clean ? 0 : NEVER, limits) : grantedExpiry(properties.sessionExpiryInterval ?? 0, limits),
		receiveMaximum: properties.receiveMaximum ?? RECEIVE_MAXIMUM,
		maximumPacketSize: properties.maximumPacketSize ?? Infinity,
		topicAliasMaximum: properties.topicAliasMaximum ?? 0,
		requestProblemInformation: properties.requestProblemInformation ?? true,
		requestResponseInformation: properties.requestResponseInformation ?? false,
		authenticationMethod: properties.authenticationMethod,
		userProperties: properties.userProperties ?? [],
	};
}

function grantedKeepAlive(asked: number, version: ProtocolVersion, { keepAliveMinimum, keepAliveMaximum, keepAliveHoldsAll }: BrokerLimits): number {
	if (version === 4 && !keepAliveHoldsAll) return asked;
	if (keepAliveMaximum > 0 && (asked === 0 || asked > keepAliveMaximum)) return keepAliveMaximum;
	return asked === 0 ? 0 : Math.max(asked, keepAliveMinimum);
}

/** @param seconds as in the Session Expiry Interval @returns milliseconds */
export function grantedExpiry(seconds: number, limits: BrokerLimits): number {
	return Math.min(seconds === NEVER ? Infinity : seconds * 1000, limits.sessionExpiryMaximum);
}

/** @throws DeviceError `violation` */
export function readWill({ packet, willProperties }: Incoming & { packet: IConnectPacket }, limits: BrokerLimits): Will | undefined {
	if (!packet.will) return undefined;
	const { topic, payload, qos = 0, retain = false } = packet.will;
	if (!isTopic(topic)) throw violation("will topic is none", REASON.topicNameInvalid);
	if (qos > limits.maximumQoS) throw violation(`will at QoS ${qos}`, REASON.qosNotSupported);
	if (retain && !limits.retainAvailable) throw violation("will with the retain flag", REASON.retainNotSupported);
	const { willDelayInterval = 0, messageExpiryInterval } = willProperties;
	return {
		topic, payload: payload as Uint8Array, qos, retain, properties: messageProperties(willProperties),
		expiry: messageExpiryInterval === undefined ? Infinity : messageExpiryInterval * 1000, delay: willDelayInterval * 1000,
	};
}

/** The will as the message that is published `now`. */
export function willMessage({ topic, payload, qos, retain, properties, expiry }: Will, now: number): Message {
	return { topic, payload, qos, retain, properties, expiresAt: now + expiry };
}

/** What of the properties is passed on. @throws DeviceError `violation` */
export function messageProperties(properties: Properties): MessageProperties | undefined {
	const { payloadFormatIndicator, contentType, responseTopic, correlationData, userProperties } = properties;
	// [MQTT-3.3.2-14]
	if (responseTopic !== undefined && !isTopic(responseTopic)) throw violation("response topic is none");
	const isEmpty = payloadFormatIndicator === undefined && contentType === undefined && responseTopic === undefined
		&& correlationData === undefined && userProperties === undefined;
	return isEmpty ? undefined : { payloadFormatIndicator, contentType, responseTopic, correlationData, userProperties };
}

/** What an accepted MQTT 5 client is told, as far as it differs from what it asked for or may assume. */
export function grantedProperties(asked: Incoming & { packet: IConnectPacket }, client: Client, limits: BrokerLimits): Properties {
	const { packet, properties } = asked;
	const expiry = client.sessionExpiry === Infinity ? NEVER : Math.floor(client.sessionExpiry / 1000);
	const { announcesDefaults } = limits;
	const unlessTrue = (available: boolean) => available && !announcesDefaults ? undefined : available;
	return {
		sessionExpiryInterval: expiry === (properties.sessionExpiryInterval ?? 0) && !announcesDefaults ? undefined : expiry,
		receiveMaximum: limits.receiveMaximum < RECEIVE_MAXIMUM ? limits.receiveMaximum : undefined,
		maximumQoS: limits.maximumQoS < 2 ? limits.maximumQoS : undefined,
		retainAvailable: unlessTrue(limits.retainAvailable),
		maximumPacketSize: limits.packetMaximum,
		assignedClientIdentifier: packet.clientId === "" ? client.clientId : undefined,
		topicAliasMaximum: limits.topicAliasMaximum > 0 ? limits.topicAliasMaximum : undefined,
		wildcardSubscriptionAvailable: unlessTrue(limits.wildcardSubscriptionAvailable),
		subscriptionIdentifiersAvailable: unlessTrue(limits.subscriptionIdentifiersAvailable),
		sharedSubscriptionAvailable: unlessTrue(limits.sharedSubscriptionAvailable),
		serverKeepAlive: client.keepAlive === (packet.keepalive ?? 0) * 1000 ? undefined : Math.floor(client.keepAlive / 1000),
	};
}
