// SPDX-License-Identifier: Apache-2.0
/**
 * Says a window in the fewest bytes: for each of its positions what the way there costs, cheapest step by step.
 *
 * Steps are a byte of news, a repeated byte, and copies: on along the alignments of the copies before (which is where
 * code that moved goes on behind each changed pointer), from the longest match in the source, from the window itself.
 * What an address costs is known but roughly, as it depends on the way and on where the source will begin.
 */
import { matchLength, type Matches } from "./vcdiff-matches.js";
import { integerLength, type Instruction } from "./vcdiff-window.js";

/** Copies of this length are taken without looking at what else there is within. */
const LONG = 96;
const COPY_MINIMUM = 4;
const RUN_MINIMUM = 4;
/** Alignments that are followed: as many as there are addresses in the near cache. */
const NEAR = 4;
/** Bits of the window's own chains of places. */
const LOCAL_BITS = 11;
const LOCAL_PROBES = 16;
/** Steps that are no copies, by the address that such a one has. */
const ADD = -1;
const RUN = -2;
/** No copy before. */
const NONE = -1;

/** What is copied from besides the window. */
export interface ParseSource {
	readonly bytes: Uint8Array;
	/** The end of what is there. */
	readonly length: number;
	readonly matches: Matches;
}

export class Parser {
	readonly #target: Uint8Array;
	readonly #source: ParseSource;
	readonly #cost: Int32Array;
	/** Where the step begins that is the last on the way. */
	readonly #from: Int32Array;
	/** Its address; or what else it is. */
	readonly #address: Int32Array;
	/** Bytes of news that the way ends with. */
	readonly #news: Int32Array;
	/** Addresses of the last copies on the way, newest first, and for each where it was copied to. */
	readonly #near: Int32Array;
	readonly #nearAt: Int32Array;
	readonly #heads = new Int32Array(2 ** LOCAL_BITS);
	readonly #before: Int32Array;
	#start = 0;
	#end = 0;

	constructor(target: Uint8Array, source: ParseSource, windowLength: number) {
		const count = windowLength + 1;
		this.#target = target;
		this.#source = source;
		this.#cost = new Int32Array(count);
		this.#from = new Int32Array(count);
		this.#address = new Int32Array(count);
		this.#news = new Int32Array(count);
		this.#near = new Int32Array(count * NEAR);
		this.#nearAt = new Int32Array(count * NEAR);
		this.#before = new Int32Array(count);
	}

	/**
	 * Addresses are as if all of the source were there.
	 * @param alignment where the source is expected to go on, less where the target does
	 */
	parse(start: number, end: number, alignment: number): Instruction[] {
		const length = end - start;
		this.#start = start;
		this.#end = end;
		this.#cost.fill(0x7fff_ffff, 0, length + 1);
		this.#heads.fill(-1);
		this.#cost[0] = 0;
		this.#news[0] = 0;
		this.#near.fill(NONE, 0, NEAR);
		for (let at = 0; at < length;) {
			const long = this.#steps(at, alignment);
			for (const next = at + Math.max(long, 1); at < next; at++) this.#know(at);
		}
		return this.#instructions(length);
	}

	/** All steps from `at`. @returns the length of a copy that is long enough to be taken at once, else 0 */
	#steps(at: number, alignment: number): number {
		const news = this.#news[at]!;
		this.#relax(at, at + 1, this.#cost[at]! + 1 + addLength(news + 1) - addLength(news), ADD);
		return this.#run(at) || this.#sourceCopies(at, alignment) || this.#ownCopies(at);
	}

	#run(at: number): number {
		const place = this.#start + at;
		// What repeats itself is what comes one byte later.
		const length = 1 + matchLength(this.#target, place, this.#end, this.#target, place + 1, this.#end);
		if (length >= RUN_MINIMUM) this.#relax(at, at + length, this.#cost[at]! + 2 + integerLength(length), RUN);
		return length >= LONG ? length : 0;
	}

	/** Copies from the source: on from where the last ones would have gone on, and the longest that there is. */
	#sourceCopies(at: number, alignment: number): number {
		const source = this.#source;
		const place = this.#start + at;
		const near = at * NEAR;
		let expected = place + alignment;
		for (let index = 0; index < NEAR; index++) {
			const address = this.#near[near + index]!;
			if (address >= source.length) continue;
			// Before the first copy, where the window before left off.
			if (address === NONE && index > 0) break;
			const from = address === NONE ? expected : address + at - this.#nearAt[near + index]!;
			if (index === 0) expected = from;
			const found = this.#aligned(at, from);
			if (found >= LONG) return found;
		}
		if (!source.matches.find(this.#target, place, this.#end, source.length, expected)) return 0;
		const { offset, length } = source.matches;
		this.#copies(at, offset, length);
		return length >= LONG ? length : 0;
	}

	#aligned(at: number, from: number): number {
		const { bytes, length } = this.#source;
		if (from < 0 || from >= length) return 0;
		const found = matchLength(bytes, from, length, this.#target, this.#start + at, this.#end);
		if (found >= COPY_MINIMUM) this.#copies(at, from, found);
		return found;
	}

	/** Copies from the window. */
	#ownCopies(at: number): number {
		const target = this.#target;
		const place = this.#start + at;
		if (place + COPY_MINIMUM > this.#end) return 0;
		let best = COPY_MINIMUM - 1;
		let probe = this.#heads[this.#hash(place)]!;
		for (let probes = 0; probe >= 0 && probes < LOCAL_PROBES; probes++, probe = this.#before[probe]!) {
			const found = matchLength(target, this.#start + probe, this.#end, target, place, this.#end);
			if (found <= best) continue;
			best = found;
			this.#copies(at, this.#source.length + probe, found);
		}
		return best >= LONG ? best : 0;
	}

	/** Copies from `address` of all lengths up to `length`. */
	#copies(at: number, address: number, length: number): void {
		const cost = this.#cost[at]! + this.#addressLength(at, address);
		const news = this.#news[at]!;
		const shortest = length >= LONG ? length : COPY_MINIMUM;
		for (let count = shortest; count <= length; count++) {
			// ADD and a short COPY have one code.
			const code = count > 18 ? 1 + integerLength(count) : news > 0 && news <= 4 && count <= 6 ? 0 : 1;
			this.#relax(at, at + count, cost + code, address);
		}
	}

	#addressLength(at: number, address: number): number {
		const own = address - this.#source.length;
		// From the window: mode HERE. From the source: its segment begins near what is copied, as a rule.
		let least = own >= 0 ? integerLength(at - own) : this.#near[at * NEAR] === NONE ? 2 : 3;
		for (let index = 0; index < NEAR; index++) {
			const near = this.#near[at * NEAR + index]!;
			if (near === NONE) break;
			if (own < 0 && Math.abs(address - near) < 0x1000) least = Math.min(least, 2);
			if (address >= near) least = Math.min(least, integerLength(address - near));
		}
		return least;
	}

	#relax(at: number, to: number, cost: number, address: number): void {
		if (cost >= this.#cost[to]!) return;
		this.#cost[to] = cost;
		this.#from[to] = at;
		this.#address[to] = address;
		this.#news[to] = address === ADD ? this.#news[at]! + 1 : 0;
		const copies = address >= 0 ? 1 : 0;
		const near = to * NEAR;
		const before = at * NEAR;
		for (let index = copies; index < NEAR; index++) {
			this.#near[near + index] = this.#near[before + index - copies]!;
			this.#nearAt[near + index] = this.#nearAt[before + index - copies]!;
		}
		if (copies === 0) return;
		this.#near[near] = address;
		this.#nearAt[near] = at;
	}

	/** Makes a position of the window known to its chains. */
	#know(at: number): void {
		const place = this.#start + at;
		if (place + COPY_MINIMUM > this.#end) return;
		const hash = this.#hash(place);
		this.#before[at] = this.#heads[hash]!;
		this.#heads[hash] = at;
	}

	#hash(place: number): number {
		const target = this.#target;
		const word = target[place]! | target[place + 1]! << 8 | target[place + 2]! << 16 | target[place + 3]! << 24;
		return Math.imul(word, 0x9e37_79b1) >>> 32 - LOCAL_BITS;
	}

	#instructions(length: number): Instruction[] {
		const instructions: Instruction[] = [];
		for (let to = length; to > 0;) {
			const address = this.#address[to]!;
			// Bytes of news that follow each other are one instruction.
			const from = address === ADD ? to - this.#news[to]! : this.#from[to]!;
			const start = this.#start + from;
			const kind = address === ADD ? "add" : address === RUN ? "run" : "copy";
			instructions.push({ kind, start, length: to - from, address });
			to = from;
		}
		return instructions.reverse();
	}
}

/** Bytes of the code of an ADD. */
function addLength(length: number): number {
	return length === 0 ? 0 : length <= 17 ? 1 : 1 + integerLength(length);
}
