// SPDX-License-Identifier: Apache-2.0
/** The servers on TLS: MQTT, WebSocket, and both on one port, told apart by ALPN. */
import type { Server as HTTPServer } from "node:http";
import { createServer as createHTTPServer } from "node:http";
import { createServer as createHTTPSServer } from "node:https";
import type { Server as NetServer, Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { TlsOptions, TLSSocket } from "node:tls";
import { createServer } from "node:tls";
import type { Gate, Identity, Origin } from "./broker/client.js";
import type { FirmwareFiles } from "./firmware.js";
import { serveFirmware } from "./firmware-server.js";
import type { Sockets } from "./sockets.js";
import type { UpgradeRequest } from "./websockets.js";
import { serveWebSockets } from "./websockets.js";

export interface SecureServeOptions {
	/** Port of MQTT; 0 lets the system choose; absent: none. A client certificate that `clientAuthority` signed is required. */
	port?: number | undefined;
	/** Port of MQTT over WebSocket, as `port`. */
	webSocketPort?: number | undefined;
	/** Port of MQTT and WebSocket, told apart by `protocols`. There a client certificate is for `gate` to demand. */
	sharedPort?: number | undefined;
	/** Of `sharedPort`, the names for ALPN and what is spoken then. A client that names none speaks HTTP. */
	protocols?: Readonly<Record<string, "mqtt" | "http">> | undefined;
	/** Default: who has the certificate that the port wants is let in. */
	gate?: Gate | undefined;
	/** Port of `firmware` over HTTPS, as `port`, for clients without certificate. */
	firmwarePort?: number | undefined;
	/** Needed with `firmwarePort`. */
	firmware?: FirmwareFiles | undefined;
	/** Of the requests that become WebSockets; absent: any. */
	webSocketPath?: string | undefined;
	certificatePem: string;
	keyPem: string;
	clientAuthorityPem: string;
}

const HANDSHAKE_TIMEOUT = 10_000;

export class SecureServers {
	readonly #sockets: Sockets;
	readonly #options: SecureServeOptions;
	readonly #onRefused: (reason: string) => void;

	constructor(sockets: Sockets, options: SecureServeOptions, onRefused: (reason: string) => void) {
		this.#sockets = sockets;
		this.#options = options;
		this.#onRefused = onRefused;
	}

	mqtt(): NetServer {
		const server = createServer({ ...this.#tlsOptions(), noDelay: true });
		server.on("secureConnection", socket => { this.#open(socket, socket); });
		return this.#watched(server);
	}

	webSocket(): NetServer {
		const server = createHTTPSServer({ ...this.#tlsOptions(), noDelay: true });
		this.#serveWebSockets(server);
		return this.#watched(server);
	}

	shared(): NetServer {
		const { protocols = {} } = this.#options;
		const server = createServer({ ...this.#tlsOptions(), rejectUnauthorized: false, ALPNProtocols: Object.keys(protocols), noDelay: true });
		// Never listens: it is handed connections that have had their handshake.
		const http = createHTTPServer();
		this.#serveWebSockets(http);
		server.on("secureConnection", socket => {
			if (protocols[socket.alpnProtocol || ""] === "mqtt") this.#open(socket, socket);
			else http.emit("connection", socket);
		});
		return this.#watched(server);
	}

	firmware(): NetServer {
		const { certificatePem, keyPem, firmware } = this.#options;
		const server = createHTTPSServer({ cert: certificatePem, key: keyPem, minVersion: "TLSv1.2", handshakeTimeout: HANDSHAKE_TIMEOUT, noDelay: true });
		serveFirmware(server, firmware!);
		return this.#watched(server);
	}

	#tlsOptions(): TlsOptions {
		const { certificatePem, keyPem, clientAuthorityPem } = this.#options;
		return {
			cert: certificatePem, key: keyPem, ca: clientAuthorityPem,
			requestCert: true, rejectUnauthorized: true, minVersion: "TLSv1.2", handshakeTimeout: HANDSHAKE_TIMEOUT,
		};
	}

	#serveWebSockets(server: HTTPServer): void {
		serveWebSockets(server, (stream, socket, request) => { this.#open(stream, socket as TLSSocket, request); }, this.#onRefused, this.#options.webSocketPath);
	}

	#watched(server: NetServer): NetServer {
		// TCP connections are known before their handshake is over: `close` must end those, too.
		server.on("connection", (socket: Socket) => { this.#sockets.hold(socket); });
		server.on("tlsClientError", (error: NodeJS.ErrnoException) => { this.#onRefused(error.code ?? error.message); });
		return server;
	}

	#open(stream: Duplex, socket: TLSSocket, request?: UpgradeRequest): void {
		const { gate = demandIdentity } = this.#options;
		const origin: Origin = {
			address: socket.remoteAddress, secure: true, serverName: serverNameOf(socket), protocol: socket.alpnProtocol || undefined, request,
		};
		const admitted = gate({ identity: identityOf(socket), origin });
		if (!("refused" in admitted)) return this.#sockets.open(stream, { identity: admitted.identity, origin });
		this.#onRefused(admitted.refused);
		stream.destroy();
	}
}

/** For ports where TLS refuses who has no certificate. */
const demandIdentity: Gate = ({ identity }) => identity ? { identity } : { refused: "client certificate without a common name" };

/** Who a socket's peer is, by its certificate. */
export function identityOf(socket: TLSSocket): Identity | undefined {
	if (!socket.authorized) return undefined;
	const certificate = socket.getPeerCertificate();
	// Node's types say string, but a name that occurs twice comes as an array.
	const name: unknown = certificate.subject?.CN;
	if (typeof name !== "string" || name === "") return undefined;
	return { name, fingerprint: certificate.fingerprint256.replaceAll(":", "").toLowerCase() };
}

function serverNameOf(socket: TLSSocket): string | undefined {
	// A string or false, which Node's types do not know for a server.
	return (socket as TLSSocket & { servername?: string | false }).servername || undefined;
}
