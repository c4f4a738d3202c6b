// SPDX-License-Identifier: Apache-2.0
/**
 * The archive of a mod, on its way from the slot in which it was verified to the partition from which XS runs it.
 *
 * They are two, because XS writes its own numbers for names into the archive at every boot that finds others in it (the
 * first, and the first of another image), and what was signed must stay as it was. XS neither looks at the content of an
 * archive nor notices that the power failed while it wrote: it then runs what it finds. So here nothing passes for an
 * archive that is not whole, and what XS made of it is remembered by its digest:
 *
 * | block of the partition | what                                                                            |
 * |------------------------|---------------------------------------------------------------------------------|
 * | first to last but one  | the archive; its type is cleared first and written last                         |
 * | last                   | its header (44 bytes), 4 bytes 0xFF, SHA-256 of the archive as XS has written it |
 *
 * An archive is run once its digest is the one remembered. The digest is only taken in a boot that follows a copy without
 * any other reset in between, for then XS went through to the end.
 *
 * Spec: the SDK's xs/sources/xsAPI.c (fxMapArchive).
 */
import { DeviceError } from "../../src/base/error.js";
import type { Crypto, FlashPartition } from "../../src/host.js";

/** Length and type, version, and signature, which is a digest of the content. */
const HEADER_LENGTH = 44;
/** Where the type is in the header: the four bytes behind the length. */
const TYPE_START = 4;
const TYPE_END = 8;
/** "XS_A". */
const ARCHIVE = 0x58535f41;
/** What XS writes over an archive that it does not take: length 9, and "XS_E". */
const REFUSED = Object.freeze([0, 0, 0, 9, 0x58, 0x53, 0x5f, 0x45] as const);
/** Where the digest is in the last block. */
const DIGEST_START = 48;
const DIGEST_LENGTH = 32;
const ERASED = 0xff;

export class ArchivePlace {
	readonly #partition: FlashPartition;
	readonly #crypto: Crypto;
	/** Where the last block begins. */
	readonly #record: number;
	readonly #block: Uint8Array;

	/** @param partition borrowed; its blocks are those of the slots, too */
	constructor(partition: FlashPartition, crypto: Crypto) {
		this.#partition = partition;
		this.#crypto = crypto;
		this.#record = partition.size - partition.blockLength;
		this.#block = new Uint8Array(partition.blockLength);
	}

	/**
	 * Brings the archive in `slot` here, unless it is.
	 * @param size       bytes of it
	 * @param isRestarted the device has just booted, and because its program wanted to
	 * @returns whether it is here and XS runs it; `false` wants a restart at once, and then to be asked again
	 * @throws DeviceError `corrupt` for what is no archive of that size, or one that XS has refused; `too-large`, `storage`
	 */
	place(slot: FlashPartition, size: number, isRestarted: boolean): boolean {
		const header = this.#headerOf(slot, size);
		if (isEqual(header, this.#read(this.#record, HEADER_LENGTH))) {
			const here = this.#read(0, HEADER_LENGTH);
			if (REFUSED.every((byte, index) => byte === here[index])) throw new DeviceError("corrupt", "XS refused the archive of the mod");
			if (isEqual(header, here) && this.#isAsRemembered(size, isRestarted)) return true;
		}
		this.clear();
		this.#copy(slot, size, header);
		return false;
	}

	/** From the next boot on there is no mod. */
	clear(): void {
		// An erasure that is cut short may leave anything, but not a type of which no bit is set.
		this.#partition.write(new Uint8Array(TYPE_END - TYPE_START), TYPE_START);
		this.#partition.eraseBlock(0);
		this.#partition.eraseBlock(this.#record / this.#partition.blockLength);
	}

	#headerOf(slot: FlashPartition, size: number): Uint8Array {
		if (size > this.#record || size > slot.size) throw new DeviceError("too-large", `an archive of ${size} bytes does not fit`);
		const header = new Uint8Array(HEADER_LENGTH);
		slot.read(header, 0);
		const view = new DataView(header.buffer);
		const isArchive = size >= HEADER_LENGTH && view.getUint32(0) === size && view.getUint32(TYPE_START) === ARCHIVE;
		if (!isArchive) throw new DeviceError("corrupt", "there is no archive of a mod of that size");
		return header;
	}

	#isAsRemembered(size: number, isRestarted: boolean): boolean {
		const remembered = this.#read(this.#record + DIGEST_START, DIGEST_LENGTH);
		const digest = this.#digest(size);
		if (remembered.some(byte => byte !== ERASED)) return isEqual(remembered, digest);
		if (isRestarted) this.#write(digest, this.#record + DIGEST_START);
		return isRestarted;
	}

	#copy(slot: FlashPartition, size: number, header: Uint8Array): void {
		const { blockLength } = this.#partition;
		this.#write(header, this.#record);
		for (let offset = 0; offset < size; offset += blockLength) {
			const bytes = this.#block.subarray(0, Math.min(blockLength, size - offset));
			slot.read(bytes, offset);
			if (offset > 0) this.#partition.eraseBlock(offset / blockLength);
			else bytes.fill(ERASED, TYPE_START, TYPE_END);
			this.#write(bytes, offset);
		}
		this.#write(header.subarray(TYPE_START, TYPE_END), TYPE_START);
	}

	/** XS runs what it reads, so that everything written is read again. */
	#write(bytes: Uint8Array, offset: number): void {
		this.#partition.write(bytes, offset);
		if (!isEqual(bytes, this.#read(offset, bytes.byteLength))) throw new DeviceError("storage", "the flash does not keep a mod");
	}

	#digest(size: number): Uint8Array {
		const digest = this.#crypto.digest("SHA-256");
		for (let offset = 0; offset < size; offset += this.#block.byteLength) {
			const bytes = this.#block.subarray(0, Math.min(this.#block.byteLength, size - offset));
			this.#partition.read(bytes, offset);
			digest.update(bytes);
		}
		return digest.digest();
	}

	#read(offset: number, count: number): Uint8Array {
		const bytes = new Uint8Array(count);
		this.#partition.read(bytes, offset);
		return bytes;
	}
}

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
	return one.every((byte, index) => byte === other[index]);
}
