// SPDX-License-Identifier: Apache-2.0
/**
 * Writes one window of VCDIFF (RFC 3284 §4.3): its instructions in the codes of the default table, with two in one where
 * the table has them, and each address in the mode that makes it shortest.
 */

export interface Instruction {
	readonly kind: "add" | "run" | "copy";
	/** Index in the target of the first byte that it makes. */
	readonly start: number;
	readonly length: number;
	/** Of a copy: in the source, or behind its end in the window. */
	readonly address: number;
}

export interface Segment {
	/** VCD_SOURCE 1, VCD_TARGET 2, none 0. */
	readonly indicator: 0 | 1 | 2;
	readonly offset: number;
	readonly length: number;
}

const NEAR = 4;
const SAME = 256;

/** §2. */
export function integerLength(value: number): number {
	return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5;
}

class Section {
	readonly #bytes: number[] = [];

	get length(): number {
		return this.#bytes.length;
	}

	byte(value: number): void {
		this.#bytes.push(value);
	}

	/** Adds `value` to the last byte. */
	change(value: number): void {
		this.#bytes[this.#bytes.length - 1]! += value;
	}

	integer(value: number): void {
		for (let digits = integerLength(value) - 1; digits >= 0; digits--) {
			this.#bytes.push(Math.floor(value / 128 ** digits) % 128 | (digits > 0 ? 0x80 : 0));
		}
	}

	append(bytes: Iterable<number>): void {
		for (const byte of bytes) this.#bytes.push(byte);
	}

	bytes(): Uint8Array {
		return Uint8Array.from(this.#bytes);
	}
}

/** §5.1 to §5.3. */
class Addresses {
	readonly section = new Section();
	readonly #near = new Array<number>(NEAR).fill(0);
	readonly #same = new Map<number, number>();
	#next = 0;

	/** @returns the mode in which `address` was written */
	write(address: number, here: number): number {
		const slot = address % (3 * SAME);
		let mode = 0;
		let value = address;
		if (here - address < value) {
			mode = 1;
			value = here - address;
		}
		for (let index = 0; index < NEAR; index++) {
			const difference = address - this.#near[index]!;
			if (difference >= 0 && integerLength(difference) < integerLength(value)) {
				mode = 2 + index;
				value = difference;
			}
		}
		if (integerLength(value) > 1 && (this.#same.get(slot) ?? 0) === address) {
			mode = 6 + Math.floor(slot / SAME);
			this.section.byte(slot % SAME);
		} else {
			this.section.integer(value);
		}
		this.#near[this.#next] = address;
		this.#next = (this.#next + 1) % NEAR;
		this.#same.set(slot, address);
		return mode;
	}
}

/** The last instruction's code, and what it was, for it to be joined with the next. */
interface Last {
	readonly kind: "add" | "copy" | "other";
	readonly length: number;
	readonly mode: number;
}

const OTHER: Last = { kind: "other", length: 0, mode: 0 };

/** The window that `instructions` make of `target[start, end)`, all of it from its indicator on. */
export function writeWindow(
	target: Uint8Array, start: number, end: number, segment: Segment, instructions: readonly Instruction[],
): Uint8Array {
	const data = new Section();
	const codes = new Section();
	const addresses = new Addresses();
	let last = OTHER;
	for (const instruction of instructions) {
		const { kind, start: from, length, address } = instruction;
		if (kind === "run") {
			codes.byte(0);
			codes.integer(length);
			data.byte(target[from]!);
			last = OTHER;
		} else if (kind === "add") {
			data.append(target.subarray(from, from + length));
			last = writeAdd(codes, length, last);
		} else {
			const mode = addresses.write(address, segment.length + from - start);
			last = writeCopy(codes, length, mode, last);
		}
	}
	const delta = new Section();
	delta.integer(end - start);
	delta.byte(0);
	for (const section of [data, codes, addresses.section]) delta.integer(section.length);
	for (const section of [data, codes, addresses.section]) delta.append(section.bytes());
	const window = new Section();
	window.byte(segment.indicator);
	if (segment.indicator !== 0) {
		window.integer(segment.length);
		window.integer(segment.offset);
	}
	window.integer(delta.length);
	window.append(delta.bytes());
	return window.bytes();
}

function writeAdd(codes: Section, length: number, last: Last): Last {
	if (last.kind === "copy" && last.length === 4 && length === 1) {
		codes.change(247 + last.mode - (20 + 16 * last.mode));
		return OTHER;
	}
	if (length <= 17) {
		codes.byte(length + 1);
	} else {
		codes.byte(1);
		codes.integer(length);
	}
	return { kind: "add", length, mode: 0 };
}

function writeCopy(codes: Section, length: number, mode: number, last: Last): Last {
	if (last.kind === "add" && last.length <= 4 && length >= 4 && length <= (mode < 6 ? 6 : 4)) {
		const code = mode < 6
			? 163 + 12 * mode + 3 * (last.length - 1) + length - 4
			: 235 + 4 * (mode - 6) + last.length - 1;
		codes.change(code - (last.length + 1));
		return OTHER;
	}
	if (length >= 4 && length <= 18) {
		codes.byte(19 + 16 * mode + length - 3);
	} else {
		codes.byte(19 + 16 * mode);
		codes.integer(length);
	}
	return { kind: "copy", length, mode };
}
