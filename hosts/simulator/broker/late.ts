// SPDX-License-Identifier: Apache-2.0
/** Subscriptions that were granted and do not count yet: a fault, which real brokers have without being asked. Pure. */
import type { Task } from "./agenda.js";
import type { Session } from "./session.js";

interface Entry { readonly at: number; readonly session: Session; readonly filter: string; readonly begin: () => void }

/** Subscriptions that wait; one more and the oldest begins. */
const WAITING_MAXIMUM = 10_000;

export class LateSubscriptions implements Task {
	#waiting: Entry[] = [];

	get deadline(): number { return this.#waiting.reduce((earliest, { at }) => Math.min(earliest, at), Infinity); }

	add(entry: Entry): void {
		this.#waiting.push(entry);
		if (this.#waiting.length > WAITING_MAXIMUM) this.#waiting.shift()!.begin();
	}

	/** @returns whether there was one */
	remove(session: Session, filter: string): boolean {
		const before = this.#waiting.length;
		this.#waiting = this.#waiting.filter(entry => entry.session !== session || entry.filter !== filter);
		return this.#waiting.length < before;
	}

	/** The session has ended. */
	forget(session: Session): void {
		this.#waiting = this.#waiting.filter(entry => entry.session !== session);
	}

	expire(now: number): void {
		const due = this.#waiting.filter(({ at }) => at <= now);
		this.#waiting = this.#waiting.filter(({ at }) => at > now);
		for (const { begin } of due) begin();
	}
}
