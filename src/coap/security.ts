// SPDX-License-Identifier: Apache-2.0
/**
 * What protects single messages from end to end, between requests and the messenger: OSCORE (RFC 8613) is one.
 *
 * Blocks and observations lie inside: each block, and each notification, is protected by itself.
 */
import type { Message } from "./message.js";
import type { Outgoing } from "./messenger.js";

/** What a request and its responses have in common; who keeps the request keeps it, and looks at nothing in it. */
export type Binding = object;

export interface ProtectedRequest {
	readonly message: Outgoing;
	readonly binding: Binding;
}

/** Either a request to be served, or what is to be answered in its place, as it stands. */
export interface UnprotectedRequest {
	readonly message: Message | undefined;
	readonly binding: Binding | undefined;
	/** Its token is the request's. */
	readonly answer: Outgoing | undefined;
}

export interface Security {
	/** Bytes that protection adds to a message, at most. */
	readonly overhead: number;
	/**
	 * A new one each time: what is sent again as a new message is protected anew.
	 * @throws DeviceError `argument`, `unsupported` for options that cannot be protected; `storage`, `corrupt`;
	 * `credential` when the keys are used up
	 */
	protectRequest(message: Outgoing): ProtectedRequest;
	/**
	 * The number of a notification, which Observe holds then, rises with each.
	 *
	 * A 4.01 with an Echo is the peer's, or ours: an empty one means that both have to agree on keys. Either way the
	 * request is made again with that Echo.
	 * @returns of an error response that is not protected no more than its `code`: anybody may have sent it
	 * @throws DeviceError `signature` for what is not the peer's, `violation` for what came before or is older than
	 * that, `malformed`; the request waits on
	 */
	unprotectResponse(message: Message, binding: Binding): Message;
	/** What is not protected, or not by the peer, is answered here, as is what may be older than a reset. */
	unprotectRequest(message: Message): UnprotectedRequest;
	/**
	 * @param first the answer to that request; further ones are notifications
	 * @throws DeviceError as `protectRequest`
	 */
	protectResponse(message: Outgoing, binding: Binding, first: boolean): Outgoing;
}
