// SPDX-License-Identifier: Apache-2.0
/** The beginning of a text, without half of a character at its end: that has no UTF-8. */

/** @param count of code units, at most */
export function cut(value: string, count: number): string {
	if (value.length <= count) return value;
	const last = value.charCodeAt(count - 1);
	return value.slice(0, last >= 0xd800 && last < 0xdc00 ? count - 1 : count);
}
