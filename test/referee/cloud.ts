// SPDX-License-Identifier: Apache-2.0
/** The simulated AWS on TLS with everything that the referee's script needs, and a tap on its connections. */
import { randomUUID } from "node:crypto";
import type { TestContext } from "node:test";
import { Certificates } from "../../hosts/simulator/clouds/aws/certificates.js";
import { JobsService } from "../../hosts/simulator/clouds/aws/jobs.js";
import { ProvisioningService } from "../../hosts/simulator/clouds/aws/provisioning.js";
import { createAuthority, createAwsCloud, type AwsCloud } from "../../hosts/simulator/index.js";
import { Tap } from "./tap.js";

export const TEMPLATE = "fleet";

export interface RefereeCloud {
	readonly aws: AwsCloud;
	readonly jobs: JobsService;
	readonly tap: Tap;
}

/** A thing of the template `TEMPLATE` is called after its parameter `SerialNumber`. */
export async function makeCloud(context: Pick<TestContext, "after">): Promise<RefereeCloud> {
	const authority = await createAuthority();
	const issuer = new Certificates(authority, {
		onActivated: (certificateId, thing) => { aws.registry.register(thing, certificateId); },
	});
	let jobs!: JobsService;
	const aws = await createAwsCloud({
		authority,
		// A test connects again as soon as it can.
		limits: { connectsPerSecond: Infinity },
		services: [
			services => jobs = new JobsService(services),
			services => new ProvisioningService(services, {
				issuer, newToken: randomUUID, onRegistered: thing => { aws.registry.register(thing); },
				templates: {
					[TEMPLATE]: {
						parameters: ["SerialNumber"], thingName: ({ SerialNumber }) => `lamp-${SerialNumber}`,
						deviceConfiguration: { colour: "warm" },
					},
				},
			}),
		],
	});
	context.after(() => aws.close());
	const tap = new Tap(aws.broker);
	await aws.serve({ tlsPort: 0 });
	return { aws, jobs, tap };
}
