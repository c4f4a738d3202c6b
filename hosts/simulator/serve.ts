// SPDX-License-Identifier: Apache-2.0
/**
 * Serves a broker on real sockets: TCP, and TLS with client certificates.
 *
 * The broker is pure; the sockets, the clock and the one timer are here. A client whose socket takes no more is not read
 * from either, until it is drained: so what is buffered for it stays within the socket's high-water mark, the answers to
 * the bytes that were just read, and one message; its keep-alive ends it if it never drains.
 */
import { performance } from "node:perf_hooks";
import type { AddressInfo, Server as NetServer, Socket } from "node:net";
import { createServer } from "node:net";
import type { TLSSocket } from "node:tls";
import { createServer as createSecureServer } from "node:tls";
import { DeviceError } from "../../src/base/error.js";
import { BrokerAlarm } from "./alarm.js";
import type { Broker } from "./broker/broker.js";
import type { Identity } from "./broker/client.js";
import type { Connection } from "./broker/connection.js";

export interface ServeOptions {
	/** Address to listen on. Default: 127.0.0.1, so that nobody else's network is served by accident. */
	host?: string | undefined;
	/** Port for MQTT over TCP; 0 lets the system choose; absent: no TCP. */
	port?: number | undefined;
	/** MQTT over TLS; absent: no TLS. A client certificate that `clientAuthority` signed is required. */
	tls?: { port: number; certificatePem: string; keyPem: string; clientAuthorityPem: string } | undefined;
	/** A connection that failed before the broker saw it: TLS refused, no certificate. */
	onRefused?: ((reason: string) => void) | undefined;
}

export interface Server {
	/** Port of MQTT over TCP, if served. */
	readonly port: number | undefined;
	/** Port of MQTT over TLS, if served. */
	readonly tlsPort: number | undefined;
	/** Stops listening and ends every connection as a broker does that is killed: no will is published. */
	close(): Promise<void>;
}

/** Milliseconds that a connection the broker ended may take to send what is left. */
const LINGER = 1_000;
const HANDSHAKE_TIMEOUT = 10_000;

export async function serve(broker: Broker, options: ServeOptions): Promise<Server> {
	const sockets = new Sockets(broker);
	const { host = "127.0.0.1", port, tls, onRefused } = options;
	const listening: NetServer[] = [];
	const listen = async (server: NetServer, wanted: number): Promise<number> => {
		listening.push(server);
		return listenOn(server, host, wanted);
	};
	try {
		return {
			port: port === undefined ? undefined : await listen(createServer({ noDelay: true }, socket => { sockets.open(socket, undefined); }), port),
			tlsPort: tls && await listen(secureServer(sockets, tls, onRefused), tls.port),
			close: () => closeAll(sockets, listening),
		};
	} catch (error) {
		await closeAll(sockets, listening);
		throw error;
	}
}

function secureServer(sockets: Sockets, tls: NonNullable<ServeOptions["tls"]>, onRefused: ServeOptions["onRefused"]): NetServer {
	const server = createSecureServer({
		cert: tls.certificatePem, key: tls.keyPem, ca: tls.clientAuthorityPem,
		requestCert: true, rejectUnauthorized: true, minVersion: "TLSv1.2", handshakeTimeout: HANDSHAKE_TIMEOUT, noDelay: true,
	});
	server.on("secureConnection", socket => {
		const identity = identityOf(socket);
		if (identity) {
			sockets.open(socket, identity);
			return;
		}
		onRefused?.("client certificate without a common name");
		socket.destroy();
	});
	// TCP connections are known before their handshake is over: `close` must end those, too.
	server.on("connection", socket => { sockets.hold(socket); });
	server.on("tlsClientError", (error: NodeJS.ErrnoException) => { onRefused?.(error.code ?? error.message); });
	return server;
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
	readonly #open = new Set<Socket>();
	readonly #connections = new Set<Connection>();
	readonly #alarm: BrokerAlarm;
	#isClosed = false;

	constructor(broker: Broker) {
		this.#broker = broker;
		const timer = { set: setTimeout, clear: (handle: object | undefined) => clearTimeout(handle as NodeJS.Timeout | undefined) };
		this.#alarm = new BrokerAlarm(broker, { timer, time: performance });
	}

	/** Keeps a socket so that `close` can end it. */
	hold(socket: Socket): void {
		if (this.#isClosed) {
			socket.destroy();
			return;
		}
		this.#open.add(socket);
		// Without a listener a reset would end the process; `close` follows each error.
		socket.on("error", () => {});
		socket.on("close", () => { this.#open.delete(socket); });
	}

	open(socket: Socket, identity: Identity | undefined): void {
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
		socket.on("data", bytes => {
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
function endGently(socket: Socket): void {
	socket.end();
	socket.resume();
	const timer = setTimeout(() => { socket.destroy(); }, LINGER);
	socket.once("close", () => { clearTimeout(timer); });
}
