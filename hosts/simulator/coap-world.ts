// SPDX-License-Identifier: Apache-2.0
/** Serves a CoAP server inside the seeded world: UDP, TCP, and TLS with client certificates. */
import type { Datagrams, Remote, Stream, StreamCallbacks, UDPOptions } from "../../src/host.js";
import { BrokerAlarm } from "./alarm.js";
import type { CoAPConnection, CoAPPeer, CoAPServer } from "./coap/server.js";
import type { WorldLike, WorldTls } from "./in-world.js";

/** A world with datagrams. */
export interface CoAPWorldLike extends WorldLike {
	readonly random: { fork(name: string): { fill(target: Uint8Array): void } };
	readonly network: WorldLike["network"] & { bind(address: string, options: UDPOptions): Datagrams };
}

export interface CoAPWorldOptions {
	/** IP address literal to listen on. */
	address: string;
	/** Of UDP and of TCP. Default: 5683. */
	port?: number | undefined;
	/** Absent: no TLS. Its port is one more. */
	tls?: WorldTls | undefined;
	/** A peer's stream has ended. */
	onLost?: ((peer: CoAPPeer) => void) | undefined;
}

const PORT = 5_683;
/** Of a datagram that is taken. */
const DATAGRAM_MAXIMUM = 2_048;

/** `close` is the server being killed: streams end without a word. */
export function serveCoAPInWorld(server: CoAPServer, world: CoAPWorldLike, options: CoAPWorldOptions): { close(): void } {
	const { address, port = PORT, tls, onLost } = options;
	const alarm = new BrokerAlarm(server, { timer: world.timer, time: { now: () => world.clock.now } });
	const ports = new Set<StreamPort>();
	const listen = (at: number, secured: WorldTls | undefined) => world.network.listen({ address, port: at, ...(secured ? { tls: secured } : {}) }, incoming => {
		const opened = new StreamPort(server, world, alarm, incoming.peer.certificate?.subject, peer => {
			ports.delete(opened);
			if (peer) onLost?.(peer);
		});
		ports.add(opened);
		opened.start(incoming.accept);
	});
	const open = [datagrams(server, world, alarm, address, port), listen(port, undefined), ...(tls ? [listen(port + 1, tls)] : [])];
	return {
		close() {
			for (const each of open) each.close();
			for (const each of [...ports]) each.close();
			alarm.stop();
		},
	};
}

function datagrams(server: CoAPServer, world: CoAPWorldLike, alarm: BrokerAlarm, address: string, port: number): { close(): void } {
	let isClosed = false;
	const buffer = new Uint8Array(DATAGRAM_MAXIMUM), remote: Remote = { address: "", port: 0 };
	const socket = world.network.bind(address, {
		port,
		onReadable: () => {
			for (let count = socket.read(buffer, remote); count >= 0; count = socket.read(buffer, remote)) {
				const { address: to, port: at } = remote;
				const way = { send: (bytes: Uint8Array) => { if (!isClosed) socket.write(bytes, to, at); } };
				server.receive(buffer.slice(0, count), { key: `${to}:${at}` }, way, world.clock.now);
			}
			alarm.arm();
		},
	});
	return {
		close() {
			isClosed = true;
			socket.close();
		},
	};
}

/** One stream and the server's connection on it. */
class StreamPort {
	readonly #server: CoAPServer;
	readonly #world: CoAPWorldLike;
	readonly #alarm: BrokerAlarm;
	readonly #identity: string | undefined;
	readonly #onClosed: (peer: CoAPPeer | undefined) => void;
	readonly #outgoing: Uint8Array[] = [];
	#stream: Stream | undefined;
	#connection: CoAPConnection | undefined;
	#room = 0;
	/** The server has ended it: it closes when the rest is sent. */
	#isEnding = false;
	#isClosed = false;

	constructor(
		server: CoAPServer, world: CoAPWorldLike, alarm: BrokerAlarm, identity: string | undefined, onClosed: (peer: CoAPPeer | undefined) => void,
	) {
		this.#server = server;
		this.#world = world;
		this.#alarm = alarm;
		this.#identity = identity;
		this.#onClosed = onClosed;
	}

	start(accept: (callbacks: StreamCallbacks) => Stream): void {
		this.#stream = accept({
			onReadable: count => { this.#read(count); },
			onWritable: count => {
				this.#room = count;
				this.#flush();
			},
			onError: () => { this.close(); },
		});
		this.#connection = this.#server.connect("tcp", this.#identity, {
			send: bytes => {
				this.#outgoing.push(bytes.slice());
				this.#flush();
			},
			close: () => {
				this.#isEnding = true;
				this.#flush();
			},
		}, this.#world.clock.now);
		if (this.#connection === undefined) this.close();
		this.#alarm.arm();
	}

	close(): void {
		if (this.#isClosed) return;
		this.#isClosed = true;
		this.#outgoing.length = 0;
		this.#stream?.close();
		this.#connection?.lost();
		this.#onClosed(this.#connection?.peer);
	}

	#read(count: number): void {
		if (this.#isClosed) return;
		const bytes = new Uint8Array(count);
		this.#stream!.read(bytes);
		if (this.#isEnding) return;
		this.#connection?.receive(bytes, this.#world.clock.now);
		this.#alarm.arm();
	}

	#flush(): void {
		while (!this.#isClosed && this.#room > 0 && this.#outgoing.length > 0) {
			const first = this.#outgoing[0]!, count = Math.min(this.#room, first.byteLength);
			this.#room = this.#stream!.write(first.subarray(0, count));
			if (count === first.byteLength) this.#outgoing.shift();
			else this.#outgoing[0] = first.subarray(count);
		}
		if (this.#isEnding && this.#outgoing.length === 0) this.close();
	}
}
