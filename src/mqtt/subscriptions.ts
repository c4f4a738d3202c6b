// SPDX-License-Identifier: Apache-2.0
/**
 * What we are subscribed to, and how far the server has been told.
 *
 * Survives connections: a server that lost its session is told again, one that kept it is not.
 */
import { DeviceError } from "../base/error.js";
import { Reason } from "./constants.js";
import type { Subscription } from "./encode.js";

/** Filters that one client may hold. */
export const SUBSCRIPTION_MAXIMUM = 32;
/** Filters per SUBSCRIBE: the least that a public cloud allows (AWS: 8). */
const BATCH_MAXIMUM = 8;

const Progress = Object.freeze({ WANTED: 0, SUBSCRIBING: 1, ACTIVE: 2, REFUSED: 3, UNWANTED: 4, UNSUBSCRIBING: 5 });

class Entry implements Subscription {
	progress: number = Progress.WANTED;
	options: number;
	identifier: number;
	readonly filter: string;

	constructor(filter: string, options: number, identifier: number) {
		this.filter = filter;
		this.options = options;
		this.identifier = identifier;
	}
}

export class Subscriptions {
	readonly #entries: Entry[] = [];

	/** True when the server answered for every filter. */
	get settled(): boolean {
		return this.#entries.every(({ progress }) => progress === Progress.ACTIVE || progress === Progress.REFUSED);
	}

	/** @throws DeviceError `full` */
	add(filter: string, options: number, identifier = 0): void {
		const entry = this.#entries.find((candidate) => candidate.filter === filter);
		if (entry) {
			entry.options = options;
			entry.identifier = identifier;
			entry.progress = Progress.WANTED;
			return;
		}
		if (this.#entries.length === SUBSCRIPTION_MAXIMUM) {
			throw new DeviceError("full", `over ${SUBSCRIPTION_MAXIMUM} subscriptions`);
		}
		this.#entries.push(new Entry(filter, options, identifier));
	}

	/** Filters that nobody subscribed to are passed over. */
	remove(filter: string): void {
		const entry = this.#entries.find((candidate) => candidate.filter === filter);
		if (entry) entry.progress = Progress.UNWANTED;
	}

	/** On a new connection: what was under way is to be said again, and all of it to a server without session. */
	reset(sessionPresent: boolean): void {
		for (const entry of this.#entries) {
			if (entry.progress === Progress.UNSUBSCRIBING) entry.progress = Progress.UNWANTED;
			else if (entry.progress === Progress.SUBSCRIBING) entry.progress = Progress.WANTED;
			else if (!sessionPresent && entry.progress !== Progress.UNWANTED) entry.progress = Progress.WANTED;
		}
	}

	/** The filters of the next SUBSCRIBE, which are under way from now on; empty when there are none. */
	takeWanted(): Subscription[] {
		return this.take(Progress.WANTED, Progress.SUBSCRIBING);
	}

	/** The filters of the next UNSUBSCRIBE, which are under way from now on; empty when there are none. */
	takeUnwanted(): Subscription[] {
		return this.take(Progress.UNWANTED, Progress.UNSUBSCRIBING);
	}

	/** Notes the server's answer for a filter that was taken; `subscribe` again in between is not undone. */
	subscribed(subscription: Subscription, reasonCode: number): void {
		const entry = subscription as Entry;
		if (entry.progress !== Progress.SUBSCRIBING) return;
		entry.progress = reasonCode >= Reason.FAILURE ? Progress.REFUSED : Progress.ACTIVE;
	}

	/** As `subscribed`. A server that refuses to unsubscribe goes on sending. */
	unsubscribed(subscription: Subscription, reasonCode: number): void {
		const entry = subscription as Entry;
		if (entry.progress !== Progress.UNSUBSCRIBING) return;
		if (reasonCode >= Reason.FAILURE) entry.progress = Progress.ACTIVE;
		else this.#entries.splice(this.#entries.indexOf(entry), 1);
	}

	private take(from: number, to: number): Subscription[] {
		const batch: Entry[] = [];
		for (const entry of this.#entries) {
			// One SUBSCRIBE, one subscription identifier.
			if (entry.progress !== from || (batch.length > 0 && entry.identifier !== batch[0]!.identifier)) continue;
			entry.progress = to;
			if (batch.push(entry) === BATCH_MAXIMUM) break;
		}
		return batch;
	}
}
