// SPDX-License-Identifier: Apache-2.0
/**
 * A file that a cloud offers over CoAP, block by block (RFC 7959): the blocks of CoAP are put together to those that
 * the download asked for.
 *
 * One request is under way at a time: the next block is asked for when one is here, and not before whoever writes flash
 * has room for it. The file's ETag is its version: what begins with another one is another file.
 */
import type { Closer } from "../base/closer.js";
import { Refusal } from "../base/service.js";
import { encodeHex } from "../bytes/hex.js";
import { BLOCK_MAXIMUM, BLOCK_MINIMUM } from "../coap/block.js";
import { classOf, Code, codeText, OptionNumber } from "../coap/constants.js";
import { uintOf } from "../coap/message.js";
import { findOption, uintOption, type Option } from "../coap/option.js";
import type { Cancelable, Response } from "../coap/request.js";
import type { BlockRange } from "../ota/blocks.js";
import type { BlockPort, Download } from "../ota/download.js";
import type { Asker, CoAPConnection, Translation } from "./coap.js";

/** Asks how long the file is, in a block that is as short as can be. */
const FIRST = Object.freeze({ number: 0, size: BLOCK_MINIMUM });
const NOTHING = new Uint8Array(0);

export class CoAPFile implements Translation, BlockPort, Closer, Asker {
	readonly interval = 0;
	readonly #connection: CoAPConnection;
	readonly #path: string;
	readonly #download: Download;
	/** Of the file, in hexadecimal, once it is known. */
	#version: string | undefined;
	/** What the download asked with last, and whether it asked how long the file is. */
	#token = "";
	#describes = false;
	#asked: Cancelable | undefined;
	#paused = false;
	/** Blocks of the download that are to come, in order, and the bytes of each. */
	readonly #wanted: number[] = [];
	#blockLength = 0;
	/** The beginning of the first of them. */
	#gathered: Uint8Array = NOTHING;
	#count = 0;
	/** Bytes of CoAP's blocks: the server may have them smaller. */
	#unit = BLOCK_MAXIMUM;

	constructor(connection: CoAPConnection, path: string, download: Download) {
		this.#connection = connection;
		this.#path = path;
		this.#download = download;
	}

	connected(): void {
		this.#unit = BLOCK_MAXIMUM;
		this.#download.connected(this);
	}

	disconnected(): void {
		this.abandon();
		this.#paused = false;
		this.#download.disconnected();
	}

	close(): void {
		this.abandon();
		this.#connection.remove(this);
	}

	pause(): void {
		this.#paused = true;
	}

	resume(): void {
		this.#paused = false;
		this.proceed();
	}

	describe(token: string): boolean {
		this.abandon();
		this.#token = token;
		this.#describes = true;
		this.#asked = this.ask(FIRST, [uintOption(OptionNumber.SIZE2, 0)]);
		return this.#asked !== undefined;
	}

	request(token: string, blockLength: number, { offset, count, bitmap }: BlockRange): boolean {
		if (!this.#connection.connected) return false;
		const wanted = this.#wanted;
		const last = wanted.at(-1);
		if (this.#describes || blockLength !== this.#blockLength) {
			this.abandon();
		} else if (last !== undefined && offset <= last) {
			// Asked for anew: what has come of the first block is good, and so is the request for more of it.
			if (offset === wanted.at(0)) wanted.length = 0;
			else this.abandon();
		}
		this.#token = token;
		this.#blockLength = blockLength;
		for (let bit = 0; bit < count; bit++) {
			if (bitmap === undefined || (bitmap.at(bit >> 3)! & 1 << (bit & 7)) !== 0) wanted.push(offset + bit);
		}
		this.proceed();
		return true;
	}

	onAnswer(token: string, response: Response, now: number): void {
		this.#asked = undefined;
		const { code, options, block, payload } = response;
		if (code !== Code.CONTENT) return this.refused(response, now);
		const version = findOption(options, OptionNumber.ETAG);
		if (version !== undefined && !this.isSame(encodeHex(version.value))) {
			this.abandon();
			return this.#download.rejected(this.#token, Refusal.STALE, "another one is in its place", now);
		}
		if (this.#describes) {
			this.#describes = false;
			return this.#download.described(token, uintOf(response, OptionNumber.SIZE2));
		}
		if (block !== undefined) this.#unit = block.size;
		const at = block === undefined ? 0 : block.number * block.size;
		this.take(payload, at, block?.more ?? false, now);
		this.proceed();
	}

	/** The download asks again when it has waited long enough. */
	onUnanswered(): void {
		this.#asked = undefined;
	}

	/** Over streams one answer may hold several blocks, and over datagrams a block takes several answers. */
	private take(bytes: Uint8Array, at: number, more: boolean, now: number): void {
		const length = this.#blockLength;
		const { byteLength } = bytes;
		for (let index = this.#wanted.at(0); index !== undefined && !this.#paused; index = this.#wanted.at(0)) {
			const start = index * length + this.#count - at;
			if (start < 0 || start >= byteLength) break;
			const end = Math.min(start + length - this.#count, byteLength);
			const isWhole = this.#count + end - start === length || (!more && end === byteLength);
			if (this.#count > 0 || !isWhole) this.gather(bytes, start, end);
			if (!isWhole) break;
			if (this.#count > 0) this.hand(index, this.#gathered, 0, this.#count, now);
			else this.hand(index, bytes, start, end, now);
		}
		if (more || this.#wanted.length === 0 || this.#paused) return;
		this.abandon();
		this.#download.beyond(this.#token);
	}

	private gather(bytes: Uint8Array, start: number, end: number): void {
		if (this.#gathered.byteLength !== this.#blockLength) this.#gathered = new Uint8Array(this.#blockLength);
		this.#gathered.set(bytes.subarray(start, end), this.#count);
		this.#count += end - start;
	}

	/** From here with as little of the stack as can be: who takes a block does something with it. */
	private hand(index: number, bytes: Uint8Array, start: number, end: number, now: number): void {
		this.#wanted.shift();
		this.#count = 0;
		this.#download.block(this.#token, index, bytes, start, end, now);
	}

	private refused({ code }: Response, now: number): void {
		const isFirst = this.#describes || (this.#wanted.at(0) ?? 0) === 0;
		const token = this.#token;
		this.abandon();
		if (!isFirst && (code === Code.BAD_OPTION || code === Code.BAD_REQUEST)) return this.#download.beyond(token);
		this.#download.rejected(token, refusalOf(code), `answered with ${codeText(code)}`, now);
	}

	private isSame(version: string): boolean {
		this.#version ??= version;
		return this.#version === version;
	}

	private proceed(): void {
		const index = this.#wanted.at(0);
		if (index === undefined || this.#paused || this.#asked !== undefined) return;
		// Blocks are asked for by number: from the beginning of the one that holds the next byte.
		const unit = this.#unit;
		const number = Math.floor((index * this.#blockLength + this.#count) / unit);
		this.#asked = this.ask({ number, size: unit });
	}

	private ask(block: { number: number; size: number }, options?: readonly Option[]): Cancelable | undefined {
		return this.#connection.ask(this.#token, { code: Code.GET, path: this.#path, block, options }, this);
	}

	/** Nothing of what was asked for is to come. */
	private abandon(): void {
		this.#asked?.cancel();
		this.#asked = undefined;
		this.#describes = false;
		this.#wanted.length = 0;
		this.#count = 0;
	}
}

/** @returns one of `Refusal` */
function refusalOf(code: number): number {
	switch (code) {
		case Code.NOT_FOUND: return Refusal.GONE;
		case Code.CONFLICT:
		case Code.PRECONDITION_FAILED: return Refusal.STALE;
		case Code.TOO_MANY_REQUESTS: return Refusal.BUSY;
		default: return classOf(code) === 5 ? Refusal.BUSY : Refusal.REFUSED;
	}
}
