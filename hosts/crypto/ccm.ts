// SPDX-License-Identifier: Apache-2.0
/**
 * CCM, composed for the platforms that have AES but not this mode of it.
 *
 * What grows with a message is done by the platform, in two calls over whole messages: the tag is the last block of CBC,
 * and the tag and the message are encrypted together, as their blocks of the key stream follow one another.
 *
 * Spec: RFC 3610 §2.
 */
import { DeviceError } from "../../src/base/error.js";
import type { Crypto, SealOptions } from "../../src/host.js";

const BLOCK = 16;
const KEY = 16;
const NONCE_MINIMUM = 7, NONCE_MAXIMUM = 13;
const TAG_SHORT = 8, TAG_LONG = 16;
const MESSAGE_MAXIMUM = 0xffff;
/** Beyond, lengths take more than two bytes (§2.2). */
const ADDITIONAL_MAXIMUM = 0xfeff;
/** Of the first block: that there are additional bytes. */
const ADDITIONAL_FLAG = 0x40;

/** Encryption with AES-128 and one key. Both methods put their result where their input was. */
export interface BlockModes {
	/** CBC from a vector of zeros; `bytes` are whole blocks, and begin their buffer. */
	chain(bytes: Uint8Array<ArrayBuffer>): void;
	/** CTR, beginning with `counter`, which is lost; `bytes` begin their buffer. */
	stream(counter: Uint8Array<ArrayBuffer>, bytes: Uint8Array<ArrayBuffer>): void;
}

/** @throws DeviceError `argument` for sizes that no platform takes */
export function checkSealOptions(options: SealOptions, overhead: number): void {
	const { key, nonce, additional, bytes, tagLength } = options;
	checkLength("the key", key, KEY, KEY);
	checkLength("the nonce", nonce, NONCE_MINIMUM, NONCE_MAXIMUM);
	checkLength("what is additional", additional, 0, ADDITIONAL_MAXIMUM);
	if (tagLength !== TAG_SHORT && tagLength !== TAG_LONG) {
		throw new DeviceError("argument", `the tag must have ${TAG_SHORT} or ${TAG_LONG} bytes`);
	}
	checkLength("what is sealed", bytes, 0, MESSAGE_MAXIMUM + overhead);
}

function checkLength(what: string, bytes: unknown, minimum: number, maximum: number): void {
	if (!(bytes instanceof Uint8Array)) throw new DeviceError("argument", `${what} must be given as a Uint8Array`);
	const { byteLength } = bytes;
	if (byteLength < minimum || byteLength > maximum) {
		throw new DeviceError("argument", `${what} has ${byteLength} bytes, which are not within ${minimum} to ${maximum}`);
	}
}

/** `seal` and `open` of a platform that `withKey` gives AES of. */
export class CCM implements Pick<Crypto, "seal" | "open"> {
	readonly #withKey: (key: Uint8Array) => BlockModes;

	constructor(withKey: (key: Uint8Array) => BlockModes) {
		this.#withKey = withKey;
	}

	seal(options: SealOptions): Uint8Array {
		checkSealOptions(options, 0);
		const { key, nonce, bytes, tagLength } = options, { byteLength } = bytes;
		const modes = this.#withKey(key), work = new Uint8Array(BLOCK + byteLength);
		work.set(tagOf(modes, options, bytes));
		work.set(bytes, BLOCK);
		modes.stream(counterOf(nonce), work);
		const tag = work.slice(0, tagLength);
		work.copyWithin(0, BLOCK);
		work.set(tag, byteLength);
		return work.subarray(0, byteLength + tagLength);
	}

	open(options: SealOptions): Uint8Array | undefined {
		checkSealOptions(options, options.tagLength);
		const { key, nonce, bytes, tagLength } = options, length = bytes.byteLength - tagLength;
		if (length < 0) return undefined;
		const modes = this.#withKey(key), work = new Uint8Array(BLOCK + length);
		work.set(bytes.subarray(length));
		work.set(bytes.subarray(0, length), BLOCK);
		modes.stream(counterOf(nonce), work);
		const message = work.subarray(BLOCK), tag = tagOf(modes, options, message);
		let difference = 0;
		for (let index = 0; index < tagLength; index++) difference |= tag[index]! ^ work[index]!;
		return difference === 0 ? message : undefined;
	}
}

/** The last block of CBC over the lengths, what is additional, and the message (§2.2). */
function tagOf(modes: BlockModes, { nonce, additional, tagLength }: SealOptions, message: Uint8Array): Uint8Array {
	const { byteLength } = additional, length = message.byteLength;
	const start = BLOCK + (byteLength === 0 ? 0 : wholeBlocks(2 + byteLength)), work = new Uint8Array(start + wholeBlocks(length));
	work[0] = (byteLength === 0 ? 0 : ADDITIONAL_FLAG) | (tagLength - 2) / 2 << 3 | flagsOf(nonce);
	work.set(nonce, 1);
	work[BLOCK - 2] = length >> 8;
	work[BLOCK - 1] = length;
	if (byteLength > 0) {
		work[BLOCK] = byteLength >> 8;
		work[BLOCK + 1] = byteLength;
		work.set(additional, BLOCK + 2);
	}
	work.set(message, start);
	modes.chain(work);
	return work.slice(-BLOCK);
}

/** The first block of the key stream, which the tag takes (§2.3). */
function counterOf(nonce: Uint8Array): Uint8Array<ArrayBuffer> {
	const counter = new Uint8Array(BLOCK);
	counter[0] = flagsOf(nonce);
	counter.set(nonce, 1);
	return counter;
}

/** One less than the bytes that are left for lengths and counts. */
function flagsOf(nonce: Uint8Array): number {
	return BLOCK - 2 - nonce.byteLength;
}

function wholeBlocks(length: number): number {
	return (length + BLOCK - 1) & -BLOCK;
}
