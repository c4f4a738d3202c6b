// SPDX-License-Identifier: Apache-2.0
/** The world as a platform for the promises: a device whose program is the suite, and servers at its side. */
import { acceptWebSocket } from "../../hosts/websocket/server.js";
import { BLOCK_LENGTH, createWorld, FLAWS, openCSR, text, verifySignature, worldImage, type Incoming, type ServerSecureOptions, type World, type WorldOptions } from "../../hosts/world/index.js";
import type { Host, Stream, StreamCallbacks } from "../../src/host.js";
import { SUBPROTOCOL } from "./bench.js";
import { makeSignature } from "./node-keys.js";
import type { Certificates, HostileServers, Identity } from "./certificates.js";
import type { Listener, Peer, PeerSecurity, Platform, TLSServerOptions } from "./platform.js";

const SERVER = "10.0.0.1", NAME = "server.test";
/** Turns of the microtask queue after each step: as many as a chain of promises in the suite is long. */
const TURNS = 20;
/** Steps in which a promise must be settled, and rounds without anything to do: promises within promises take some. */
const STEPS = 200_000, IDLE = 10;

export function makeWorldPlatform(options: WorldOptions): Platform & { readonly world: World } {
	const world = createWorld(options);
	const device = world.device({ id: "device-1", programs: { suite() {} }, image: "suite", partitions: { promises: 4 * BLOCK_LENGTH } });
	let port = 1000;
	const start = (): Host => {
		world.run(() => device.running);
		return device.host;
	};
	start();
	world.network.name("known.test", SERVER);
	return {
		name: "world",
		world,
		get host() { return device.host; },
		wait: promise => keepGoing(world, promise),
		reboot() {
			device.restart();
			return start();
		},
		listen: () => Promise.resolve(new WorldListener(world, ++port)),
		listenWebSocket: (identity, options) => Promise.resolve(new WorldListener(
			world, ++port, identity && secureOptions(identity, options),
			(incoming, callbacks) => acceptWebSocket(SUBPROTOCOL, { crypto: world.crypto, timer: world.timer, text }, callbacks, incoming.accept),
		)),
		closedPort: () => Promise.resolve({ address: SERVER, port: ++port }),
		echo() {
			const target = new Uint8Array(2000), remote = { address: "", port: 0 };
			const socket = world.network.bind(SERVER, {
				onReadable() {
					for (let count = socket.read(target, remote); count >= 0; count = socket.read(target, remote)) {
						socket.write(target.subarray(0, count), remote.address, remote.port);
					}
				},
			});
			return Promise.resolve({ address: SERVER, port: socket.port, close: () => socket.close() });
		},
		names: { known: "known.test", address: SERVER, unknown: "unknown.test" },
		images: { make: seed => worldImage("suite", world.crypto, { seed, padding: 2 * BLOCK_LENGTH }) },
		partition: "promises",
		keys: {
			types: ["P-256", "RSA-2048"],
			verify: (...values) => Promise.resolve(verifySignature(...values)),
			makeSignature: bytes => Promise.resolve(makeSignature(bytes)),
			openRequest: async request => openCSR(request).subject,
		},
		tls: {
			certificates: makeCertificates(world),
			versions: ["TLSv1.2"],
			listen: (identity, options) => Promise.resolve(new WorldListener(world, ++port, secureOptions(identity, options))),
		},
	};
}

function secureOptions(identity: Identity, { clientAnchor, protocols }: TLSServerOptions = {}): ServerSecureOptions {
	return { certificates: identity.chain, key: identity.key, clientAuthorities: clientAnchor && [clientAnchor], protocols };
}

/** How a connection that came in becomes a stream. */
type Accept = (incoming: Incoming, callbacks: StreamCallbacks) => Stream;

async function keepGoing<T>(world: World, promise: Promise<T>): Promise<T> {
	let settled = false;
	const settle = () => { settled = true; };
	promise.then(settle, settle);
	for (let step = 0, idle = 0; step < STEPS; step++) {
		for (let turn = 0; turn < TURNS && !settled; turn++) await undefined;
		if (settled) return promise;
		if (!world.step() && ++idle > IDLE) throw new Error("nothing is left to happen");
	}
	throw new Error(`not settled in ${STEPS} steps`);
}

class WorldListener implements Listener {
	readonly address = SERVER;
	readonly port: number;
	readonly #world: World;
	readonly #listener: { close(): void };
	readonly #arrived: Peer[] = [];
	readonly #wanted: ((peer: Peer) => void)[] = [];

	constructor(world: World, port: number, tls?: ServerSecureOptions, accept: Accept = (incoming, callbacks) => incoming.accept(callbacks)) {
		this.#world = world;
		this.port = port;
		this.#listener = world.network.listen({ address: SERVER, port, tls }, incoming => {
			const peer = new WorldPeer(this.#world, incoming, accept), resolve = this.#wanted.shift();
			if (resolve === undefined) this.#arrived.push(peer);
			else resolve(peer);
		});
	}

	accept(): Promise<Peer> {
		const peer = this.#arrived.shift();
		return peer === undefined ? new Promise(resolve => this.#wanted.push(resolve)) : Promise.resolve(peer);
	}

	close(): void {
		this.#listener.close();
	}
}

class WorldPeer implements Peer {
	readonly ended: Promise<void>;
	readonly secure: PeerSecurity | undefined;
	readonly #world: World;
	readonly #stream: Stream;
	/** What carries the stream, or itself. */
	#carrier: Stream | undefined;
	readonly #received: number[] = [];
	#outgoing = new Uint8Array(0);
	#room = 0;
	#available = 0;
	#paused = false;
	#ending = false;
	#over = false;
	#look = () => {};

	constructor(world: World, incoming: Incoming, accept: Accept) {
		const { serverName, protocol, certificate } = incoming.peer;
		this.#world = world;
		this.secure = { serverName, protocol, clientName: certificate?.subject };
		let end = () => {};
		this.ended = new Promise(resolve => { end = resolve; });
		const taken: Incoming = { ...incoming, accept: callbacks => this.#carrier = incoming.accept(callbacks) };
		this.#stream = accept(taken, {
			onReadable: count => {
				this.#available = count;
				this.#take();
			},
			onWritable: room => {
				this.#room = room;
				this.#flush();
			},
			onError: () => {
				this.#over = true;
				end();
			},
		});
	}

	send(bytes: Uint8Array): void {
		this.#outgoing = Uint8Array.from([...this.#outgoing, ...bytes]);
		this.#flush();
	}

	async receive(count: number): Promise<Uint8Array> {
		await new Promise<void>(resolve => {
			this.#look = () => { if (this.#received.length >= count) resolve(); };
			this.#look();
		});
		return Uint8Array.from(this.#received.splice(0, count));
	}

	pause(): void {
		this.#paused = true;
	}

	resume(): void {
		this.#paused = false;
		this.#take();
	}

	end(): void {
		this.#ending = true;
		this.#flush();
	}

	reset(): void {
		this.#world.network.reset(this.#carrier);
	}

	#take(): void {
		if (this.#paused || this.#available === 0) return;
		const target = new Uint8Array(this.#available);
		this.#stream.read(target);
		this.#available = 0;
		for (const byte of target) this.#received.push(byte);
		this.#look();
	}

	#flush(): void {
		if (this.#over) return;
		const count = Math.min(this.#room, this.#outgoing.byteLength);
		if (count > 0) {
			this.#room = this.#stream.write(this.#outgoing.subarray(0, count));
			this.#outgoing = this.#outgoing.slice(count);
		}
		if (!this.#ending || this.#outgoing.byteLength > 0) return;
		this.#over = true;
		this.#stream.close();
	}
}

function makeCertificates(world: World): Certificates {
	const root = world.authority, foreign = world.createAuthority("foreign"), intermediate = root.intermediate("intermediate");
	const identity = ({ certificates, key }: { certificates: Uint8Array[]; key: Uint8Array }): Identity => ({ chain: certificates, key });
	const good = { subject: NAME, names: [NAME, SERVER] }, server = identity(intermediate.issue(good));
	const hostile = Object.fromEntries(FLAWS.map(flaw => [flaw, identity(root.issue({ ...good, flaw }))])) as unknown as HostileServers;
	return {
		host: NAME, address: SERVER, anchor: root.certificate, foreignAnchor: foreign.certificate,
		server, hostile,
		leafOnly: identity(root.issue(good)),
		withAnchor: { ...server, chain: [...server.chain, root.certificate] },
		wildcard: identity(intermediate.issue({ subject: NAME, names: ["*.wild.test"] })),
		client: identity(intermediate.issue({ subject: "device-1", use: "client" })),
		foreignClient: identity(foreign.issue({ subject: "device-1", use: "client" })),
	};
}
