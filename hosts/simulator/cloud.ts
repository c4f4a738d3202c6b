// SPDX-License-Identifier: Apache-2.0
/**
 * The simulated cloud on a laptop: the private cloud on real sockets or beside a foreign broker, over CoAP as over MQTT,
 * with a factory.
 */
import { randomFillSync } from "node:crypto";
import { performance } from "node:perf_hooks";
import { crypto } from "../node/digest.js";
import { TaskAlarm } from "./alarm.js";
import type { Authority } from "./authority.js";
import { createAuthority } from "./authority.js";
import { Backend } from "./backend.js";
import type { Bridge, BridgeOptions } from "./bridge.js";
import { connectBridge } from "./bridge.js";
import type { BrokerLimits } from "./broker/limits.js";
import type { StreamsOptions } from "./clouds/aws/streams.js";
import { serveCoAP, type CoAPServed } from "./coap/serve.js";
import { PrivateCoAP } from "./coap-private/coap.js";
import type { DeviceIdentity } from "./identity.js";
import { nodeClock } from "./node-clock.js";
import { observePrivate } from "./operations/observer.js";
import type { OperationsOptions } from "./operations/operations.js";
import type { Server } from "./serve.js";
import type { CommandService } from "./services/commands.js";
import type { FileService } from "./services/files.js";
import type { JobService } from "./services/jobs.js";
import type { ReportService } from "./services/reports.js";
import type { ShadowLimits, ShadowService, ShadowStore } from "./services/shadow.js";
import type { Updates } from "./services/updates.js";
import type { CloudServeOptions } from "./sockets-cloud.js";
import { DEFAULT_NAMES, SocketsCloud, type ManufactureOptions } from "./sockets-cloud.js";

export interface CloudOptions {
	/** Default: a new one in memory. */
	authority?: Authority | undefined;
	brokerLimits?: Partial<BrokerLimits> | undefined;
	shadowLimits?: Partial<ShadowLimits> | undefined;
	/** Where documents outlive this cloud. */
	shadowStore?: ShadowStore | undefined;
	/** What happens to the blocks of files, and how many there may be. */
	files?: StreamsOptions | undefined;
	/** What is kept and counted of the devices, and told of them; absent: nothing. */
	operations?: OperationsOptions | undefined;
}

export interface PrivateServeOptions extends CloudServeOptions {
	/** Port of CoAP over UDP, where paths are believed unless OSCORE proves them; 0 lets the system choose; absent: none. */
	coapPort?: number | undefined;
	/** Ports of CoAP over TCP and WebSocket, likewise. */
	coapTcpPort?: number | undefined;
	coapWebSocketPort?: number | undefined;
	/** The same over TLS with client certificates. */
	coapsTcpPort?: number | undefined;
	coapsWebSocketPort?: number | undefined;
}

export interface PrivateServer extends Server {
	/** The ports of CoAP, if served. */
	readonly coap: Pick<CoAPServed, "udpPort" | "tcpPort" | "tlsPort" | "webSocketPort" | "secureWebSocketPort"> | undefined;
}

export interface PrivateManufactureOptions extends ManufactureOptions {
	/** True: the device and this cloud share a context for OSCORE, until the cloud ends. */
	oscore?: boolean | undefined;
}

const BRIDGE_ID = "moorline-cloud";

export class Cloud extends SocketsCloud<Backend> {
	/** For what the services have to do where no broker of ours is served. */
	#alarm: TaskAlarm | undefined;
	#coap: PrivateCoAP | undefined;

	/** Use `createCloud`. */
	constructor(authority: Authority, options: CloudOptions) {
		super(authority, new Backend({ ...options, wall: Date.now }));
	}

	get shadows(): ShadowService { return this.backend.shadows; }
	get jobs(): JobService { return this.backend.jobs; }
	get files(): FileService { return this.backend.files; }
	get commands(): CommandService { return this.backend.commands; }
	get reports(): ReportService { return this.backend.reports; }
	/** What devices over CoAP meet. */
	get coap(): PrivateCoAP {
		return this.#coap ??= new PrivateCoAP(this.backend, {
			now: () => performance.now(), random: target => { randomFillSync(target); }, crypto,
		});
	}
	/** New firmware, and the way back. */
	get updates(): Updates { return this.backend.updates; }

	/**
	 * Serves our own broker. The server that is returned can be closed and the same ports served again: that is how a
	 * broker restarts, with all it knew; `faults.restart` does it without closing the ports, with or without memory.
	 */
	async serve(options: PrivateServeOptions): Promise<PrivateServer> {
		const server = await this.listen(options), coap = await this.#serveCoAP(options);
		return {
			...server, coap,
			close: async () => { await Promise.all([server.close(), coap?.close()]); },
		};
	}

	/** Use `createCloud`. */
	observe(options: OperationsOptions): Promise<void> {
		return this.operate(options, operations => { observePrivate(this, this.backend, operations); });
	}

	override async manufacture(id: string, options: PrivateManufactureOptions = {}): Promise<DeviceIdentity> {
		const identity = await super.manufacture(id, options);
		return options.oscore === true ? { ...identity, oscore: this.coap.contexts.issue(id) } : identity;
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
		this.backend.attach(bridge);
		this.coap.forwardTo(bridge);
		try {
			await bridge.ready();
		} catch (error) {
			await bridge.close();
			throw error;
		}
		if (this.#alarm === undefined) {
			const alarm = this.#alarm = new TaskAlarm(this.broker, nodeClock);
			this.keep({ close: async () => { alarm.stop(); } });
		}
		return this.keep(bridge, options.url);
	}

	async #serveCoAP(options: PrivateServeOptions): Promise<CoAPServed | undefined> {
		const { host, coapPort, coapTcpPort, coapWebSocketPort, coapsTcpPort, coapsWebSocketPort, names = DEFAULT_NAMES, keyType, onRefused } = options;
		const isSecure = coapsTcpPort !== undefined || coapsWebSocketPort !== undefined;
		if (!isSecure && coapPort === undefined && coapTcpPort === undefined && coapWebSocketPort === undefined) return undefined;
		const credential = isSecure ? await this.authority.issueServer({ names, keyType }) : undefined;
		const served = await serveCoAP(this.coap.server, {
			host, udpPort: coapPort, tcpPort: coapTcpPort, webSocketPort: coapWebSocketPort, tlsPort: coapsTcpPort, secureWebSocketPort: coapsWebSocketPort, onRefused,
			tls: credential && { certificatePem: credential.certificatePem, keyPem: credential.keyPem, clientAuthorityPem: this.authority.certificatePem },
		});
		const { tlsPort, udpPort, tcpPort } = served, [name] = names;
		const endpoint = tlsPort !== undefined ? `coaps+tcp://${name}:${tlsPort}` : udpPort !== undefined ? `coap://${name}:${udpPort}` : `coap+tcp://${name}:${tcpPort}`;
		return this.keep({
			...served,
			close: async () => {
				await served.close();
				this.coap.restart();
			},
		}, this.endpoint ?? endpoint);
	}
}

/** @throws DeviceError of `operations`: `storage`, `corrupt` */
export async function createCloud(options: CloudOptions = {}): Promise<Cloud> {
	const cloud = new Cloud(options.authority ?? await createAuthority(), options);
	if (options.operations !== undefined) await cloud.observe(options.operations);
	return cloud;
}
