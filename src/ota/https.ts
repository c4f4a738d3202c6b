// SPDX-License-Identifier: Apache-2.0
/**
 * A release from a web server, by ranges (RFC 9110 §14).
 *
 * Whether the server gives what was asked for, of the file that it gave before, is known from the head of its answer:
 * nothing is handed on that would have to be taken back.
 */
import { DeviceError } from "../base/error.js";
import { inRange } from "../base/range.js";
import { Request, type RequestHost, type RequestReader } from "../http/client.js";
import { decimal, parseContentRange } from "../http/number.js";
import type { Response } from "../http/response.js";
import { ANY, parseURL, SECURE } from "../http/url.js";
import type { SecureOptions } from "../host.js";
import { FILE_MAXIMUM } from "./blocks.js";
import { UpdateError } from "./failure.js";
import { BLOCK_LENGTH, type Source, type SourceReader, type SourceStream } from "./source.js";

export interface HTTPSSourceOptions {
	/** Whom the server's certificate must go back to: DER, exactly these. */
	anchors: readonly Uint8Array[];
	/** Takes a URL with `http:`, too: for a server of one's own on a network of one's own. Default: false. */
	plain?: boolean | undefined;
	/** The reader was given something that it did not deal with at once, or the end. */
	onTurn?(): void;
}

/** ms that a server may ask for before the next request, at most. */
const RETRY_AFTER_MAXIMUM = 3_600_000;
const APPLICATION_PROTOCOLS = Object.freeze(["http/1.1"]);

export class HTTPSSource implements Source {
	readonly #host: RequestHost;
	readonly #url: string;
	readonly #secure: SecureOptions;
	readonly #plain: boolean;
	readonly #onTurn: (() => void) | undefined;
	readonly #file = new File();

	/** @throws DeviceError `argument` for a URL that is none, or none of a scheme that is accepted */
	constructor(host: RequestHost, url: string, { anchors, plain = false, onTurn }: HTTPSSourceOptions) {
		parseURL(url, plain ? ANY : SECURE);
		this.#host = host;
		this.#url = url;
		this.#secure = { certificates: anchors, applicationLayerProtocolNegotiation: APPLICATION_PROTOCOLS };
		this.#plain = plain;
		this.#onTurn = onTurn;
	}

	open(offset: number, end: number, reader: SourceReader): SourceStream {
		if (offset % BLOCK_LENGTH !== 0 || end % BLOCK_LENGTH !== 0) {
			throw new DeviceError("argument", `${offset} to ${end} are no whole blocks`);
		}
		inRange("end", end, BLOCK_LENGTH, FILE_MAXIMUM);
		inRange("offset", offset, 0, end - BLOCK_LENGTH);
		const { etag, notBefore } = this.#file;
		const condition = etag === "" ? "" : `If-Range: ${etag}\r\n`;
		const range = new Range(this.#host, this.#file, offset, end, reader, this.#onTurn);
		range.request = new Request({
			host: this.#host, url: this.#url, secure: this.#secure, plain: this.#plain, notBefore,
			fields: `Range: bytes=${offset}-${end - 1}\r\n${condition}`,
		}, range);
		return range;
	}
}

/** What is known of the file from the answers before, and of its server. */
class File {
	/** The strong validator; "" for none. */
	etag = "";
	/** Bytes; -1 until one answer said how many. */
	total = -1;
	/** Monotonic ms before which the server wants no request. */
	notBefore = 0;

	/** @throws UpdateError `changed` */
	check(etag: string, total: number): void {
		const isOther = (this.etag !== "" && etag !== "" && etag !== this.etag)
			|| (this.total >= 0 && total >= 0 && total !== this.total);
		if (isOther) throw new UpdateError("changed", "the file is another than before");
		if (this.etag === "") this.etag = etag;
		if (this.total < 0) this.total = total;
	}
}

/** One request for a range. */
class Range implements RequestReader, SourceStream {
	/** Set as soon as it is made; undefined once it is over. */
	request: Request | undefined;
	readonly #host: RequestHost;
	readonly #file: File;
	readonly #reader: SourceReader;
	readonly #end: number;
	readonly #onTurn: (() => void) | undefined;
	#position: number;

	constructor(
		host: RequestHost, file: File, offset: number, end: number, reader: SourceReader,
		onTurn: (() => void) | undefined,
	) {
		this.#host = host;
		this.#file = file;
		this.#reader = reader;
		this.#position = offset;
		this.#end = end;
		this.#onTurn = onTurn;
	}

	close(): void {
		this.request?.close();
		this.request = undefined;
	}

	onHead(response: Response): void {
		const etag = strong(response.etag);
		switch (response.status) {
			case 206: return this.checkPart(response, etag);
			case 200: return this.checkWhole(response.length, etag);
			case 416:
				this.#file.check(etag, parseContentRange(response.contentRange ?? "")?.total ?? -1);
				throw new UpdateError("truncated", "the file ends before what was asked for");
			case 401: case 403: throw new UpdateError("forbidden", `the server refuses the file: ${response.status}`);
			case 404: case 410: throw new UpdateError("not-found", `the server has no such file: ${response.status}`);
			default: throw this.refusal(response);
		}
	}

	next(): void {
		this.request?.next();
	}

	onBody(bytes: Uint8Array, start: number, end: number): boolean {
		const left = this.#end - this.#position;
		const count = end - start < left ? end - start : left;
		this.#position += count;
		const isUsed = this.#reader.onBytes(bytes, start, start + count);
		// What a server sends beyond is not read.
		if (count === left && this.request !== undefined) this.finish(undefined);
		else if (!isUsed) this.#onTurn?.();
		return isUsed;
	}

	onEnd(error: DeviceError | undefined): void {
		if (error === undefined) return this.finish(new DeviceError("closed", "less came than was asked for"));
		const isRedirect = error.code === "violation" && error.detail !== undefined;
		this.finish(isRedirect ? new UpdateError("redirects", error.message, error) : error);
	}

	private finish(error: DeviceError | undefined): void {
		this.close();
		if (error === undefined) this.#reader.onEnd();
		else this.#reader.onFailed(error);
		this.#onTurn?.();
	}

	/** A server may give less than was asked for: the rest is asked for again. */
	private checkPart({ contentRange = "", length }: Response, etag: string): void {
		const range = parseContentRange(contentRange);
		if (range === undefined || range.first !== this.#position || range.last >= this.#end) {
			throw new UpdateError("range-ignored", "the server sends another range than was asked for");
		}
		this.#file.check(etag, range.total);
		const { total } = range;
		if (total >= 0 && total < this.#end) throw new UpdateError("truncated", `the file has ${total} bytes`);
		if (length >= 0 && length !== range.last - range.first + 1) {
			throw new DeviceError("violation", "an answer that is not as long as its range");
		}
	}

	/** Everything: welcome only where everything was asked for. Also what `If-Range` gets when the file is another. */
	private checkWhole(length: number, etag: string): void {
		this.#file.check(etag, length);
		if (this.#position !== 0 || length !== this.#end) {
			throw new UpdateError("range-ignored", "the server sends everything where a part was asked for");
		}
	}

	/** The server may do better another time. */
	private refusal({ status, retryAfter = "" }: Response): DeviceError {
		const seconds = decimal(retryAfter);
		if (seconds > 0) {
			this.#file.notBefore = this.#host.time.now() + Math.min(1_000 * seconds, RETRY_AFTER_MAXIMUM);
		}
		return new DeviceError("rejected", `the server answers ${status}`, { detail: status });
	}
}

/** A validator of bytes, and not only of meaning (RFC 9110 §8.8.1); "" for none. */
function strong(etag: string | undefined): string {
	return etag !== undefined && etag.startsWith('"') ? etag : "";
}
