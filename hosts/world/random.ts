// SPDX-License-Identifier: Apache-2.0
/**
 * Seeded randomness (sfc32, Chris Doty-Humphrey's small fast counter generator).
 *
 * Each part of the world draws from its own fork, so that one more draw in one part (say, a device
 * that asks for another nonce) does not move every dice roll of the others.
 */
import { Hash } from "./hash.js";

const TO_UNIT = 1 / 0x1_0000_0000;
/** Draws thrown away after seeding, until all state words depend on all of the seed. */
const WARM_UP = 12;

export class Random {
	readonly seed: string;
	#a: number;
	#b: number;
	#c: number;
	#counter = 1;

	constructor(seed: string | number) {
		this.seed = String(seed);
		const digits = new Hash().text(this.seed).hex();
		this.#a = parseInt(digits.slice(0, 8), 16) | 0;
		this.#b = parseInt(digits.slice(8), 16) | 0;
		this.#c = this.#a ^ Math.imul(this.#b, 0x27d4eb2f);
		for (let draw = 0; draw < WARM_UP; draw++) this.word();
	}

	/** A generator of its own, given by this one's seed and `name`: what was drawn so far plays no part. */
	fork(name: string): Random {
		return new Random(`${this.seed}/${name}`);
	}

	/** 32 random bits, as a signed integer. */
	word(): number {
		const sum = (this.#a + this.#b | 0) + this.#counter | 0;
		this.#counter = this.#counter + 1 | 0;
		this.#a = this.#b ^ this.#b >>> 9;
		this.#b = this.#c + (this.#c << 3) | 0;
		this.#c = (this.#c << 21 | this.#c >>> 11) + sum | 0;
		return sum;
	}

	/** At least 0, below 1. */
	unit(): number {
		return (this.word() >>> 0) * TO_UNIT;
	}

	/** An integer from `least` to `most`, both included. */
	between(least: number, most: number): number {
		return least + Math.floor(this.unit() * (most - least + 1));
	}

	/** True with this probability. Draws nothing for 0, so that a fault that is off costs and moves nothing. */
	chance(probability: number): boolean {
		return probability > 0 && this.unit() < probability;
	}

	fill(target: Uint8Array): void {
		for (let index = 0; index < target.byteLength; index++) target[index] = this.word() >>> 24;
	}
}
