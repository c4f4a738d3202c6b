// SPDX-License-Identifier: Apache-2.0
/** The Node host as a platform for the promises: servers on loopback, a directory of its own. */
import { createSocket } from "node:dgram";
import { mkdtempSync } from "node:fs";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTLSServer, TLSSocket } from "node:tls";
import { createHost } from "../../hosts/node/index.js";
import { makeCertificates, toPEM, type Identity } from "./certificates.js";
import type { Listener, Peer, PeerSecurity, Platform, TLSServerOptions } from "./platform.js";

const LOOPBACK = "127.0.0.1";

export async function makeNodePlatform(): Promise<Platform & { readonly directory: string }> {
	const directory = mkdtempSync(join(tmpdir(), "moorline-host-"));
	const start = () => createHost({ directory, partitions: { promises: 16_384 }, trace: () => {} });
	return {
		name: "node",
		host: start(),
		directory,
		wait: promise => promise,
		reboot: start,
		listen: () => listen(createServer({ allowHalfOpen: true }), "connection"),
		closedPort,
		echo,
		// A label longer than RFC 1035 allows fails without asking anybody on the network.
		names: { known: "localhost", address: LOOPBACK, unknown: `${"x".repeat(64)}.invalid` },
		partition: "promises",
		tls: {
			certificates: await makeCertificates(),
			versions: ["TLSv1.2", "TLSv1.3"],
			listen: listenTLS,
		},
	};
}

function listenTLS(identity: Identity, { version, clientAnchor, protocols }: TLSServerOptions = {}): Promise<Listener> {
	const server = createTLSServer({
		cert: identity.chain.map(certificate => toPEM("CERTIFICATE", certificate)).join(""),
		key: toPEM("PRIVATE KEY", identity.key),
		...(version === undefined ? {} : { minVersion: version, maxVersion: version }),
		...(clientAnchor === undefined ? {} : { requestCert: true, ca: toPEM("CERTIFICATE", clientAnchor) }),
		...(protocols === undefined ? {} : { ALPNProtocols: [...protocols] }),
	});
	// The device's refusals are its own to report.
	server.on("tlsClientError", () => {});
	return listen(server, "secureConnection");
}

function listen(server: Server, event: "connection" | "secureConnection"): Promise<Listener> {
	const sockets = new Set<Socket>();
	const arrived: Peer[] = [];
	const wanted: ((peer: Peer) => void)[] = [];
	server.on("connection", (socket: Socket) => {
		sockets.add(socket);
		socket.on("error", () => {});
		socket.on("close", () => sockets.delete(socket));
	});
	server.on(event, (socket: Socket) => {
		const peer = new NodePeer(socket);
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

class NodePeer implements Peer {
	readonly ended: Promise<void>;
	readonly #socket: Socket;
	readonly #chunks: Buffer[] = [];
	#count = 0;
	#look = () => {};

	constructor(socket: Socket) {
		this.#socket = socket;
		socket.on("error", () => {});
		socket.on("data", chunk => {
			this.#chunks.push(chunk);
			this.#count += chunk.byteLength;
			this.#look();
		});
		this.ended = new Promise(resolve => {
			socket.on("end", resolve);
			socket.on("close", () => resolve());
		});
	}

	get secure(): PeerSecurity | undefined {
		const socket = this.#socket;
		if (!(socket instanceof TLSSocket)) return undefined;
		const { servername } = socket as TLSSocket & { servername?: string | false };
		const name = socket.getPeerCertificate().subject?.CN;
		return {
			serverName: servername || undefined,
			protocol: socket.alpnProtocol || undefined,
			clientName: typeof name === "string" ? name : undefined,
		};
	}

	send(bytes: Uint8Array): void {
		this.#socket.write(bytes);
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
		// Of a TLS connection only the socket underneath can be reset.
		const { _parent: parent } = this.#socket as Socket & { _parent?: Socket };
		(parent ?? this.#socket).resetAndDestroy();
	}
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
