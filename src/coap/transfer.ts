// SPDX-License-Identifier: Apache-2.0
/**
 * A body that comes in blocks, put together again; and one that goes out in blocks.
 *
 * They only count and copy: who asks for the next block, and when, is `requests.ts`.
 *
 * Spec: RFC 7959 §2.4, §2.5; RFC 8323 §6.
 */
import { DeviceError } from "../base/error.js";
import { isEqual } from "../bytes/word.js";
import { BLOCK_MAXIMUM, blockSize, type Block } from "./block.js";
import { OptionNumber } from "./constants.js";
import { NOTHING, uintOf, type Message } from "./message.js";
import { findOption } from "./option.js";

/** What a block did to the body that it belongs to. */
export const Taken = Object.freeze({
	/** It is whole. */
	WHOLE: 0,
	/** The next block is to be asked for. */
	MORE: 1,
	/** The representation changed on the way: from the first block again. */
	CHANGED: 2,
});
export type Taken = (typeof Taken)[keyof typeof Taken];

/** A body that comes. */
export class Assembly {
	/** Bytes so far: the offset of the next block. */
	length = 0;
	/** Of the blocks as the server makes them. */
	size = BLOCK_MAXIMUM;
	/** It sends several at a time. */
	bert = false;
	readonly #maximum: number;
	#body: Uint8Array = NOTHING;
	/** Of the representation, a copy; `undefined` while its first block has not come, or has none. */
	#etag: Uint8Array | undefined;

	/** @param maximum bytes of a body */
	constructor(maximum: number) {
		this.#maximum = maximum;
	}

	/** The bytes so far; valid until the next call. */
	get body(): Uint8Array {
		const body = this.#body;
		return body.byteLength === this.length ? body : body.subarray(0, this.length);
	}

	/** Forgets what came. */
	reset(): void {
		this.length = 0;
		this.#body = NOTHING;
		this.#etag = undefined;
	}

	/** @throws DeviceError `too-large`; `violation` for a block that is none of those asked for */
	take(message: Message, block: Block): Taken {
		const { payload, options } = message;
		const etag = findOption(options, OptionNumber.ETAG)?.value;
		const { length } = this;
		if (length === 0) this.#etag = etag?.slice();
		else if (!isSame(etag, this.#etag)) return Taken.CHANGED;
		const { number, size, more, bert } = block;
		if (number * size !== length) throw new DeviceError("violation", `block at ${number * size}, not at ${length}`);
		const { byteLength } = payload;
		checkLength(block, payload);
		this.reserve(message, length + byteLength, more);
		this.#body.set(payload, length);
		this.length = length + byteLength;
		this.size = size;
		this.bert = bert;
		return more ? Taken.MORE : Taken.WHOLE;
	}

	/** Makes room: at once for all that is announced, else twice as much as before. */
	private reserve(message: Message, needed: number, more: boolean): void {
		const announced = uintOf(message, OptionNumber.SIZE2) ?? 0;
		const whole = Math.max(needed, announced);
		const maximum = this.#maximum;
		if (whole > maximum) throw new DeviceError("too-large", `a body of ${whole} bytes: ${maximum} are taken`);
		const body = this.#body;
		if (needed <= body.byteLength) return;
		const wished = announced >= needed ? announced : more ? 2 * needed : needed;
		const grown = new Uint8Array(Math.min(wished, this.#maximum));
		if (this.length > 0) grown.set(body.subarray(0, this.length));
		this.#body = grown;
	}
}

/** A body that goes. */
export class Upload {
	readonly payload: Uint8Array;
	/** Bytes that the server has. */
	acknowledged = 0;
	/** Bytes of the block under way. */
	sent = 0;
	size: number;
	readonly #bert: boolean;
	/** Bytes of one message's payload. */
	readonly #room: number;

	/** @param room bytes of payload that fit a message */
	constructor(payload: Uint8Array, room: number, bert: boolean) {
		this.payload = payload;
		this.#room = room;
		this.#bert = bert && room > BLOCK_MAXIMUM;
		this.size = blockSize(room);
	}

	/** The block that is next. */
	get block(): Block {
		const { acknowledged, size } = this;
		const length = this.#bert && size === BLOCK_MAXIMUM ? this.#room - this.#room % size : size;
		this.sent = Math.min(length, this.payload.byteLength - acknowledged);
		return {
			number: acknowledged / size, size, more: acknowledged + this.sent < this.payload.byteLength,
			bert: this.#bert && size === BLOCK_MAXIMUM,
		};
	}

	get bytes(): Uint8Array {
		return this.payload.subarray(this.acknowledged, this.acknowledged + this.sent);
	}

	/**
	 * The server has the block under way, and may wish for smaller ones.
	 * @returns false when it answered another one
	 */
	take(answered: Block): boolean {
		const { number, size } = answered;
		if (number * size !== this.acknowledged && number * this.size !== this.acknowledged) return false;
		this.acknowledged += this.sent;
		this.shrink(answered.size);
		return true;
	}

	/** Smaller blocks from here on: what is acknowledged is a whole number of them. @returns false when they are not */
	shrink(size: number): boolean {
		if (size >= this.size) return false;
		this.size = size;
		return true;
	}

	restart(): void {
		this.acknowledged = this.sent = 0;
	}
}

/** The last block alone may be short. @throws DeviceError `violation` */
export function checkLength({ size, more, bert }: Block, { byteLength }: Uint8Array): void {
	const isWhole = bert ? byteLength > 0 && byteLength % size === 0 : byteLength === size;
	if (more ? !isWhole : byteLength > size && !bert) {
		throw new DeviceError("violation", `a block of ${size} bytes with ${byteLength}`);
	}
}

function isSame(left: Uint8Array | undefined, right: Uint8Array | undefined): boolean {
	return left === undefined || right === undefined ? left === right : isEqual(left, right);
}
