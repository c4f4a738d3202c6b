// SPDX-License-Identifier: Apache-2.0
/** Which devices are there: over datagrams, those that were heard of late. Pure. */
import type { Task } from "../broker/agenda.js";
import type { CoAPPeer } from "../coap/server.js";

interface Session {
	readonly peer: CoAPPeer;
	/** Milliseconds that it may be silent. */
	readonly patience: number;
	/** Monotonic ms. */
	due: number;
}

/** A device says how often it is heard of; so much more often may pass, and then the longest time of an exchange. */
const PATIENCE = 1.5;
const EXCHANGE = 93_000;

export class Sessions implements Task {
	/** Told when the deadline has become earlier. */
	onDue: (() => void) | undefined;
	readonly #now: () => number;
	readonly #onGone: (id: string) => void;
	readonly #sessions = new Map<string, Session>();
	/** No session is due before. */
	#deadline = Infinity;

	/** @param onGone a device was not heard of any more, or its stream ended */
	constructor(now: () => number, onGone: (id: string) => void) {
		this.#now = now;
		this.#onGone = onGone;
	}

	get deadline(): number { return this.#deadline; }

	/**
	 * The device says that it is there.
	 * @param keepAlive ms from one time to the next; `Infinity` where its stream tells when it is gone
	 * @returns false when it was, and came the same way
	 */
	begin(id: string, peer: CoAPPeer, keepAlive: number): boolean {
		const isNew = this.#sessions.get(id)?.peer !== peer;
		const patience = PATIENCE * keepAlive + EXCHANGE, due = this.#now() + patience;
		this.#sessions.set(id, { peer, patience, due });
		if (due < this.#deadline) {
			this.#deadline = due;
			this.onDue?.();
		}
		return isNew;
	}

	/** Something else was heard of it. */
	heard(id: string, peer: CoAPPeer): void {
		const session = this.#sessions.get(id);
		if (session?.peer === peer) session.due = this.#now() + session.patience;
	}

	/** Its goodbye. */
	end(id: string): void {
		if (this.#sessions.delete(id)) this.#onGone(id);
	}

	/** A stream has ended. */
	lost({ key }: CoAPPeer): void {
		for (const [id, { peer }] of this.#sessions) if (peer.key === key) this.end(id);
	}

	/** The server starts again and knows nobody. */
	clear(): void {
		for (const id of [...this.#sessions.keys()]) this.end(id);
	}

	expire(now: number): void {
		this.#deadline = Infinity;
		for (const [id, { due }] of this.#sessions) {
			if (due <= now) this.end(id);
			else this.#deadline = Math.min(this.#deadline, due);
		}
	}
}
