// SPDX-License-Identifier: Apache-2.0
/**
 * What makes two crashes the same: their reason, the words of the message, and the functions and modules of the
 * innermost frames.
 *
 * Numbers are left out, lines too: what differs from one occurrence or build to the next by an address, a length or a
 * line further up in the file is the same mistake all the same. A crash without a stack is told by what went on.
 */
import type { Crash } from "../host.js";

/** Frames that count: further out is who called, which differs for the same mistake. */
const FRAMES = 4;
/** Of FNV-1a: there is nothing to be gained by two crashes that look the same, and a device has a few. */
const OFFSET = 0x811c_9dc5;
const PRIME = 0x0100_0193;

/**
 * @param activity what the program was called for, "" where that is not known
 * @returns eight hexadecimal digits
 */
export function fingerprintOf({ reason, message, stack }: Crash, activity: string): string {
	const text = `${reason}\n${withoutDigits(message)}\n${stack === "" ? activity : frames(stack)}`;
	let hash = OFFSET;
	for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), PRIME);
	return (hash >>> 0).toString(16).padStart(8, "0");
}

/** Function and module of the innermost frames, without line and column. */
function frames(stack: string): string {
	let names = "";
	let start = 0;
	for (let frame = 0; frame < FRAMES && start < stack.length; frame++) {
		const found = stack.indexOf("\n", start);
		const end = found < 0 ? stack.length : found;
		const line = stack.slice(start, end);
		const colon = line.indexOf(":", line.lastIndexOf("/") + 1);
		names += `${colon < 0 ? line : line.slice(0, colon)}\n`;
		start = end + 1;
	}
	return names;
}

/** The text with one mark for each run of digits. */
function withoutDigits(text: string): string {
	let plain = "";
	/** Where what is not copied yet begins. */
	let start = 0;
	for (let at = 0; at < text.length; at++) {
		const character = text.charAt(at);
		if (character < "0" || character > "9") continue;
		if (at > start || at === 0) plain += `${text.slice(start, at)}#`;
		start = at + 1;
	}
	return plain + text.slice(start);
}
