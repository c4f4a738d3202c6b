// SPDX-License-Identifier: Apache-2.0
/**
 * A position in a byte range: what reading and writing have in common.
 *
 * One cursor is made per core and pointed at each packet in turn: a cursor's method costs a quarter of
 * returning `[value, offset]` on XS.
 */
import type { TextCodec } from "../host.js";

const NOTHING = new Uint8Array(0);

export class Cursor {
	/** Index of the next byte. */
	position = 0;
	/** Index after the last byte of the range. */
	end = 0;
	bytes: Uint8Array = NOTHING;
	protected readonly text: TextCodec;

	constructor(text: TextCodec) {
		this.text = text;
	}

	/** Points at `bytes[start, end)`, which is borrowed until the next call. */
	reset(bytes: Uint8Array, start: number, end: number): void {
		this.bytes = bytes;
		this.position = start;
		this.end = end;
	}

	/** Lets go of the bytes. */
	clear(): void {
		this.reset(NOTHING, 0, 0);
	}

	get remaining(): number {
		return this.end - this.position;
	}
}
