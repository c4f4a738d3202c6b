// SPDX-License-Identifier: Apache-2.0
/**
 * A running 64-bit hash of numbers and text, in two 32-bit lanes.
 *
 * Not cryptographic: it tells two runs of the world apart and stands in for key fingerprints and
 * signatures of the modelled TLS. Two lanes because a 64-bit integer would be a BigInt, which is slow everywhere.
 */
export class Hash {
	#high = 0x9e3779b9 | 0;
	#low = 0x243f6a88 | 0;

	/** Any safe integer: both halves count. */
	number(value: number): this {
		const top = Math.floor(value / 0x1_0000_0000) | 0;
		if (top !== 0) this.#mix(top ^ 0x5bd1e995);
		this.#mix(value | 0);
		return this;
	}

	text(value: string): this {
		const length = value.length;
		this.#mix(length);
		for (let index = 0; index < length; index++) this.#mix(value.charCodeAt(index));
		return this;
	}

	bytes(value: Uint8Array): this {
		const length = value.byteLength;
		this.#mix(length);
		for (let index = 0; index < length; index++) this.#mix(value[index]!);
		return this;
	}

	/** The state so far as 16 hexadecimal digits; more may be added afterwards. */
	hex(): string {
		const high = finish(this.#high ^ this.#low), low = finish(this.#low + Math.imul(high, 5) | 0);
		return (high >>> 0).toString(16).padStart(8, "0") + (low >>> 0).toString(16).padStart(8, "0");
	}

	#mix(word: number): void {
		const high = Math.imul(this.#high ^ word, 0x85ebca6b);
		this.#high = high << 13 | high >>> 19;
		const low = Math.imul(this.#low + word | 0, 0xc2b2ae35) ^ this.#high;
		this.#low = low << 17 | low >>> 15;
	}
}

function finish(word: number): number {
	word = Math.imul(word ^ word >>> 16, 0x85ebca6b);
	word = Math.imul(word ^ word >>> 13, 0xc2b2ae35);
	return word ^ word >>> 16;
}
