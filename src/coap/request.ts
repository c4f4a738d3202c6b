// SPDX-License-Identifier: Apache-2.0
/** What is asked of a peer, and what comes back: the words of requests, whatever carries them. */
import type { DeviceError } from "../base/error.js";
import type { Option } from "./option.js";

export interface RequestOptions {
	/** `Code.GET` and so on. */
	readonly code: number;
	/** Segments, with slashes between them; each is sent as it stands, nothing is percent-decoded. "" for the root. */
	readonly path: string;
	/** Each one Uri-Query, such as "a=b". */
	readonly query?: readonly string[] | undefined;
	/** Whole: it is sent in blocks where it must be. Borrowed until the request is over. */
	readonly payload?: Uint8Array | undefined;
	readonly contentFormat?: number | undefined;
	readonly accept?: number | undefined;
	/** False: sent once. Default: true. */
	readonly confirmable?: boolean | undefined;
	/**
	 * One block of the representation, and nothing else of it; `size` is 16 to 1,024 bytes, or over streams any number
	 * of 1,024. Absent: the whole representation.
	 */
	readonly block?: { readonly number: number; readonly size: number } | undefined;
	/** Others, such as If-Match; those that the fields above make are not given here. */
	readonly options?: readonly Option[] | undefined;
	/** ms that the peer may take once it has the request. Default: 93 s, the longest exchange. */
	readonly timeout?: number | undefined;
	/**
	 * The peer is asked to answer nothing (RFC 7967). It is over, with `Code.EMPTY`, once the peer has it; if it is not
	 * confirmable, once it is on its way.
	 */
	readonly silent?: boolean | undefined;
}

export interface Response {
	/** Any of classes 2, 4 and 5. */
	readonly code: number;
	readonly options: readonly Option[];
	/** The whole representation, or the block that was asked for; borrowed until the callback returns. */
	readonly payload: Uint8Array;
	/** Where one block was asked for: which it is, and whether more follow; the server may have chosen smaller ones. */
	readonly block: { readonly number: number; readonly more: boolean; readonly size: number } | undefined;
}

/** Whoever waits for a response: one of its methods is called for each request, once, unless it is cancelled. */
export interface RequestOwner {
	onResponse(response: Response, now: number): void;
	/**
	 * Codes: `timeout`; `closed` when the connection ended before; `rejected` when the peer reset it; `malformed`,
	 * `violation` for what it answered; `too-large` for a representation of more than is taken; `storage`.
	 */
	onError(error: DeviceError, now: number): void;
}

/** Whoever observes a resource (RFC 7641). */
export interface ObservationOwner {
	/** The representation, now and at each change; never an older one after a newer. */
	onNotification(response: Response, now: number): void;
	/**
	 * The server does not keep us, or no longer: `rejected`, with its code as `detail`. The observation is over.
	 * Nothing is told when a connection is lost: it is registered again on the next.
	 */
	onEnded(error: DeviceError, now: number): void;
}

/** A request under way, or an observation. */
export interface Cancelable {
	/** No callback follows. May be called twice. */
	cancel(): void;
}

/** What services ask through. */
export interface Requester {
	/** @throws DeviceError `argument`; `state` when there is no connection; `full` */
	request(options: RequestOptions, owner: RequestOwner): Cancelable;
	/** On this and each later connection, until it is cancelled or ended. @throws DeviceError `argument`, `full` */
	observe(options: RequestOptions, owner: ObservationOwner): Cancelable;
}
