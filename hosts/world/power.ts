// SPDX-License-Identifier: Apache-2.0
/**
 * Power and writes: every change of what a device keeps is one numbered operation, and the power may
 * fail at any of them.
 *
 * One counter for flash and storage, so that a harness runs a scenario once, learns the number of
 * operations and then cuts the power at 1, 2, 3 and so on. The cut happens inside the operation: its
 * owner is told how much of it becomes real.
 */
import { DeviceError } from "../../src/base/error.js";
import type { Random } from "./random.js";

/**
 * How an operation is torn when the power fails in it: nothing of it happened; a prefix; random bits;
 * every other 32-bit word; all of it (and the program never knew); or one of these by dice.
 */
export type Tear = "none" | "prefix" | "bits" | "words" | "whole" | "any";

const TEARS = Object.freeze(["none", "prefix", "bits", "words", "whole"] as const);

/** Which bits of an operation's byte at `index` still change when the operation is torn. */
export type TornMask = (index: number) => number;

export class PowerSupply {
	readonly random: Random;
	readonly #cuts = new Map<number, Tear>();
	readonly #onCut: () => never;
	#operations = 0;

	/** @param onCut ends the boot; throws */
	constructor(random: Random, onCut: () => never) {
		this.random = random;
		this.#onCut = onCut;
	}

	/** Operations so far, since the device was made. */
	get operations(): number {
		return this.#operations;
	}

	cutAt(operation: number, tear: Tear): void {
		if (!(Number.isInteger(operation) && operation > this.#operations)) {
			throw new DeviceError("argument", `operation ${operation} cannot be cut: there were ${this.#operations} already`);
		}
		this.#cuts.set(operation, tear);
	}

	/** Does an operation of `count` bytes through `apply`, which changes the bits of each byte that its mask allows. */
	operate(count: number, apply: (mask: TornMask | undefined) => void): void {
		const operation = ++this.#operations, tear = this.#cuts.get(operation);
		if (tear === undefined) return apply(undefined);
		apply(this.#mask(tear === "any" ? TEARS[this.random.between(0, TEARS.length - 1)]! : tear, count));
		this.#onCut();
	}

	#mask(tear: Exclude<Tear, "any">, count: number): TornMask {
		const { random } = this;
		switch (tear) {
		case "none": return () => 0;
		case "whole": return () => 0xff;
		case "bits": return () => random.word() & 0xff;
		case "words": return index => (index & 4) === 0 ? 0xff : 0;
		case "prefix": {
			const whole = random.between(0, count - 1), last = random.word() & 0xff;
			return index => index < whole ? 0xff : index === whole ? last : 0;
		}
		}
	}
}
