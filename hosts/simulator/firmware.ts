// SPDX-License-Identifier: Apache-2.0
/**
 * The files of releases that a simulated cloud serves over HTTP, and what it does wrong when a test wants that.
 *
 * Pure: decides what the answer to a request is. `firmware-server.ts` gives it on sockets, `firmware-world.ts` in a world.
 * Read first: RFC 9110 §13.1.5, §14.
 */
import { DeviceError } from "../../src/base/error.js";

/** What is done to an answer. All that is given is done to the same one. */
export interface FirmwareFault {
	/** Answers with this status, and without the file. */
	status?: number | undefined;
	/** Of that answer: seconds in `Retry-After`. */
	retryAfter?: number | undefined;
	/** Redirects to there, with the status given, or else 302. */
	location?: string | undefined;
	/** Sends everything, whatever was asked for. */
	ignoreRange?: boolean | undefined;
	/** Sends what comes a block later than what was asked for, and says so. */
	wrongRange?: boolean | undefined;
	/** Does not say how long the body is, but sends it in chunks. */
	chunked?: boolean | undefined;
	/** Says that the body is longer by so many bytes than it is. */
	missing?: number | undefined;
	/** Cuts the connection after so many bytes of the body. */
	resetAfter?: number | undefined;
	/** Sends `count` bytes of the body every `interval` ms. */
	trickle?: { readonly count: number; readonly interval: number } | undefined;
}

export interface FirmwareRequest {
	readonly method: string;
	/** Path and query. */
	readonly target: string;
	readonly range?: string | undefined;
	readonly ifRange?: string | undefined;
}

export interface FirmwareAnswer extends Pick<FirmwareFault, "chunked" | "resetAfter" | "trickle"> {
	readonly status: number;
	/** Without those that say where the body ends. */
	readonly fields: Readonly<Record<string, string>>;
	readonly body: Uint8Array;
	/** What `Content-Length` says, unless it is chunked. */
	readonly length: number;
}

interface File { readonly bytes: Uint8Array; readonly etag: string }

const FOLDER = "/firmware/";
const NOTHING = new Uint8Array(0);
const BLOCK = 4_096;
/** Requests remembered; of more, the last ones. */
const REQUESTS_MAXIMUM = 1_000;

export class FirmwareFiles {
	/** What was asked, oldest first. */
	readonly requests: FirmwareRequest[] = [];
	readonly #files = new Map<string, File>();
	readonly #faults: { readonly fault: FirmwareFault; times: number }[] = [];
	#base: string | undefined;
	#serial = 0;

	/** From now on it is reached at `base`, such as "https://localhost:8443". */
	served(base: string): void { this.#base = base; }

	/**
	 * Serves `bytes` by this name, instead of what was served by it before. They are not copied.
	 * @returns their URL
	 * @throws DeviceError `argument` for what cannot be a name, `state` when nothing is served yet
	 */
	put(name: string, bytes: Uint8Array): string {
		const url = this.url(name);
		this.#files.set(name, { bytes, etag: `"${(++this.#serial).toString(16)}-${bytes.byteLength.toString(16)}"` });
		return url;
	}

	delete(name: string): void { this.#files.delete(name); }

	url(name: string): string {
		if (!/^[\w.-]+$/.test(name)) throw new DeviceError("argument", `"${name}" cannot be the name of a file`);
		if (this.#base === undefined) throw new DeviceError("state", "no firmware is served yet: give a firmwarePort");
		return `${this.#base}${FOLDER}${name}`;
	}

	/** Does so to the next requests, after what was ordered before. */
	fail(fault: FirmwareFault, times = 1): void { this.#faults.push({ fault, times }); }

	/** Does nothing wrong any more. */
	repair(): void { this.#faults.length = 0; }

	answer(request: FirmwareRequest): FirmwareAnswer {
		this.requests.push(request);
		if (this.requests.length > REQUESTS_MAXIMUM) this.requests.shift();
		const fault = this.#nextFault(), { location, status = location === undefined ? undefined : 302, retryAfter, missing = 0 } = fault;
		const { chunked, resetAfter, trickle } = fault;
		const answer = status === undefined ? this.#file(request, fault) : bare(status, {
			...(location === undefined ? {} : { Location: location }), ...(retryAfter === undefined ? {} : { "Retry-After": `${retryAfter}` }),
		});
		return { ...answer, length: answer.body.byteLength + missing, chunked, resetAfter, trickle };
	}

	#nextFault(): FirmwareFault {
		const next = this.#faults[0];
		if (next !== undefined && --next.times <= 0) this.#faults.shift();
		return next?.fault ?? {};
	}

	#file({ method, target, range, ifRange }: FirmwareRequest, fault: FirmwareFault): FirmwareAnswer {
		if (method !== "GET" && method !== "HEAD") return bare(405, { Allow: "GET, HEAD" });
		const path = target.split("?")[0]!, file = path.startsWith(FOLDER) ? this.#files.get(path.slice(FOLDER.length)) : undefined;
		if (file === undefined) return bare(404);
		const { bytes, etag } = file, fields = { ETag: etag, "Accept-Ranges": "bytes", "Content-Type": "application/octet-stream" };
		const isPart = range !== undefined && !fault.ignoreRange && (ifRange === undefined || ifRange === etag);
		// Several ranges, and what is no range of bytes, may be ignored (RFC 9110 §14.2).
		const [, from, to] = /^bytes=(\d*)-(\d*)$/.exec(isPart ? range : "") ?? [];
		if (!from && !to) return whole(200, fields, bytes);
		const shift = fault.wrongRange ? BLOCK : 0, total = bytes.byteLength;
		const first = (from ? Number(from) : Math.max(0, total - Number(to))) + shift;
		const last = Math.min(from && to ? Number(to) + shift : total - 1, total - 1);
		if (first > last) return bare(416, { "Content-Range": `bytes */${total}`, ETag: etag });
		return whole(206, { ...fields, "Content-Range": `bytes ${first}-${last}/${total}` }, bytes.subarray(first, last + 1));
	}
}

function bare(status: number, fields: Readonly<Record<string, string>> = {}): FirmwareAnswer {
	return whole(status, fields, NOTHING);
}

function whole(status: number, fields: Readonly<Record<string, string>>, body: Uint8Array): FirmwareAnswer {
	return { status, fields, body, length: body.byteLength };
}
