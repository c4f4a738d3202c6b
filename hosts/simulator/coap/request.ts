// SPDX-License-Identifier: Apache-2.0
/** What a resource of the simulator's CoAP server is asked, and what it answers: bodies are whole, whatever the blocks. */
import type { Option } from "../../../src/coap/option.js";

/** Who asks. One object for as long as the server knows the peer, so that a `Map` may be keyed by it. */
export interface CoAPPeer {
	/** `address:port` of datagrams; of streams a number of this server's own. */
	readonly key: string;
	/** Common name of the certificate, name of the key, or what `contexts` says of an OSCORE context; else nobody knows. */
	readonly identity: string | undefined;
}

export type CoAPMethod = "GET" | "POST" | "PUT" | "DELETE" | "FETCH" | "PATCH" | "iPATCH";

export interface CoAPRequest {
	readonly method: CoAPMethod;
	readonly path: readonly string[];
	readonly query: readonly string[];
	/** The whole body; empty for none. The handler may keep it. */
	readonly payload: Uint8Array;
	readonly contentFormat: number | undefined;
	readonly accept: number | undefined;
	/** 0: the peer wants to observe; 1: no longer, which has happened already. */
	readonly observe: 0 | 1 | undefined;
	/** ETags of which one must be the resource's; an empty one: it must exist. Empty: no condition. */
	readonly ifMatch: readonly Uint8Array[];
	/** True: it must not exist. */
	readonly ifNoneMatch: boolean;
	/** False: the peer does not want it to be confirmed. Over streams true. */
	readonly confirmable: boolean;
	/** Protected by OSCORE. */
	readonly secured: boolean;
	/** Where the server passes blocks on one by one (`blockByBlock`): which one this is. */
	readonly block1: { readonly number: number; readonly more: boolean; readonly size: number } | undefined;
	/** All of them in their order, those of the fields above and those of blocks included. */
	readonly options: readonly Option[];
	readonly peer: CoAPPeer;
}

export interface CoAPReply {
	/** Such as "2.05". */
	code: string;
	/** The whole body: the server sends it in blocks where it must. Not to be changed afterwards. */
	payload?: Uint8Array | undefined;
	contentFormat?: number | undefined;
	/** Seconds. */
	maxAge?: number | undefined;
	/** Default: made from the body where it is sent in blocks, or where the peer named ETags. */
	etag?: Uint8Array | undefined;
	locationPath?: readonly string[] | undefined;
	locationQuery?: readonly string[] | undefined;
	/** Others, in any order. */
	options?: readonly Option[] | undefined;
	/** True: who asked with Observe 0 hears of each `notify`. False or another class than 2 ends an observation. */
	observable?: boolean | undefined;
	/** Of a notification over datagrams. Default: as `confirmEvery` says. */
	confirmable?: boolean | undefined;
}

/**
 * Calls `reply` once, before it returns or later: then the answer is a separate response. A second call does nothing.
 *
 * For each block of a body that is asked for with GET the handler is asked again. What it throws is answered with 5.00.
 */
export type CoAPHandler = (request: CoAPRequest, reply: (reply: CoAPReply) => void) => void;
