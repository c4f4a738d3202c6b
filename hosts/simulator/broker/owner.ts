// SPDX-License-Identifier: Apache-2.0
/** What stands around a connection: the network under it, and the broker that it belongs to. */
import type { Authenticator } from "./authentication.js";
import type { Client, Will } from "./client.js";
import type { Connection } from "./connection.js";
import type { Faults } from "./faults.js";
import type { Message } from "./message.js";
import type { Refusal, RefusalDetail } from "./reasons.js";
import type { RequestOwner } from "./requests.js";
import type { LastTime, Session } from "./session.js";

/** The network under a connection. Neither method may call back into the connection. */
export interface Peer {
	/** Takes all bytes. @returns false when it wants no more until `Connection.drained` is called */
	send(bytes: Uint8Array): boolean;
	/** Ends the connection after what was sent. */
	close(): void;
}

/** Why a connection ended. All but `disconnect` and `restart` publish the will, `disconnect` when the client says so. */
export type EndReason =
	| "disconnect" | "lost" | "keep-alive" | "taken-over" | "malformed" | "violation" | "too-large" | "refused" | "restart" | "kicked";

export interface Admission { session: Session; sessionPresent: boolean; responseInformation: string | undefined }

/** What a connection asks of the broker. */
export interface ConnectionOwner extends RequestOwner {
	readonly faults: Faults;
	readonly time: LastTime;
	/** @returns `undefined` for a method that it does not know */
	authenticator(client: Client, method: string): Authenticator | undefined;
	admit(connection: Connection, client: Client, will: Will | undefined, now: number): Admission | Refusal | RefusalDetail;
	/** @param reasonCode what an MQTT 5 client is told, where there is something to tell */
	ended(connection: Connection, reason: EndReason, now: number, reasonCode: number | undefined): void;
	/** A publication goes to a client, for the first time. */
	delivered(message: Message, client: Client): void;
	/** The connection's deadline may be this early now. */
	due(at: number): void;
}
