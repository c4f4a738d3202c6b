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

export interface Parse {
	/** Roughly. */
	readonly cost: number;
	/** Addresses as if all of the source were there. */
	readonly instructions: Instruction[];
}

/** What is copied from besides the window. */
export interface ParseSource {
	readonly bytes: Uint8Array;
	/** The end of what is there. */
	readonly length: number;
	readonly matches: Matches;
}

export class Parser {
	readonly #target: Uint8Array;
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
	#source: ParseSource | undefined;
	#sourceLength = 0;

	constructor(target: Uint8Array, windowLength: number) {
		const count = windowLength + 1;
		this.#target = target;
		this.#cost = new Int32Array(count);
		this.#from = new Int32Array(count);
		this.#address = new Int32Array(count);
		this.#news = new Int32Array(count);
		this.#near = new Int32Array(count * NEAR);
		this.#nearAt = new Int32Array(count * NEAR);
		this.#before = new Int32Array(count);
	}

	/** @param alignment where the source is expected to go on, less where the target does */
	parse(start: number, end: number, source: ParseSource | undefined, alignment: number): Parse {
		const length = end - start;
		this.#start = start;
		this.#end = end;
		this.#source = source;
		this.#sourceLength = source?.length ?? 0;
		this.#cost.fill(0x7fff_ffff, 0, length + 1);
		this.#heads.fill(-1);
		this.#cost[0] = 0;
		this.#news[0] = 0;
		this.#near.fill(NONE, 0, NEAR);
		for (let at = 0; at < length;) {
			const long = this.#steps(at, alignment);
			for (const next = at + Math.max(long, 1); at < next; at++) this.#know(at);
		}
		return { cost: this.#cost[length]!, instructions: this.#instructions(length) };
	}

	/** All steps from `at`. @returns the length of a copy that is long enough to be taken at once, else 0 */
	#steps(at: number, alignment: number): number {
		const target = this.#target;
		const place = this.#start + at;
		const end = this.#end;
		const news = this.#news[at]!;
		this.#relax(at, at + 1, this.#cost[at]! + 1 + addLength(news + 1) - addLength(news), ADD);
		const value = target[place]!;
		let run = 1;
		while (place + run < end && target[place + run] === value) run++;
		if (run >= RUN_MINIMUM) {
			this.#relax(at, at + run, this.#cost[at]! + 2 + integerLength(run), RUN);
			if (run >= LONG) return run;
		}
		const source = this.#source;
		if (source !== undefined) {
			let expected = place + alignment;
			for (let index = 0; index < NEAR; index++) {
				const near = this.#near[at * NEAR + index]!;
				if (near === NONE) break;
				if (near >= source.length) continue;
				const from = near + at - this.#nearAt[at * NEAR + index]!;
				if (index === 0) expected = from;
				const long = this.#aligned(at, from, source);
				if (long > 0) return long;
			}
			if (this.#near[at * NEAR] === NONE) {
				const long = this.#aligned(at, expected, source);
				if (long > 0) return long;
			}
			if (source.matches.find(target, place, end, source.length, expected)) {
				const { offset, length: found } = source.matches;
				this.#copies(at, offset, found);
				if (found >= LONG) return found;
			}
		}
		return this.#ownCopies(at);
	}

	#aligned(at: number, from: number, source: ParseSource): number {
		if (from < 0 || from >= source.length) return 0;
		const found = matchLength(source.bytes, from, source.length, this.#target, this.#start + at, this.#end);
		if (found >= COPY_MINIMUM) this.#copies(at, from, found);
		return found >= LONG ? found : 0;
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
			this.#copies(at, this.#sourceLength + probe, found);
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
		const own = address - this.#sourceLength;
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
