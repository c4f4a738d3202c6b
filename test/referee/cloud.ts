// SPDX-License-Identifier: Apache-2.0
/** The simulated AWS on TLS, as the referee's script needs it, and a tap on its connections. */
import type { TestContext } from "node:test";
import type { JobsService } from "../../hosts/simulator/clouds/aws/jobs.js";
import { createAwsCloud, type AwsCloud } from "../../hosts/simulator/index.js";
import { Tap } from "./tap.js";

export const TEMPLATE = "fleet";

export interface RefereeCloud {
	readonly aws: AwsCloud;
	readonly jobs: JobsService;
	readonly tap: Tap;
}

/** A thing of the template `TEMPLATE` is called after its parameter `SerialNumber`. */
export async function makeCloud(context: Pick<TestContext, "after">): Promise<RefereeCloud> {
	const aws = await createAwsCloud({
		// A test connects again as soon as it can.
		limits: { connectsPerSecond: Infinity },
		provisioning: {
			templates: {
				[TEMPLATE]: {
					parameters: ["SerialNumber"], thingName: ({ SerialNumber }) => `lamp-${SerialNumber}`,
					deviceConfiguration: { colour: "warm" },
				},
			},
		},
	});
	context.after(() => aws.close());
	const tap = new Tap(aws.broker);
	await aws.serve({ tlsPort: 0 });
	return { aws, jobs: aws.services.jobs, tap };
}
