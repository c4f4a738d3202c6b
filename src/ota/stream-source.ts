// SPDX-License-Identifier: Apache-2.0
/**
 * A release over MQTT: blocks of a file of the cloud's, strictly in order and straight from the messages.
 *
 * A block that comes before its turn is left, and asked for again: so nothing is kept here, however long the file is.
 * Connections may come and go meanwhile; the source stays open and goes on where it was.
 */
import type { Closer } from "../base/closer.js";
import { DeviceError } from "../base/error.js";
import { inRange } from "../base/range.js";
import { FILE_MAXIMUM } from "./blocks.js";
import type { DownloadCallbacks, DownloadOptions } from "./download.js";
import { BLOCK_LENGTH, type Source, type SourceReader, type SourceStream } from "./source.js";

/** A download that is driven by somebody else, until it is closed. */
export interface OpenDownload extends Closer {
	/** As `Download` has them. */
	pause(): void;
	resume(): void;
}

/** Who begins downloads. An object, because a closure takes eleven slots. */
export interface Downloader {
	/** As `device.download`. */
	download(name: string, file: number, callbacks: DownloadCallbacks, options?: DownloadOptions): OpenDownload;
}

/** Blocks that are asked for ahead: 32 KB. */
const WINDOW = 8;
/** Requests in a row without a block before the source fails: five minutes, as they wait longer and longer. */
const ATTEMPTS = 5;

export class StreamSource implements Source {
	readonly #downloader: Downloader;
	readonly #name: string;
	readonly #file: number;

	/** @param name of the stream, and the number of the file in it */
	constructor(downloader: Downloader, name: string, file: number) {
		this.#downloader = downloader;
		this.#name = name;
		this.#file = file;
	}

	open(offset: number, end: number, reader: SourceReader): SourceStream {
		if (offset % BLOCK_LENGTH !== 0 || end % BLOCK_LENGTH !== 0) {
			throw new DeviceError("argument", `${offset} to ${end} are no whole blocks`);
		}
		inRange("end", end, BLOCK_LENGTH, FILE_MAXIMUM);
		const first = inRange("offset", offset, 0, end - BLOCK_LENGTH) / BLOCK_LENGTH;
		const reading = new Reading(first, reader);
		reading.download = this.#downloader.download(this.#name, this.#file, reading, {
			length: end, blockLength: BLOCK_LENGTH, first, window: WINDOW, attempts: ATTEMPTS,
		});
		return reading;
	}
}

class Reading implements DownloadCallbacks, SourceStream {
	download: OpenDownload | undefined;
	/** The block given last is in use: what comes is left in the network. */
	#held = false;
	/** `undefined` once it is over. */
	#reader: SourceReader | undefined;
	/** The block whose turn it is. */
	#next: number;

	constructor(first: number, reader: SourceReader) {
		this.#next = first;
		this.#reader = reader;
	}

	onBlock(index: number, bytes: Uint8Array, start: number, end: number): boolean {
		if (index !== this.#next || this.#reader === undefined || this.#held) return false;
		this.#next++;
		if (this.#reader.onBytes(bytes, start, end)) return true;
		this.#held = true;
		this.download?.pause();
		return true;
	}

	next(): void {
		if (!this.#held) return;
		this.#held = false;
		this.download?.resume();
	}

	onComplete(): void {
		this.over()?.onEnd();
	}

	onFailed(error: DeviceError): void {
		this.over()?.onFailed(error);
	}

	close(): void {
		this.#reader = undefined;
		this.next();
		this.download?.close();
	}

	private over(): SourceReader | undefined {
		const reader = this.#reader;
		this.#reader = undefined;
		return reader;
	}
}
