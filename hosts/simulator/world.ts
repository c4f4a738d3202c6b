// SPDX-License-Identifier: Apache-2.0
/** The private cloud inside the seeded world: the same broker and services, on virtual time and a faulty network. */
import { Backend } from "./backend.js";
import type { BrokerLimits } from "./broker/limits.js";
import type { StreamsOptions } from "./clouds/aws/streams.js";
import type { CoAPLimits } from "./coap/server.js";
import { PrivateCoAP } from "./coap-private/coap.js";
import { serveCoAPInWorld, type CoAPWorldLike as CoAPPlace } from "./coap/in-world.js";
import type { WorldLike, WorldPlaceOptions, WorldTls } from "./in-world.js";
import { CloudInWorld, wallOf } from "./in-world.js";
import type { CommandService } from "./services/commands.js";
import type { FileService } from "./services/files.js";
import type { JobService } from "./services/jobs.js";
import type { ReportService } from "./services/reports.js";
import type { ShadowLimits, ShadowService, ShadowStore } from "./services/shadow.js";
import type { Updates } from "./services/updates.js";

export { serveInWorld } from "./in-world.js";

/** Of CoAP; with TLS the next one. */
const PORT = 5_683;

export interface WorldCloudOptions extends WorldPlaceOptions {
	brokerLimits?: Partial<BrokerLimits> | undefined;
	shadowLimits?: Partial<ShadowLimits> | undefined;
	/** Where documents outlive this cloud. */
	shadowStore?: ShadowStore | undefined;
	/** What happens to the blocks of files, and how many there may be. */
	files?: StreamsOptions | undefined;
}

export interface CoAPWorldLike extends CoAPPlace {
	readonly random: { fork(name: string): { fill(target: Uint8Array): void } };
}

export interface CoAPWorldCloudOptions extends WorldCloudOptions {
	coapLimits?: Partial<CoAPLimits> | undefined;
}

export class WorldCloud extends CloudInWorld<Backend> {
	/** Begins to serve at once. @param others for what else is served */
	constructor(
		world: WorldLike, options: WorldCloudOptions = {}, backend = new Backend({ ...options, wall: wallOf(world) }),
		others?: (address: string, tls: WorldTls | undefined) => readonly (() => { close(): void })[],
	) {
		super(world, backend, options, undefined, undefined, others);
	}

	get shadows(): ShadowService { return this.backend.shadows; }
	get jobs(): JobService { return this.backend.jobs; }
	get files(): FileService { return this.backend.files; }
	get commands(): CommandService { return this.backend.commands; }
	get reports(): ReportService { return this.backend.reports; }
	/** New firmware, and the way back. */
	get updates(): Updates { return this.backend.updates; }
}

/** The same with CoAP beside MQTT. */
export class CoAPWorldCloud extends WorldCloud {
	readonly coap: PrivateCoAP;
	readonly #name: string;

	/** Begins to serve at once. */
	constructor(world: CoAPWorldLike, options: CoAPWorldCloudOptions = {}) {
		const backend = new Backend({ ...options, wall: wallOf(world) }), random = world.random.fork("coap");
		const coap = new PrivateCoAP(backend, {
			now: () => world.clock.now, random: target => { random.fill(target); }, limits: options.coapLimits, crypto: world.crypto,
		});
		super(world, options, backend, (address, tls) => [() => {
			const served = serveCoAPInWorld(coap.server, world, { address, udpPort: PORT, tcpPort: PORT, tlsPort: tls && PORT + 1, tls });
			return {
				close() {
					served.close();
					coap.restart();
				},
			};
		}]);
		this.coap = coap;
		this.#name = options.name ?? "cloud.test";
	}

	/** Where CoAP is, by its scheme: `coap`, `coap+tcp` or `coaps+tcp`. */
	endpointOf(scheme: string): string {
		return `${scheme}://${this.#name}:${scheme.startsWith("coaps") ? PORT + 1 : PORT}`;
	}
}
