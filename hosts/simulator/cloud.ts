// SPDX-License-Identifier: Apache-2.0
/**
 * The simulated cloud on a laptop: the private cloud on real sockets or beside a foreign broker, with a factory.
 */
import { BrokerAlarm } from "./alarm.js";
import type { Authority } from "./authority.js";
import { createAuthority } from "./authority.js";
import { Backend } from "./backend.js";
import type { Bridge, BridgeOptions } from "./bridge.js";
import { connectBridge } from "./bridge.js";
import type { BrokerLimits } from "./broker/limits.js";
import type { StreamsOptions } from "./clouds/aws/streams.js";
import { nodeClock } from "./node-clock.js";
import type { Server } from "./serve.js";
import type { FileService } from "./services/files.js";
import type { JobService } from "./services/jobs.js";
import type { ShadowLimits, ShadowService, ShadowStore } from "./services/shadow.js";
import type { Updates } from "./services/updates.js";
import type { CloudServeOptions } from "./sockets-cloud.js";
import { SocketsCloud } from "./sockets-cloud.js";

export interface CloudOptions {
	/** Default: a new one in memory. */
	authority?: Authority | undefined;
	brokerLimits?: Partial<BrokerLimits> | undefined;
	shadowLimits?: Partial<ShadowLimits> | undefined;
	/** Where documents outlive this cloud. */
	shadowStore?: ShadowStore | undefined;
	/** What happens to the blocks of files, and how many there may be. */
	files?: StreamsOptions | undefined;
}

const BRIDGE_ID = "moorline-cloud";

export class Cloud extends SocketsCloud<Backend> {
	/** For what the services have to do where no broker of ours is served. */
	#alarm: BrokerAlarm | undefined;

	/** Use `createCloud`. */
	constructor(authority: Authority, options: CloudOptions) {
		super(authority, new Backend({ ...options, wall: Date.now }));
	}

	get shadows(): ShadowService { return this.backend.shadows; }
	get jobs(): JobService { return this.backend.jobs; }
	get files(): FileService { return this.backend.files; }
	/** New firmware, and the way back. */
	get updates(): Updates { return this.backend.updates; }

	/**
	 * Serves our own broker. The server that is returned can be closed and the same ports served again: that is how a
	 * broker restarts, with all it knew; `faults.restart` does it without closing the ports, with or without memory.
	 */
	serve(options: CloudServeOptions): Promise<Server> { return this.listen(options); }

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
		try {
			await bridge.ready();
		} catch (error) {
			await bridge.close();
			throw error;
		}
		if (this.#alarm === undefined) {
			const alarm = this.#alarm = new BrokerAlarm(this.broker, nodeClock);
			this.keep({ close: async () => { alarm.stop(); } });
		}
		return this.keep(bridge, options.url);
	}
}

export async function createCloud(options: CloudOptions = {}): Promise<Cloud> {
	return new Cloud(options.authority ?? await createAuthority(), options);
}
