// SPDX-License-Identifier: Apache-2.0
/**
 * JSON from the network, parsed by the platform (a quarter of the cost of any parser in JavaScript) but bounded first:
 * the platform's parser recurses, and a text of a few hundred brackets would exhaust the device's stack, which
 * restarts it.
 */
import { DeviceError } from "../base/error.js";
import type { TextCodec } from "../host.js";

/** Levels of objects and arrays within each other. */
export const DEPTH_MAXIMUM = 16;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const OPEN_BRACE = 0x7b;
/** Sets the bit in which `[` and `{`, `]` and `}` differ. */
const BRACE = 0x20;
const CLOSE_BRACE = 0x7d;

/** @throws DeviceError `malformed` for what is no JSON in UTF-8, `too-large` for more than `DEPTH_MAXIMUM` levels */
export function parseJSON(text: TextCodec, bytes: Uint8Array, start: number, end: number): unknown {
	if (openings(bytes, start, end) > DEPTH_MAXIMUM && depth(bytes, start, end) > DEPTH_MAXIMUM) {
		throw new DeviceError("too-large", `JSON of more than ${DEPTH_MAXIMUM} levels`);
	}
	const source = text.decode(bytes, start, end);
	try {
		return JSON.parse(source);
	} catch (error) {
		throw new DeviceError("malformed", "no JSON", { cause: error });
	}
}

/** Opening brackets and braces, in strings too: an upper bound of the depth, found by native searches alone. */
function openings(bytes: Uint8Array, start: number, end: number): number {
	let count = 0;
	for (const opening of [OPEN_BRACE, OPEN_BRACKET]) {
		for (let at = bytes.indexOf(opening, start); at >= 0 && at < end; at = bytes.indexOf(opening, at + 1)) {
			if (++count > DEPTH_MAXIMUM) return count;
		}
	}
	return count;
}

/** The exact depth, or the first that is too much. */
function depth(bytes: Uint8Array, start: number, end: number): number {
	let deepest = 0;
	let level = 0;
	let quoted = false;
	for (let at = start; at < end && deepest <= DEPTH_MAXIMUM; at++) {
		const byte = bytes[at]!;
		if (quoted) {
			if (byte === BACKSLASH) at++;
			else if (byte === QUOTE) quoted = false;
		} else if (byte === QUOTE) {
			quoted = true;
		} else if ((byte | BRACE) === OPEN_BRACE) {
			if (++level > deepest) deepest = level;
		} else if ((byte | BRACE) === CLOSE_BRACE) {
			level--;
		}
	}
	return deepest;
}
