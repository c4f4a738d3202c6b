// SPDX-License-Identifier: Apache-2.0
/**
 * Serves CoAP on real sockets: UDP, TCP, TLS with client certificates, and WebSockets on either.
 *
 * The server is pure; the listening is here, and what is open is in `sockets.ts`.
 */
import { createSocket, type Socket as DatagramSocket } from "node:dgram";
import { createServer as createHTTPServer, type Server as HTTPServer } from "node:http";
import { createServer as createHTTPSServer } from "node:https";
import { createServer, isIPv6, type AddressInfo, type Server as NetServer, type Socket } from "node:net";
import { createServer as createTLSServer, type TLSSocket, type TlsOptions } from "node:tls";
import { DeviceError } from "../../../src/base/error.js";
import { identityOf } from "../secure.js";
import { serveWebSockets } from "../websockets.js";
import type { CoAPServer } from "./server.js";
import { CoAPSockets } from "./sockets.js";

export interface CoAPServeOptions {
	/** Address to listen on. Default: 127.0.0.1, so that nobody else's network is served by accident. */
	host?: string | undefined;
	/** Ports; 0 lets the system choose; absent: not served. */
	udpPort?: number | undefined;
	tcpPort?: number | undefined;
	/** With TLS a client certificate that `clientAuthorityPem` signed is required. */
	tlsPort?: number | undefined;
	webSocketPort?: number | undefined;
	secureWebSocketPort?: number | undefined;
	/** Needed with the ports of TLS. */
	tls?: { certificatePem: string; keyPem: string; clientAuthorityPem: string } | undefined;
	/** A connection that failed before the server saw it. */
	onRefused?: ((reason: string) => void) | undefined;
}

/** The ports that are served. */
export interface CoAPServed {
	readonly udpPort: number | undefined;
	readonly tcpPort: number | undefined;
	readonly tlsPort: number | undefined;
	readonly webSocketPort: number | undefined;
	readonly secureWebSocketPort: number | undefined;
	/** Stops listening and ends every connection. */
	close(): Promise<void>;
}

/** Spec: RFC 8323 §8.1, §8.2. */
const ALPN = "coap", SUBPROTOCOL = "coap", PATH = "/.well-known/coap";
const HANDSHAKE_TIMEOUT = 10_000;

export async function serveCoAP(server: CoAPServer, options: CoAPServeOptions): Promise<CoAPServed> {
	const sockets = new CoAPSockets(server);
	const { host = "127.0.0.1", tls, onRefused = () => {} } = options;
	const listening: { close(onClose: () => void): unknown }[] = [];
	const listen = async (wanted: number | undefined, create: () => NetServer): Promise<number | undefined> => {
		if (wanted === undefined) return undefined;
		const listener = create();
		listening.push(listener);
		// Known before any handshake is over: `close` must end those, too.
		listener.on("connection", (socket: Socket) => { sockets.hold(socket); });
		return listenOn(listener, host, wanted);
	};
	const bind = async (wanted: number | undefined): Promise<number | undefined> => {
		if (wanted === undefined) return undefined;
		const socket = createSocket(isIPv6(host) ? "udp6" : "udp4");
		listening.push(socket);
		sockets.serveDatagrams(socket);
		return bindTo(socket, host, wanted);
	};
	const close = async () => {
		const closed = listening.map(each => new Promise<void>(resolve => { each.close(() => { resolve(); }); }));
		sockets.close();
		await Promise.all(closed);
	};
	const secure: TlsOptions = {
		cert: tls?.certificatePem, key: tls?.keyPem, ca: tls?.clientAuthorityPem,
		requestCert: true, rejectUnauthorized: true, minVersion: "TLSv1.2", handshakeTimeout: HANDSHAKE_TIMEOUT,
	};
	try {
		return {
			udpPort: await bind(options.udpPort),
			tcpPort: await listen(options.tcpPort, () => createServer({ noDelay: true }, socket => { sockets.open("tcp", socket, undefined); })),
			tlsPort: await listen(options.tlsPort, () => secured(onRefused, createTLSServer({ ...secure, noDelay: true, ALPNProtocols: [ALPN] }, socket => {
				openSecurely(sockets, socket, onRefused);
			}))),
			webSocketPort: await listen(options.webSocketPort, () => webSockets(sockets, onRefused, createHTTPServer({ noDelay: true }))),
			secureWebSocketPort: await listen(options.secureWebSocketPort, () => {
				return webSockets(sockets, onRefused, secured(onRefused, createHTTPSServer({ ...secure, noDelay: true })));
			}),
			close,
		};
	} catch (error) {
		await close();
		throw error;
	}
}

function openSecurely(sockets: CoAPSockets, socket: TLSSocket, onRefused: (reason: string) => void): void {
	const identity = identityOf(socket);
	if (identity) return sockets.open("tcp", socket, identity.name);
	onRefused("client certificate without a common name");
	socket.destroy();
}

function webSockets<Server extends HTTPServer>(sockets: CoAPSockets, onRefused: (reason: string) => void, server: Server): Server {
	serveWebSockets(server, (stream, socket) => {
		const identity = "encrypted" in socket ? identityOf(socket as TLSSocket)?.name : undefined;
		sockets.open("ws", stream, identity);
	}, onRefused, PATH, SUBPROTOCOL);
	return server;
}

function secured<Server extends NetServer>(onRefused: (reason: string) => void, server: Server): Server {
	server.on("tlsClientError", (error: NodeJS.ErrnoException) => { onRefused(error.code ?? error.message); });
	return server;
}

function listenOn(server: NetServer, host: string, port: number): Promise<number> {
	return new Promise((resolve, reject) => {
		server.once("error", error => { reject(unreachable(host, port, error)); });
		server.listen({ host, port }, () => {
			server.removeAllListeners("error");
			// Accepting may fail later (too many open files); the next client finds us again.
			server.on("error", () => {});
			resolve((server.address() as AddressInfo).port);
		});
	});
}

function bindTo(socket: DatagramSocket, host: string, port: number): Promise<number> {
	return new Promise((resolve, reject) => {
		const onError = (error: Error) => { reject(unreachable(host, port, error)); };
		socket.once("error", onError);
		socket.bind({ address: host, port }, () => {
			socket.off("error", onError);
			resolve(socket.address().port);
		});
	});
}

function unreachable(host: string, port: number, cause: Error): DeviceError {
	return new DeviceError("unreachable", `cannot listen on ${host}:${port}: ${cause.message}`, { cause });
}
