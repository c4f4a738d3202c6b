// SPDX-License-Identifier: Apache-2.0
/**
 * The peer's requests that have no answer yet, counted, and Pongs that wait for them.
 *
 * Spec: RFC 8323 §5.4.1. Memory: `CUSTODY_MAXIMUM` tokens.
 */

/** Pongs that wait; further ones do without. */
export const CUSTODY_MAXIMUM = 4;

interface Waiting {
	readonly token: Uint8Array;
	/** Of the last request before the Ping. */
	readonly exchange: number;
	/** Requests before it that have no answer. */
	count: number;
}

export class Custody {
	#exchange = 0;
	#unanswered = 0;
	#waiting: readonly Waiting[] = [];

	/** All that came is answered. */
	get isComplete(): boolean {
		return this.#unanswered === 0;
	}

	/** A request came. @returns its number, above 0 */
	open(): number {
		this.#unanswered++;
		return ++this.#exchange;
	}

	/** @returns false when too many wait */
	wait(token: Uint8Array): boolean {
		if (this.#waiting.length === CUSTODY_MAXIMUM) return false;
		this.#waiting = [...this.#waiting, { token, exchange: this.#exchange, count: this.#unanswered }];
		return true;
	}

	/** That request is done with. @returns tokens of the Pongs that are due */
	settle(exchange: number): readonly Uint8Array[] {
		this.#unanswered--;
		for (const waiting of this.#waiting) if (exchange <= waiting.exchange) waiting.count--;
		const due = this.#waiting.filter(({ count }) => count === 0).map(({ token }) => token);
		if (due.length > 0) this.#waiting = this.#waiting.filter(({ count }) => count > 0);
		return due;
	}
}
