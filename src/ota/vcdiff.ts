// SPDX-License-Identifier: Apache-2.0
/**
 * Follows a patch: VCDIFF (RFC 3284), window by window, in memory that does not grow with what is patched.
 *
 * Of VCDIFF it takes what a device can follow: the default code table, no secondary compression, no application's data,
 * no checksums (the manifest has better ones), and windows of `WINDOW_MAXIMUM` bytes. Whatever else comes is an
 * `UpdateError`, `patch` or `patch-bomb`, before anything is read or made that is out of bounds; the work is bounded by
 * what comes in and what may go out.
 *
 * Memory: 4,352 bytes for a window and its delta, 3,088 for the cache of addresses, some 600 for the objects: less than
 * 8 KB. The code table has a formula and takes none.
 *
 * A window and its delta share one array, with the window at the end, so that the engine's own `copyWithin` moves all
 * bytes and no view is made for it. What lies before the window is free as far as the delta leaves it so; mostly the
 * window's source has room there, is read at once, and is copied from as the window itself is.
 *
 * Read first: RFC 3284 §3-§5.
 */
import { UpdateError } from "./failure.js";

/** Bytes of the largest window that is made. */
export const WINDOW_MAXIMUM = 2_048;
/** Bytes that a delta may have beyond those of the largest window: a window of nothing but news takes ten more. */
export const DELTA_EXCESS = 256;
/** Bytes of the shortest delta: five numbers of one byte each, and two for one instruction. */
const DELTA_MINIMUM = 7;

/** The file's header: "VCD" with its high bits set, version 0, and no bit of the indicator (§4.1). */
const HEADER = Object.freeze([0xd6, 0xc3, 0xc4, 0, 0]);
/** What the next byte is part of, from the first of the header on; then the fields before a delta (§4.2). */
const INDICATOR = 5;
const SOURCE_LENGTH = 6;
const SOURCE_OFFSET = 7;
const DELTA_LENGTH = 8;
const DELTA = 9;

/** Where a window's source is, by the window's indicator; 0: it has none. */
const VCD_SOURCE = 1;
const VCD_TARGET = 2;

/** Sizes of the caches of addresses (§5.1), which are one array. */
const NEAR = 4;
const SAME = 768;
/** Modes of addresses (§5.3); 2 to 5 are the near cache's. */
const MODE_HERE = 1;
const MODE_NEAR = 2;
const MODE_SAME = 6;

/** The first of each group of the code table (§5.6): one instruction, from COPY of mode 0 on; then two. */
const CODE_COPY = 19;
const CODE_ADD_COPY = 163;
const CODE_ADD_COPY_SAME = 235;
const CODE_COPY_ADD = 247;

const INTEGER_MAXIMUM = 0xffff_ffff;

/** Content that can be read, as a partition of flash is. */
export interface PatchSource {
	/** Fills all of `target` from `offset`; never asked for what is beyond the end. */
	read(target: Uint8Array, offset: number): void;
}

export interface PatchOptions {
	/** What the patch begins with. */
	base: PatchSource;
	/** Bytes of it, as the manifest says. */
	baseSize: number;
	/** What was made already, from offset 0 up to `outputOffset`, whoever holds it by now. */
	made: PatchSource;
	/** Bytes that the patch makes, as the manifest says. */
	size: number;
	/** Where to go on: the two offsets at the end of one and the same window. Default: the beginning. */
	patchOffset?: number;
	outputOffset?: number;
	/** Default: `WINDOW_MAXIMUM`. */
	windowMaximum?: number;
}

export class PatchDecoder {
	/** The last `push` finished the window `bytes[start, end)`, borrowed until the next; none when that is empty. */
	readonly bytes: Uint8Array;
	readonly start: number;
	end: number;
	/** Bytes of the patch up to the end of the last window that is finished: where to go on from after a restart. */
	patchOffset: number;
	/** Bytes that were made up to there. */
	outputOffset: number;
	/** Near cache first. */
	readonly #addresses: Uint32Array;
	readonly #options: PatchOptions;
	/** Bytes of the patch that were taken. */
	#taken: number;
	#step: number;
	/** What was read of the number that `#step` says. */
	#value = 0;
	#indicator = 0;
	#sourceLength = 0;
	#sourceOffset = 0;
	/** The delta's length, and how much of it is here. */
	#deltaLength = 0;
	#held = 0;
	/** Index after the number that was read last. */
	#next = 0;
	/** Index of the next address. */
	#address = 0;
	/** Slot of the near cache that is overwritten next. */
	#near = 0;
	/** Index at which the source begins or would begin, were it in front of the window. */
	#origin = 0;

	constructor(options: PatchOptions) {
		const { patchOffset = 0, outputOffset = 0, windowMaximum = WINDOW_MAXIMUM } = options;
		this.#options = options;
		this.start = this.end = windowMaximum + DELTA_EXCESS;
		// One buffer for all, so that what the decoder takes is seen in one place.
		const cacheLength = (NEAR + SAME) * Uint32Array.BYTES_PER_ELEMENT;
		const memory = new ArrayBuffer(cacheLength + this.start + windowMaximum);
		this.#addresses = new Uint32Array(memory, 0, NEAR + SAME);
		this.bytes = new Uint8Array(memory, cacheLength);
		this.patchOffset = this.#taken = patchOffset;
		this.outputOffset = outputOffset;
		this.#step = patchOffset === 0 ? 0 : INDICATOR;
	}

	/**
	 * Takes `patch[start, end)`, up to the end of a window: the rest is to be pushed again when the window was used.
	 * @returns the index after what was taken
	 * @throws UpdateError `patch`, `patch-bomb`; whatever the sources throw. The decoder is of no use after that.
	 */
	push(patch: Uint8Array, start: number, end: number): number {
		this.end = this.start;
		let at = start;
		while (at < end && this.#step < DELTA) this.head(patch[at++]!);
		if (at < end) {
			const held = this.#held;
			const count = Math.min(this.#deltaLength - held, end - at);
			this.bytes.set(patch.subarray(at, at + count), held);
			this.#held = held + count;
			at += count;
		}
		this.#taken += at - start;
		if (this.#step === DELTA && this.#held === this.#deltaLength) this.decode();
		return at;
	}

	/** All of the patch was pushed. @throws UpdateError `patch` when that was not a whole one */
	finish(): void {
		if (this.#step !== INDICATOR || this.outputOffset !== this.#options.size) {
			throw new UpdateError("patch", `it ends at byte ${this.outputOffset} of what it makes`);
		}
	}

	/** A byte of what is before a delta. */
	private head(byte: number): void {
		const step = this.#step;
		if (step < INDICATOR) {
			if (byte !== HEADER[step]) throw new UpdateError("patch", "no VCDIFF that a device can follow");
			this.#step = step + 1;
		} else if (step === INDICATOR) {
			if (byte > VCD_TARGET) throw new UpdateError("patch", `a window's indicator of ${byte}`);
			this.#indicator = byte;
			this.#sourceLength = this.#sourceOffset = 0;
			this.#step = byte === 0 ? DELTA_LENGTH : SOURCE_LENGTH;
		} else {
			const value = digit(this.#value, byte);
			if (byte < 0x80) {
				this.#value = 0;
				this.field(value);
			} else {
				this.#value = value;
			}
		}
	}

	private field(value: number): void {
		const step = this.#step;
		this.#step = step + 1;
		if (step === SOURCE_LENGTH) {
			this.#sourceLength = value;
		} else if (step === SOURCE_OFFSET) {
			this.#sourceOffset = value;
			const limit = this.#indicator === VCD_SOURCE ? this.#options.baseSize : this.outputOffset;
			if (value + this.#sourceLength > limit) throw new UpdateError("patch", "a source beyond the end");
		} else {
			if (value < DELTA_MINIMUM) throw new UpdateError("patch", `a delta of ${value} bytes`);
			if (value > this.start) throw new UpdateError("patch-bomb", `a delta of ${value} bytes`);
			this.#deltaLength = value;
			this.#held = 0;
		}
	}

	/** Makes the window whose delta is here (§4.3). */
	private decode(): void {
		const memory = this.bytes;
		const end = this.#deltaLength;
		const length = this.integer(0, end);
		if (length > memory.byteLength - this.start || length > this.#options.size - this.outputOffset) {
			throw new UpdateError("patch-bomb", `a window of ${length} bytes`);
		}
		const indicator = this.#next;
		const dataLength = this.integer(indicator + 1, end);
		const instructionsLength = this.integer(this.#next, end);
		const addressesLength = this.integer(this.#next, end);
		const data = this.#next;
		const instructions = data + dataLength;
		const addresses = instructions + instructionsLength;
		if (memory[indicator] !== 0 || length === 0 || addresses + addressesLength !== end) {
			throw new UpdateError("patch", "a delta whose parts do not add up");
		}
		this.open(end);
		this.#address = addresses;
		this.follow(length, data, instructions, addresses);
		this.end = this.start + length;
		this.outputOffset += length;
		this.patchOffset = this.#taken;
		this.#step = INDICATOR;
	}

	/** Forgets addresses, and reads the source if there is room behind the delta. */
	private open(deltaEnd: number): void {
		const { start } = this;
		const length = this.#sourceLength;
		const origin = this.#origin = start - length;
		this.#addresses.fill(0);
		this.#near = 0;
		if (length > 0 && origin >= deltaEnd) this.read(this.bytes.subarray(origin, start), 0);
	}

	private read(target: Uint8Array, address: number): void {
		const { base, made } = this.#options;
		(this.#indicator === VCD_SOURCE ? base : made).read(target, this.#sourceOffset + address);
	}

	/** Follows the instructions that make `length` bytes: §5.4, with the code table of §5.6. */
	private follow(length: number, data: number, instructions: number, addresses: number): void {
		const memory = this.bytes;
		const end = this.start + length;
		let to = this.start;
		let from = data;
		let at = instructions;
		while (at < addresses) {
			const code = memory[at++]!;
			let add = 0;
			let copy = 0;
			let mode = 0;
			let run = 0;
			let last = 0;
			if (code < CODE_ADD_COPY) {
				let size = code < CODE_COPY ? code - 1 : code - CODE_COPY & 15;
				if (code >= CODE_COPY && size > 0) size += 3;
				if (size <= 0) {
					size = this.integer(at, addresses);
					at = this.#next;
					if (size === 0) throw new UpdateError("patch", "an instruction for nothing");
				}
				if (code === 0) {
					run = size;
				} else if (code < CODE_COPY) {
					add = size;
				} else {
					copy = size;
					mode = code - CODE_COPY >> 4;
				}
			} else {
				const pair = pairOf(code);
				add = pair & 7;
				copy = pair >> 4 & 7;
				mode = pair >> 8;
				if (code >= CODE_COPY_ADD) last = 1;
			}
			if (add + copy + run + last > end - to) throw new UpdateError("patch", "more than its window has");
			if (add > 0) {
				if (from + add > instructions) throw new UpdateError("patch", "more news than there are");
				memory.copyWithin(to, from, from + add);
				from += add;
				to += add;
			}
			if (copy > 0) {
				this.copy(to, copy, mode);
				to += copy;
			}
			if (run > 0 || last > 0) {
				if (from === instructions) throw new UpdateError("patch", "more news than there are");
				memory.fill(memory[from++]!, to, to += run + last);
			}
		}
		if (to !== end || from !== instructions || this.#address !== this.#deltaLength) {
			throw new UpdateError("patch", "a window without an end, or something left of its delta");
		}
	}

	/** COPY of `size` bytes to the index `to`, from the next address. */
	private copy(to: number, size: number, mode: number): void {
		const { bytes, start } = this;
		const origin = this.#origin;
		const address = this.address(to - origin, mode);
		const sourceLength = this.#sourceLength;
		let from = origin + address;
		let into = to;
		let left = size;
		if (address < sourceLength && origin < this.#deltaLength) {
			// The source is not in front of the window. What goes on beyond its end goes on in the window.
			left = Math.max(address + size - sourceLength, 0);
			into += size - left;
			this.read(bytes.subarray(to, into), address);
			if (left === 0) return;
			from = start;
		}
		// A COPY that reads what it writes repeats what is between the two: twice as much each time.
		while (left > into - from) {
			const span = into - from;
			bytes.copyWithin(into, from, into);
			into += span;
			left -= span;
		}
		bytes.copyWithin(into, from, from + left);
	}

	/** The next address, below that of the window's byte to be made: `here` (§5.3). */
	private address(here: number, mode: number): number {
		const memory = this.bytes;
		const cache = this.#addresses;
		const at = this.#address;
		const end = this.#deltaLength;
		let address: number;
		if (mode < MODE_SAME) {
			const value = this.integer(at, end);
			this.#address = this.#next;
			address = mode === 0 ? value : mode === MODE_HERE ? here - value : cache[mode - MODE_NEAR]! + value;
		} else {
			if (at === end) throw new UpdateError("patch", "an address that is not there");
			address = cache[NEAR + (mode - MODE_SAME << 8) + memory[at]!]!;
			this.#address = at + 1;
		}
		if (address < 0 || address >= here) throw new UpdateError("patch", "an address beyond what there is");
		const near = this.#near;
		cache[near] = address;
		this.#near = near + 1 & NEAR - 1;
		cache[NEAR + address % SAME] = address;
		return address;
	}

	/** The number at `at`, which ends before `end` (§2). */
	private integer(at: number, end: number): number {
		const memory = this.bytes;
		let value = 0;
		for (let index = at; index < end;) {
			const byte = memory[index++]!;
			value = digit(value, byte);
			if (byte < 0x80) {
				this.#next = index;
				return value;
			}
		}
		throw new UpdateError("patch", "a number without an end");
	}
}

/** A code for two instructions: bytes of an ADD, then from bit 4 on those of the COPY behind it, from 8 on its mode. */
function pairOf(code: number): number {
	if (code >= CODE_COPY_ADD) return code - CODE_COPY_ADD << 8 | 4 << 4;
	if (code >= CODE_ADD_COPY_SAME) {
		const pair = code - CODE_ADD_COPY_SAME;
		return MODE_SAME + (pair >> 2) << 8 | 4 << 4 | (pair & 3) + 1;
	}
	const pair = code - CODE_ADD_COPY;
	return (pair / 12 | 0) << 8 | pair % 3 + 4 << 4 | (pair / 3 & 3) + 1;
}

/** `value` and the digit in `byte`, of base 128 (§2): in the shortest form, and of 32 bits. */
function digit(value: number, byte: number): number {
	const next = value * 128 + (byte & 0x7f);
	if (byte === 0x80 && value === 0 || next > INTEGER_MAXIMUM) throw new UpdateError("patch", "a number too large");
	return next;
}
