// SPDX-License-Identifier: Apache-2.0
/**
 * Files that a device fetches block by block over MQTT: `$aws/things/{thing}/streams/{streamId}/`.
 *
 * Pure. Every block is a message of its own, and nothing is said of those that do not come: a device asks again.
 */
import { Buffer } from "buffer";
import { DeviceError } from "../../../../src/base/error.js";
import { encode, isFormat, type Format } from "../../services/formats.js";
import { parseRequest, Rejection, type Request } from "./request.js";
import { blocksOf, type Selection } from "./selection.js";
import type { AwsContext, AwsMessage, AwsService } from "./service.js";

export interface StreamOptions {
	version: number;
	description: string;
	/** By file id, 0 to 255. */
	files: Readonly<Record<number, Uint8Array>>;
	/** True: the files were replaced where the cloud keeps them, and reads are refused with `ETagMismatch`. */
	isReplaced?: boolean | undefined;
}

export interface StreamsOptions {
	/** Block indices as they would be sent, to what is sent: other orders, duplicates, losses. */
	disturb?: ((blocks: number[]) => number[]) | undefined;
	/** Streams of all things; `put` throws `full` beyond. */
	streamCountMaximum?: number | undefined;
	/** Bytes of all files; likewise. */
	byteMaximum?: number | undefined;
}

interface Stream {
	version: number;
	description: string;
	files: ReadonlyMap<number, Uint8Array>;
	isReplaced: boolean;
}

const STREAM_ID = /^[a-zA-Z0-9_-]{1,128}$/;
const STREAM_COUNT_MAXIMUM = 1000;
const FILE_MAXIMUM = 24 * 1024 * 1024;
const BYTE_MAXIMUM = 256 * 1024 * 1024;
const FILE_ID_MAXIMUM = 255;
const TOKEN_MAXIMUM = 64;
const BLOCK_MINIMUM = 256;
const BLOCK_MAXIMUM = 131_072;
/** Of what an MQTT message carries: base64 makes a block longer than it is. */
const PAYLOAD_MAXIMUM = 131_072;
/** Both of the offset and of the number of blocks. */
const BLOCKS_MAXIMUM = 98_304;
/** Bytes of a bitmap; it must be shorter. */
const BITMAP_LIMIT = 12_288;

export class StreamsService implements AwsService {
	/** While true every request is answered `InternalError`. */
	failing = false;
	readonly deadline = Infinity;
	readonly #context: AwsContext;
	readonly #options: StreamsOptions;
	/** By thing and stream id. */
	readonly #things = new Map<string, Map<string, Stream>>();

	constructor(context: AwsContext, options: StreamsOptions = {}) {
		this.#context = context;
		this.#options = options;
	}

	/**
	 * Makes a stream for a thing, or replaces it.
	 * @throws DeviceError `argument`, `too-large` for a file, `full`
	 */
	put(thing: string, streamId: string, options: StreamOptions): void {
		const { version, description, isReplaced = false } = options;
		if (!this.#context.hasThing(thing)) throw new DeviceError("argument", `cannot put stream ${streamId}: there is no thing ${thing}`);
		if (!STREAM_ID.test(streamId)) throw new DeviceError("argument", `cannot put stream "${streamId}": not a stream id`);
		if (!Number.isSafeInteger(version) || version < 0) throw new DeviceError("argument", `cannot put stream ${streamId}: version ${version}`);
		const files = new Map<number, Uint8Array>();
		for (const [name, bytes] of Object.entries(options.files)) {
			const fileId = Number(name);
			if (!Number.isInteger(fileId) || fileId < 0 || fileId > FILE_ID_MAXIMUM) throw new DeviceError("argument", `cannot put stream ${streamId}: file ${name}`);
			if (bytes.byteLength > FILE_MAXIMUM) throw new DeviceError("too-large", `cannot put stream ${streamId}: ${bytes.byteLength} bytes, at most ${FILE_MAXIMUM}`);
			files.set(fileId, Uint8Array.from(bytes));
		}
		if (files.size === 0) throw new DeviceError("argument", `cannot put stream ${streamId}: no files`);
		const stream = { version, description, files, isReplaced }, others = this.#others(thing, streamId);
		const { streamCountMaximum = STREAM_COUNT_MAXIMUM, byteMaximum = BYTE_MAXIMUM } = this.#options;
		if (others.length >= streamCountMaximum || sizeOf([...others, stream]) > byteMaximum) {
			throw new DeviceError("full", `cannot put stream ${streamId}: no room for it`);
		}
		const streams = this.#things.get(thing) ?? new Map<string, Stream>();
		this.#things.set(thing, streams.set(streamId, stream));
	}

	/** Forgets a stream. */
	remove(thing: string, streamId: string): void {
		const streams = this.#things.get(thing);
		streams?.delete(streamId);
		if (streams?.size === 0) this.#things.delete(thing);
	}

	/** A file as it is, for those who fetch it in another way. */
	read(thing: string, streamId: string, file: number): { readonly bytes: Uint8Array; readonly version: number; readonly isReplaced: boolean } | undefined {
		const stream = this.#things.get(thing)?.get(streamId), bytes = stream?.files.get(file);
		return stream && bytes && { bytes, version: stream.version, isReplaced: stream.isReplaced };
	}

	receive(message: AwsMessage): boolean {
		const { levels, payload } = message;
		if (levels[1] !== "things" || levels[3] !== "streams" || levels.length < 6) return false;
		const [, , thing, , streamId, operation, last] = levels as [string, string, string, string, string, string, string | undefined];
		const format = isFormat(last) ? last : "json";
		let token: string | undefined;
		try {
			if (!isFormat(last) || levels.length !== 7 || operation !== "describe" && operation !== "get") {
				throw new Rejection("InvalidTopic", "The topic names no operation of streams");
			}
			const request = parseRequest(format, payload);
			token = request.text("c", TOKEN_MAXIMUM);
			if (this.failing) throw new Rejection("InternalError", "Internal error");
			const stream = this.#find(thing, streamId);
			if (operation === "describe") this.#describe(thing, streamId, format, stream, token);
			else this.#get(thing, streamId, format, stream, request, token);
		} catch (error) {
			if (!(error instanceof Rejection)) throw error;
			this.#send(thing, streamId, "rejected", format, { o: error.code, m: error.message, c: token });
		}
		return true;
	}

	expire(): void {
		// Nothing here waits.
	}

	#describe(thing: string, streamId: string, format: Format, stream: Stream, c: string | undefined): void {
		const { version: s, description: d, files } = stream;
		this.#send(thing, streamId, "description", format, { c, s, d, r: [...files].map(([f, bytes]) => ({ f, z: bytes.byteLength })) });
	}

	#get(thing: string, streamId: string, format: Format, stream: Stream, request: Request, c: string | undefined): void {
		const { fileId: f, blockSize, selection } = rangeOf(request, format), version = request.integer("s", 0);
		if (version !== undefined && version !== stream.version) throw new Rejection("VersionMismatch", `The version is ${stream.version}`);
		const file = stream.files.get(f);
		if (file === undefined) throw new Rejection("ResourceNotFound", `There is no file ${f}`);
		if (stream.isReplaced) throw new Rejection("ETagMismatch", "The file is not the one that the stream was made of");
		if (selection.offset > 0 && selection.offset * blockSize >= file.byteLength) throw new Rejection("OffsetOutOfBounds", "The offset is beyond the file");
		const blocks = blocksOf(selection, file.byteLength, blockSize);
		for (const i of this.#options.disturb?.(blocks) ?? blocks) {
			const p = file.subarray(i * blockSize, (i + 1) * blockSize);
			this.#send(thing, streamId, "data", format, { c, f, l: p.byteLength, i, p: format === "cbor" ? p : Buffer.from(p).toString("base64") });
		}
	}

	#find(thing: string, streamId: string): Stream {
		const stream = this.#things.get(thing)?.get(streamId);
		if (stream !== undefined) return stream;
		const isAnothers = [...this.#things.values()].some(streams => streams.has(streamId));
		if (isAnothers) throw new Rejection("Unauthorized", "The stream is not for this thing");
		throw new Rejection("ResourceNotFound", `There is no stream ${streamId}`);
	}

	#others(thing: string, streamId: string): Stream[] {
		return [...this.#things].flatMap(([name, streams]) => [...streams].filter(([id]) => name !== thing || id !== streamId).map(([, stream]) => stream));
	}

	/** An ordinary publication: its QoS is the subscriber's. */
	#send(thing: string, streamId: string, kind: string, format: Format, body: object): void {
		this.#context.publish(`$aws/things/${thing}/streams/${streamId}/${kind}/${format}`, encode(format, body));
	}
}

function rangeOf(request: Request, format: Format): { fileId: number; blockSize: number; selection: Selection } {
	const fileId = request.integer("f", 0, FILE_ID_MAXIMUM), blockSize = whole(request, "l");
	if (fileId === undefined || blockSize === undefined) throw request.wrong("f and l are required");
	if (blockSize < BLOCK_MINIMUM || blockSize > BLOCK_MAXIMUM) throw new Rejection("BlockSizeOutOfBounds", `l must be from ${BLOCK_MINIMUM} to ${BLOCK_MAXIMUM}`);
	// The envelope takes some bytes, too; a block that fits without it alone is not worth a rule.
	if (format === "json" && Math.ceil(blockSize / 3) * 4 > PAYLOAD_MAXIMUM) throw new Rejection("BlockSizeOutOfBounds", "l is too large for JSON");
	const offset = whole(request, "o") ?? 0, count = whole(request, "n"), bitmap = bitmapOf(request, format);
	if (offset < 0 || offset > BLOCKS_MAXIMUM) throw new Rejection("OffsetOutOfBounds", `o must be from 0 to ${BLOCKS_MAXIMUM}`);
	if (count !== undefined && (count < 0 || count > BLOCKS_MAXIMUM)) throw new Rejection("BlockCountLimitExceeded", `n must be from 0 to ${BLOCKS_MAXIMUM}`);
	if ((bitmap?.byteLength ?? 0) >= BITMAP_LIMIT) throw new Rejection("BlockBitmapLimitExceeded", `b must be shorter than ${BITMAP_LIMIT} bytes`);
	return { fileId, blockSize, selection: { offset, count, bitmap } };
}

/** Of any range: what is out of it has a code of its own. */
function whole(request: Request, name: string): number | undefined {
	return request.integer(name, -Number.MAX_SAFE_INTEGER);
}

function bitmapOf(request: Request, format: Format): Uint8Array | undefined {
	const bitmap = request.member("b");
	if (bitmap === undefined) return undefined;
	if (format === "cbor") {
		if (!(bitmap instanceof Uint8Array)) throw request.wrong("b must be a byte string");
		return bitmap;
	}
	if (typeof bitmap !== "string" || bitmap.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(bitmap)) throw request.wrong("b must be hexadecimal");
	return Buffer.from(bitmap, "hex");
}

function sizeOf(streams: readonly Stream[]): number {
	let size = 0;
	for (const { files } of streams) for (const bytes of files.values()) size += bytes.byteLength;
	return size;
}
