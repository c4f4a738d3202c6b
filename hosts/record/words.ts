// SPDX-License-Identifier: Apache-2.0
/** The running digest of what a program says to its host. */
import { Hash } from "../world/hash.js";
import type { Kind } from "./kind.js";
import type { Output } from "./tape.js";

export class Words {
	readonly #hash = new Hash();

	/** @returns 32 bits of the digest of all so far; with no output the digest stays, and nothing is to be checked */
	add(kind: Kind, output: readonly Output[], masks: { mask: (bytes: Uint8Array) => Uint8Array; maskText: (line: string) => string }): number | null {
		if (output.length === 0) return null;
		const hash = this.#hash.number(kind);
		for (const part of output) {
			if (part instanceof Uint8Array) hash.bytes(masks.mask(part));
			else if (typeof part === "string") hash.text(masks.maskText(part));
			else if (typeof part === "number") hash.number(Number.isFinite(part) ? part : -1);
			else hash.text(String(part));
		}
		return Number.parseInt(hash.hex().slice(0, 8), 16);
	}

	hex(): string {
		return this.#hash.hex();
	}
}

/** Of an object that the program dies of: what it is and says, and not where, which differs from run to run. */
export function describeCrash(error: unknown): Output[] {
	return error instanceof Error ? [error.name, error.message] : [typeof error === "string" ? error : typeof error];
}

