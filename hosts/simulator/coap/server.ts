// SPDX-License-Identifier: Apache-2.0
/**
 * The simulator's CoAP server: any number of peers, over datagrams and over streams.
 *
 * Pure: bytes, time and randomness are arguments. It stands on another codec than the SDK's (`coap-packet`), so that
 * each conversation with the SDK's client compares the two.
 */
import type { Security } from "../../../src/coap/security.js";
import type { CoAPHandler, CoAPPeer, CoAPRequest } from "./request.js";
import type { CoAPLimits } from "./limits.js";
import { DEFAULT_LIMITS } from "./limits.js";

export type { CoAPHandler, CoAPMethod, CoAPPeer, CoAPReply, CoAPRequest } from "./request.js";
export type { CoAPLimits } from "./limits.js";

/** One line of `/.well-known/core`. */
export interface CoAPLink {
	/** Such as "/sensors/temp". */
	readonly path: string;
	/** Such as `{ rt: "temperature", ct: "40 50", obs: true }`. */
	readonly attributes?: Readonly<Record<string, string | true>> | undefined;
}

/** What is known of an OSCORE context. */
export interface CoAPContext {
	readonly security: Security;
	/** Who the requests are then from. */
	readonly identity?: string | undefined;
}

export interface CoAPServerOptions {
	handler: CoAPHandler;
	/** Fills the target with random bytes. */
	random(target: Uint8Array): void;
	/** What `/.well-known/core` lists; absent: the handler answers it. */
	links?: (() => readonly CoAPLink[]) | undefined;
	/** OSCORE: finds the context by the ids in the request. Absent: OSCORE is not known. */
	contexts?: ((kid: Uint8Array, kidContext: Uint8Array | undefined) => CoAPContext | undefined) | undefined;
	/** Requests whose blocks are handed to the handler one by one, each with its `block1`. Default: none. */
	blockByBlock?: ((request: CoAPRequest) => boolean) | undefined;
	limits?: Partial<CoAPLimits> | undefined;
}

/** How the server reaches a peer. */
export interface CoAPWay {
	/** Bytes of one datagram or of a stream; not kept, not changed afterwards. */
	send(bytes: Uint8Array): void;
	/** Streams: when what was sent is sent, the connection is to end. */
	close?(): void;
}

/** A stream's end at the server. */
export interface CoAPConnection {
	readonly peer: CoAPPeer;
	receive(bytes: Uint8Array, now: number): void;
	/** The stream is over. */
	lost(now: number): void;
}

export class CoAPServer {
	readonly limits: Readonly<CoAPLimits>;

	constructor(options: CoAPServerOptions) {
		this.limits = { ...DEFAULT_LIMITS, ...options.limits };
	}

	/** Monotonic ms at which `expire` has something to do; 0: at once; `Infinity`: never. */
	get deadline(): number { return Infinity; }

	/** Tells when the deadline has become earlier outside of `receive` and `expire`. @returns ends it */
	watch(onDeadline: () => void): () => void {
		void onDeadline;
		return () => {};
	}

	/** A datagram. @param way back to that peer */
	receive(bytes: Uint8Array, peer: { key: string; identity?: string | undefined }, way: CoAPWay, now: number): void {
		void [bytes, peer, way, now];
	}

	/** A stream came in; `undefined` where there are too many, and it is to be closed. */
	connect(form: "tcp" | "ws", identity: string | undefined, way: CoAPWay, now: number): CoAPConnection | undefined {
		void [form, identity, way, now];
		return undefined;
	}

	/** Asks the handler again for each such observer and sends what it replies, at the next look at the time: at once. */
	notify(match: (request: CoAPRequest) => boolean): void {
		void match;
	}

	expire(now: number): void {
		void now;
	}
}
