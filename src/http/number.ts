// SPDX-License-Identifier: Apache-2.0
/** Numbers as HTTP writes them: digits and nothing else, where `Number` would take signs, spaces and exponents. */

const DIGITS = "0123456789abcdef";
/** Hexadecimal digits of the longest number: what fits 32 bits. */
const HEXADECIMAL_MAXIMUM = 8;

/** @returns -1 for anything but a whole number in its shortest form */
export function decimal(text: string): number {
	const value = Number(text);
	return Number.isSafeInteger(value) && value >= 0 && String(value) === text ? value : -1;
}

/** @returns -1 for anything but 1 to 8 digits */
export function hexadecimal(text: string): number {
	const { length } = text;
	if (length === 0 || length > HEXADECIMAL_MAXIMUM) return -1;
	const lower = text.toLowerCase();
	let value = 0;
	for (let at = 0; at < length; at++) {
		const digit = DIGITS.indexOf(lower.charAt(at));
		if (digit < 0) return -1;
		value = 16 * value + digit;
	}
	return value;
}

/** Which bytes of how many an answer has. */
export interface ContentRange {
	/** Index of the first, and of the last; -1 where there are none, as what was asked for begins behind the end. */
	first: number;
	last: number;
	/** Bytes of the whole; -1 where that is not said. */
	total: number;
}

const UNIT = "bytes ";

/** A `Content-Range` (RFC 9110 §14.4). @returns `undefined` for what is none of bytes */
export function parseContentRange(text: string): ContentRange | undefined {
	const slash = text.indexOf("/");
	if (!text.startsWith(UNIT) || slash < 0) return undefined;
	const range = text.slice(UNIT.length, slash);
	const whole = text.slice(slash + 1);
	const total = whole === "*" ? -1 : decimal(whole);
	if (total < 0 && whole !== "*") return undefined;
	if (range === "*") return total < 0 ? undefined : { first: -1, last: -1, total };
	const dash = range.indexOf("-");
	const first = decimal(range.slice(0, Math.max(0, dash)));
	const last = decimal(range.slice(dash + 1));
	if (first < 0 || last < first || (total >= 0 && last >= total)) return undefined;
	return { first, last, total };
}
