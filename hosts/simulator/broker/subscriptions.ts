// SPDX-License-Identifier: Apache-2.0
/**
 * Who gets a message: all subscriptions, the shared ones too, and what each makes of it.
 *
 * Pure. Spec: MQTT 3.1.1 §3.3.5, MQTT 5 §3.3.4, §3.8.3.1, §4.8.2.
 */
import type { QoS } from "./codec.js";
import { LateSubscriptions } from "./late.js";
import type { BrokerLimits } from "./limits.js";
import type { Delivery, Message, Subscriber, Subscription } from "./message.js";
import type { Session } from "./session.js";
import type { SharedFilter } from "./share.js";
import { Share } from "./share.js";
import { TopicTree } from "./topics.js";

/** Of a service in this process. */
const SERVICE: Subscription = Object.freeze({ qos: 1, noLocal: false, retainAsPublished: false, identifier: undefined });

export class Subscriptions {
	/** To be served by the broker's timer. */
	readonly late = new LateSubscriptions();
	readonly #tree: TopicTree<Subscriber, Subscription>;
	/** By the whole filter, `$share/<name>/` included. */
	readonly #shares = new Map<string, Share>();

	constructor({ hashIncludesParent }: Pick<BrokerLimits, "hashIncludesParent">) {
		this.#tree = new TopicTree(hashIncludesParent);
	}

	addService(filter: string, service: Subscriber): void {
		this.#tree.add(filter, service, SERVICE);
	}

	/** @param delay milliseconds until it counts */
	set(session: Session, filter: string, shared: SharedFilter | undefined, subscription: Subscription, now: number, delay: number): void {
		if (delay === 0) this.#begin(session, filter, shared, subscription);
		else this.late.add({ at: now + delay, session, filter, begin: () => { this.#begin(session, filter, shared, subscription); } });
	}

	/** @returns false when there was none */
	remove(session: Session, filter: string): boolean {
		if (this.late.remove(session, filter)) return true;
		const share = this.#shares.get(filter);
		share?.remove(session);
		if (share?.isEmpty) {
			this.#shares.delete(filter);
			this.#tree.remove(share.filter, share);
		}
		this.#tree.remove(filter, session);
		return session.subscriptions.delete(filter);
	}

	/** The session has ended. */
	forget(session: Session): void {
		this.late.forget(session);
		for (const filter of [...session.subscriptions.keys()]) this.remove(session, filter);
	}

	/**
	 * Delivers a message. Overlapping subscriptions of one client get one copy, with the highest QoS among them and all
	 * their identifiers ([MQTT-3.3.5-1] of 3.1.1; [MQTT-3.3.4-2], [MQTT-3.3.4-4]).
	 * @param from the client that published it @returns how many receivers there were
	 */
	route(message: Message, from: string | undefined): number {
		const receivers = new Map<Subscriber, Delivery>();
		this.#tree.match(message.topic, (subscriber, subscription) => {
			if (subscription.noLocal && from !== undefined && subscriber.clientId === from) return;
			receivers.set(subscriber, merge(receivers.get(subscriber), message, subscription));
		});
		for (const [subscriber, delivery] of receivers) subscriber.deliver(delivery);
		return receivers.size;
	}

	#begin(session: Session, filter: string, shared: SharedFilter | undefined, subscription: Subscription): void {
		session.subscriptions.set(filter, subscription);
		if (!shared) {
			this.#tree.add(filter, session, subscription);
			return;
		}
		let share = this.#shares.get(filter);
		if (!share) {
			share = new Share(shared.filter);
			this.#shares.set(filter, share);
			this.#tree.add(shared.filter, share, SERVICE);
		}
		share.set(session, subscription);
	}
}

/** A retained message for a subscription that was just made. */
export function replayed(message: Message, subscription: Subscription = SERVICE): Delivery {
	return { ...merge(undefined, message, subscription), retain: true };
}

function merge(earlier: Delivery | undefined, message: Message, { qos, retainAsPublished, identifier }: Subscription): Delivery {
	const others = earlier?.identifiers ?? [];
	return {
		message, qos: higher(earlier?.qos ?? 0, lower(message.qos, qos)),
		retain: earlier?.retain || (message.retain && retainAsPublished),
		identifiers: identifier === undefined ? others : [...others, identifier],
	};
}

function lower(left: QoS, right: QoS): QoS {
	return left < right ? left : right;
}

function higher(left: QoS, right: QoS): QoS {
	return left > right ? left : right;
}
