// SPDX-License-Identifier: Apache-2.0
/**
 * What a connected client asks for, and the answers: publications both ways, subscriptions, pings.
 *
 * Pure. Lives as long as its connection. Spec: MQTT 3.1.1 and 5, §3.3 to §3.12, §4.3, §4.9.
 */
import { IncomingAliases } from "./aliases.js";
import type { Client } from "./client.js";
import { messageProperties } from "./client.js";
import type { Incoming, IPublishPacket, ISubscribePacket, IUnsubscribePacket, Packet, QoS } from "./codec.js";
import type { BrokerLimits } from "./limits.js";
import type { Message, Subscription } from "./message.js";
import type { Properties } from "./properties.js";
import { FAILURE, REASON, violation } from "./reasons.js";
import type { Session } from "./session.js";
import type { SharedFilter } from "./share.js";
import { sharedFilter } from "./share.js";
import { isFilter, isTopic } from "./topics.js";

/** Something that a client wants to do with a topic, or with a filter when it subscribes. */
export interface Request {
	readonly action: "publish" | "subscribe";
	/** Of a shared filter the part behind the name. */
	readonly topic: string;
	/** Of a shared filter the name. */
	readonly share: string | undefined;
	readonly qos: QoS;
	readonly retain: boolean;
	/** Bytes of the payload. */
	readonly size: number;
	/** Published when the connection has ended, and asked for when it begins. */
	readonly isWill: boolean;
}

/** What the requests of a client need of the broker. */
export interface RequestOwner {
	readonly limits: BrokerLimits;
	/** @returns the reason code of a refusal, or `undefined` @throws DeviceError `violation` when the connection is to end */
	refusal(client: Client, request: Request): number | undefined;
	/** @returns how many receivers there are */
	publish(message: Message, from: Client): number;
	subscribe(session: Session, filter: string, shared: SharedFilter | undefined, subscription: Subscription): void;
	/** Delivers the retained messages of a new subscription. */
	replay(session: Session, filter: string, subscription: Subscription): void;
	/** @returns false when there was no such subscription */
	unsubscribe(session: Session, filter: string): boolean;
	/** Filters were added or taken away. */
	changed(client: Client, change: "subscribed" | "unsubscribed", filters: readonly string[]): void;
}

/** Where the answers go. */
export interface Answers {
	/** @param onSent called when the packet goes to the network */
	transmit(packet: Packet, properties?: Properties, onSent?: () => void): void;
	/** Counts one more publication of the client. @returns false when there are too many in a second */
	takeIncoming(): boolean;
}

type Requested = ISubscribePacket["subscriptions"][number];
type Acknowledging = "puback" | "pubrec" | "pubcomp";

export class Requests {
	readonly #owner: RequestOwner;
	readonly #answers: Answers;
	readonly #client: Client;
	readonly #session: Session;
	readonly #aliases: IncomingAliases;
	/** Of MQTT 5: publications that came on this connection and whose last answer the client cannot have seen. */
	readonly #owed = new Set<number>();
	#settled: number[] = [];

	constructor(owner: RequestOwner, answers: Answers, client: Client, session: Session) {
		this.#owner = owner;
		this.#answers = answers;
		this.#client = client;
		this.#session = session;
		this.#aliases = new IncomingAliases(owner.limits.topicAliasMaximum);
	}

	/** New bytes came: their sender may have seen what was sent before, and nothing of what will be answered to them. */
	begin(): void {
		for (const packetId of this.#settled) this.#owed.delete(packetId);
		this.#settled = [];
	}

	/** @throws DeviceError `violation` */
	handle({ packet, properties }: Incoming, now: number): void {
		const session = this.#session;
		switch (packet.cmd) {
			case "publish": return this.#publish(packet, properties, now);
			case "puback": return expected(session.acknowledge(packet.messageId!), packet);
			case "pubrec": return expected(session.release(packet.messageId!, packet.reasonCode ?? REASON.success), packet);
			case "pubcomp": return expected(session.complete(packet.messageId!), packet);
			case "pubrel": return this.#release(packet.messageId!);
			case "subscribe": return this.#subscribe(packet, properties);
			case "unsubscribe": return this.#unsubscribe(packet);
			case "pingreq": return this.#answers.transmit({ cmd: "pingresp" });
			default: throw violation(`${packet.cmd} from a client`);
		}
	}

	#publish(packet: IPublishPacket, properties: Properties, now: number): void {
		const { limits } = this.#owner;
		const { qos, retain, messageId = 0 } = packet;
		if (qos > limits.maximumQoS) throw violation(`PUBLISH at QoS ${qos}`, REASON.qosNotSupported);
		if (retain && !limits.retainAvailable) throw violation("PUBLISH with the retain flag", REASON.retainNotSupported);
		const topic = this.#aliases.resolve(packet.topic, properties.topicAlias);
		if (topic === "") throw violation("PUBLISH without a topic");
		if (!isTopic(topic)) throw violation("PUBLISH to what is no topic", REASON.topicNameInvalid);
		const { messageExpiryInterval } = properties;
		const message: Message = {
			topic, payload: packet.payload as Uint8Array, qos, retain, properties: messageProperties(properties),
			expiresAt: messageExpiryInterval === undefined ? undefined : now + this.#expiryOf(messageExpiryInterval * 1000),
		};
		if (!this.#answers.takeIncoming()) this.#discard(packet);
		else if (qos === 0) this.#route(message);
		else if (!packet.dup && this.#owed.has(messageId)) this.#answer(qos === 1 ? "puback" : "pubrec", messageId, REASON.packetIdentifierInUse);
		else if (qos === 1) this.#receiveOnce(message, messageId);
		else this.#receiveExactlyOnce(message, messageId);
	}

	#expiryOf(asked: number): number {
		const { messageExpiryMinimum, messageExpiryMaximum } = this.#owner.limits;
		return Math.min(Math.max(asked, messageExpiryMinimum), messageExpiryMaximum);
	}

	/** There were too many. A 3.1.1 client cannot be told, and sends again when it comes back. */
	#discard({ qos, messageId = 0 }: IPublishPacket): void {
		if (qos === 0 || this.#client.version === 4) return;
		this.#owe(messageId);
		this.#answer(qos === 1 ? "puback" : "pubrec", messageId, REASON.quotaExceeded);
	}

	#receiveOnce(message: Message, packetId: number): void {
		this.#owe(packetId);
		const isInUse = this.#client.version === 5 && this.#session.hasReceived(packetId);
		this.#answer("puback", packetId, isInUse ? REASON.packetIdentifierInUse : this.#route(message));
	}

	#receiveExactlyOnce(message: Message, packetId: number): void {
		this.#owe(packetId);
		if (!this.#session.receive(packetId)) return this.#answer("pubrec", packetId, REASON.success);
		const reasonCode = this.#route(message);
		// [MQTT-4.3.3-9]: after a refusal the identifier is free. 3.1.1 has no refusal.
		if (reasonCode >= FAILURE && this.#client.version === 5) this.#session.forget(packetId);
		this.#answer("pubrec", packetId, reasonCode);
	}

	/**
	 * What is not permitted is dropped; a 3.1.1 client is not told (§3.3.5).
	 * @returns the reason code for the answer
	 */
	#route(message: Message): number {
		const { topic, qos, retain, payload } = message;
		const refusal = this.#owner.refusal(this.#client, { action: "publish", topic, qos, retain, size: payload.byteLength, share: undefined, isWill: false });
		if (refusal !== undefined) return refusal;
		const receivers = this.#owner.publish(message, this.#client);
		return receivers === 0 && this.#owner.limits.explainsSuccess ? REASON.noMatchingSubscribers : REASON.success;
	}

	#release(packetId: number): void {
		this.#answer("pubcomp", packetId, this.#session.forget(packetId) ? REASON.success : REASON.packetIdentifierNotFound);
	}

	/** [MQTT-3.3.4-9] */
	#owe(packetId: number): void {
		if (this.#client.version !== 5) return;
		this.#owed.add(packetId);
		const { receiveMaximum } = this.#owner.limits;
		if (this.#owed.size > receiveMaximum) throw violation(`more than ${receiveMaximum} publications at a time`, REASON.receiveMaximumExceeded);
	}

	/** After PUBACK, PUBCOMP and a refusing PUBREC nothing is owed any more. */
	#answer(cmd: Acknowledging, messageId: number, reasonCode: number): void {
		const isLast = cmd !== "pubrec" || reasonCode >= FAILURE;
		this.#answers.transmit({ cmd, messageId, reasonCode }, reasonCode >= FAILURE ? { reasonString: `${cmd} with a refusal` } : undefined,
			() => { if (isLast) this.#settled.push(messageId); });
	}

	#subscribe(packet: ISubscribePacket, properties: Properties): void {
		const { limits } = this.#owner;
		const identifier = properties.subscriptionIdentifier as number | undefined;
		if (identifier !== undefined && !limits.subscriptionIdentifiersAvailable) {
			throw violation("subscription identifiers are not available", REASON.subscriptionIdentifiersNotSupported);
		}
		if (packet.subscriptions.length > limits.filtersPerSubscribeMaximum) {
			throw violation(`${packet.subscriptions.length} filters at a time, allowed are ${limits.filtersPerSubscribeMaximum}`, REASON.quotaExceeded);
		}
		const isInUse = this.#owed.has(packet.messageId!);
		const results = packet.subscriptions.map(requested => ({ requested, shared: this.#readFilter(requested) })).map(({ requested, shared }) => {
			const { topic, nl = false, rap = false, rh = 0 } = requested;
			const code = isInUse ? REASON.packetIdentifierInUse : this.#refusal(requested, shared);
			const isNew = !this.#session.subscriptions.has(topic);
			const qos = requested.qos < limits.maximumQoS ? requested.qos : limits.maximumQoS;
			const subscription: Subscription = { qos, noLocal: nl, retainAsPublished: rap, identifier };
			if (code === undefined) this.#owner.subscribe(this.#session, topic, shared, subscription);
			const isReplayed = code === undefined && !shared && (rh === 0 || (rh === 1 && isNew));
			return { topic, code: code ?? qos, subscription, isReplayed };
		});
		// The only failure that 3.1.1 knows.
		const granted = results.map(({ code }) => code >= FAILURE && this.#client.version === 4 ? REASON.unspecified : code);
		this.#answers.transmit({ cmd: "suback", messageId: packet.messageId!, granted });
		for (const { topic, subscription, isReplayed } of results) if (isReplayed) this.#owner.replay(this.#session, topic, subscription);
		this.#owner.changed(this.#client, "subscribed", results.filter(({ code }) => code < FAILURE).map(({ topic }) => topic));
	}

	/** @throws DeviceError `violation` for what no server would take */
	#readFilter({ topic, nl }: Requested): SharedFilter | undefined {
		const shared = sharedFilter(topic);
		if (shared === null && this.#client.version === 5) throw violation("SUBSCRIBE to an ill-formed share", REASON.topicFilterInvalid);
		if (!shared && !isFilter(topic)) throw violation("SUBSCRIBE to what is no filter", REASON.topicFilterInvalid);
		// [MQTT-3.8.3-4]
		if (shared && nl) throw violation("no-local on a shared subscription");
		return shared ?? undefined;
	}

	/** @returns the code for SUBACK, or `undefined` @throws DeviceError `violation` where MQTT 5 wants the connection to end */
	#refusal({ topic, qos }: Requested, shared: SharedFilter | undefined): number | undefined {
		const { limits } = this.#owner;
		const filter = shared?.filter ?? topic;
		const missing = shared && !limits.sharedSubscriptionAvailable ? REASON.sharedSubscriptionsNotSupported
			: /[+#]/.test(filter) && !limits.wildcardSubscriptionAvailable ? REASON.wildcardSubscriptionsNotSupported : undefined;
		if (missing !== undefined && this.#client.version === 5) throw violation("such subscriptions are not available", missing);
		if (missing !== undefined) return missing;
		const refusal = this.#owner.refusal(this.#client, { action: "subscribe", topic: filter, qos, retain: false, size: 0, share: shared?.name, isWill: false });
		if (refusal !== undefined) return refusal;
		const { subscriptions } = this.#session;
		return !subscriptions.has(topic) && subscriptions.size >= limits.subscriptionMaximum ? REASON.quotaExceeded : undefined;
	}

	#unsubscribe({ unsubscriptions, messageId }: IUnsubscribePacket): void {
		if (unsubscriptions.some(filter => !isFilter(filter))) throw violation("UNSUBSCRIBE from what is no filter", REASON.topicFilterInvalid);
		const isInUse = this.#owed.has(messageId!);
		const granted = unsubscriptions.map(filter => {
			if (isInUse) return REASON.packetIdentifierInUse;
			return this.#owner.unsubscribe(this.#session, filter) || !this.#owner.limits.explainsSuccess ? REASON.success : REASON.noSubscriptionExisted;
		});
		this.#answers.transmit({ cmd: "unsuback", messageId: messageId!, granted });
		if (!isInUse) this.#owner.changed(this.#client, "unsubscribed", unsubscriptions);
	}
}

function expected(known: boolean, packet: Packet): void {
	if (!known) throw violation(`${packet.cmd} that the message's state does not allow`);
}
