// SPDX-License-Identifier: Apache-2.0
/**
 * VCDIFF as simply as it can be written, to hold the decoder against: the code table of RFC 3284 §5.6 as a table, the
 * caches of §5.1 as arrays, and every byte copied by itself. It makes up windows at random while it decodes them.
 */
import { integer, windowOf } from "../unit/ota/vcdiff-rig.js";
import type { Random } from "./random.js";

interface Half {
	readonly type: "NOOP" | "ADD" | "RUN" | "COPY";
	readonly size: number;
	readonly mode: number;
}

const NOOP: Half = { type: "NOOP", size: 0, mode: 0 };

/** Line by line as the RFC has it. */
export const CODES: readonly (readonly [Half, Half])[] = Object.freeze(makeCodes());

function makeCodes(): [Half, Half][] {
	const codes: [Half, Half][] = [[{ type: "RUN", size: 0, mode: 0 }, NOOP]];
	const add = (size: number): Half => ({ type: "ADD", size, mode: 0 });
	const copy = (size: number, mode: number): Half => ({ type: "COPY", size, mode });
	for (let size = 0; size <= 17; size++) codes.push([add(size), NOOP]);
	for (let mode = 0; mode <= 8; mode++) {
		codes.push([copy(0, mode), NOOP]);
		for (let size = 4; size <= 18; size++) codes.push([copy(size, mode), NOOP]);
	}
	for (let mode = 0; mode <= 5; mode++) {
		for (let first = 1; first <= 4; first++) for (let second = 4; second <= 6; second++) codes.push([add(first), copy(second, mode)]);
	}
	for (let mode = 6; mode <= 8; mode++) for (let first = 1; first <= 4; first++) codes.push([add(first), copy(4, mode)]);
	for (let mode = 0; mode <= 8; mode++) codes.push([copy(4, mode), add(1)]);
	return codes;
}

/** A window that was made up: its bytes in the patch, and what it makes. */
export interface MadeUp {
	readonly window: readonly number[];
	readonly output: readonly number[];
}

/** Source and window, one after the other, and the window's three sections so far. */
class Making {
	readonly whole: number[];
	readonly sourceLength: number;
	readonly data: number[] = [];
	readonly codes: number[] = [];
	readonly addresses: number[] = [];
	readonly #random: Random;
	readonly #near = [0, 0, 0, 0];
	readonly #same = new Array<number>(768).fill(0);
	#next = 0;

	constructor(random: Random, source: readonly number[]) {
		this.#random = random;
		this.whole = [...source];
		this.sourceLength = source.length;
	}

	get length(): number {
		return this.whole.length - this.sourceLength;
	}

	/** One more instruction, or two. */
	step(maximum: number): void {
		const code = this.#random.below(256);
		const halves = CODES[code]!;
		// No COPY of nothing, no address where there is none.
		if (this.whole.length === 0 && halves[0].type === "COPY") return;
		this.codes.push(code);
		for (const half of halves) this.#half(half, maximum);
	}

	#half(half: Half, maximum: number): void {
		if (half.type === "NOOP") return;
		let { size } = half;
		if (size === 0) {
			size = 1 + this.#random.below(this.#random.once(3) ? maximum : 30);
			this.codes.push(...integer(size));
		}
		if (half.type === "COPY") return this.#copy(this.#address(half.mode), size);
		const byte = this.#byte();
		for (let count = 0; count < size; count++) {
			const value = half.type === "RUN" ? byte : this.#byte();
			if (half.type === "ADD" || count === 0) this.data.push(value);
			this.whole.push(value);
		}
	}

	#byte(): number {
		return this.#random.below(256);
	}

	#copy(address: number, size: number): void {
		for (let count = 0; count < size; count++) this.whole.push(this.whole[address + count]!);
	}

	/** An address that can be said in `mode`. */
	#address(mode: number): number {
		const here = this.whole.length;
		let address = this.#random.below(here);
		if (mode === 0) {
			this.addresses.push(...integer(address));
		} else if (mode === 1) {
			this.addresses.push(...integer(here - address));
		} else if (mode < 6) {
			const near = this.#near[mode - 2]!;
			address = near + this.#random.below(here - near);
			this.addresses.push(...integer(address - near));
		} else {
			const slot = this.#random.below(256);
			address = this.#same[(mode - 6) * 256 + slot]!;
			this.addresses.push(slot);
		}
		this.#near[this.#next] = address;
		this.#next = (this.#next + 1) % 4;
		this.#same[address % 768] = address;
		return address;
	}
}

/** @param maximum bytes of the window, roughly: the last instruction may make more */
export function makeUp(random: Random, base: Uint8Array, made: readonly number[], maximum: number): MadeUp {
	const indicator = random.below(made.length > 0 ? 3 : 2);
	const from: ArrayLike<number> = indicator === 0 ? [] : indicator === 1 ? base : made;
	const sourceOffset = random.below(from.length + 1);
	const sourceLength = random.below(from.length - sourceOffset + 1);
	const making = new Making(random, Array.from({ length: sourceLength }, (_, index) => from[sourceOffset + index]!));
	do making.step(maximum); while (making.length === 0 || making.length < maximum && !random.once(30));
	const { data, codes, addresses, length } = making;
	const window = windowOf({ indicator, length, data, codes, addresses, ...(indicator === 0 ? {} : { sourceLength, sourceOffset }) });
	return { window, output: making.whole.slice(sourceLength) };
}
