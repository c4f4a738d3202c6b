// SPDX-License-Identifier: Apache-2.0
/**
 * A shared subscription: each message goes to one of its members, in turn.
 *
 * Pure and deterministic: turns follow the order of subscribing; a member that is away is passed over while another is
 * here. Spec: MQTT 5 §4.8.2; 3.1.1 clients may use it, too.
 * Memory: one entry for each member; a session's share of them is bounded by its subscriptions.
 */
import type { Delivery, Message, Subscriber, Subscription } from "./message.js";
import type { Session } from "./session.js";
import { isFilter } from "./topics.js";

const PREFIX = "$share/";

/** The parts of `$share/<name>/<filter>`. */
export interface SharedFilter { name: string; filter: string }

/** @returns `undefined` for a filter that is not shared; null for one that should be and is not well-formed */
export function sharedFilter(filter: string): SharedFilter | undefined | null {
	if (filter !== "$share" && !filter.startsWith(PREFIX)) return undefined;
	const nameEnd = filter.indexOf("/", PREFIX.length);
	const name = filter.slice(PREFIX.length, nameEnd);
	if (nameEnd < 0 || name === "" || name.includes("+") || name.includes("#")) return null;
	const rest = filter.slice(nameEnd + 1);
	return isFilter(rest) ? { name, filter: rest } : null;
}

export class Share implements Subscriber {
	/** What it listens to, without the name. */
	readonly filter: string;
	readonly clientId = undefined;
	readonly #members = new Map<Session, Subscription>();
	#turn = 0;

	constructor(filter: string) {
		this.filter = filter;
	}

	get isEmpty(): boolean { return this.#members.size === 0; }

	set(session: Session, subscription: Subscription): void {
		this.#members.set(session, subscription);
	}

	remove(session: Session): void {
		this.#members.delete(session);
	}

	deliver({ message }: Delivery): void {
		this.offer(message);
	}

	/** Gives a message to the next member. Nothing happens when there is none. */
	offer(message: Message): void {
		const members = [...this.#members];
		for (let offset = 0; offset < members.length; offset++) {
			const index = (this.#turn + offset) % members.length;
			if (members[index]![0].connected) return this.#give(members, index, message);
		}
		if (members.length > 0) this.#give(members, this.#turn % members.length, message);
	}

	#give(members: readonly (readonly [Session, Subscription])[], index: number, message: Message): void {
		const [session, { qos, retainAsPublished, identifier }] = members[index]!;
		this.#turn = (index + 1) % members.length;
		session.deliver({
			message, qos: message.qos < qos ? message.qos : qos, retain: message.retain && retainAsPublished,
			identifiers: identifier === undefined ? [] : [identifier], share: this,
		});
	}
}
