// SPDX-License-Identifier: Apache-2.0
/** The Node host as a platform for the promises: servers on loopback, a directory of its own. */
import { createSocket } from "node:dgram";
import { mkdtempSync } from "node:fs";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { createServer as createHTTPServer } from "node:http";
import { createServer as createHTTPSServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { createServer as createTLSServer, TLSSocket, type TlsOptions } from "node:tls";
import { WebSocketServer, type WebSocket } from "ws";
import { wrapImage } from "../../hosts/boot/index.js";
import { crypto } from "../../hosts/node/digest.js";
import { BootLoader, createHost } from "../../hosts/node/index.js";
import { pattern, SUBPROTOCOL } from "./bench.js";
import { makeCertificates, toPEM, type Identity } from "./certificates.js";
import { makeSignature, openRequest, verifySignature } from "./node-keys.js";
import type { Listener, Peer, PeerSecurity, Platform, TLSServerOptions } from "./platform.js";

const LOOPBACK = "127.0.0.1";
export const IMAGE_SLOT = 65_536;

export async function makeNodePlatform(): Promise<Platform & { readonly directory: string }> {
	const directory = mkdtempSync(join(tmpdir(), "moorline-host-"));
	const loader = new BootLoader(directory, IMAGE_SLOT);
	loader.manufacture(pattern(100));
	const start = () => {
		loader.select();
		return createHost({ directory, partitions: { promises: 16_384 }, images: { slot: IMAGE_SLOT }, trace: () => {} });
	};
	let host = start();
	return {
		name: "node",
		get host() { return host; },
		directory,
		wait: promise => promise,
		reboot: () => host = start(),
		listen: () => listen(createServer({ allowHalfOpen: true }), "connection"),
		listenWebSocket,
		closedPort,
		echo,
		// A label longer than RFC 1035 allows fails without asking anybody on the network.
		names: { known: "localhost", address: LOOPBACK, unknown: `${"x".repeat(64)}.invalid` },
		images: { make: seed => wrapImage(pattern(10_000, seed), crypto) },
		partition: "promises",
		keys: {
			types: ["P-256", "RSA-2048"],
			verify: (...values) => Promise.resolve(verifySignature(...values)),
			makeSignature: bytes => Promise.resolve(makeSignature(bytes)),
			openRequest,
		},
		tls: {
			certificates: await makeCertificates(),
			versions: ["TLSv1.2", "TLSv1.3"],
			listen: listenTLS,
		},
	};
}

function tlsOptions(identity: Identity, { version, clientAnchor, protocols }: TLSServerOptions): TlsOptions {
	return {
		cert: identity.chain.map(certificate => toPEM("CERTIFICATE", certificate)).join(""),
		key: toPEM("PRIVATE KEY", identity.key),
		...(version === undefined ? {} : { minVersion: version, maxVersion: version }),
		...(clientAnchor === undefined ? {} : { requestCert: true, ca: toPEM("CERTIFICATE", clientAnchor) }),
		...(protocols === undefined ? {} : { ALPNProtocols: [...protocols] }),
	};
}

function listenTLS(identity: Identity, options: TLSServerOptions = {}): Promise<Listener> {
	const server = createTLSServer(tlsOptions(identity, options));
	// The device's refusals are its own to report.
	server.on("tlsClientError", () => {});
	return listen(server, "secureConnection");
}

function listenWebSocket(identity?: Identity, options: TLSServerOptions = {}): Promise<Listener> {
	const server = identity === undefined ? createHTTPServer() : createHTTPSServer(tlsOptions(identity, options));
	server.on("tlsClientError", () => {});
	const webSockets = new WebSocketServer({ noServer: true, handleProtocols: offered => offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false });
	return open(server, arrive => {
		server.on("upgrade", (request, socket: Duplex, head) => {
			webSockets.handleUpgrade(request, socket, head, webSocket => arrive(new WebSocketPeer(webSocket, socket as Socket)));
		});
	});
}

function listen(server: Server, event: "connection" | "secureConnection"): Promise<Listener> {
	return open(server, arrive => server.on(event, (socket: Socket) => arrive(new NodePeer(socket))));
}

function open(server: Server, watch: (arrive: (peer: Peer) => void) => void): Promise<Listener> {
	const sockets = new Set<Socket>();
	const arrived: Peer[] = [];
	const wanted: ((peer: Peer) => void)[] = [];
	server.on("connection", (socket: Socket) => {
		sockets.add(socket);
		socket.on("error", () => {});
		socket.on("close", () => sockets.delete(socket));
	});
	watch(peer => {
		const resolve = wanted.shift();
		if (resolve === undefined) arrived.push(peer);
		else resolve(peer);
	});
	return new Promise(resolve => {
		server.listen(0, LOOPBACK, () => resolve({
			address: LOOPBACK,
			port: (server.address() as AddressInfo).port,
			accept: () => new Promise(resolve => {
				const peer = arrived.shift();
				if (peer === undefined) wanted.push(resolve);
				else resolve(peer);
			}),
			close() {
				for (const socket of sockets) socket.destroy();
				server.close();
			},
		}));
	});
}

/** What arrived, for who asks for a number of bytes. */
class Inbox {
	readonly #chunks: Buffer[] = [];
	#count = 0;
	#look = () => {};

	add(chunk: Buffer): void {
		this.#chunks.push(chunk);
		this.#count += chunk.byteLength;
		this.#look();
	}

	async receive(count: number): Promise<Uint8Array> {
		await new Promise<void>(resolve => {
			this.#look = () => { if (this.#count >= count) resolve(); };
			this.#look();
		});
		const all = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
		this.#chunks.splice(0, Infinity, all.subarray(count));
		this.#count -= count;
		return new Uint8Array(all.subarray(0, count));
	}
}

/** Of a TLS connection only the socket underneath can be reset. */
function reset(socket: Socket): void {
	const { _parent: parent } = socket as Socket & { _parent?: Socket };
	(parent ?? socket).resetAndDestroy();
}

class NodePeer implements Peer {
	readonly ended: Promise<void>;
	readonly #socket: Socket;
	readonly #inbox = new Inbox();

	constructor(socket: Socket) {
		this.#socket = socket;
		socket.on("error", () => {});
		socket.on("data", chunk => this.#inbox.add(chunk));
		this.ended = new Promise(resolve => {
			socket.on("end", resolve);
			socket.on("close", () => resolve());
		});
	}

	get secure(): PeerSecurity | undefined {
		return securityOf(this.#socket);
	}

	send(bytes: Uint8Array): void {
		this.#socket.write(bytes);
	}

	receive(count: number): Promise<Uint8Array> {
		return this.#inbox.receive(count);
	}

	pause(): void {
		this.#socket.pause();
	}

	resume(): void {
		this.#socket.resume();
	}

	end(): void {
		this.#socket.end();
	}

	reset(): void {
		reset(this.#socket);
	}
}

class WebSocketPeer implements Peer {
	readonly ended: Promise<void>;
	readonly secure: PeerSecurity | undefined;
	readonly #webSocket: WebSocket;
	readonly #socket: Socket;
	readonly #inbox = new Inbox();

	constructor(webSocket: WebSocket, socket: Socket) {
		this.#webSocket = webSocket;
		this.#socket = socket;
		this.secure = securityOf(socket);
		webSocket.on("error", () => {});
		webSocket.on("message", data => this.#inbox.add(data as Buffer));
		this.ended = new Promise(resolve => webSocket.on("close", () => resolve()));
	}

	send(bytes: Uint8Array): void {
		this.#webSocket.send(bytes);
	}

	receive(count: number): Promise<Uint8Array> {
		return this.#inbox.receive(count);
	}

	pause(): void {
		this.#webSocket.pause();
	}

	resume(): void {
		this.#webSocket.resume();
	}

	end(): void {
		this.#webSocket.close(1000);
	}

	reset(): void {
		reset(this.#socket);
	}
}

function securityOf(socket: Socket): PeerSecurity | undefined {
	if (!(socket instanceof TLSSocket)) return undefined;
	const { servername } = socket as TLSSocket & { servername?: string | false };
	const name = socket.getPeerCertificate().subject?.CN;
	return {
		serverName: servername || undefined,
		protocol: socket.alpnProtocol || undefined,
		clientName: typeof name === "string" ? name : undefined,
	};
}

async function closedPort(): Promise<{ address: string; port: number }> {
	const { address, port, close } = await listen(createServer(), "connection");
	close();
	return { address, port };
}

function echo(): Promise<{ address: string; port: number; close(): void }> {
	const socket = createSocket("udp4");
	socket.on("message", (bytes, { address, port }) => socket.send(bytes, port, address));
	return new Promise(resolve => {
		socket.bind(0, LOOPBACK, () => resolve({ address: LOOPBACK, port: socket.address().port, close: () => socket.close() }));
	});
}
