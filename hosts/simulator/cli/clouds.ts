// SPDX-License-Identifier: Apache-2.0
/** The clouds that `moorline simulate` knows, each with what people see of it. */
import { join } from "node:path";
import type { DeviceError } from "../../../src/base/error.js";
import type { Authority } from "../authority.js";
import { OPERATOR_ID } from "../backend.js";
import type { BridgeOptions } from "../bridge.js";
import { createCloud, type PrivateServeOptions, type PrivateServer } from "../cloud.js";
import { createAwsCloud } from "../clouds/aws/cloud.js";
import { devicePolicy } from "../clouds/aws/policy.js";
import { operateAws, operatePrivate, type Operated } from "../control/operated.js";
import type { Notification } from "../operations/notifications.js";
import type { Rule } from "../operations/rules.js";
import type { Server } from "../serve.js";
import type { Updates } from "../services/updates.js";
import { ShadowFiles } from "../shadow-files.js";
import type { CloudServeOptions } from "../sockets-cloud.js";
import type { CloudName } from "./cloud-names.js";
import type { Factory } from "./factory.js";
import { follow, followAws, followAwsJobs, followJobs, type Say } from "./follow.js";

export interface ServedCloud extends Factory {
	readonly endpoint: string | undefined;
	readonly updates: Updates;
	onNotification: ((notification: Notification) => void) | undefined;
	close(): Promise<void>;
}

export interface OpenedCloud {
	readonly cloud: ServedCloud;
	/** For who asks it while it runs. */
	readonly operated: Operated;
	/** What somebody who wants to see everything subscribes to. */
	readonly watch: readonly string[];
	/** Whether the example program is one for this cloud. */
	readonly hasExample: boolean;
	serve(options: CloudServeOptions & { alpnPort: number | undefined }): Promise<Server>;
	/** Absent where the cloud has no CoAP. */
	serveCoAP?(options: PrivateServeOptions): Promise<PrivateServer>;
	/** Absent where the cloud has no foreign broker. */
	bridge?(options: BridgeOptions): Promise<unknown>;
	follow(say: Say): void;
}

/** Those that are a broker with services around it. */
type BrokerCloudName = Exclude<CloudName, "golioth">;

/** @param directory what the cloud is to know at its next start, too */
export async function openCloud(name: BrokerCloudName, authority: Authority, directory: string, rules: readonly Rule[] | undefined, onFailure: (error: DeviceError) => void): Promise<OpenedCloud> {
	const operations = { file: join(directory, "operations.sqlite"), rules, onFailure };
	if (name === "aws") {
		const cloud = await createAwsCloud({
			authority, operations, permit: (principal, action, resource) => principal.clientId === OPERATOR_ID || devicePolicy(principal, action, resource),
		});
		// A leading wildcard does not concern the topics that begin with `$`.
		return {
			cloud, operated: operateAws(cloud), watch: ["#", "$aws/#"], hasExample: false, serve: options => cloud.serve(options),
			follow: say => {
				followAws(cloud, say);
				followAwsJobs(cloud.services, say);
			},
		};
	}
	const cloud = await createCloud({ authority, operations, shadowStore: new ShadowFiles(join(directory, "shadows")) });
	return {
		cloud, operated: operatePrivate(cloud), watch: ["moorline/#"], hasExample: true, serve: options => cloud.serve(options), serveCoAP: options => cloud.serve(options),
		bridge: options => cloud.bridge(options),
		follow: say => {
			follow(cloud, say);
			followJobs(cloud.jobs, say);
		},
	};
}
