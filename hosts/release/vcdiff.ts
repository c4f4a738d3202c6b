// SPDX-License-Identifier: Apache-2.0
/**
 * Makes patches for devices: VCDIFF (RFC 3284) of the profile that `src/ota/vcdiff.ts` follows.
 *
 * Windows of 2,048 bytes, two to a block of flash; each copies from one stretch of the base, or of what was made before,
 * whichever is shorter. The same two contents give the same patch, on every machine.
 */
import { WINDOW_MAXIMUM } from "../../src/ota/vcdiff.js";
import { Matches } from "./vcdiff-matches.js";
import { Parser, type Parse, type ParseSource } from "./vcdiff-parse.js";
import { writeWindow, type Instruction, type Segment } from "./vcdiff-window.js";

const HEADER = [0xd6, 0xc3, 0xc4, 0, 0] as const;
/** A window that is no longer than this is not tried with what was made before. */
const SHORT = 48;
const NOWHERE: Segment = { indicator: 0, offset: 0, length: 0 };

export interface EncodeOptions {
	/** Windows may copy from what was made before (VCD_TARGET), which not every decoder knows. Default: true. */
	made?: boolean;
}

/** The patch that makes `target` of `base`. */
export function encodePatch(base: Uint8Array, target: Uint8Array, options: EncodeOptions = {}): Uint8Array {
	const parts: Uint8Array[] = [Uint8Array.from(HEADER)];
	const parser = new Parser(target, WINDOW_MAXIMUM);
	const source: ParseSource = { bytes: base, length: base.length, matches: new Matches(base) };
	source.matches.add(base.length);
	const made = new Matches(target);
	let alignment = 0;
	for (let start = 0; start < target.length; start += WINDOW_MAXIMUM) {
		const end = Math.min(start + WINDOW_MAXIMUM, target.length);
		const parse = parser.parse(start, end, source, alignment);
		let window = write(target, start, end, 1, base.length, parse);
		alignment = alignmentOf(parse.instructions, base.length) ?? alignment;
		if (options.made !== false && window.length > SHORT && start > 0) {
			made.add(start);
			const other = parser.parse(start, end, { bytes: target, length: start, matches: made }, 0);
			const shorter = write(target, start, end, 2, start, other);
			if (shorter.length < window.length) window = shorter;
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
function write(target: Uint8Array, start: number, end: number, from: 1 | 2, limit: number, parse: Parse): Uint8Array {
	let first = limit;
	let last = 0;
	for (const instruction of parse.instructions) {
		if (instruction.kind !== "copy" || instruction.address >= limit) continue;
		first = Math.min(first, instruction.address);
		last = Math.max(last, instruction.address + instruction.length);
	}
	const length = Math.max(last - first, 0);
	const segment: Segment = length === 0 ? NOWHERE : { indicator: from, offset: first, length };
	const moved = (address: number): number => address < limit ? address - first : address - limit + length;
	const instructions = parse.instructions.map((each) => ({ ...each, address: moved(each.address) }));
	return writeWindow(target, start, end, segment, instructions);
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
