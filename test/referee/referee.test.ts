// SPDX-License-Identifier: Apache-2.0
/**
 * The vendor's own SDK judges twice: the simulated AWS, where it finds what it knows; and our device, which does the
 * same script at the same cloud, and must say and hear the same. Over both versions of MQTT.
 */
import assert from "node:assert/strict";
import { suite, test, type TestContext } from "node:test";
import { makeCloud } from "./cloud.js";
import { JOBS, NAMED_SHADOW, PROVISIONING, QUEUED, SHADOW } from "./differences.js";
import * as ours from "./moorline.js";
import * as theirs from "./script.js";
import { Sdk, sdkObstacle } from "./sdk.js";
import { Transcript, without, type Difference } from "./transcript.js";

const TIMEOUT = 60_000;

const obstacle = await sdkObstacle();
if (obstacle !== undefined) console.warn(`SKIPPED: ${obstacle}`);

interface Scripts {
	theirs(play: theirs.Play): Promise<void>;
	ours(play: ours.OurPlay): Promise<void>;
	differences: readonly Difference[];
	/** It begins with a claim. */
	claim?: boolean;
}

async function compare(context: TestContext, protocol: 4 | 5, { theirs, ours: script, differences, claim = false }: Scripts): Promise<void> {
	const run = async (of: "sdk" | "moorline") => {
		const cloud = await makeCloud(context);
		const identity = await (claim ? cloud.aws.manufactureClaim("claim") : cloud.aws.manufacture("lamp"));
		const transcript = new Transcript(cloud.tap);
		const common = { cloud, identity, protocol, transcript };
		if (of === "sdk") await theirs({ ...common, sdk: Sdk.start(context) });
		else await script({ ...common, host: await ours.makeHost(context, identity) });
		return without(transcript.phases, differences, of);
	};
	const [sdk, moorline] = await Promise.all([run("sdk"), run("moorline")]);
	assert.ok(sdk.some(({ lines }) => lines.length > 0));
	assert.deepEqual(moorline, sdk);
}

for (const protocol of [5, 4] as const) {
	const queued = protocol === 4 ? QUEUED : [];
	suite(`MQTT ${protocol === 5 ? "5" : "3.1.1"}`, { skip: obstacle, timeout: TIMEOUT, concurrency: true }, () => {
		test("the classic shadow", context => compare(context, protocol, {
			theirs: play => theirs.shadowScript(play, undefined), ours: play => ours.shadowScript(play, undefined),
			differences: [...SHADOW, ...queued],
		}));

		test("a named shadow", context => compare(context, protocol, {
			theirs: play => theirs.shadowScript(play, "settings"), ours: play => ours.shadowScript(play, "settings"),
			differences: [...NAMED_SHADOW, ...queued],
		}));

		test("jobs", context => compare(context, protocol, { theirs: theirs.jobsScript, ours: ours.jobsScript, differences: JOBS }));

		for (const keys of ["AWS", "CSR"] as const) {
			test(`fleet provisioning with ${keys === "AWS" ? "keys from AWS" : "a request for a certificate"}`, context => compare(context, protocol, {
				theirs: play => theirs.provisioningScript(play, keys), ours: play => ours.provisioningScript(play, keys),
				differences: PROVISIONING, claim: true,
			}));
		}
	});
}
