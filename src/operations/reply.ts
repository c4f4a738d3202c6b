// SPDX-License-Identifier: Apache-2.0
/**
 * A reply to a command that is larger than a message: read where it is, sent part by part, and never whole in memory.
 *
 * The cloud says after each part how much of the reply it has, and that is where the next one is read: so a reply goes
 * on after a reconnect where it was, and begins again where the cloud has forgotten it.
 */
import { DeviceError } from "../base/error.js";
import { encodeHex } from "../bytes/hex.js";
import type { Crypto, Digest } from "../host.js";
import type { Command } from "./command.js";

export interface ReplySource {
	/**
	 * Puts what there is from `offset` on into `target`, as much as fits or less. What was read once is the same later:
	 * a connection that is lost has it read again.
	 * @returns the bytes put there; 0 at the end
	 */
	read(offset: number, target: Uint8Array): number;
}

/** What a reply was, for the cloud to compare. */
export interface ReplyDigest {
	/** Bytes. */
	readonly length: number;
	/** SHA-256 in hexadecimal; absent where the device was given no crypto. */
	readonly digest?: string | undefined;
}

/** Bytes of a part: no buffer on its way grows twice for it, and it fits one datagram, whatever protects that. */
export const PART_LENGTH = 768;

export class Reply {
	readonly command: Command;
	/** Of the part that is sent, and there are `count` bytes of it, -1: they are to be read. */
	offset = 0;
	#count = -1;
	readonly #part = new Uint8Array(PART_LENGTH);
	readonly #crypto: Crypto | undefined;
	#digest: Digest | undefined;
	/** Bytes that the digest has. */
	#digested = 0;

	constructor(command: Command, crypto: Crypto | undefined) {
		this.command = command;
		this.#crypto = crypto;
	}

	/**
	 * The part at `offset`, borrowed until the next call; empty at the end of the reply.
	 * @throws DeviceError `argument` when the source says that it put there what cannot be; what the source throws
	 */
	part(): Uint8Array {
		const part = this.#part;
		if (this.#count < 0) {
			const count = this.command.source!.read(this.offset, part);
			if (!(Number.isInteger(count) && count >= 0 && count <= PART_LENGTH)) {
				throw new DeviceError("argument", `a part of ${String(count)} bytes`);
			}
			this.#count = count;
		}
		const bytes = this.#count === PART_LENGTH ? part : part.subarray(0, this.#count);
		const fresh = this.offset + this.#count - this.#digested;
		if (fresh > 0 && fresh <= this.#count) {
			this.digest?.update(fresh === bytes.byteLength ? bytes : bytes.subarray(bytes.byteLength - fresh));
			this.#digested += fresh;
		}
		return bytes;
	}

	/** @param offset up to which the cloud has it: what comes next */
	received(offset: number): void {
		// Never more than it was given, and nothing that is no offset: the program reads from there.
		if (!(Number.isInteger(offset) && offset >= 0 && offset <= this.offset + Math.max(0, this.#count))) return;
		this.offset = offset;
		this.#count = -1;
	}

	/** Once all of it was taken. */
	finish(): ReplyDigest {
		const digest = this.digest?.digest();
		return { length: this.offset, digest: digest && encodeHex(digest) };
	}

	private get digest(): Digest | undefined {
		return this.#digest ??= this.#crypto?.digest("SHA-256");
	}
}
