// SPDX-License-Identifier: Apache-2.0
/** The vendor's own SDK judges the simulated AWS: it finds there what it knows, over both versions of MQTT. */
import { suite, test, type TestContext } from "node:test";
import type { DeviceIdentity } from "../../hosts/simulator/index.js";
import { makeCloud, type RefereeCloud } from "./cloud.js";
import { jobsScript, provisioningScript, shadowScript, type Play } from "./script.js";
import { Sdk, sdkObstacle } from "./sdk.js";
import { Transcript } from "./transcript.js";

const TIMEOUT = 60_000;

const obstacle = await sdkObstacle();
if (obstacle !== undefined) console.warn(`SKIPPED: ${obstacle}`);

async function prepare(context: TestContext, protocol: 4 | 5, make: (cloud: RefereeCloud) => Promise<DeviceIdentity>): Promise<Play> {
	const cloud = await makeCloud(context);
	return { cloud, sdk: Sdk.start(context), identity: await make(cloud), protocol, transcript: new Transcript(cloud.tap) };
}

for (const protocol of [5, 4] as const) {
	suite(`MQTT ${protocol === 5 ? "5" : "3.1.1"}`, { skip: obstacle, timeout: TIMEOUT }, () => {
		const thing = ({ aws }: RefereeCloud): Promise<DeviceIdentity> => aws.manufacture("lamp");

		for (const name of [undefined, "settings"]) {
			test(`${name === undefined ? "the classic" : "a named"} shadow`, async context => {
				await shadowScript(await prepare(context, protocol, thing), name);
			});
		}

		test("jobs", async context => {
			await jobsScript(await prepare(context, protocol, thing));
		});

		for (const keys of ["AWS", "CSR"] as const) {
			test(`fleet provisioning with ${keys === "AWS" ? "keys from AWS" : "a request for a certificate"}`, async context => {
				await provisioningScript(await prepare(context, protocol, ({ aws }) => aws.manufactureClaim("claim")), keys);
			});
		}
	});
}
