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
	/** A new one each time: what is sent again as a new message is protected anew. @throws DeviceError `storage` */
	protectRequest(message: Outgoing): ProtectedRequest;
	/**
	 * @throws DeviceError `signature` for what is not the peer's, `violation` for what came before; the request waits on.
	 * An error response that is not protected is returned as it is, for its `code` alone: anybody may have sent it
	 */
	unprotectResponse(message: Message, binding: Binding): Message;
	/** What is not protected, too, is answered here: with 4.01. */
	unprotectRequest(message: Message): UnprotectedRequest;
	/** @param first the answer to that request; further ones are notifications. @throws DeviceError `storage` */
	protectResponse(message: Outgoing, binding: Binding, first: boolean): Outgoing;
}
