// SPDX-License-Identifier: Apache-2.0
/**
 * Which numbers of the peer came before: the highest, and which of the 31 below it. Older ones count as received.
 *
 * Spec: RFC 8613 §3.2.2, §7.4; RFC 6347 §4.1.2.6.
 */
const SIZE = 32;
const ALL = -1;

export class ReplayWindow {
	#highest = -1;
	/** The bit n is set when the number n below the highest came. */
	#received = 0;

	isNew(number: number): boolean {
		const back = this.#highest - number;
		return back < 0 || (back < SIZE && (this.#received >>> back & 1) === 0);
	}

	accept(number: number): void {
		const back = this.#highest - number;
		if (back >= 0) {
			this.#received |= 1 << back;
			return;
		}
		this.#received = (-back < SIZE ? this.#received << -back : 0) | 1;
		this.#highest = number;
	}

	/** What is not above `number` came before, as far as anybody knows. */
	begin(number: number): void {
		this.#highest = number;
		this.#received = ALL;
	}
}
