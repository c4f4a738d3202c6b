// SPDX-License-Identifier: Apache-2.0
/**
 * How AWS IoT Core's broker differs from others: what it grants, whom it lets in, and what it ends a connection for.
 *
 * Pure: our own broker with other limits and with hooks. A refused publication ends a 3.1.1 connection, which cannot be
 * told otherwise; an MQTT 5 client is told in PUBACK, or, where there is none, in DISCONNECT.
 */
import type { BrokerOptions, Denial } from "../../broker/options.js";
import type { Client } from "../../broker/client.js";
import type { BrokerLimits } from "../../broker/limits.js";
import { Rate } from "../../broker/rate.js";
import type { Refusal, RefusalDetail } from "../../broker/reasons.js";
import { REASON } from "../../broker/reasons.js";
import type { Request } from "../../broker/requests.js";
import type { AwsLimits } from "./limits.js";
import type { AwsAction, AwsPermit, AwsPrincipal } from "./policy.js";
import { Rates } from "./rates.js";
import { isSupportedFilter, isSupportedTopic, isWithin } from "./topics.js";

const SECOND = 1_000, HOUR = 3_600 * SECOND, WEEK = 168 * HOUR;

/** Of our broker's limits, those that AWS has others for. */
export const AWS_BROKER_LIMITS: Readonly<Partial<BrokerLimits>> = Object.freeze({
	// Of a payload of 128 KB with the longest header; larger than any that is taken.
	packetMaximum: 149_504,
	connectionMaximum: 500_000,
	sessionMaximum: 1_000_000,
	sessionExpiryMaximum: HOUR,
	keepAliveMinimum: 30 * SECOND,
	keepAliveMaximum: 1_200 * SECOND,
	keepAliveHoldsAll: true,
	subscriptionMaximum: 50,
	filtersPerSubscribeMaximum: 8,
	publicationsPerSecond: 100,
	bytesPerSecond: 512 * 1024,
	drainedPerSecond: 10,
	inflightMaximum: 100,
	receiveMaximum: 100,
	topicAliasMaximum: 8,
	maximumQoS: 1,
	subscriptionIdentifiersAvailable: false,
	messageExpiryMinimum: SECOND,
	messageExpiryMaximum: WEEK,
	hashIncludesParent: false,
	retainedForWildcards: false,
	sessionsCrossVersions: false,
	announcesDefaults: true,
	explainsSuccess: false,
});

/** No account can have sessions that live for longer. */
const SESSION_EXPIRY_MAXIMUM = WEEK;

/** AWS's limits with those that a test wants otherwise. */
export function brokerLimits(changes: Partial<BrokerLimits> = {}): Partial<BrokerLimits> {
	const limits = { ...AWS_BROKER_LIMITS, ...changes };
	return { ...limits, sessionExpiryMaximum: Math.min(limits.sessionExpiryMaximum ?? SESSION_EXPIRY_MAXIMUM, SESSION_EXPIRY_MAXIMUM) };
}

export interface ProfileOptions {
	readonly limits: AwsLimits;
	/** Who a client is; a refusal where it is nobody that may connect. */
	readonly identify: (client: Client) => AwsPrincipal | Refusal;
	readonly permit: AwsPermit;
	/** Whether a subscription that is not permitted ends the connection, as well as being answered with a failure. */
	readonly deniedSubscribeEnds: boolean;
}

export class Profile {
	readonly #options: ProfileOptions;
	readonly #principals = new WeakMap<Client, AwsPrincipal>();
	readonly #connects: Rates;
	readonly #accountConnects: Rate;
	readonly #subscriptions: Rate;
	readonly #retained: Rate;
	readonly #retainedByTopic: Rates;

	constructor(options: ProfileOptions) {
		const { limits } = options;
		this.#options = options;
		this.#connects = new Rates(limits.connectsPerSecond);
		this.#accountConnects = new Rate(limits.accountConnectsPerSecond);
		this.#subscriptions = new Rate(limits.accountSubscriptionsPerSecond);
		this.#retained = new Rate(limits.accountRetainedPerSecond);
		this.#retainedByTopic = new Rates(limits.retainedPerTopicPerSecond);
	}

	/** For the broker. */
	hooks(): Pick<BrokerOptions, "authorize" | "permit"> {
		return {
			authorize: (client, now) => this.#authorize(client, now),
			permit: (client, action, _topic, request, now) => action === "publish" ? this.#publish(client, request, now) : this.#subscribe(client, request, now),
		};
	}

	/** Who a connected client is. */
	principalOf(client: Client): AwsPrincipal { return this.#principals.get(client)!; }

	#authorize(client: Client, now: number): Refusal | RefusalDetail | undefined {
		const { limits, identify } = this.#options;
		const { clientId } = client;
		if (clientId.startsWith("$") || byteLength(clientId) > limits.clientIdBytesMaximum) return "identifier";
		if (!this.#accountConnects.take(now) || !this.#connects.take(clientId, now)) return { reasonCode: REASON.quotaExceeded };
		const principal = identify(client);
		if (typeof principal === "string") return principal;
		this.#principals.set(client, principal);
		return this.#isPermitted(client, "connect", clientId) ? undefined : "unauthorized";
	}

	#publish(client: Client, { topic, qos, retain, size, isWill }: Request, now: number): true | number | Denial {
		const { limits } = this.#options;
		const denied = isWill || (client.version === 5 && qos > 0) ? REASON.notAuthorized : { endsWith: REASON.notAuthorized };
		if (!isSupportedTopic(topic) || !isWithin(topic, limits)) return isWill ? REASON.topicNameInvalid : { endsWith: REASON.topicNameInvalid };
		if (size > limits.payloadBytesMaximum) return isWill ? REASON.quotaExceeded : { endsWith: REASON.quotaExceeded };
		if (!this.#isPermitted(client, "publish", topic)) return denied;
		if (!retain) return true;
		if (topic.startsWith("$") || !this.#isPermitted(client, "retain", topic)) return denied;
		return isWill || (this.#retained.take(now) && this.#retainedByTopic.take(topic, now)) ? true : REASON.quotaExceeded;
	}

	#subscribe(client: Client, { topic, share = "", qos }: Request, now: number): true | number | Denial {
		const { limits, deniedSubscribeEnds } = this.#options;
		if (qos > 1) return { endsWith: REASON.qosNotSupported };
		if (!isSupportedFilter(topic) || !isWithin(topic, limits) || share.length > limits.shareNameMaximum) return { endsWith: REASON.topicFilterInvalid };
		if (!this.#isPermitted(client, "subscribe", topic)) return deniedSubscribeEnds ? { endsWith: REASON.notAuthorized } : REASON.notAuthorized;
		return this.#subscriptions.take(now) ? true : REASON.quotaExceeded;
	}

	#isPermitted(client: Client, action: AwsAction, resource: string): boolean {
		const principal = this.principalOf(client);
		return (principal.policy ?? this.#options.permit)(principal, action, resource);
	}
}

function byteLength(text: string): number {
	return new TextEncoder().encode(text).byteLength;
}
