// SPDX-License-Identifier: Apache-2.0
/**
 * The properties of MQTT 5, as a client may send them: which packet may hold which, how often, with what values.
 *
 * Pure. They are read here and not by the package `mqtt-packet`, which loses the order of user properties and lets
 * pass what is repeated, misplaced or out of range; the names are the package's, because it writes them.
 * Spec: MQTT 5 §2.2.2.
 */
import type { Cursor } from "./cursor.js";
import { malformed, REASON, violation } from "./reasons.js";

export type UserProperties = readonly (readonly [name: string, value: string])[];

/** What a PUBLISH carries from sender to receiver without a change. */
export interface MessageProperties {
	payloadFormatIndicator?: boolean | undefined;
	contentType?: string | undefined;
	responseTopic?: string | undefined;
	correlationData?: Uint8Array | undefined;
	userProperties?: UserProperties | undefined;
}

/** All others, in the units of the wire. */
export interface Properties extends MessageProperties {
	messageExpiryInterval?: number | undefined;
	topicAlias?: number | undefined;
	/** One in a SUBSCRIBE, any number in a PUBLISH to a client. */
	subscriptionIdentifier?: number | readonly number[] | undefined;
	sessionExpiryInterval?: number | undefined;
	willDelayInterval?: number | undefined;
	receiveMaximum?: number | undefined;
	maximumPacketSize?: number | undefined;
	topicAliasMaximum?: number | undefined;
	requestResponseInformation?: boolean | undefined;
	requestProblemInformation?: boolean | undefined;
	authenticationMethod?: string | undefined;
	authenticationData?: Uint8Array | undefined;
	reasonString?: string | undefined;
	maximumQoS?: number | undefined;
	retainAvailable?: boolean | undefined;
	assignedClientIdentifier?: string | undefined;
	wildcardSubscriptionAvailable?: boolean | undefined;
	subscriptionIdentifiersAvailable?: boolean | undefined;
	sharedSubscriptionAvailable?: boolean | undefined;
	serverKeepAlive?: number | undefined;
	responseInformation?: string | undefined;
	serverReference?: string | undefined;
}

/** Where a property block stands; `acknowledgement` is PUBACK, PUBREC, PUBREL and PUBCOMP. */
export type Place = "connect" | "will" | "publish" | "acknowledgement" | "subscribe" | "unsubscribe" | "disconnect" | "auth";

type Read = (cursor: Cursor) => unknown;
type Entry = readonly [name: keyof Properties, read: Read, places: readonly Place[]];

const MESSAGE: readonly Place[] = ["publish", "will"];
const CONNECT: readonly Place[] = ["connect"];
const AUTHENTICATION: readonly Place[] = ["connect", "auth"];
const text: Read = cursor => cursor.text();
const binary: Read = cursor => cursor.binary();
const uint32: Read = cursor => cursor.uint32();
const flag: Read = cursor => {
	const value = cursor.uint8();
	if (value > 1) throw violation("property is neither 0 nor 1");
	return value === 1;
};
const positive = (read: (cursor: Cursor) => number): Read => cursor => {
	const value = read(cursor);
	if (value === 0) throw violation("property is 0");
	return value;
};

const USER_PROPERTY = 0x26;
const SUBSCRIPTION_IDENTIFIER = 0x0B;
/** Those that a client may send; servers have more. */
const ENTRIES: Readonly<Record<number, Entry>> = Object.freeze({
	0x01: ["payloadFormatIndicator", flag, MESSAGE],
	0x02: ["messageExpiryInterval", uint32, MESSAGE],
	0x03: ["contentType", text, MESSAGE],
	0x08: ["responseTopic", text, MESSAGE],
	0x09: ["correlationData", binary, MESSAGE],
	[SUBSCRIPTION_IDENTIFIER]: ["subscriptionIdentifier", positive(cursor => cursor.varint()), ["subscribe"]],
	0x11: ["sessionExpiryInterval", uint32, ["connect", "disconnect"]],
	0x15: ["authenticationMethod", text, AUTHENTICATION],
	0x16: ["authenticationData", binary, AUTHENTICATION],
	0x17: ["requestProblemInformation", flag, CONNECT],
	0x18: ["willDelayInterval", uint32, ["will"]],
	0x19: ["requestResponseInformation", flag, CONNECT],
	0x1F: ["reasonString", text, ["acknowledgement", "disconnect", "auth"]],
	0x21: ["receiveMaximum", positive(cursor => cursor.uint16()), CONNECT],
	0x22: ["topicAliasMaximum", cursor => cursor.uint16(), CONNECT],
	0x23: ["topicAlias", cursor => cursor.uint16(), ["publish"]],
	0x27: ["maximumPacketSize", positive(cursor => cursor.uint32()), CONNECT],
});

/** @param cursor at the block's length */
export function readProperties(cursor: Cursor, place: Place): Properties {
	const block = cursor.block();
	const found: Record<string, unknown> = {};
	const userProperties: [string, string][] = [];
	while (!block.isAtEnd) {
		const identifier = block.varint();
		if (identifier === USER_PROPERTY) userProperties.push([block.text(), block.text()]);
		else readOne(block, identifier, place, found);
	}
	if (userProperties.length > 0) found.userProperties = userProperties;
	return found;
}

function readOne(block: Cursor, identifier: number, place: Place, found: Record<string, unknown>): void {
	const entry = ENTRIES[identifier];
	if (!entry || !entry[2].includes(place)) {
		// [MQTT-3.3.4-6] names this one a protocol error.
		if (identifier === SUBSCRIPTION_IDENTIFIER && place === "publish") throw violation("subscription identifier from a client");
		throw malformed(`property ${identifier} does not belong here`);
	}
	const [name, read] = entry;
	if (name in found) throw violation(`${name} comes twice`);
	found[name] = read(block);
	// [MQTT-3.3.2-8]
	if (found.topicAlias === 0) throw violation("topic alias is 0", REASON.topicAliasInvalid);
}

/** For who does not want to be told why. */
export function unexplained(properties: Properties | undefined): Properties | undefined {
	return properties && { ...properties, reasonString: undefined };
}
