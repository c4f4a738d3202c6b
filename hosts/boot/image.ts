// SPDX-License-Identifier: Apache-2.0
/**
 * The format of an image: what the boot loader looks at before it boots one, as ESP-IDF's does.
 *
 * | bytes  | what                                                        |
 * |--------|-------------------------------------------------------------|
 * | 4      | `MIMG`                                                      |
 * | 4      | bytes of the content, big-endian                            |
 * | 8      | zero                                                        |
 * | length | the content, which only the platform knows how to run       |
 * | 32     | SHA-256 of all before                                       |
 *
 * What lies behind it in its slot is of no account.
 */
import { DeviceError } from "../../src/base/error.js";
import type { Crypto, FlashPartition } from "../../src/host.js";
import { SLOTS, type Platform, type Slot } from "./partitions.js";

const MAGIC = 0x4d49_4d47;
const HEADER_LENGTH = 16;
const DIGEST_LENGTH = 32;
/** Bytes read at once, as little as a device has to spare. */
const PIECE = 1_024;

/** Bytes of an image beyond its content. */
export const IMAGE_OVERHEAD = HEADER_LENGTH + DIGEST_LENGTH;

/** The image that has this content. */
export function wrapImage(content: Uint8Array, crypto: Crypto): Uint8Array {
	const end = HEADER_LENGTH + content.byteLength;
	const image = new Uint8Array(end + DIGEST_LENGTH), view = new DataView(image.buffer);
	view.setUint32(0, MAGIC);
	view.setUint32(4, content.byteLength);
	image.set(content, HEADER_LENGTH);
	const digest = crypto.digest("SHA-256");
	digest.update(image.subarray(0, end));
	image.set(digest.digest(), end);
	return image;
}

/** Whether the boot loader would boot what is in `slot`. */
export function isBootable({ flash, crypto }: Platform, slot: Slot): boolean {
	const partition = flash.open({ path: SLOTS[slot] });
	try {
		const length = contentLength(partition);
		return length !== undefined && isWhole(partition, HEADER_LENGTH + length, crypto);
	} finally {
		partition.close();
	}
}

/**
 * The content of the image in `slot`, or its first `limit` bytes. Only the header is looked at.
 * @throws DeviceError `corrupt`
 */
export function contentOf({ flash }: Platform, slot: Slot, limit = Infinity): Uint8Array {
	const partition = flash.open({ path: SLOTS[slot] });
	try {
		const length = contentLength(partition);
		if (length === undefined) throw new DeviceError("corrupt", `there is no image in ${SLOTS[slot]}`);
		const content = new Uint8Array(Math.min(length, limit));
		partition.read(content, HEADER_LENGTH);
		return content;
	} finally {
		partition.close();
	}
}

/** What the header says, or `undefined` when it is none, or of an image that does not fit its slot. */
function contentLength(partition: FlashPartition): number | undefined {
	const header = new Uint8Array(HEADER_LENGTH), view = new DataView(header.buffer);
	partition.read(header, 0);
	const length = view.getUint32(4);
	if (view.getUint32(0) !== MAGIC || view.getUint32(8) !== 0 || view.getUint32(12) !== 0) return undefined;
	return length <= partition.size - IMAGE_OVERHEAD ? length : undefined;
}

/** Whether the digest at `end` is that of all before. */
function isWhole(partition: FlashPartition, end: number, crypto: Crypto): boolean {
	const digest = crypto.digest("SHA-256"), piece = new Uint8Array(PIECE);
	for (let offset = 0; offset < end; offset += PIECE) {
		const bytes = end - offset < PIECE ? piece.subarray(0, end - offset) : piece;
		partition.read(bytes, offset);
		digest.update(bytes);
	}
	const expected = digest.digest(), found = piece.subarray(0, DIGEST_LENGTH);
	partition.read(found, end);
	return expected.every((byte, index) => byte === found[index]);
}
