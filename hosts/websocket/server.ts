// SPDX-License-Identifier: Apache-2.0
/** The server's side: makes a WebSocket of a connection that came in. */
import type { Stream, StreamCallbacks } from "../../src/host.js";
import { ServerHandshake, type ServerMeans } from "./handshake.js";
import { WebSocketStream } from "./stream.js";

/**
 * @param protocol the one subprotocol that is served, on every path
 * @param accept takes the connection with the callbacks given
 * @param messages whether the stream says where messages end, as `WebSocketOptions.messages` has it
 */
export function acceptWebSocket(
	protocol: string, means: ServerMeans, callbacks: StreamCallbacks, accept: (callbacks: StreamCallbacks) => Stream, messages = false,
): Stream {
	return new WebSocketStream(means, undefined, new ServerHandshake(protocol, means), callbacks, accept, messages);
}
