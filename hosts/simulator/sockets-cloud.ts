// SPDX-License-Identifier: Apache-2.0
/** What every simulated cloud on real sockets has: an authority, servers, and a factory for devices. */
import type { Authority, KeyType } from "./authority.js";
import type { Broker } from "./broker/broker.js";
import type { Faults } from "./broker/faults.js";
import { DeviceError } from "../../src/base/error.js";
import { FirmwareFiles } from "./firmware.js";
import type { DeviceIdentity } from "./identity.js";
import type { SecureServeOptions } from "./secure.js";
import type { Notification } from "./operations/notifications.js";
import type { Operations, OperationsOptions } from "./operations/operations.js";
import type { Server } from "./serve.js";
import { serve } from "./serve.js";
import type { Registry } from "./services/registry.js";

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
	/** Port of `firmware` over HTTPS; 0 lets the system choose; absent: none. */
	firmwarePort?: number | undefined;
	/** Names in the server's certificate; devices are told the first. Default: localhost and its addresses. */
	names?: readonly string[] | undefined;
	/** Key of the server's certificate. */
	keyType?: KeyType | undefined;
	/** A connection that failed before the broker saw it. */
	onRefused?: ((reason: string) => void) | undefined;
}

export const DEFAULT_NAMES = ["localhost", "127.0.0.1", "::1"] as const;

export interface ManufactureOptions {
	keyType?: KeyType | undefined;
	/** Default: `endpoint` of the cloud. */
	endpoint?: string | undefined;
}

export interface ServedBackend {
	readonly broker: Broker;
	readonly registry: Registry;
}

export abstract class SocketsCloud<Backend extends ServedBackend> {
	/** Runs when a rule of `operations` has something to tell, and when that is over. */
	onNotification: ((notification: Notification) => void) | undefined;
	readonly authority: Authority;
	/** The releases that devices fetch by URL. */
	readonly firmware = new FirmwareFiles();
	protected readonly backend: Backend;
	readonly #open = new Set<{ close(): Promise<void> }>();
	#endpoint: string | undefined;
	#operations: Operations | undefined;

	constructor(authority: Authority, backend: Backend) {
		this.authority = authority;
		this.backend = backend;
	}

	get broker(): Broker { return this.backend.broker; }
	/** What our own broker shall do to its clients: refuse, delay, lose acknowledgements, duplicate, hang, kick, restart. */
	get faults(): Faults { return this.broker.faults; }
	get registry(): Registry { return this.backend.registry; }
	/** What is kept and counted of the devices, if the cloud was made with `operations`. */
	get operations(): Operations | undefined { return this.#operations; }
	/** Where devices made from now on will connect: what was served or bridged last. */
	get endpoint(): string | undefined { return this.#endpoint; }

	/**
	 * Makes a device: registers its id, issues its certificate.
	 * @throws DeviceError `argument` for what cannot be an id, `state` when there is no endpoint yet
	 */
	async manufacture(id: string, options: ManufactureOptions = {}): Promise<DeviceIdentity> {
		const { fingerprint, ...identity } = await this.issue(id, options);
		this.registry.register(id, fingerprint);
		return identity;
	}

	/** Ends all servers and bridges. */
	async close(): Promise<void> {
		const open = [...this.#open];
		this.#open.clear();
		await Promise.all(open.map(each => each.close()));
		this.#operations?.close();
	}

	/** Begins to keep and to count. @param observe has the cloud tell it of everything */
	protected async operate(options: OperationsOptions, observe: (operations: Operations) => void): Promise<void> {
		// Only now: SQLite takes a while to load, and most tests do without.
		const { Operations } = await import("./operations/operations.js");
		const operations = this.#operations = new Operations(options);
		operations.onNotification = notification => { this.onNotification?.(notification); };
		observe(operations);
	}

	/** A certificate with what a device needs besides; registers nothing. */
	protected async issue(
		id: string, options: ManufactureOptions,
	): Promise<DeviceIdentity & { fingerprint: string }> {
		const endpoint = options.endpoint ?? this.#endpoint;
		if (endpoint === undefined) throw new DeviceError("state", `cannot manufacture ${id}: serve or bridge first, or pass an endpoint`);
		const { certificate, key, fingerprint } = await this.authority.issueDevice({ id, keyType: options.keyType });
		return { id, certificate, key, anchor: this.authority.certificate, endpoint, fingerprint };
	}

	/** @param secure what this cloud has of its own on TLS */
	protected async listen(options: CloudServeOptions, secure: Partial<SecureServeOptions> = {}): Promise<Server> {
		const { host, port, tlsPort, webSocketPort, secureWebSocketPort, firmwarePort, names = DEFAULT_NAMES, keyType, onRefused } = options;
		const isSecure = [tlsPort, secureWebSocketPort, firmwarePort, secure.sharedPort].some(each => each !== undefined);
		const credential = isSecure ? await this.authority.issueServer({ names, keyType }) : undefined;
		const server = this.keep(await serve(this.broker, {
			host, port, webSocketPort, onRefused,
			tls: credential && {
				port: tlsPort, webSocketPort: secureWebSocketPort, firmwarePort, firmware: this.firmware, ...secure,
				certificatePem: credential.certificatePem, keyPem: credential.keyPem, clientAuthorityPem: this.authority.certificatePem,
			},
		}));
		if (server.firmwarePort !== undefined) this.firmware.served(`https://${names[0]}:${server.firmwarePort}`);
		const securePort = server.tlsPort ?? server.sharedPort;
		if (securePort !== undefined) this.#endpoint = `mqtts://${names[0]}:${securePort}`;
		else if (server.port !== undefined) this.#endpoint = `mqtt://${names[0]}:${server.port}`;
		return server;
	}

	/** @param endpoint where devices made from now on will connect; absent: as before */
	protected keep<Closable extends { close(): Promise<void> }>(closable: Closable, endpoint = this.#endpoint): Closable {
		this.#open.add(closable);
		this.#endpoint = endpoint;
		return closable;
	}
}
