// SPDX-License-Identifier: Apache-2.0
/** The private cloud inside the seeded world: the same broker and services, on virtual time and a faulty network. */
import { Backend } from "./backend.js";
import type { BrokerLimits } from "./broker/limits.js";
import type { StreamsOptions } from "./clouds/aws/streams.js";
import type { WorldLike, WorldPlaceOptions } from "./in-world.js";
import { CloudInWorld, wallOf } from "./in-world.js";
import type { FileService } from "./services/files.js";
import type { JobService } from "./services/jobs.js";
import type { ShadowLimits, ShadowService, ShadowStore } from "./services/shadow.js";
import type { Updates } from "./services/updates.js";

export { serveInWorld } from "./in-world.js";

export interface WorldCloudOptions extends WorldPlaceOptions {
	brokerLimits?: Partial<BrokerLimits> | undefined;
	shadowLimits?: Partial<ShadowLimits> | undefined;
	/** Where documents outlive this cloud. */
	shadowStore?: ShadowStore | undefined;
	/** What happens to the blocks of files, and how many there may be. */
	files?: StreamsOptions | undefined;
}

export class WorldCloud extends CloudInWorld<Backend> {
	/** Begins to serve at once. */
	constructor(world: WorldLike, options: WorldCloudOptions = {}) {
		super(world, new Backend({ ...options, wall: wallOf(world) }), options);
	}

	get shadows(): ShadowService { return this.backend.shadows; }
	get jobs(): JobService { return this.backend.jobs; }
	get files(): FileService { return this.backend.files; }
	/** New firmware, and the way back. */
	get updates(): Updates { return this.backend.updates; }
}
