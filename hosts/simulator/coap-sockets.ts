// SPDX-License-Identifier: Apache-2.0
/** Serves a CoAP server on real sockets: UDP, TCP, TLS with client certificates, and WebSockets on either. */
import { createSocket, type Socket as UDPSocket } from "node:dgram";
import { createServer as createHTTPServer } from "node:http";
import { createServer as createHTTPSServer } from "node:https";
import type { AddressInfo, Server as NetServer, Socket } from "node:net";
import { createServer, isIPv6 } from "node:net";
import { performance } from "node:perf_hooks";
import type { Duplex } from "node:stream";
import type { TlsOptions, TLSSocket } from "node:tls";
import { createServer as createTLSServer } from "node:tls";
import { DeviceError } from "../../src/base/error.js";
import { BrokerAlarm } from "./alarm.js";
import type { CoAPPeer, CoAPServer } from "./coap/server.js";
import { nodeClock } from "./node-clock.js";
import { identityOf } from "./secure.js";
import { serveWebSockets } from "./websockets.js";

export interface CoAPServeOptions {
	/** Address to listen on. Default: 127.0.0.1. */
	host?: string | undefined;
	/** Port of CoAP over UDP; 0 lets the system choose; absent: none. */
	port?: number | undefined;
	/** Ports of CoAP over TCP and WebSocket, likewise. */
	tcpPort?: number | undefined;
	webSocketPort?: number | undefined;
	/** The same with TLS, where a client certificate that `clientAuthority` signed is required. */
	tls?: {
		tcpPort?: number | undefined;
		webSocketPort?: number | undefined;
		certificatePem: string;
		keyPem: string;
		clientAuthorityPem: string;
		/** Whether who proved to be this is let in. */
		admits?: ((identity: { readonly name: string; readonly fingerprint: string }) => boolean) | undefined;
	} | undefined;
	/** A peer's stream has ended. */
	onLost?: ((peer: CoAPPeer) => void) | undefined;
	/** A connection that failed before the server saw it. */
	onRefused?: ((reason: string) => void) | undefined;
}

/** Ports that are served. */
export interface CoAPSockets {
	readonly port: number | undefined;
	readonly tcpPort: number | undefined;
	readonly webSocketPort: number | undefined;
	readonly tlsPort: number | undefined;
	readonly secureWebSocketPort: number | undefined;
	close(): Promise<void>;
}

const HANDSHAKE_TIMEOUT = 10_000;
const PROTOCOL = "coap";
const WEBSOCKET_PATH = "/.well-known/coap";
/** Milliseconds that a connection the server ended may take to send what is left. */
const LINGER = 1_000;

export async function serveCoAP(server: CoAPServer, options: CoAPServeOptions): Promise<CoAPSockets> {
	const serving = new Serving(server, options);
	const { host = "127.0.0.1", port, tcpPort, webSocketPort, tls } = options;
	try {
		return {
			port: port === undefined ? undefined : await serving.udp(host, port),
			tcpPort: await serving.listen(host, tcpPort, () => serving.tcp()),
			webSocketPort: await serving.listen(host, webSocketPort, () => serving.webSocket()),
			tlsPort: await serving.listen(host, tls?.tcpPort, () => serving.tls()),
			secureWebSocketPort: await serving.listen(host, tls?.webSocketPort, () => serving.secureWebSocket()),
			close: () => serving.close(),
		};
	} catch (error) {
		await serving.close();
		throw error;
	}
}

class Serving {
	readonly #server: CoAPServer;
	readonly #options: CoAPServeOptions;
	readonly #alarm: BrokerAlarm;
	readonly #datagrams: UDPSocket[] = [];
	readonly #listening: NetServer[] = [];
	readonly #open = new Set<Duplex>();
	#isClosed = false;

	constructor(server: CoAPServer, options: CoAPServeOptions) {
		this.#server = server;
		this.#options = options;
		this.#alarm = new BrokerAlarm(server, nodeClock);
	}

	udp(host: string, port: number): Promise<number> {
		const socket = createSocket(isIPv6(host) ? "udp6" : "udp4");
		this.#datagrams.push(socket);
		socket.on("message", (bytes, { address, port: from }) => {
			const way = { send: (answer: Uint8Array) => { if (!this.#isClosed) socket.send(answer, from, address, () => {}); } };
			this.#server.receive(bytes, { key: `${address}:${from}` }, way, performance.now());
			this.#alarm.arm();
		});
		return new Promise((resolve, reject) => {
			socket.once("error", error => { reject(unreachable(host, port, error)); });
			socket.bind(port, host, () => {
				socket.removeAllListeners("error");
				socket.on("error", () => {});
				resolve(socket.address().port);
			});
		});
	}

	listen(host: string, port: number | undefined, create: () => NetServer): Promise<number> | undefined {
		if (port === undefined) return undefined;
		const server = create();
		this.#listening.push(server);
		server.on("connection", (socket: Socket) => { this.#hold(socket); });
		return new Promise((resolve, reject) => {
			server.once("error", error => { reject(unreachable(host, port, error)); });
			server.listen({ host, port }, () => {
				server.removeAllListeners("error");
				server.on("error", () => {});
				resolve((server.address() as AddressInfo).port);
			});
		});
	}

	tcp(): NetServer {
		return createServer({ noDelay: true }, socket => { this.#connect("tcp", socket, undefined); });
	}

	tls(): NetServer {
		const server = createTLSServer({ ...this.#tlsOptions(), ALPNProtocols: [PROTOCOL], noDelay: true });
		server.on("secureConnection", socket => { this.#secure("tcp", socket, socket); });
		return this.#watched(server);
	}

	webSocket(): NetServer {
		const server = createHTTPServer({ noDelay: true });
		serveWebSockets(server, stream => { this.#connect("ws", stream, undefined); }, this.#onRefused, WEBSOCKET_PATH, PROTOCOL);
		return server;
	}

	secureWebSocket(): NetServer {
		const server = createHTTPSServer({ ...this.#tlsOptions(), noDelay: true });
		serveWebSockets(server, (stream, socket) => { this.#secure("ws", stream, socket as TLSSocket); }, this.#onRefused, WEBSOCKET_PATH, PROTOCOL);
		return this.#watched(server);
	}

	async close(): Promise<void> {
		this.#isClosed = true;
		this.#alarm.stop();
		const closed = [
			...this.#datagrams.map(socket => new Promise<void>(resolve => { socket.close(() => { resolve(); }); })),
			...this.#listening.map(server => new Promise<void>(resolve => { server.close(() => { resolve(); }); })),
		];
		for (const socket of this.#open) socket.destroy();
		await Promise.all(closed);
	}

	get #onRefused(): (reason: string) => void { return this.#options.onRefused ?? (() => {}); }

	#tlsOptions(): TlsOptions {
		const { certificatePem, keyPem, clientAuthorityPem } = this.#options.tls!;
		return {
			cert: certificatePem, key: keyPem, ca: clientAuthorityPem,
			requestCert: true, rejectUnauthorized: true, minVersion: "TLSv1.2", handshakeTimeout: HANDSHAKE_TIMEOUT,
		};
	}

	#watched(server: NetServer): NetServer {
		server.on("tlsClientError", (error: NodeJS.ErrnoException) => { this.#onRefused(error.code ?? error.message); });
		return server;
	}

	#secure(form: "tcp" | "ws", stream: Duplex, socket: TLSSocket): void {
		const identity = identityOf(socket);
		if (identity !== undefined && (this.#options.tls!.admits?.(identity) ?? true)) return this.#connect(form, stream, identity.name);
		this.#onRefused("a client certificate that is nobody's");
		stream.destroy();
	}

	#hold(stream: Duplex): void {
		if (this.#isClosed) {
			stream.destroy();
			return;
		}
		this.#open.add(stream);
		// Without a listener a reset would end the process; `close` follows each error.
		stream.on("error", () => {});
		stream.on("close", () => { this.#open.delete(stream); });
	}

	#connect(form: "tcp" | "ws", stream: Duplex, identity: string | undefined): void {
		this.#hold(stream);
		const way = { send: (bytes: Uint8Array) => { if (!stream.destroyed) stream.write(bytes); }, close: () => { endGently(stream); } };
		const connection = this.#isClosed ? undefined : this.#server.connect(form, identity, way, performance.now());
		if (connection === undefined) {
			stream.destroy();
			return;
		}
		stream.on("data", (bytes: Buffer | string) => {
			if (typeof bytes === "string") {
				stream.destroy();
				return;
			}
			connection.receive(bytes, performance.now());
			this.#alarm.arm();
		});
		stream.on("end", () => { stream.end(); });
		stream.on("close", () => {
			connection.lost();
			this.#options.onLost?.(connection.peer);
			if (!this.#isClosed) this.#alarm.arm();
		});
		this.#alarm.arm();
	}
}

function endGently(stream: Duplex): void {
	stream.end();
	stream.resume();
	const timer = setTimeout(() => { stream.destroy(); }, LINGER);
	stream.once("close", () => { clearTimeout(timer); });
}

function unreachable(host: string, port: number, error: Error): DeviceError {
	return new DeviceError("unreachable", `cannot listen on ${host}:${port}: ${error.message}`, { cause: error });
}
