// SPDX-License-Identifier: Apache-2.0
/**
 * The simulated cloud on a laptop: the private cloud on real sockets or beside a foreign broker, with a factory.
 */
import type { Authority, KeyType } from "./authority.js";
import { createAuthority } from "./authority.js";
import { Backend } from "./backend.js";
import type { Bridge, BridgeOptions } from "./bridge.js";
import { connectBridge } from "./bridge.js";
import type { Broker } from "./broker/broker.js";
import type { Faults } from "./broker/faults.js";
import type { BrokerLimits } from "./broker/limits.js";
import { DeviceError } from "../../src/base/error.js";
import type { DeviceIdentity } from "./identity.js";
import type { Server } from "./serve.js";
import { serve } from "./serve.js";
import type { Registry } from "./services/registry.js";
import type { ShadowLimits, ShadowService } from "./services/shadow.js";

export interface CloudOptions {
	/** Default: a new one in memory. */
	authority?: Authority | undefined;
	brokerLimits?: Partial<BrokerLimits> | undefined;
	shadowLimits?: Partial<ShadowLimits> | undefined;
}

export interface CloudServeOptions {
	/** Address to listen on. Default: 127.0.0.1. */
	host?: string | undefined;
	/** Port of MQTT over TCP, where client ids are believed; 0 lets the system choose; absent: no TCP. */
	port?: number | undefined;
	/** Port of MQTT over TLS with client certificates; 0 lets the system choose; absent: no TLS. */
	tlsPort?: number | undefined;
	/** Ports of MQTT over WebSocket, as `port` and `tlsPort`; absent: none. */
	webSocketPort?: number | undefined;
	secureWebSocketPort?: number | undefined;
	/** Names in the server's certificate; devices are told the first. Default: localhost and its addresses. */
	names?: readonly string[] | undefined;
	/** Key of the server's certificate. */
	keyType?: KeyType | undefined;
	/** A connection that failed before the broker saw it. */
	onRefused?: ((reason: string) => void) | undefined;
}

const DEFAULT_NAMES = ["localhost", "127.0.0.1", "::1"] as const;
const BRIDGE_ID = "moorline-cloud";

export class Cloud {
	readonly authority: Authority;
	readonly #backend: Backend;
	readonly #open = new Set<{ close(): Promise<void> }>();
	#endpoint: string | undefined;

	/** Use `createCloud`. */
	constructor(authority: Authority, options: CloudOptions) {
		this.authority = authority;
		this.#backend = new Backend({ ...options, wall: Date.now });
	}

	get broker(): Broker { return this.#backend.broker; }
	/** What our own broker shall do to its clients: refuse, delay, lose acknowledgements, duplicate, hang, kick, restart. */
	get faults(): Faults { return this.broker.faults; }
	get shadows(): ShadowService { return this.#backend.shadows; }
	get registry(): Registry { return this.#backend.registry; }
	/** Where devices made from now on will connect: what was served or bridged last. */
	get endpoint(): string | undefined { return this.#endpoint; }

	/**
	 * Serves our own broker. The server that is returned can be closed and the same ports served again: that is how a
	 * broker restarts, with all it knew; `faults.restart` does it without closing the ports, with or without memory.
	 */
	async serve(options: CloudServeOptions): Promise<Server> {
		const { host, port, tlsPort, webSocketPort, secureWebSocketPort, names = DEFAULT_NAMES, keyType, onRefused } = options;
		const isSecure = tlsPort !== undefined || secureWebSocketPort !== undefined;
		const credential = isSecure ? await this.authority.issueServer({ names, keyType }) : undefined;
		const server = this.#keep(await serve(this.broker, {
			host, port, webSocketPort, onRefused,
			tls: credential && {
				port: tlsPort, webSocketPort: secureWebSocketPort,
				certificatePem: credential.certificatePem, keyPem: credential.keyPem, clientAuthorityPem: this.authority.certificatePem,
			},
		}));
		if (server.tlsPort !== undefined) this.#endpoint = `mqtts://${names[0]}:${server.tlsPort}`;
		else if (server.port !== undefined) this.#endpoint = `mqtt://${names[0]}:${server.port}`;
		return server;
	}

	/**
	 * Runs the services beside a foreign broker. Where the url asks for TLS and no certificate is given, our authority
	 * issues one, as for a broker that was set up to trust it.
	 */
	async bridge(options: BridgeOptions): Promise<Bridge> {
		const issued = options.url.startsWith("mqtts:") && options.cert === undefined ? await this.authority.issueDevice({ id: BRIDGE_ID }) : undefined;
		const bridge = await connectBridge({
			clientId: BRIDGE_ID, ...(issued ? { ca: this.authority.certificatePem, cert: issued.certificatePem, key: issued.keyPem } : {}), ...options,
		});
		this.#backend.attach(bridge);
		try {
			await bridge.ready();
		} catch (error) {
			await bridge.close();
			throw error;
		}
		this.#keep(bridge);
		this.#endpoint = options.url;
		return bridge;
	}

	/**
	 * Makes a device: registers its id, issues its certificate.
	 * @param options.endpoint default: `endpoint` of this cloud
	 * @throws DeviceError `argument` for what cannot be an id, `state` when there is no endpoint yet
	 */
	async manufacture(id: string, options: { keyType?: KeyType | undefined; endpoint?: string | undefined } = {}): Promise<DeviceIdentity> {
		const endpoint = options.endpoint ?? this.#endpoint;
		if (endpoint === undefined) throw new DeviceError("state", `cannot manufacture ${id}: serve or bridge first, or pass an endpoint`);
		const credential = await this.authority.issueDevice({ id, keyType: options.keyType });
		this.registry.register(id, credential.fingerprint);
		return { id, certificate: credential.certificate, key: credential.key, anchor: this.authority.certificate, endpoint };
	}

	/** Ends all servers and bridges. */
	async close(): Promise<void> {
		const open = [...this.#open];
		this.#open.clear();
		await Promise.all(open.map(each => each.close()));
	}

	#keep<Closable extends { close(): Promise<void> }>(closable: Closable): Closable {
		this.#open.add(closable);
		return closable;
	}
}

export async function createCloud(options: CloudOptions = {}): Promise<Cloud> {
	return new Cloud(options.authority ?? await createAuthority(), options);
}
