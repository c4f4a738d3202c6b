// SPDX-License-Identifier: Apache-2.0
/** Memory that a reset leaves as it is, and a power cut as noise. */
import { RETAINED_LENGTH } from "../../src/host.js";
import type { Random } from "./random.js";

/** Bytes of noise that are drawn; the rest repeats them, as drawing is what takes time. */
const NOISE = 256;

export class Retained {
	readonly #random: Random;
	/** Absent: noise, which nobody has looked at yet. */
	#content: Uint8Array | undefined;
	/** What the program of this boot was given. */
	#given: Uint8Array | undefined;

	constructor(random: Random) {
		this.#random = random;
	}

	/** The memory, for one boot: what is left of its program cannot change what the next one finds. */
	begin(): Uint8Array {
		return this.#given ??= (this.#content ?? this.#noise()).slice();
	}

	/** The boot is over. */
	end(): void {
		this.#content = this.#given?.slice() ?? this.#content;
		this.#given = undefined;
	}

	/** The power failed. */
	lose(): void {
		this.#content = undefined;
	}

	#noise(): Uint8Array {
		const content = new Uint8Array(RETAINED_LENGTH);
		this.#random.fill(content.subarray(0, NOISE));
		for (let length = NOISE; length < content.byteLength; length *= 2) content.copyWithin(length, 0, length);
		return this.#content = content;
	}
}
