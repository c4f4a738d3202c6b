// SPDX-License-Identifier: Apache-2.0
/** WebSockets of the world: the client of hosts/websocket over the world's own streams, for one boot of a device. */
import type { Stream, WebSocketOptions } from "../../src/host.js";
import { WebSocketClient, type Platform } from "../websocket/client.js";
import type { Connection } from "./connection.js";
import type { Party } from "./party.js";

/** The `host.websocket.io` of one party. */
export function webSocketClass(party: Party, platform: Platform): new (options: WebSocketOptions) => Stream {
	return class WebSocket extends WebSocketClient {
		constructor(options: WebSocketOptions) {
			party.check();
			super(options, platform);
		}

		/** So that faults of the network find it, as they find what it runs on. */
		get connection(): Connection | undefined {
			return (this.carrier as Stream & { connection?: Connection }).connection;
		}

		override read(target: Uint8Array): number {
			party.check();
			return super.read(target);
		}
	};
}
