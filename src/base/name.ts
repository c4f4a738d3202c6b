// SPDX-License-Identifier: Apache-2.0
/**
 * The one check of names that end up in topics. No regular expression: a device that has none of its own need not carry
 * the engine's part that runs them, and on XS one takes all of the stack that is free for itself.
 */

/** Whether `text` is 1 to `most` letters of ASCII, digits and any of `others`. */
export function isName(text: string, most: number, others: string): boolean {
	const { length } = text;
	if (length < 1 || length > most) return false;
	for (let at = 0; at < length; at++) {
		const character = text.charAt(at);
		const isPlain = (character >= "a" && character <= "z") || (character >= "A" && character <= "Z")
			|| (character >= "0" && character <= "9");
		if (!isPlain && !others.includes(character)) return false;
	}
	return true;
}
