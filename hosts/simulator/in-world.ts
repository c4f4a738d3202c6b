// SPDX-License-Identifier: Apache-2.0
/**
 * What every simulated cloud inside the seeded world has: a broker served on virtual time and a faulty network, a factory.
 *
 * Of the world only what is used here is named: the types below are the part of `hosts/world` that this file stands on.
 */
import type { Crypto, Stream, StreamCallbacks, Timers } from "../../src/host.js";
import { acceptWebSocket } from "../websocket/server.js";
import { text } from "../world/text.js";
import type { Broker } from "./broker/broker.js";
import type { Gate, Origin } from "./broker/client.js";
import type { Faults, RestartOptions } from "./broker/faults.js";
import type { DeviceIdentity } from "./identity.js";
import type { Registry } from "./services/registry.js";
import { StreamServer } from "./streams.js";

export interface WorldTls {
	certificates: readonly Uint8Array[];
	key: Uint8Array;
	clientAuthorities?: readonly Uint8Array[] | undefined;
	/** Whether a client without certificate is let in all the same. Default false. */
	clientOptional?: boolean | undefined;
	/** For ALPN. */
	protocols?: readonly string[] | undefined;
}

export interface WorldAuthority {
	readonly certificate: Uint8Array;
	issue(options: { subject: string; names?: readonly string[] }): { certificates: Uint8Array[]; key: Uint8Array };
}

export interface WorldLike {
	readonly clock: { readonly now: number; readonly wall: number | undefined };
	readonly timer: Timers;
	readonly crypto: Crypto;
	readonly authority: WorldAuthority;
	readonly network: {
		name(host: string, address: string): void;
		listen(options: { address: string; port: number; tls?: WorldTls }, onConnection: (incoming: {
			readonly peer: {
				readonly address: string; readonly serverName?: string | undefined; readonly protocol?: string | undefined;
				readonly certificate?: { readonly subject: string; readonly keyId: string } | undefined;
			};
			accept(callbacks: StreamCallbacks): Stream;
		}) => void): { close(): void };
	};
}

/** The name that MQTT has among WebSocket's subprotocols [MQTT-6.0.0-3]. */
const SUBPROTOCOL = "mqtt";

export interface WorldServeOptions {
	/** IP address literal to listen on. */
	address: string;
	port: number;
	/** Absent: plain TCP, where client ids are believed. */
	tls?: WorldTls | undefined;
	/** MQTT over WebSocket, on every path; or which connections it is on. The world must have been given digests. */
	webSocket?: boolean | ((origin: Origin) => boolean) | undefined;
	/** Default: everybody that TLS let in is let in, with the certificate's subject as name. */
	gate?: Gate | undefined;
}

/** Serves a broker in a world. `close` is the broker being killed: no will is published. */
export function serveInWorld(broker: Broker, world: WorldLike, options: WorldServeOptions): { close(): void } {
	const server = new StreamServer(broker, { now: () => world.clock.now, timer: world.timer });
	const { address, port, tls, webSocket = false, gate = caller => caller } = options;
	const listener = world.network.listen({ address, port, ...(tls ? { tls } : {}) }, incoming => {
		const { certificate, address: from, serverName, protocol } = incoming.peer;
		const transport: Origin = { address: from, secure: tls !== undefined, serverName, protocol };
		const isWebSocket = typeof webSocket === "function" ? webSocket(transport) : webSocket;
		// The request itself comes later: what it says is not known.
		const origin = { ...transport, request: isWebSocket ? { url: "/", headers: {} } : undefined };
		// In the world the key's identifier stands for the certificate's digest.
		const admitted = gate({ identity: certificate && { name: certificate.subject, fingerprint: certificate.keyId }, origin });
		if ("refused" in admitted) return;
		server.open({ identity: admitted.identity, origin }, callbacks => {
			return isWebSocket ? acceptWebSocket(SUBPROTOCOL, { crypto: world.crypto, timer: world.timer, text }, callbacks, incoming.accept) : incoming.accept(callbacks);
		});
	});
	return {
		close() {
			listener.close();
			server.close();
		},
	};
}

export interface WorldPlaceOptions {
	/** Default: 10.0.0.1. */
	address?: string | undefined;
	/** Registered in the world's DNS, and in the certificate. */
	name?: string | undefined;
	/** Default: 8883 with TLS, 1883 without. */
	port?: number | undefined;
	/** Port of MQTT over WebSocket, with TLS where `port` has it; absent: no WebSocket. The world must have been given digests. */
	webSocketPort?: number | undefined;
	/** False: plain TCP. Absent: TLS with a certificate of the world's authority. Given: exactly that, for tests of refusals. */
	tls?: WorldTls | false | undefined;
}

export abstract class CloudInWorld<Backend extends { readonly broker: Broker; readonly registry: Registry }> {
	/** `mqtts://name:port` or `mqtt://name:port`. */
	readonly endpoint: string;
	protected readonly backend: Backend;
	readonly #world: WorldLike;
	readonly #served: readonly (() => { close(): void })[];
	#servers: readonly { close(): void }[] = [];

	/**
	 * Begins to serve at once.
	 * @param more what this cloud serves besides
	 * @param gate of the ports with TLS
	 * @param others whatever else is served, by what begins it
	 */
	constructor(
		world: WorldLike, backend: Backend, options: WorldPlaceOptions,
		more: (tls: WorldTls | undefined) => readonly Partial<WorldServeOptions>[] = () => [], gate?: Gate,
		others: (address: string, tls: WorldTls | undefined) => readonly (() => { close(): void })[] = () => [],
	) {
		const { address = "10.0.0.1", name = "cloud.test", webSocketPort } = options;
		const tls = options.tls === false ? undefined : options.tls ?? issueTls(world.authority, name, address);
		const port = options.port ?? (tls ? 8883 : 1883);
		this.endpoint = `${tls ? "mqtts" : "mqtt"}://${name}:${port}`;
		this.#world = world;
		this.backend = backend;
		const webSocket = webSocketPort === undefined ? [] : [{ port: webSocketPort, webSocket: true }];
		const served = [{}, ...webSocket, ...more(tls)].map(each => ({ address, port, tls, gate: tls && gate, ...each }));
		this.#served = [...served.map(each => () => serveInWorld(backend.broker, world, each)), ...others(address, tls)];
		world.network.name(name, address);
		this.start();
	}

	get broker(): Broker { return this.backend.broker; }
	/** What the broker shall do to its clients: refuse, delay, lose acknowledgements, duplicate, hang, kick. */
	get faults(): Faults { return this.broker.faults; }
	get registry(): Registry { return this.backend.registry; }
	get running(): boolean { return this.#servers.length > 0; }

	start(): void {
		if (!this.running) this.#servers = this.#served.map(begin => begin());
	}

	/**
	 * Stops the broker: connections end without a will, and new ones are refused until `start`. The services keep their
	 * documents whatever the broker forgets.
	 */
	stop(options: RestartOptions = {}): void {
		this.broker.restart(this.#world.clock.now, options);
		for (const server of this.#servers) server.close();
		this.#servers = [];
	}

	/** Stops the broker and starts it again after `downtime` ms. */
	restart(downtime: number, options: RestartOptions = {}): void {
		this.stop(options);
		this.#world.timer.set(() => { this.start(); }, downtime);
	}

	/** Makes a device: registers its id, issues its certificate. Pass `identityValues(…)` of it as the device's storage. */
	manufacture(id: string): DeviceIdentity {
		const identity = this.issue(id);
		this.register(identity);
		return identity;
	}

	/** A certificate with what a device needs besides; registers nothing. */
	protected issue(id: string): DeviceIdentity {
		const { certificates, key } = this.#world.authority.issue({ subject: id });
		return { id, certificate: certificates[0]!, key, anchor: this.#world.authority.certificate, endpoint: this.endpoint };
	}

	/** Makes a device known. */
	protected register({ id }: DeviceIdentity): void { this.registry.register(id); }
}

/** The wall clock of a world; where it has none, its monotonic one. */
export function wallOf(world: WorldLike): () => number {
	return () => world.clock.wall ?? world.clock.now;
}

function issueTls(authority: WorldAuthority, name: string, address: string): WorldTls {
	const { certificates, key } = authority.issue({ subject: name, names: [name, address] });
	return { certificates, key, clientAuthorities: [authority.certificate] };
}
