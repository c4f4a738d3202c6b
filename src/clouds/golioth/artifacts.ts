// SPDX-License-Identifier: Apache-2.0
/**
 * An artifact, `.u/c/<package>@<version>`, block after block (RFC 7959): each block that the download wants is put
 * together from those that CoAP carries, one request at a time.
 */
import type { Closer } from "../../base/closer.js";
import { DeviceError } from "../../base/error.js";
import { Refusal } from "../../base/service.js";
import { isEqual } from "../../bytes/word.js";
import { classOf, Code, codeText, ContentFormat, OptionNumber } from "../../coap/constants.js";
import { uintOf } from "../../coap/message.js";
import { findOption } from "../../coap/option.js";
import type { Cancelable, Response } from "../../coap/request.js";
import type { BlockRange } from "../../ota/blocks.js";
import type { BlockPort, Download } from "../../ota/download.js";
import type { Asker, Translation } from "../coap.js";
import type { GoliothConnection } from "./connection.js";
import { refusalOf } from "./messages.js";

const SIZE_MAXIMUM = 1_024;
const SIZE_MINIMUM = 16;

export class GoliothArtifact implements Translation, BlockPort, Asker, Closer {
	readonly interval = 0;
	readonly #connection: GoliothConnection;
	readonly #path: string;
	readonly #download: Download;
	/** Of the block that is being put together; its bytes, and how many there are. */
	#index = -1;
	readonly #block: Uint8Array;
	#length = 0;
	/** Bytes of a block on the way. The server may want smaller ones. */
	#size = SIZE_MAXIMUM;
	/** Of the artifact: blocks of another are refused. */
	#etag: Uint8Array | undefined;
	/** Ranges that were asked for, and how many blocks of the first are done. */
	#ranges: BlockRange[] = [];
	#done = 0;
	/** Of the last request; "" when there is nothing to do. */
	#token = "";
	#describing = false;
	#asked: Cancelable | undefined;
	#paused = false;

	/** @throws DeviceError `argument` for blocks that are no whole number of CoAP's */
	constructor(connection: GoliothConnection, name: string, download: Download) {
		const { blockLength } = download;
		while (blockLength % this.#size !== 0) this.#size /= 2;
		if (this.#size < SIZE_MINIMUM) throw new DeviceError("argument", `blocks of ${blockLength} bytes`);
		this.#connection = connection;
		this.#path = `.u/c/${name}`;
		this.#download = download;
		this.#block = new Uint8Array(blockLength);
	}

	connected(): void {
		this.#download.connected(this);
	}

	disconnected(): void {
		this.drop();
		this.#download.disconnected();
	}

	close(): void {
		this.#connection.remove(this);
		this.drop();
	}

	pause(): void {
		this.#paused = true;
	}

	resume(): void {
		this.#paused = false;
		this.next();
	}

	describe(token: string): boolean {
		this.drop();
		this.#token = token;
		this.#describing = true;
		return this.fetch(0);
	}

	request(token: string, _: number, range: BlockRange): boolean {
		const last = this.#ranges.at(-1);
		// From the beginning of what is missing, and not behind what was asked for: that is asked for no more.
		if (last !== undefined && range.offset < last.offset + last.count) this.drop();
		this.#token = token;
		this.#ranges.push(range);
		if (this.#asked === undefined) this.next();
		return this.#asked !== undefined || this.#paused;
	}

	onAnswer(token: string, response: Response, now: number): void {
		this.#asked = undefined;
		const { code } = response;
		const download = this.#download;
		if (code === Code.BAD_OPTION && !this.#describing) return download.beyond(this.#token);
		if (classOf(code) !== 2) return download.rejected(this.#token, refusalOf(code), codeText(code), now);
		if (!this.isSame(response)) {
			return download.rejected(this.#token, Refusal.STALE, "the artifact is another one now", now);
		}
		if (this.#describing) this.tellSize(token, response);
		else this.take(response, now);
	}

	private tellSize(token: string, { options, payload, block }: Response): void {
		this.#describing = false;
		const size = uintOf({ options }, OptionNumber.SIZE2);
		this.#download.described(token, size ?? (block?.more ? undefined : payload.byteLength));
	}

	/** A part of the block that is being put together. */
	private take({ payload, block }: Response, now: number): void {
		const { number = 0, size = payload.byteLength, more = false } = block ?? {};
		const target = this.#block;
		const room = target.byteLength - this.#length;
		if (number * size !== this.#index * target.byteLength + this.#length || payload.byteLength > room) {
			throw new DeviceError("malformed", "another block than was asked for");
		}
		target.set(payload, this.#length);
		this.#length += payload.byteLength;
		if (more && size < this.#size) this.#size = size;
		if (more && this.#length < target.byteLength) return this.next();
		const index = this.#index;
		const length = this.#length;
		this.#index = -1;
		this.#length = 0;
		this.step();
		// What it does with it may ask for more, pause or close.
		this.#download.block(this.#token, index, target, 0, length, now);
		if (this.#asked === undefined) this.next();
	}

	/** To the next block that was asked for. */
	private step(): void {
		const [range] = this.#ranges;
		if (range !== undefined && ++this.#done >= range.count) {
			this.#done = 0;
			this.#ranges.shift();
		}
	}

	/** Asks for what comes next, if there is something. */
	private next(): void {
		if (this.#paused || this.#asked !== undefined) return;
		for (let range = this.#ranges.at(0); range !== undefined; range = this.#ranges.at(0)) {
			const { offset, bitmap } = range;
			if (bitmap === undefined || ((bitmap.at(this.#done >> 3) ?? 0) >> (this.#done & 7) & 1) !== 0) {
				const index = offset + this.#done;
				if (index !== this.#index) this.#length = 0;
				this.#index = index;
				this.fetch(index * this.#block.byteLength + this.#length);
				return;
			}
			this.step();
		}
	}

	private fetch(offset: number): boolean {
		const size = this.#size;
		this.#asked = this.#connection.ask(this.#token, {
			code: Code.GET, path: this.#path, accept: ContentFormat.OCTET_STREAM, block: { number: offset / size, size },
		}, this);
		return this.#asked !== undefined;
	}

	/** Forgets what was asked for; what there is of a block stays. */
	private drop(): void {
		this.#asked?.cancel();
		this.#asked = undefined;
		this.#ranges = [];
		this.#done = 0;
		this.#describing = false;
	}

	private isSame({ options }: Response): boolean {
		const etag = findOption(options, OptionNumber.ETAG)?.value;
		if (etag === undefined) return true;
		this.#etag ??= etag.slice();
		return isEqual(etag, this.#etag);
	}
}
