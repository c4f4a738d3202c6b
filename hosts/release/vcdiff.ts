// SPDX-License-Identifier: Apache-2.0
/**
 * Makes patches for devices: VCDIFF (RFC 3284) of the profile that `src/ota/vcdiff.ts` follows.
 *
 * Windows of 2,048 bytes, two to a block of flash; each copies from one stretch of the base, or of what was made before,
 * whichever is shorter. The same two contents give the same patch, on every machine.
 */
import { WINDOW_MAXIMUM } from "../../src/ota/vcdiff.js";
import { Matches } from "./vcdiff-matches.js";
import { Parser } from "./vcdiff-parse.js";
import { writeWindow, type Instruction, type Segment } from "./vcdiff-window.js";

const HEADER = [0xd6, 0xc3, 0xc4, 0, 0] as const;
/** A window that is no longer than this is not tried with what was made before. */
const SHORT = 48;
/** Where a window copies from, by its indicator. */
const VCD_SOURCE = 1;
const VCD_TARGET = 2;
const NOWHERE: Segment = { indicator: 0, offset: 0, length: 0 };

export interface EncodeOptions {
	/** Windows may copy from what was made before (VCD_TARGET), which not every decoder knows. Default: true. */
	made?: boolean;
}

/** The patch that makes `target` of `base`. */
export function encodePatch(base: Uint8Array, target: Uint8Array, options: EncodeOptions = {}): Uint8Array {
	const parts: Uint8Array[] = [Uint8Array.from(HEADER)];
	const matches = new Matches(base);
	matches.add(base.length);
	const parser = new Parser(target, { bytes: base, length: base.length, matches }, WINDOW_MAXIMUM);
	const made = new Matches(target);
	const again = { bytes: target, length: 0, matches: made };
	const madeParser = new Parser(target, again, WINDOW_MAXIMUM);
	let alignment = 0;
	for (let start = 0; start < target.length; start += WINDOW_MAXIMUM) {
		const end = Math.min(start + WINDOW_MAXIMUM, target.length);
		const instructions = parser.parse(start, end, alignment);
		let window = write(target, start, end, VCD_SOURCE, base.length, instructions);
		alignment = alignmentOf(instructions, base.length) ?? alignment;
		if (options.made !== false && window.length > SHORT && start > 0) {
			made.add(start);
			again.length = start;
			const other = write(target, start, end, VCD_TARGET, start, madeParser.parse(start, end, 0));
			if (other.length < window.length) window = other;
		}
		// What addresses cost was guessed: no window takes more than its own bytes.
		if (window.length > end - start) {
			const news = writeWindow(target, start, end, NOWHERE, [{ kind: "add", start, length: end - start, address: 0 }]);
			if (news.length < window.length) window = news;
		}
		parts.push(window);
	}
	return join(parts);
}

/** Writes a window with as much of its source as it copies from. */
function write(target: Uint8Array, start: number, end: number, from: 1 | 2, limit: number, instructions: readonly Instruction[]): Uint8Array {
	let first = limit;
	let last = 0;
	for (const instruction of instructions) {
		if (instruction.kind !== "copy" || instruction.address >= limit) continue;
		first = Math.min(first, instruction.address);
		last = Math.max(last, instruction.address + instruction.length);
	}
	const length = Math.max(last - first, 0);
	const segment: Segment = length === 0 ? NOWHERE : { indicator: from, offset: first, length };
	const moved = (address: number): number => address < limit ? address - first : address - limit + length;
	return writeWindow(target, start, end, segment, instructions.map((each) => ({ ...each, address: moved(each.address) })));
}

/** How far the last copy's source is from its target. */
function alignmentOf(instructions: readonly Instruction[], limit: number): number | undefined {
	const copy = instructions.filter(({ kind, address }) => kind === "copy" && address < limit).at(-1);
	return copy === undefined ? undefined : copy.address - copy.start;
}

function join(parts: readonly Uint8Array[]): Uint8Array {
	const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
	let at = 0;
	for (const part of parts) {
		whole.set(part, at);
		at += part.length;
	}
	return whole;
}
