// SPDX-License-Identifier: Apache-2.0
/** Replies to commands, gathered part by part: all of them together take so much memory and no more. Pure. */
import { Rejection } from "./rejection.js";

/** Bytes of one part, and of one reply. */
export const PART_MAXIMUM = 1_024;
export const REPLY_MAXIMUM = 1_048_576;
/** Bytes of all replies that are kept. */
const TOTAL_MAXIMUM = 64 * REPLY_MAXIMUM;

export class CommandReply {
	readonly #replies: CommandReplies;
	#bytes = new Uint8Array(PART_MAXIMUM);
	/** Bytes that are there. */
	length = 0;

	constructor(replies: CommandReplies) {
		this.#replies = replies;
	}

	/** What is there, a copy. */
	bytes(): Uint8Array { return this.#bytes.slice(0, this.length); }

	/**
	 * A part: what was there from its offset on is forgotten, as a device that begins anew says everything again. A part
	 * that leaves a hole is not taken.
	 * @throws Rejection
	 */
	take(offset: number, part: Uint8Array): void {
		if (part.byteLength > PART_MAXIMUM) throw new Rejection(413, `part larger than ${PART_MAXIMUM} bytes`);
		const length = offset + part.byteLength;
		if (length > REPLY_MAXIMUM) throw new Rejection(413, `reply larger than ${REPLY_MAXIMUM} bytes`);
		if (offset > this.length) return;
		this.#replies.reserve(length - this.length);
		if (length > this.#bytes.byteLength) {
			const larger = new Uint8Array(2 * length);
			larger.set(this.#bytes);
			this.#bytes = larger;
		}
		this.#bytes.set(part, offset);
		this.length = length;
	}

	/** It is wanted no more. */
	drop(): void {
		this.#replies.reserve(-this.length);
		this.length = 0;
	}
}

export class CommandReplies {
	#total = 0;

	/** Room for so many bytes more, or less. @throws Rejection */
	reserve(count: number): void {
		if (this.#total + count > TOTAL_MAXIMUM) throw new Rejection(429, "too many replies are kept");
		this.#total += count;
	}
}
