// SPDX-License-Identifier: Apache-2.0
/**
 * The driver of one GET: name resolution, TCP or TLS, one timer, and redirects.
 *
 * A connection carries one request. Bytes are read into one buffer and handed on where they lie, a few kilobytes a
 * turn, so that other connections live on while a long file comes. All callbacks run from IO or timer callbacks.
 */
import { Alarm, type AlarmOwner } from "../base/alarm.js";
import { DeviceError, toDeviceError } from "../base/error.js";
import type { Host, Resolver, SecureOptions, Stream } from "../host.js";
import { Part, Response } from "./response.js";
import { ANY, parseURL, resolveURL, SECURE, type Location } from "./url.js";

/** Of a host, what a request needs. */
export type RequestHost = Pick<Host, "dns" | "tcp" | "tls" | "timer" | "time" | "text">;

export interface RequestOptions {
	host: RequestHost;
	url: string;
	secure: SecureOptions;
	/** Field lines of the request besides those that each has, every one with its CR LF. */
	fields?: string | undefined;
	/** Takes `http:`, too. Even then nothing secure redirects to it. */
	plain?: boolean | undefined;
	/** Monotonic ms before which it does not begin. */
	notBefore?: number | undefined;
}

/** Takes the answer. What one of the first two throws ends the request, and is told to the third. */
export interface RequestReader {
	/** The head of an answer that is no redirect. */
	onHead(response: Response): void;
	/**
	 * `bytes[start, end)` follow what came before.
	 * @returns false to keep them until `next`, before which nothing more comes
	 */
	onBody(bytes: Uint8Array, start: number, end: number): boolean;
	/**
	 * The request is over; without an error, the whole answer came. Of a redirect that is not followed, `detail` is the
	 * status.
	 */
	onEnd(error: DeviceError | undefined): void;
}

/** ms for name, TCP and TLS together; then for the head; and then for each `PACE` bytes of the body. */
export const TIMEOUT = 30_000;
/** Slower than the slowest of networks: a server that trickles would hold an update up for ever. */
export const PACE = 1_024;
export const REDIRECTS_MAXIMUM = 5;
const BUFFER_LENGTH = 2_048;
/** Buffers that are filled in a turn at most. */
const PIECES = 4;
const NOTHING = new Uint8Array(0);

export class Request implements AlarmOwner {
	readonly #options: RequestOptions;
	readonly #reader: RequestReader;
	readonly #alarm: Alarm;
	#location: Location;
	#redirects = 0;
	#resolver: Resolver | undefined;
	#stream: Stream | undefined;
	#response: Response | undefined;
	#buffer: Uint8Array = NOTHING;
	/** The buffer's beginning, as long as last read: pieces are mostly as long as the one before. */
	#view: Uint8Array = NOTHING;
	/** What of the request did not go out yet. */
	#unsent: Uint8Array = NOTHING;
	#readable = 0;
	/** Why the stream ended, while what came before that is still being read. */
	#lost: DeviceError | undefined;
	/** Bytes of the body since the timeout began. */
	#paced = 0;
	/** When to begin, or when to give up. */
	#due: number;
	#begun = false;
	/** What lies in the buffer must stay: the reader keeps a part of it, or did and the rest was not looked at yet. */
	#held = false;
	/** The reader does not keep it any more. */
	#resuming = false;
	#over = false;

	/** Begins in a turn of its own. @throws DeviceError `argument` */
	constructor(options: RequestOptions, reader: RequestReader) {
		this.#options = options;
		this.#reader = reader;
		this.#location = parseURL(options.url, options.plain === true ? ANY : SECURE);
		this.#alarm = new Alarm(options.host, this);
		this.#due = options.notBefore ?? 0;
		this.#alarm.set(this.#due);
	}

	/** Lets everything go; no callback follows. Again is harmless. */
	close(): void {
		this.#over = true;
		this.release();
	}

	/** What `onBody` gave last was used. */
	next(): void {
		if (!this.#held) return;
		this.#resuming = true;
		this.extend();
		this.#alarm.set(this.#options.host.time.now());
	}

	/** For the request's own alarm, and for nobody else: it calls back. */
	expire(): void {
		if (this.#resuming) return this.goOn();
		// That it is kept is not the server's fault.
		if (this.#held) return;
		if (this.#readable > 0) {
			this.pump();
		} else if (this.#options.host.time.now() >= this.#due) {
			if (this.#begun) this.end(new DeviceError("timeout", `too little from the server for ${TIMEOUT} ms`));
			else this.begin();
		}
		if (!this.#over && this.#readable === 0) this.#alarm.set(this.#due);
	}

	/** With what is left in the buffer, and then what is to be read. */
	private goOn(): void {
		this.#held = this.#resuming = false;
		try {
			this.drain(this.#response!, this.#buffer);
		} catch (error) {
			return this.end(toDeviceError(error, "internal", "receiving failed"));
		}
		if (!this.#over) this.pump();
		if (!this.#over && !this.#held && this.#readable === 0) this.#alarm.set(this.#due);
	}

	private begin(): void {
		this.#begun = true;
		this.extend();
		try {
			this.#unsent = this.compose();
			this.#resolver = new this.#options.host.dns.io();
			this.#resolver.resolve({
				host: this.#location.name,
				onResolved: (_, address) => this.connect(address),
				onError: (error) => this.end(error),
			});
		} catch (error) {
			this.end(toDeviceError(error, "unreachable", "no server"));
		}
	}

	private compose(): Uint8Array {
		const { host: { text }, fields = "" } = this.#options;
		const { target, authority } = this.#location;
		const head = `GET ${target} HTTP/1.1\r\nHost: ${authority}\r\nUser-Agent: moorline\r\n`
			+ `Accept-Encoding: identity\r\nConnection: close\r\n${fields}\r\n`;
		const bytes = new Uint8Array(text.byteLength(head));
		text.encode(head, bytes, 0);
		return bytes;
	}

	private connect(address: string): void {
		this.closeResolver();
		const { host: { tcp, tls, text }, secure } = this.#options;
		const { scheme, name, port } = this.#location;
		const options = {
			address, port, nodelay: true,
			onReadable: (count: number) => {
				this.#readable = count;
				this.pump();
			},
			onWritable: (count: number) => this.send(count),
			onError: (error: DeviceError) => this.streamLost(error),
		};
		try {
			this.#response = new Response(text);
			this.#stream = scheme === "http" ? new tcp.io(options) : new tls.io({ ...options, host: name, secure });
		} catch (error) {
			this.end(toDeviceError(error, "unreachable", "no stream"));
		}
	}

	private send(room: number): void {
		const unsent = this.#unsent;
		if (unsent === NOTHING || room === 0) return;
		const count = Math.min(room, unsent.byteLength);
		this.extend();
		try {
			this.#stream!.write(count === unsent.byteLength ? unsent : unsent.subarray(0, count));
			this.#unsent = count === unsent.byteLength ? NOTHING : unsent.subarray(count);
		} catch (error) {
			this.end(toDeviceError(error, "closed", "writing failed"));
		}
	}

	private streamLost(error: DeviceError): void {
		this.#lost = error;
		if (this.#readable === 0 && !this.#held) this.finish(error);
	}

	/** Reads what is there, as much as a turn may take. */
	private pump(): void {
		for (let pieces = PIECES; pieces > 0 && this.#readable > 0 && !this.#held; pieces--) this.receive();
		if (this.#held) return;
		if (this.#readable > 0) this.#alarm.set(this.#options.host.time.now());
		else if (this.#lost !== undefined && !this.#over) this.finish(this.#lost);
	}

	private receive(): void {
		if (this.#buffer === NOTHING) this.#buffer = new Uint8Array(BUFFER_LENGTH);
		const buffer = this.#buffer;
		const count = this.#readable < BUFFER_LENGTH ? this.#readable : BUFFER_LENGTH;
		try {
			if (this.#view.byteLength !== count) this.#view = buffer.subarray(0, count);
			this.#stream!.read(this.#view);
			this.#readable -= count;
			this.#response!.push(buffer, 0, count);
			this.drain(this.#response!, buffer);
		} catch (error) {
			this.end(toDeviceError(error, "internal", "receiving failed"));
		}
	}

	private drain(response: Response, buffer: Uint8Array): void {
		for (let part = response.next(); part !== Part.NONE; part = response.next()) {
			if (part === Part.END) return this.end(undefined);
			if (part === Part.BODY) {
				const { start, end } = response;
				this.#held = !this.#reader.onBody(buffer, start, end);
				this.#paced += end - start;
			} else {
				if (isRedirect(response)) return this.redirect(response);
				this.#reader.onHead(response);
				this.#paced = PACE;
			}
			if (this.#over) return;
			if (this.#paced >= PACE) this.extend();
			if (this.#held) return;
		}
	}

	/** The next connection waits for a turn of its own. @throws DeviceError `violation` */
	private redirect({ status, location }: Response): void {
		const { scheme } = this.#location;
		const schemes = scheme === "http" ? ANY : SECURE;
		if (this.#redirects++ === REDIRECTS_MAXIMUM) {
			throw new DeviceError("violation", `more than ${REDIRECTS_MAXIMUM} redirects`, { detail: status });
		}
		try {
			this.#location = parseURL(resolveURL(this.#location, location!), schemes);
		} catch (error) {
			throw new DeviceError("violation", "redirected to where it must not go", { detail: status, cause: error });
		}
		this.release();
		this.#begun = false;
		this.#due = 0;
		this.#alarm.set(0);
	}

	/** The stream is over, and all that came by it was read. */
	private finish(error: DeviceError): void {
		this.end(error.code === "closed" && this.#response!.endsWithStream ? undefined : error);
	}

	private end(error: DeviceError | undefined): void {
		if (this.#over) return;
		this.close();
		this.#reader.onEnd(error);
	}

	/** Closes whatever is open. */
	private release(): void {
		this.closeResolver();
		this.#stream?.close();
		this.#stream = this.#response = this.#lost = undefined;
		this.#buffer = this.#view = this.#unsent = NOTHING;
		this.#readable = 0;
		this.#held = this.#resuming = false;
		this.#alarm.set(Infinity);
	}

	private closeResolver(): void {
		this.#resolver?.close();
		this.#resolver = undefined;
	}

	private extend(): void {
		this.#paced = 0;
		this.#due = this.#options.host.time.now() + TIMEOUT;
		this.#alarm.set(this.#due);
	}
}

/** Without a `Location` it is an answer like others. */
function isRedirect({ status, location }: Response): boolean {
	if (location === undefined) return false;
	return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}
