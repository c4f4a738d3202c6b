// SPDX-License-Identifier: Apache-2.0
/** Connections that may only last so long, by client id. Pure. */
import type { Task } from "../../broker/agenda.js";

export class Lifetimes implements Task {
	readonly #onEnd: (clientId: string, now: number) => void;
	readonly #ends = new Map<string, number>();

	constructor(onEnd: (clientId: string, now: number) => void) {
		this.#onEnd = onEnd;
	}

	get deadline(): number {
		let earliest = Infinity;
		for (const at of this.#ends.values()) earliest = Math.min(earliest, at);
		return earliest;
	}

	/** @param at `Infinity` for a connection that may last */
	set(clientId: string, at: number): void {
		if (at === Infinity) this.#ends.delete(clientId);
		else this.#ends.set(clientId, at);
	}

	expire(now: number): void {
		for (const [clientId, at] of [...this.#ends]) {
			if (at > now) continue;
			this.#ends.delete(clientId);
			this.#onEnd(clientId, now);
		}
	}
}
