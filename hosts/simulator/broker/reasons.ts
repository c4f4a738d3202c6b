// SPDX-License-Identifier: Apache-2.0
/**
 * Reason codes of MQTT 5, and what stands for them in MQTT 3.1.1, which has few.
 *
 * Spec: MQTT 5 §2.4; MQTT 3.1.1 §3.2.2.3.
 */
import { DeviceError } from "../../../src/base/error.js";
import type { EndReason } from "./owner.js";

export const REASON = Object.freeze({
	success: 0x00,
	noMatchingSubscribers: 0x10,
	noSubscriptionExisted: 0x11,
	continueAuthentication: 0x18,
	reauthenticate: 0x19,
	unspecified: 0x80,
	malformedPacket: 0x81,
	protocolError: 0x82,
	unsupportedProtocolVersion: 0x84,
	clientIdentifierNotValid: 0x85,
	badUserNameOrPassword: 0x86,
	notAuthorized: 0x87,
	serverUnavailable: 0x88,
	serverShuttingDown: 0x8B,
	badAuthenticationMethod: 0x8C,
	keepAliveTimeout: 0x8D,
	sessionTakenOver: 0x8E,
	topicFilterInvalid: 0x8F,
	topicNameInvalid: 0x90,
	packetIdentifierInUse: 0x91,
	packetIdentifierNotFound: 0x92,
	receiveMaximumExceeded: 0x93,
	topicAliasInvalid: 0x94,
	packetTooLarge: 0x95,
	quotaExceeded: 0x97,
	administrativeAction: 0x98,
	retainNotSupported: 0x9A,
	qosNotSupported: 0x9B,
	sharedSubscriptionsNotSupported: 0x9E,
	subscriptionIdentifiersNotSupported: 0xA1,
	wildcardSubscriptionsNotSupported: 0xA2,
});

/** From here on a code is a refusal. */
export const FAILURE = 0x80;

/** The usual reasons why a CONNECT is answered with a refusal. */
export type Refusal = "protocol" | "identifier" | "unavailable" | "credentials" | "unauthorized";

/** Any other reason; a 3.1.1 client is told the nearest that it knows. */
export interface RefusalDetail {
	/** 0x80 or above, of those that MQTT 5 §3.2.2.2 lists. */
	reasonCode: number;
	reasonString?: string | undefined;
	/** Where to connect instead, with 0x9C and 0x9D. */
	serverReference?: string | undefined;
}

const REFUSALS: Readonly<Record<Refusal, number>> = Object.freeze({
	protocol: REASON.unsupportedProtocolVersion,
	identifier: REASON.clientIdentifierNotValid,
	unavailable: REASON.serverUnavailable,
	credentials: REASON.badUserNameOrPassword,
	unauthorized: REASON.notAuthorized,
});

export function refusalDetail(refusal: Refusal | RefusalDetail): RefusalDetail {
	return typeof refusal === "string" ? { reasonCode: REFUSALS[refusal] } : refusal;
}

/** The CONNACK return code of MQTT 3.1.1; "server unavailable" stands for all that it has no word for. */
export function returnCode(reasonCode: number): number {
	switch (reasonCode) {
		case REASON.success: return 0;
		case REASON.unsupportedProtocolVersion: return 1;
		case REASON.clientIdentifierNotValid: return 2;
		case REASON.badUserNameOrPassword: return 4;
		case REASON.notAuthorized: return 5;
		default: return 3;
	}
}

/** Reasons that only CONNACK knows (MQTT 5 §2.4). */
const CONNACK_ONLY: readonly number[] = Object.freeze([0x84, 0x85, 0x86, 0x88, 0x8A, 0x8C]);

/** The reason for a DISCONNECT that is nearest to that of a refusal. */
export function disconnectCode(reasonCode: number): number {
	return CONNACK_ONLY.includes(reasonCode) ? REASON.notAuthorized : reasonCode;
}

/** DISCONNECT reasons that a client may give (MQTT 5 §3.14.2.1). */
const CLIENT_DISCONNECTS: readonly number[] = Object.freeze([
	0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99,
]);

export function isClientDisconnect(reasonCode: number): boolean {
	return CLIENT_DISCONNECTS.includes(reasonCode);
}

/** What a client did that the protocol does not allow; `reasonCode` is what an MQTT 5 client is told. */
export function violation(message: string, reasonCode: number = REASON.protocolError): DeviceError {
	return new DeviceError("violation", message, { detail: reasonCode });
}

/** What cannot be read as a packet. */
export function malformed(message: string): DeviceError {
	return new DeviceError("malformed", message, { detail: REASON.malformedPacket });
}

/** What an MQTT 5 client is told unless somebody knows better. */
const NOTICES: Readonly<Partial<Record<EndReason, number>>> = Object.freeze({
	"keep-alive": REASON.keepAliveTimeout, "taken-over": REASON.sessionTakenOver, "malformed": REASON.malformedPacket,
	"violation": REASON.protocolError, "too-large": REASON.packetTooLarge,
});

export function noticeOf(reason: EndReason): RefusalDetail | undefined {
	const reasonCode = NOTICES[reason];
	return reasonCode === undefined ? undefined : { reasonCode };
}
