// SPDX-License-Identifier: Apache-2.0
/**
 * Where the bytes of a release come from: one file, read in order from any of its blocks on.
 *
 * HTTPS, blocks over MQTT and later CoAP each implement `Source`; the update knows no other thing of them.
 */
import type { Closer } from "../base/closer.js";
import type { DeviceError } from "../base/error.js";

/**
 * Bytes of a block: what flash erases, and what sources are asked for. A release file is a whole number of them, so
 * that every block of it has this length.
 */
export const BLOCK_LENGTH = 4_096;

/** Takes what a source gives. Nothing is called from inside of `open`, and nothing after `close`. */
export interface SourceReader {
	/**
	 * `bytes[start, end)` follow what came before, without a gap. As a rule a whole block; never beyond the end that
	 * was asked for. May close the source.
	 * @returns false to keep them for a while: they are good until `next`, and nothing more comes before. A sink that
	 * writes flash does that in a turn of its own, because under a message from the network there is no stack left.
	 */
	onBytes(bytes: Uint8Array, start: number, end: number): boolean;
	/** All up to the end that was asked for was handed over, if perhaps not used yet; the source is over. */
	onEnd(): void;
	/**
	 * The source is over. An `UpdateError` says that it is of no use to ask again (`not-found`, `range-ignored`, …);
	 * every other error is worth another try, from where it was.
	 */
	onFailed(error: DeviceError): void;
}

/** What a source gives, while it is open. */
export interface SourceStream extends Closer {
	/** The bytes given last were used: more may come. Never calls back from inside. */
	next(): void;
}

export interface Source {
	/**
	 * Begins to read.
	 * @param offset a multiple of `BLOCK_LENGTH`
	 * @param end the same; what lies from there on is not asked for
	 * @returns what is to be closed, whatever came of it; again is harmless, and from inside of any callback, too
	 * @throws DeviceError `argument`, `unsupported`, `full`, `state`
	 */
	open(offset: number, end: number, reader: SourceReader): SourceStream;
}
