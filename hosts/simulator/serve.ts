// SPDX-License-Identifier: Apache-2.0
/**
 * Serves a broker on real sockets: TCP, TLS with client certificates, and WebSockets on either.
 *
 * The broker is pure; the sockets, the clock and the one timer are here. A client whose socket takes no more is not read
 * from either, until it is drained: so what is buffered for it stays within the socket's high-water mark, the answers to
 * the bytes that were just read, and one message; its keep-alive ends it if it never drains.
 */
import { createServer as createHTTPServer } from "node:http";
import { createServer as createHTTPSServer } from "node:https";
import { performance } from "node:perf_hooks";
import type { AddressInfo, Server as NetServer } from "node:net";
import { createServer } from "node:net";
import type { Duplex } from "node:stream";
import type { TlsOptions, TLSSocket } from "node:tls";
import { createServer as createSecureServer } from "node:tls";
import { DeviceError } from "../../src/base/error.js";
import { BrokerAlarm } from "./alarm.js";
import type { Broker } from "./broker/broker.js";
import type { Identity } from "./broker/client.js";
import type { Connection } from "./broker/connection.js";
import { serveWebSockets } from "./websockets.js";

export interface ServeOptions {
	/** Address to listen on. Default: 127.0.0.1, so that nobody else's network is served by accident. */
	host?: string | undefined;
	/** Port for MQTT over TCP; 0 lets the system choose; absent: no TCP. */
	port?: number | undefined;
	/** Port for MQTT over WebSocket; 0 lets the system choose; absent: none. */
	webSocketPort?: number | undefined;
	/**
	 * MQTT over TLS, on `port` and as WebSocket on `webSocketPort`; absent: no TLS. A client certificate that
	 * `clientAuthority` signed is required.
	 */
	tls?: {
		port?: number | undefined; webSocketPort?: number | undefined;
		certificatePem: string; keyPem: string; clientAuthorityPem: string;
	} | undefined;
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
	/** Stops listening and ends every connection as a broker does that is killed: no will is published. */
	close(): Promise<void>;
}

/** Milliseconds that a connection the broker ended may take to send what is left. */
const LINGER = 1_000;
const HANDSHAKE_TIMEOUT = 10_000;

export async function serve(broker: Broker, options: ServeOptions): Promise<Server> {
	const sockets = new Sockets(broker);
	const { host = "127.0.0.1", port, webSocketPort, tls, onRefused } = options;
	const listening: NetServer[] = [];
	const listen = async (wanted: number | undefined, create: () => NetServer): Promise<number | undefined> => {
		if (wanted === undefined) return undefined;
		const server = create();
		listening.push(server);
		return listenOn(server, host, wanted);
	};
	try {
		return {
			port: await listen(port, () => createServer({ noDelay: true }, socket => { sockets.open(socket, undefined); })),
			webSocketPort: await listen(webSocketPort, () => webSocketServer(sockets, onRefused)),
			tlsPort: await listen(tls?.port, () => secureServer(sockets, tls!, onRefused)),
			secureWebSocketPort: await listen(tls?.webSocketPort, () => secureWebSocketServer(sockets, tls!, onRefused)),
			close: () => closeAll(sockets, listening),
		};
	} catch (error) {
		await closeAll(sockets, listening);
		throw error;
	}
}

function secureServer(sockets: Sockets, tls: NonNullable<ServeOptions["tls"]>, onRefused: ServeOptions["onRefused"]): NetServer {
	const server = createSecureServer({ ...tlsOptions(tls), noDelay: true });
	server.on("secureConnection", socket => { openSecurely(sockets, socket, socket, onRefused); });
	// TCP connections are known before their handshake is over: `close` must end those, too.
	server.on("connection", socket => { sockets.hold(socket); });
	server.on("tlsClientError", (error: NodeJS.ErrnoException) => { onRefused?.(error.code ?? error.message); });
	return server;
}

function webSocketServer(sockets: Sockets, onRefused: ServeOptions["onRefused"]): NetServer {
	const server = createHTTPServer({ noDelay: true });
	server.on("connection", socket => { sockets.hold(socket); });
	serveWebSockets(server, stream => { sockets.open(stream, undefined); }, onRefused);
	return server;
}

function secureWebSocketServer(sockets: Sockets, tls: NonNullable<ServeOptions["tls"]>, onRefused: ServeOptions["onRefused"]): NetServer {
	const server = createHTTPSServer({ ...tlsOptions(tls), noDelay: true });
	server.on("connection", socket => { sockets.hold(socket); });
	server.on("tlsClientError", (error: NodeJS.ErrnoException) => { onRefused?.(error.code ?? error.message); });
	serveWebSockets(server, (stream, socket) => { openSecurely(sockets, stream, socket as TLSSocket, onRefused); }, onRefused);
	return server;
}

function tlsOptions(tls: NonNullable<ServeOptions["tls"]>): TlsOptions {
	return {
		cert: tls.certificatePem, key: tls.keyPem, ca: tls.clientAuthorityPem,
		requestCert: true, rejectUnauthorized: true, minVersion: "TLSv1.2", handshakeTimeout: HANDSHAKE_TIMEOUT,
	};
}

function openSecurely(sockets: Sockets, stream: Duplex, socket: TLSSocket, onRefused: ServeOptions["onRefused"]): void {
	const identity = identityOf(socket);
	if (identity) {
		sockets.open(stream, identity);
		return;
	}
	onRefused?.("client certificate without a common name");
	stream.destroy();
}

function identityOf(socket: TLSSocket): Identity | undefined {
	const certificate = socket.getPeerCertificate();
	// Node's types say string, but a name that occurs twice comes as an array.
	const name: unknown = certificate.subject?.CN;
	if (!socket.authorized || typeof name !== "string" || name === "") return undefined;
	return { name, fingerprint: certificate.fingerprint256.replaceAll(":", "").toLowerCase() };
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

/** The sockets of one `serve`, and the broker's one timer. */
class Sockets {
	readonly #broker: Broker;
	readonly #open = new Set<Duplex>();
	readonly #connections = new Set<Connection>();
	readonly #alarm: BrokerAlarm;
	#isClosed = false;

	constructor(broker: Broker) {
		this.#broker = broker;
		const timer = { set: setTimeout, clear: (handle: object | undefined) => clearTimeout(handle as NodeJS.Timeout | undefined) };
		this.#alarm = new BrokerAlarm(broker, { timer, time: performance });
	}

	/** Keeps a socket so that `close` can end it. */
	hold(socket: Duplex): void {
		if (this.#isClosed) {
			socket.destroy();
			return;
		}
		this.#open.add(socket);
		// Without a listener a reset would end the process; `close` follows each error.
		socket.on("error", () => {});
		socket.on("close", () => { this.#open.delete(socket); });
	}

	open(socket: Duplex, identity: Identity | undefined): void {
		this.hold(socket);
		if (this.#isClosed) return;
		const connection = this.#broker.open({
			send: bytes => {
				const wantsMore = socket.write(bytes);
				if (!wantsMore) socket.pause();
				return wantsMore;
			},
			close: () => { endGently(socket); },
		}, { identity, now: performance.now() });
		this.#connections.add(connection);
		socket.on("data", (bytes: Buffer | string) => {
			if (typeof bytes === "string") {
				socket.destroy();
				return;
			}
			connection.receive(bytes, performance.now());
			this.#alarm.arm();
		});
		socket.on("drain", () => {
			connection.drained(performance.now());
			if (!socket.writableNeedDrain) socket.resume();
		});
		socket.on("end", () => { connection.lost(performance.now()); });
		socket.on("close", () => {
			this.#connections.delete(connection);
			connection.lost(performance.now());
		});
		this.#alarm.arm();
	}

	close(): void {
		this.#isClosed = true;
		this.#alarm.stop();
		for (const connection of this.#connections) connection.close("restart", performance.now());
		for (const socket of this.#open) socket.destroy();
	}
}

/** A refusal should reach a client that reads, and must not keep the socket of one that does not. */
function endGently(socket: Duplex): void {
	socket.end();
	socket.resume();
	const timer = setTimeout(() => { socket.destroy(); }, LINGER);
	socket.once("close", () => { clearTimeout(timer); });
}
