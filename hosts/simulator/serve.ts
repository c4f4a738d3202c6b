// SPDX-License-Identifier: Apache-2.0
/**
 * Serves a broker on real sockets: TCP, TLS with client certificates, and WebSockets on either.
 *
 * The broker is pure; the listening is here, its connections are in `sockets.ts`.
 */
import { createServer as createHTTPServer } from "node:http";
import type { AddressInfo, Server as NetServer } from "node:net";
import { createServer } from "node:net";
import { DeviceError } from "../../src/base/error.js";
import type { Broker } from "./broker/broker.js";
import type { SecureServeOptions } from "./secure.js";
import { SecureServers } from "./secure.js";
import { Sockets } from "./sockets.js";
import { serveWebSockets } from "./websockets.js";

export interface ServeOptions {
	/** Address to listen on. Default: 127.0.0.1, so that nobody else's network is served by accident. */
	host?: string | undefined;
	/** Port for MQTT over TCP; 0 lets the system choose; absent: no TCP. */
	port?: number | undefined;
	/** Port for MQTT over WebSocket; 0 lets the system choose; absent: none. */
	webSocketPort?: number | undefined;
	/** MQTT over TLS; absent: none. */
	tls?: SecureServeOptions | undefined;
	/** A connection that failed before the broker saw it: TLS refused, no certificate. */
	onRefused?: ((reason: string) => void) | undefined;
}

export interface Server {
	/** Port of MQTT over TCP, if served. */
	readonly port: number | undefined;
	/** Port of MQTT over TLS, if served. */
	readonly tlsPort: number | undefined;
	/** Port of MQTT over WebSocket without and with TLS, if served. */
	readonly webSocketPort: number | undefined;
	readonly secureWebSocketPort: number | undefined;
	/** Port of both with TLS, if served. */
	readonly sharedPort: number | undefined;
	/** Port of firmware over HTTPS, if served. */
	readonly firmwarePort: number | undefined;
	/** Stops listening and ends every connection as a broker does that is killed: no will is published. */
	close(): Promise<void>;
}

export async function serve(broker: Broker, options: ServeOptions): Promise<Server> {
	const sockets = new Sockets(broker);
	const { host = "127.0.0.1", port, webSocketPort, tls, onRefused = () => {} } = options;
	const secure = tls && new SecureServers(sockets, tls, onRefused);
	const listening: NetServer[] = [];
	const listen = async (wanted: number | undefined, create: () => NetServer): Promise<number | undefined> => {
		if (wanted === undefined) return undefined;
		const server = create();
		listening.push(server);
		return listenOn(server, host, wanted);
	};
	try {
		return {
			port: await listen(port, () => createServer({ noDelay: true }, socket => { sockets.open(socket, { identity: undefined, origin: { address: socket.remoteAddress } }); })),
			webSocketPort: await listen(webSocketPort, () => webSocketServer(sockets, onRefused)),
			tlsPort: await listen(tls?.port, () => secure!.mqtt()),
			secureWebSocketPort: await listen(tls?.webSocketPort, () => secure!.webSocket()),
			sharedPort: await listen(tls?.sharedPort, () => secure!.shared()),
			firmwarePort: await listen(tls?.firmwarePort, () => secure!.firmware()),
			close: () => closeAll(sockets, listening),
		};
	} catch (error) {
		await closeAll(sockets, listening);
		throw error;
	}
}

function webSocketServer(sockets: Sockets, onRefused: (reason: string) => void): NetServer {
	const server = createHTTPServer({ noDelay: true });
	server.on("connection", socket => { sockets.hold(socket); });
	serveWebSockets(server, (stream, socket, request) => {
		sockets.open(stream, { identity: undefined, origin: { address: socket.remoteAddress, request } });
	}, onRefused);
	return server;
}

function listenOn(server: NetServer, host: string, port: number): Promise<number> {
	return new Promise((resolve, reject) => {
		server.once("error", error => { reject(new DeviceError("unreachable", `cannot listen on ${host}:${port}: ${error.message}`, { cause: error })); });
		server.listen({ host, port }, () => {
			server.removeAllListeners("error");
			// Accepting may fail later (too many open files); the next client finds us again.
			server.on("error", () => {});
			resolve((server.address() as AddressInfo).port);
		});
	});
}

async function closeAll(sockets: Sockets, servers: readonly NetServer[]): Promise<void> {
	const closed = servers.map(server => new Promise<void>(resolve => { server.close(() => { resolve(); }); }));
	sockets.close();
	await Promise.all(closed);
}
