// SPDX-License-Identifier: Apache-2.0
/** What whoever runs a broker may want of it: limits, and hooks for who may do what and for what happens. */
import type { Authenticator } from "./authentication.js";
import type { Client } from "./client.js";
import type { BrokerLimits } from "./limits.js";
import type { Message } from "./message.js";
import type { EndReason } from "./owner.js";
import type { Refusal, RefusalDetail } from "./reasons.js";
import type { Request } from "./requests.js";

export interface BrokerOptions {
	limits?: Partial<BrokerLimits> | undefined;
	/** Decides about a CONNECT: a reason to refuse it, or `undefined`. Absent: everybody may connect. */
	authorize?: ((client: Client, now: number) => Refusal | RefusalDetail | undefined) | undefined;
	/** Extended authentication of MQTT 5: one side of a conversation. Absent, or `undefined`: the method is not known. */
	authenticate?: ((client: Client, method: string) => Authenticator | undefined) | undefined;
	/**
	 * Decides about a topic (publish, will) or a filter (subscribe; of a shared one the part behind the name). A number is
	 * the reason code of a refusal; `false` is "not authorized" (0x87). Absent: everything is permitted.
	 */
	permit?: ((client: Client, action: "publish" | "subscribe", topic: string, request: Request, now: number) => boolean | number | Denial) | undefined;
	/** What an MQTT 5 client is told that asks for response information. */
	responseInformation?: ((client: Client) => string | undefined) | undefined;
	onConnected?: ((client: Client, now: number) => void) | undefined;
	/** Called once for each `onConnected`. */
	onDisconnected?: ((client: Client, reason: EndReason, now: number, reasonCode: number | undefined) => void) | undefined;
	/** Every publication that is accepted, before it is delivered. `from` is absent when a service published. */
	onPublish?: ((message: Message, from: Client | undefined, now: number) => void) | undefined;
	/** Every publication that goes to a client; not when it is sent again. */
	onDelivered?: ((message: Message, to: Client) => void) | undefined;
	/** Filters that a client got, and those that it gave up. */
	onSubscriptions?: ((client: Client, change: "subscribed" | "unsubscribed", filters: readonly string[]) => void) | undefined;
}

/** A refusal that ends the connection. */
export interface Denial { readonly endsWith: number }
