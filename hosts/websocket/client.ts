// SPDX-License-Identifier: Apache-2.0
/**
 * `host.websocket.io` of a platform that has TCP and TLS: our own client on top of them.
 *
 * With TLS it offers `http/1.1` unless the program names other protocols: a server that has HTTP/2 as well must not take it.
 */
import type { Host, Stream, StreamCallbacks, WebSocketOptions } from "../../src/host.js";
import { checkWebSocket, ClientHandshake, type Means } from "./handshake.js";
import { WebSocketStream } from "./stream.js";

export type Platform = Means & Pick<Host, "tcp" | "tls">;

export const APPLICATION_PROTOCOLS: readonly string[] = Object.freeze(["http/1.1"]);

export class WebSocketClient extends WebSocketStream {
	constructor(options: WebSocketOptions, platform: Platform) {
		checkWebSocket(options);
		super(platform, platform.random, new ClientHandshake(options, platform), options, callbacks => carry(options, callbacks, platform), options.messages);
	}
}

function carry(options: WebSocketOptions, callbacks: StreamCallbacks, { tcp, tls }: Platform): Stream {
	const { address, port, nodelay, host, secure } = options;
	if (secure === undefined) return new tcp.io({ address, port, nodelay, ...callbacks });
	const { applicationLayerProtocolNegotiation = APPLICATION_PROTOCOLS } = secure;
	return new tls.io({ address, port, nodelay, host, secure: { ...secure, applicationLayerProtocolNegotiation }, ...callbacks });
}
