// SPDX-License-Identifier: Apache-2.0
/**
 * What makes two crashes the same: their reason, the words of the message, and the functions and modules of the
 * innermost frames.
 *
 * Numbers are left out, lines too: what differs from one occurrence or build to the next by an address, a length or a
 * line further up in the file is the same mistake all the same. A crash without a stack is told by what went on.
 */
import { encodeHex } from "../bytes/hex.js";
import { textDigest, type DigestingHost } from "../bytes/text-digest.js";
import type { Crash } from "../host.js";

/** Frames that count: further out is who called, which differs for the same mistake. */
const FRAMES = 4;
const LENGTH = 4;

/**
 * @param activity what the program was called for, "" where that is not known
 * @returns eight hexadecimal digits
 */
export function fingerprintOf(host: DigestingHost, { reason, message, stack }: Crash, activity: string): string {
	const place = stack === "" ? activity : frames(stack);
	return encodeHex(textDigest(host, `${reason}\n${withoutDigits(message)}\n${place}`).subarray(0, LENGTH));
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
	let inNumber = false;
	for (let at = 0; at < text.length; at++) {
		const character = text.charAt(at);
		const isDigit = character >= "0" && character <= "9";
		if (!isDigit) plain += character;
		else if (!inNumber) plain += "#";
		inNumber = isDigit;
	}
	return plain;
}
