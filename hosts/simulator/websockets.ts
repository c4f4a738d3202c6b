// SPDX-License-Identifier: Apache-2.0
/**
 * MQTT over WebSocket on real sockets (MQTT 5.0 §6), on every path, and CoAP (RFC 8323 §4): the upgrade of an HTTP
 * server's connections.
 *
 * The package `ws` has the protocol. What is MQTT's is here: the subprotocol must be offered and is selected
 * [MQTT-6.0.0-3, MQTT-6.0.0-4], and messages are binary; `Sockets` ends who sends another [MQTT-6.0.0-1].
 */
import type { IncomingHttpHeaders, IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { createWebSocketStream, WebSocketServer } from "ws";

export const SUBPROTOCOL = "mqtt";

/** Bytes of one message: with what clients put together, more than a packet may have. */
const MESSAGE_MAXIMUM = 2 ** 20;
const BAD_REQUEST = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
const NOT_FOUND = "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
const UPGRADE_REQUIRED = 426;

/** What a client asked for. */
export interface UpgradeRequest {
	readonly url: string;
	/** By their names in lower case. */
	readonly headers: Readonly<Record<string, string>>;
}

/**
 * @param onOpen gets each WebSocket as a stream, whose data are messages, as Buffers and, for text messages, strings; each
 * write is a message
 * @param onRefused hears of requests for something else
 * @param path absent: every path is served
 */
export function serveWebSockets(
	server: Server, onOpen: (stream: Duplex, socket: Socket, request: UpgradeRequest) => void, onRefused: (reason: string) => void, path?: string,
	subprotocol = SUBPROTOCOL,
): void {
	const webSockets = new WebSocketServer({
		noServer: true, perMessageDeflate: false, maxPayload: MESSAGE_MAXIMUM, handleProtocols: () => subprotocol,
	});
	server.on("request", (_, response) => {
		onRefused("an HTTP request for no WebSocket");
		response.writeHead(UPGRADE_REQUIRED, { Connection: "close", Upgrade: "websocket" }).end();
	});
	server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
		const offered = (request.headers["sec-websocket-protocol"] ?? "").split(",").map(protocol => protocol.trim());
		if (!offered.includes(subprotocol)) {
			onRefused(`a WebSocket that does not offer the subprotocol ${subprotocol}`);
			socket.end(BAD_REQUEST);
			return;
		}
		const { url = "/" } = request;
		if (path !== undefined && url.split("?", 1)[0] !== path) {
			onRefused("a WebSocket on another path");
			socket.end(NOT_FOUND);
			return;
		}
		webSockets.handleUpgrade(request, socket, head, webSocket => {
			onOpen(createWebSocketStream(webSocket, { readableObjectMode: true }), socket as Socket, { url, headers: textsOf(request.headers) });
		});
	});
}

/** Of what came several times, all, as Node joins them where that is allowed. */
function textsOf(headers: IncomingHttpHeaders): Record<string, string> {
	return Object.fromEntries(Object.entries(headers).map(([name, value = ""]) => [name, String(value)]));
}
